"""What a generator asks for, read from its signature: parameter names are its inputs, type hints are its contract."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.errors import PydanticUserError

from etl.errors import EtlError
from etl.params import CoveredBy, In, Template, UpTo
from etl.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Marker = In | UpTo | CoveredBy | Template
Step = str | int


@dataclass(frozen=True)
class Contract:
    """The inputs and params of a generator."""

    function: Callable[..., Any]
    inputs: tuple[str, ...]  # the tables that it names
    takes_more: bool  # whether it takes further tables by any name
    streams: str | None  # the name of its parameter for random streams
    params: type[BaseModel]
    hints: dict[str, Any]  # the annotation of each param

    def markers(self, params: BaseModel) -> Iterator[tuple[tuple[Step, ...], Marker, Any]]:
        """Yield each marked value: its path in the params, its marker, and the value."""
        for name, hint in self.hints.items():
            yield from _marked(hint, (name,), getattr(params, name))


def contract_of(function: Callable[..., Any], name: str) -> Contract:
    """Read a generator's signature. Raises EtlError that says which hint is missing or can't be used."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError) as error:
        raise EtlError(f"the type hints of {name} cannot be read: {error}") from error
    inputs, fields, streams, takes_more = [], {}, None, False
    for parameter in signature.parameters.values():
        hint = hints.get(parameter.name)
        if hint is None:
            raise EtlError(
                f"the parameter '{parameter.name}' of {name} has no type hint; write '{parameter.name}: pa.Table' for "
                f"an input, or '{parameter.name}: int' (say) for a param"
            )
        if hint is pa.Table and parameter.kind is parameter.VAR_KEYWORD:
            takes_more = True
        elif parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise EtlError(f"'{parameter}' of {name} can only be tables: write '**{parameter.name}: pa.Table'")
        elif hint is pa.Table:
            inputs.append(parameter.name)
        elif hint is Streams:
            streams = parameter.name
        else:
            fields[parameter.name] = (hint, ... if parameter.default is parameter.empty else parameter.default)
    try:
        config = ConfigDict(strict=True, extra="forbid", frozen=True)
        params = create_model(f"{name} params", __config__=config, **fields)
    except (PydanticUserError, NameError) as error:
        raise EtlError(f"the type hints of {name} cannot be validated: {error}") from error
    param_hints = {name: hint for name, (hint, _) in fields.items()}
    return Contract(function, tuple(inputs), takes_more, streams, params, param_hints)


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
