"""Digests: a table's content as one number, whatever its order and its batches."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.tables.digest import Digests, table_digest

ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        st.text("ab"),
    ),
    max_size=8,
)
SCHEMA = pa.schema({"number": pa.int64(), "text": pa.string(), "large": pa.large_string()})


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows of a number, a text and a large text, each with its own id."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    body = {field.name: pa.array(cells, field.type) for field, cells in zip(SCHEMA, columns, strict=True)}
    return pa.table({"id": pa.array(range(len(rows)), pa.int64()), **body})


def digest(*batches: pa.Table) -> dict[str, int | str]:
    """Rows and digest of a table that comes in batches."""
    digests = Digests()
    for batch in batches:
        digests.add("t", batch.num_rows, table_digest(batch))
    return digests.of("t")


def recomputed(rows: pa.Table) -> str:
    """The digest by the standard library, from its definition."""
    total = 0
    for row in rows.to_pylist():
        text = "\x1f".join("\0" if cell is None else str(cell) for cell in row.values())
        total ^= int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest(), "little")
    return f"{total:032x}"


@settings(derandomize=True, deadline=None, max_examples=25)
@given(ROWS, st.data())
def test_a_digest_is_md5_of_the_texts(rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    """A digest can be recomputed from its definition, and neither the order of rows nor the batches change it."""
    whole = table(rows)
    expected = int(recomputed(whole), 16)
    assert table_digest(whole) == expected
    order = data.draw(st.permutations(range(len(rows))))
    cut = data.draw(st.integers(0, len(rows)))
    turned = whole.take(pa.array(order, pa.int64()))
    parts = (turned.slice(0, cut), turned.slice(cut))
    assert table_digest(parts[0]) ^ table_digest(parts[1]) == expected


def test_batches_are_combined() -> None:
    """A table that comes in batches has the digest of the whole, and the count of all its rows."""
    whole = table([(number, "a", "x") for number in range(20)])
    expected = {"rows": 20, "digest": recomputed(whole)}
    assert digest(whole) == digest(whole.slice(13), whole.slice(0, 6), whole.slice(6, 7)) == expected


@pytest.mark.parametrize(
    "changed",
    [
        [(1, "a", "x"), (3, None, "y")],
        [(1, "a", "x"), (2, "", "y")],  # null is not the empty text
        [(1, "a", "x"), (2, "None", "y")],
        [(1, "a ", "x"), (2, None, "y")],
        [(1, "A", "x"), (2, None, "y")],
        [(1, "x", "a"), (2, None, "y")],  # two cells swapped
        [(1, "ax", ""), (2, None, "y")],  # a letter on the other side of a border
        [(2, "a", "x"), (1, None, "y")],
        [(1, "a", "x")],
        [(1, "a", "x"), (2, None, "y"), (2, None, "y")],
        [],
    ],
)
def test_any_change_changes_the_digest(changed: list[tuple[Any, ...]]) -> None:
    """Another cell, a null for an empty text, a row more or less: another digest."""
    assert digest(table(changed))["digest"] != digest(table([(1, "a", "x"), (2, None, "y")]))["digest"]


def test_tables_are_apart() -> None:
    """Each table has its own digest and count, and a table without rows that of nothing."""
    digests = Digests()
    one, none = table([(1, "a", "x")]), table([])
    for name, rows in (("a", one), ("b", none), ("a", none), ("c", one)):
        digests.add(name, rows.num_rows, table_digest(rows))
    assert digests.of("a") == digests.of("c") == {"rows": 1, "digest": recomputed(one)}
    assert digests.of("b") == digests.of("never seen") == {"rows": 0, "digest": "0" * 32}


def test_threads_digest_at_once() -> None:
    """Each thread has a DuckDB of its own, so shards can be digested side by side."""
    rows = table([(number, "a", "x") for number in range(1000)])
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(table_digest, [rows] * 8)) == {table_digest(rows)}
