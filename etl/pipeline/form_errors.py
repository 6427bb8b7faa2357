"""Turns errors of pydantic into messages with a place and a hint."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from etl.errors import EtlError, Where, closest, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_core import ErrorDetails

    from etl.config.node import Node

M = TypeVar("M", bound=BaseModel)


def validated(
    model: type[M], data: object, node: Node, spot: tuple[str, Where], mistakes: list[EtlError]
) -> tuple[M | None, set[str]]:
    """Validate the data of a node; ``spot`` is its path and the place of its key.

    Returns the model (None if there are mistakes) and the top-level keys that are wrong.
    """
    try:
        return model.model_validate(data), set()
    except ValidationError as error:
        found = error.errors(include_url=False)
    unknown = [details["loc"] for details in found if details["type"] == "extra_forbidden"]
    meant = {(*parents, closest(str(key), fields_of(_model_at(model, parents)))) for *parents, key in unknown}
    for details in found:
        if details["type"] != "missing" or details["loc"] not in meant:
            mistakes += _mistake(details, model, node, spot)
    return None, {str(details["loc"][0]) for details in found if details["loc"]}


def fields_of(model: type[BaseModel] | None, *, required: bool = False) -> list[str]:
    """The keys that a model allows, or requires."""
    fields = model.model_fields.items() if model else ()
    return [field.alias or name for name, field in fields if field.is_required() or not required]


def _mistake(details: ErrorDetails, model: type[BaseModel], node: Node, spot: tuple[str, Where]) -> list[EtlError]:
    """The mistake, unless it follows from one that the parser reported."""
    steps = [step for step in details["loc"] if step != "[key]"]
    kind = details["type"]
    while steps and node.get(*steps) is None and kind not in {"missing", "extra_forbidden"}:
        steps.pop()  # names of validators that pydantic adds
    target = node.get(*(steps[:-1] if kind == "missing" else steps)) or node
    if target.broken:
        return []
    message = _MESSAGES.get(kind, _default_message)(details)
    where = target.where
    if kind == "missing":
        where = node.where_of(*steps[:-1]) if steps[1:] else spot[1]
        required = fields_of(_model_at(model, steps), required=True)
        message += f"; it needs {', '.join(required)}" if required else ""
    elif kind == "extra_forbidden":
        where = node.where_of(*steps)
        message += did_you_mean(str(steps[-1]), fields_of(_model_at(model, steps[:-1])))
    elif details["loc"][-1:] == ("[key]",):
        where = node.where_of(*steps)
    elif kind == "string_type" and target.raw and not target.is_null():
        message = f"must be a string, not {target.raw}; put it in quotes: '{target.raw}'"
    path = ".".join(str(step) for step in (spot[0], *steps) if step != "")
    return [EtlError(message, where, path or "the file")]


def _model_at(model: type[BaseModel], steps: Iterable[str | int]) -> type[BaseModel] | None:
    """The model of the value at a path, if it has one."""
    current: type[BaseModel] | None = model
    for step in steps:
        fields = current.model_fields if current else {}
        field = next((field for name, field in fields.items() if step in {name, field.alias}), None)
        current = _model_in(field.annotation) if field else None
    return current


def _model_in(hint: Any) -> type[BaseModel] | None:  # noqa: ANN401 -- annotations
    """The model in an annotation such as ``Annotated[Model, …]`` or ``Model | None``."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next(filter(None, map(_model_in, typing.get_args(hint))), None)


def _is(what: str) -> Callable[[ErrorDetails], str]:
    return lambda details: f"must be {what}, not {describe(details['input'])}"


def _bound(word: str, key: str) -> Callable[[ErrorDetails], str]:
    return lambda details: f"must be {word} {int(details['ctx'][key]):,}, not {describe(details['input'])}"


def _default_message(details: ErrorDetails) -> str:
    text = details["msg"]
    return f"{text[:1].lower()}{text[1:]}, not {describe(details['input'])}"


def describe(value: object) -> str:
    """A value as a message shows it: shortened to fit on a line."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}" if value else "an empty list"
    text = str(value).encode(errors="backslashreplace").decode()  # a lone surrogate cannot be printed
    text = text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 -- what fits a line
    return f"'{text}'" if isinstance(value, str) else text.lower() if isinstance(value, bool) else text


def hints(unknown: Iterable[str], missing: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The end of the message about each unknown name, and the missing names that none of them resembles."""
    found, left = {}, list(missing)
    for name in unknown:
        found[name] = did_you_mean(name, left)
        match = closest(name, left)
        left = [other for other in left if other != match]
    return found, left


_MESSAGES: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "unknown key",
    "int_type": _is("a whole number"),
    "int_from_float": _is("a whole number"),
    "float_type": _is("a number"),
    "string_type": _is("a string"),
    "bool_type": _is("true or false"),
    "list_type": _is("a list"),
    "dict_type": _is("a mapping"),
    "model_type": _is("a mapping"),
    "model_attributes_type": _is("a mapping"),
    "too_short": lambda _: "must not be empty",
    "string_too_short": lambda _: "must not be empty",
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
    "less_than": _bound("less than", "lt"),
    "literal_error": lambda details: f"must be {details['ctx']['expected']}, not {describe(details['input'])}",
    "value_error": lambda details: str(details["ctx"]["error"]),
}
