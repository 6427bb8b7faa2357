"""Types of values in ``pipeline.yaml``, as pydantic checks them."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from etl.errors import did_you_mean
from etl.generator.params import Text
from etl.pipeline.form_errors import describe

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


@dataclass(frozen=True)
class Form:
    """The whole string must match a pattern; ``what`` describes it."""

    pattern: str
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 -- pydantic's signature
        """Check after the type."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, str]:
        """The pattern, for editors."""
        return {"type": "string", "pattern": f"^{self.pattern}$"}

    def _check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text):
            return text
        raise ValueError(f"must be {self.what}, not {describe(text)}")


def instant(text: str) -> str:
    """Check a text of a time."""
    with contextlib.suppress(ValueError):
        if datetime.strptime(text, _INSTANT).strftime(_INSTANT) == text:  # noqa: DTZ007 -- no zone
            return text
    raise ValueError(f"must be a time written as YYYY-MM-DD HH:MM:SS, not {describe(text)}")


_INSTANT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class NameOr:
    """A file's name alone is the same as a mapping with it as ``file``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 -- as above
        """Check before the type."""
        return core_schema.no_info_before_validator_function(self._as_mapping, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A string or the mapping, for editors."""
        return {"anyOf": [{"type": "string"}, handler(schema)]}

    @staticmethod
    def _as_mapping(value: object) -> object:
        if isinstance(value, dict):
            return value
        if isinstance(value, str):
            return {"file": value}
        raise ValueError(f"must be the name of a file, or a mapping with 'file' and options, not {describe(value)}")


def _encoding(name: str) -> str:
    try:
        "".encode(name)  # refuses codecs that are not of texts, such as hex
    except LookupError as error:
        known = ("utf-8", "utf-16", "latin-1", "windows-1252", "mac-roman", "shift-jis", "gb18030", "euc-kr")
        raise ValueError(f"unknown encoding '{name}'{did_you_mean(name, known)}") from error
    return name


def _as_mapping(value: object) -> object:
    """Turn a list of inputs into a mapping of each name to itself."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be a list of stages, or a mapping from names to stages, not {describe(value)}")
    for number, name in enumerate(value):
        if name in value[:number]:
            raise ValueError(f"duplicate stage '{name}'")
    return {name: name for name in value}


def _bindable(value: object) -> object:
    """Check that the value can be a param of a query."""
    for item in value if isinstance(value, list) else [value]:
        long = isinstance(item, int) and not -(2**63) <= item < 2**63
        if long or not isinstance(item, (str, int, float)):
            message = "must be a string, a number, true or false, or a list of these"
            raise ValueError(f"{message}, not {describe(item)}")
    return value


def _report(value: object) -> object:
    if isinstance(value, (bool, str)):
        return value
    raise ValueError(f"must be true, false or package.module:function, not {describe(value)}")


Mark = Annotated[str, Form(r"[^\r\n]", "one character")]
Encoding = Annotated[str, AfterValidator(_encoding)]
Slug = Annotated[str, Form(r"[a-z0-9][a-z0-9_-]{0,62}", "a name of up to 63 of a-z, 0-9, '-' and '_'")]
Name = Annotated[str, Form(r"[a-z][a-z0-9_]{0,62}", "a name of up to 63 of a-z, 0-9 and '_' that begins with a letter")]
StageColumn = Annotated[str, Form(r"[a-z]\w*\.\w+", "a stage and a column of it, such as tests.name")]
BundleName = Annotated[str, Form(r"[a-z0-9][a-z0-9_-]{0,62}(\.zip)?", "a name such as rows or rows.zip")]
DatabaseName = Annotated[str, Form(r"[a-z0-9][a-z0-9_-]{0,62}\.db", "a file name such as world.db")]
ScalePath = Annotated[str, Form(r"stages(\.[\w-]+){2,}", "the path of a number, such as stages.loans.params.count")]
Link = Annotated[str, Form(r"https://\S+", "a link that begins with https://")]
Inputs = Annotated[
    dict[Name, Text],
    BeforeValidator(_as_mapping),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]
Bindable = Annotated[Any, AfterValidator(_bindable)]
Report = Annotated[
    Any, AfterValidator(_report), WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": ":"}]})
]
