"""Validation as a whole: all mistakes in one go, none that only follows from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.config.source import load
from etl.errors import Mistakes
from etl.pipeline.validate import validate
from tests.support import small

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A small project: its pipeline file."""
    return small.lending(tmp_path)


def told(path: Path, *changes: str) -> list[str]:
    """The mistakes that changes make."""
    with pytest.raises(Mistakes) as caught:
        validate(load(path, changes=changes))
    return [mistake.message for mistake in caught.value.mistakes]


def test_broken_stage_hides_nothing(library: Path) -> None:
    """The mistakes of every stage are told, however broken another is, and nothing is told of what uses that one."""
    found = told(library, "stages.books={cvs: x}", "stages.more=5", "stages.loans={tabel: x, params: {n: 1}}")
    paths = ["stages.books.cvs", "stages.loans.params.n", "stages.loans.tabel", "stages.more"]
    assert sorted(message.split(":")[0] for message in found) == paths


def test_mistake_in_a_rule_is_told_once(library: Path) -> None:
    """A value that two stages use by alias is one mistake."""
    stages = "  more: {sql: x.sql, shard: &cut {by: books, rows: 0}}\n  less: {sql: x.sql, shard: *cut}\n"
    library.write_text(library.read_text() + stages)
    found = [message for message in told(library) if "rows" in message]
    assert found == ["stages.more.shard.rows: must be at least 1, not 0"]


def test_form_and_content_are_told_together(library: Path) -> None:
    """A key that stands twice does not hide what else is wrong."""
    found = told(library, "site={title: a, title: b, notice: ''}", "seed=x")
    assert found == [
        "seed: must be a whole number, not 'x'",
        "duplicate key 'title' (first on line 1)",
        "site.notice: must not be empty",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("stages.books.csv=none.csv", "stages.books.csv: there is no file none.csv; known: books.csv"),
        ("schema=books.csv", "only CREATE TABLE, CREATE INDEX and CREATE VIEW are allowed here"),
    ],
)
def test_broken_file_does_not_make_others_wrong(library: Path, change: str, message: str) -> None:
    """If the schema or reference data cannot be read, nothing is told of what refers to it."""
    assert told(library, change) == [message]
