"""Contracts: inputs and params read from a generator's signature."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pytest

from etl.errors import EtlError
from etl.generator.params import Columns, In, Text
from etl.generator.signature import contract_named, contract_of
from etl.generator.streams import Streams  # noqa: TC001 -- a hint that is read at run time
from etl.school.params import Growth, StatusGrowth

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
Level = Annotated[int, In("performance_levels.level")]


def example(
    random: Streams, students: pa.Table, *, levels: list[Level], growth: Growth, size: int = 3, **more: pa.Table
) -> pa.Table:
    """Hold one parameter of each kind."""
    return more[str((random, levels, growth, size, students))]


def schema(*, schema: str, copy: int) -> pa.Table:
    """Have params of names that a pydantic model has, too."""
    return pa.table({"schema": [schema], "copy": [copy]})


def test_signature_is_the_contract() -> None:
    """Tables are inputs, Streams is the source of random numbers, everything else a param."""
    contract = contract_of(example, "example")
    assert (contract.inputs, contract.takes_more, contract.streams) == (("students",), True, "random")
    assert list(contract.hints) == ["levels", "growth", "size"]


def test_further_tables_may_not_take_the_name_of_something_else() -> None:
    """With **tables any name may be an input, except those of params and of the streams."""
    contract = contract_of(example, "example")
    assert contract.takes("students")
    assert contract.takes("window1")
    assert not contract.takes("levels")
    assert not contract.takes("random")
    assert not contract_of(schema, "schema").takes("students")


def test_params_are_strict_and_have_defaults() -> None:
    """A default makes a param optional; nothing is converted; names of pydantic's own methods are fine."""
    contract = contract_of(example, "example")
    growth = {"untouched": [0, 1], "assigned": {"completed": [1, 2], "started": [1, 2], "not_started": [1, 2]}}
    params: Any = contract.params.model_validate({"levels": [1], "growth": growth})
    assert (params.size, params.growth.assigned) == (3, StatusGrowth.model_validate(growth["assigned"]))
    both: Any = contract_of(schema, "schema").params.model_validate({"schema": "a", "copy": 1})
    assert (both.schema, both.copy) == ("a", 1)


def test_markers_are_found_where_they_are() -> None:
    """A marked value is found in a param, in a list and in a group, with its path."""

    def marked(*, names: list[Annotated[Text, In("tests.name")]], test: Annotated[Text, In("tests.name")]) -> None:
        """Have a marked list and a marked text."""

    marked.__annotations__ = {"names": list[Annotated[Text, In("tests.name")]], "test": Annotated[Text, In("a.b")]}
    found = list(contract_of(marked, "marked").marked({"names": ["PM1", "PM2"], "test": "PM3"}))
    assert [(path, value) for path, _, value in found] == [
        (("names", 0), "PM1"),
        (("names", 1), "PM2"),
        (("test",), "PM3"),
    ]


def test_tables_have_columns() -> None:
    """An input must have the columns that its hint names, or those of one of several markers."""

    def gathered(*, tests: None, **more: None) -> None:
        """Have inputs with columns."""

    either = Annotated[pa.Table, Columns(("a", "b", "c")), Columns(("d",))]
    gathered.__annotations__ = {"tests": Annotated[pa.Table, Columns(("id", "name"))], "more": either}
    contract = contract_of(gathered, "gathered")
    assert (contract.inputs, contract.takes_more) == (("tests",), True)
    assert contract.misfit("tests", ["name", "id", "more"]) is None
    assert contract.misfit("tests", ["id"]) == "gathered needs the column name, and this has id"
    assert contract.misfit("x", ["d"]) is None
    assert contract.misfit("x", ["a", "b", "c"]) is None
    assert contract.misfit("x", ["a"]) == "gathered needs the column d, and this has a"
    assert contract_of(example, "example").misfit("students", []) is None


def test_part_of_the_params_can_be_validated() -> None:
    """The params that are right can be looked at while others are wrong."""
    contract = contract_of(example, "example")
    part: Any = contract.part({"levels", "size"}).model_validate({"levels": [2]})
    assert (part.levels, part.size) == ([2], 3)


def test_generator_is_named_by_its_module() -> None:
    """package.module:function names any function in the project or in an installed package."""
    assert contract_named("etl.school.scores:next_scores", None, ROOT).inputs[0] == "previous"


def test_a_module_without_functions_is_told() -> None:
    """A short name that is looked up in a module without functions is an error that names the module."""
    with pytest.raises(EtlError, match=r"unknown generator 'window'; etl\.school, the module .*, has no functions"):
        contract_named("window", importlib.import_module("etl.school"), ROOT)


def unhinted(a, b: pa.Table) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Say nothing of the first parameter."""


def numbers(*numbers: int) -> None:
    """Take numbers without names."""


def options(**options: int) -> None:
    """Take numbers by any name."""


def arrays(*, column: pa.Array) -> None:
    """Ask for what no file can hold."""


def underlined(*, _hidden: int) -> None:
    """Ask for a param that pydantic would hide."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (unhinted, "the parameter 'a' of it has no type hint; write 'a: pa.Table' for an input, or 'a: int'"),
        (numbers, "the parameter 'numbers' of it cannot be passed by its name"),
        (options, "the parameter 'options' of it cannot be passed by its name"),
        (arrays, "the type hints of it cannot be validated: Unable to generate pydantic-core schema for"),
        (underlined, "a param of it cannot be called '_hidden'; take a name"),
    ],
)
def test_unusable_hint_is_an_error(function: Callable[..., Any], message: str) -> None:
    """The error of a signature names the parameter."""
    with pytest.raises(EtlError) as caught:
        contract_of(function, "it")
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("name", ["a:", ":b", "a.:b", "../a:b", "a b:c", "a:b.c", "1:b"])
def test_name_must_have_the_form_of_a_function(name: str) -> None:
    """Nothing but package.module:function is imported."""
    with pytest.raises(EtlError, match=r"is not of the form package\.module:function"):
        contract_named(name, None, ROOT)
