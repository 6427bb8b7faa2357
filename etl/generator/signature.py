"""A generator's contract, read from its signature: its inputs and params, with their types."""

from __future__ import annotations

import importlib
import inspect
import re
import typing
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.errors import PydanticUserError

from etl.config.modules import search
from etl.errors import EtlError, did_you_mean
from etl.generator.params import Apart, Columns, Distinct, Marker
from etl.generator.streams import Streams
from etl.generator.user_code import describe, stdout_to_stderr, user_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from etl.generator.size import Estimate

#: A step of the path to a value: a key, or an index of a list.
Step = str | int

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")


TableMarker = Columns | Distinct | Apart


class Contract(NamedTuple):
    """The inputs and params of a generator."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]  # names of its table parameters
    takes_more: bool  # whether it has **kwargs of tables
    streams: str | None  # the name of its parameter for random streams
    fields: dict[str, tuple[Any, Any]]  # annotation and default of each param, as pydantic takes them
    params: type[BaseModel]
    tables: dict[str, tuple[TableMarker, ...]]  # markers by input; "" for those of **kwargs
    estimate: Estimate | None  # of its rows

    @property
    def hints(self) -> dict[str, Any]:
        """The annotation of each param."""
        return {name: hint for name, (hint, _) in self.fields.items()}

    def takes(self, table: str) -> bool:
        """Whether a table of this name may be among the inputs."""
        return table in self.inputs or (self.takes_more and table not in self.fields and table != self.streams)

    def markers(self, table: str) -> tuple[TableMarker, ...]:
        """The markers of an input."""
        return self.tables.get(table, self.tables.get("", ()))

    def misfit(self, table: str, columns: Collection[str]) -> str | None:
        """A message if an input with these columns lacks one that the generator needs, else None."""
        choices = [marker for marker in self.markers(table) if isinstance(marker, Columns)]
        lacks = min(([name for name in choice.names if name not in columns] for choice in choices), key=len, default=[])
        if not lacks:
            return None
        what = "the column " if len(lacks) == 1 else "the columns "
        return f"{self.name} needs {what}{', '.join(lacks)}, and this has {', '.join(columns)}"

    def part(self, names: set[str]) -> type[BaseModel]:
        """The model of some of the params."""
        return _model(self.name, {name: field for name, field in self.fields.items() if name in names})

    def marked(self, values: Mapping[str, Any]) -> Iterator[tuple[tuple[Step, ...], Marker, Any]]:
        """Yield each marked value among params: its path, its marker, and the value."""
        for name, hint in self.hints.items():
            if name in values:
                yield from _marked(hint, (name,), values[name])


def contract_named(name: str, generators: ModuleType | None, root: Path) -> Contract:
    """The contract of a generator by its short name in a module, or by ``package.module:function``. Raises EtlError."""
    if ":" not in name:
        known = functions_of(generators) if generators else {}
        if name in known:
            return contract_of(known[name], name)
        hint = did_you_mean(name, known)
        if generators and not known:
            hint = f"; {generators.__name__}, the module that generators names, has no functions"
        elif not generators:
            hint = "; write package.module:function, or set generators: module"
        raise EtlError(f"unknown generator '{name}'{hint}")
    return contract_of(function_named(name, root), name)


def function_named(name: str, root: Path) -> Callable[..., Any]:
    """The function ``package.module:function`` of the project or of an installed package. Raises EtlError."""
    if not _NAME.match(name):
        raise EtlError(f"'{name}' is not of the form package.module:function")
    module, _, function = name.partition(":")
    home = module_named(module, root)
    found = getattr(home, function, None)
    if not inspect.isfunction(found):
        raise EtlError(f"{module} has no function '{function}'{did_you_mean(function, functions_of(home))}")
    return found


def module_named(name: str, root: Path) -> ModuleType:
    """Import a module of the project or of an installed package. Raises EtlError."""
    if not _NAME.match(f"{name}:function"):
        raise EtlError(f"'{name}' is not a module name such as package.module")
    search(root)
    try:
        with stdout_to_stderr():
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # user code can raise anything
        where = user_line(error, root)
        place = f" ({where})" if where else ""
        if isinstance(error, ModuleNotFoundError):
            message = f"there is no module '{error.name}' in the project or among the installed packages{place}"
            raise EtlError(message) from error
        raise EtlError(f"cannot import {name}: {describe(error)}{place}") from error


def functions_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The public functions of a module: those in ``__all__``, else those without a leading underscore."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    return {name: found for name in names if inspect.isfunction(found := getattr(module, name, None))}


@cache  # several stages may have one generator
def contract_of(function: Callable[..., Any], name: str) -> Contract:
    """Read a generator's signature. Raises EtlError for a type hint that is missing or cannot be used."""
    original = inspect.unwrap(function)
    if inspect.iscoroutinefunction(original) or inspect.isasyncgenfunction(original):
        raise EtlError(f"{name} is an 'async def', which is not supported; write 'def'")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # hints are evaluated: they can raise anything
        message = f"the type hints of {name} cannot be read: {error}; import what they name at run time"
        raise EtlError(message) from error
    fields: dict[str, tuple[Any, Any]] = {}
    tables: dict[str, tuple[TableMarker, ...]] = {}
    streams = None
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name)
        if hint is None:
            raise EtlError(
                f"the parameter '{parameter.name}' of {name} has no type hint; write '{parameter.name}: pa.Table' for "
                f"an input, or '{parameter.name}: int' (say) for a param"
            )
        hint, markers = _table(hint)
        if hint is pa.Table and parameter.kind is parameter.VAR_KEYWORD:
            tables[""] = markers
        elif parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
            raise EtlError(
                f"the parameter '{parameter.name}' of {name} cannot be passed by its name; remove the '*' or '/', "
                f"or write '**{parameter.name}: pa.Table' for further inputs"
            )
        elif hint is pa.Table:
            tables[parameter.name] = markers
        elif hint is Streams:
            streams = parameter.name
        elif parameter.name.startswith(("_", "model_")):  # pydantic keeps these names for itself
            raise EtlError(
                f"a param of {name} cannot be called '{parameter.name}'; take a name without '_' or 'model_'"
            )
        else:
            fields[parameter.name] = (hint, ... if parameter.default is parameter.empty else parameter.default)
    inputs, estimate = tuple(filter(None, tables)), vars(function).get("rows")
    params = _model(name, fields)
    return Contract(function.__name__, function, inputs, "" in tables, streams, fields, params, tables, estimate)


def _table(hint: Any) -> tuple[Any, tuple[TableMarker, ...]]:  # noqa: ANN401 -- an annotation
    """A type hint, and the markers of a table's hint apart from it."""
    if typing.get_origin(hint) is typing.Annotated and typing.get_args(hint)[0] is pa.Table:
        return pa.Table, tuple(marker for marker in typing.get_args(hint)[1:] if isinstance(marker, TableMarker))
    return hint, ()


def _model(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    config = ConfigDict(strict=True, extra="forbid", frozen=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a param may be called 'schema', as a method of the model is
            return create_model(f"{name} params", __config__=config, **fields)
    except (PydanticUserError, NameError) as error:
        message = re.split(r"\. |\n", str(error), maxsplit=1)[0]
        raise EtlError(f"the type hints of {name} cannot be validated: {message}") from error


def _marked(hint: Any, path: tuple[Step, ...], value: Any) -> Iterator[tuple[tuple[Step, ...], Marker, Any]]:  # noqa: ANN401
    if typing.get_origin(hint) is typing.Annotated:
        inner, *extras = typing.get_args(hint)
        yield from ((path, extra, value) for extra in extras if isinstance(extra, Marker))
        yield from _marked(inner, path, value)
    elif typing.get_origin(hint) is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _marked(typing.get_args(hint)[0], (*path, index), item)
    elif isinstance(value, BaseModel):
        for name, nested in typing.get_type_hints(type(value), include_extras=True).items():
            if name in type(value).model_fields:
                yield from _marked(nested, (*path, name), getattr(value, name))
