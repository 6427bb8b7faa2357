"""Which queries give the same rows however their inputs are cut into shards."""

from __future__ import annotations

import json
import re

import duckdb
import pyarrow as pa
import pytest

from etl.pipeline.query import run_query
from etl.pipeline.rowwise import AGGREGATES, cross_shard_parts

CUT = pa.table(
    {"id": [1, 2, 3, 4, 5, 6], "k": [1, 2, 1, 2, 9, 1], "x": [5.0, 1.0, 2.0, 2.0, 8.0, 1.0], "l": [[1, 2]] * 6}
)
INPUTS = {"cut": CUT, "dims": pa.table({"k": [1, 2, 3], "y": [10, 20, 30]})}


def needs(text: str) -> list[str]:
    """What in a query needs all rows of ``cut``."""
    (row,) = duckdb.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchone() or ("",)
    return [what for what, _ in cross_shard_parts(json.loads(row)["statements"][0]["node"], {"cut"})]


def test_every_aggregate_is_known() -> None:
    """Each aggregate of DuckDB is known, and so is each macro that is made of one."""
    with duckdb.connect() as connection:
        query = "SELECT DISTINCT function_name, function_type, macro_definition FROM duckdb_functions()"
        functions = connection.execute(query).fetchall()
    assert {name for name, kind, _ in functions if kind == "aggregate"} - AGGREGATES == set()
    called = {name: set(re.findall(r"(\w+)\(", macro or "")) for name, _, macro in functions if name not in AGGREGATES}
    assert [name for name, names in called.items() if names & AGGREGATES] == []


ROW_BY_ROW = [
    "SELECT id, x * 2 AS twice, CASE WHEN x > 1 THEN 'a' END AS a FROM cut WHERE x IS NOT NULL",
    "SELECT id, y FROM cut JOIN dims ON cut.k = dims.k",
    "SELECT id, y FROM dims RIGHT JOIN CUT USING (k)",
    "SELECT id, total FROM cut LEFT JOIN (SELECT k, sum(y) AS total FROM dims GROUP BY k ORDER BY k LIMIT 2) USING (k)",
    "SELECT id FROM cut SEMI JOIN dims USING (k)",
    "SELECT id, y FROM cut ASOF JOIN dims ON cut.k >= dims.k",
    "SELECT id, y FROM cut, dims WHERE cut.k IN (SELECT max(dims.k) FROM dims) AND EXISTS (FROM dims LIMIT 1)",
    "SELECT id, (SELECT sum(dims.y) FROM dims WHERE dims.k < cut.k) AS s, (SELECT count(*) FROM dims) AS n FROM cut",
    "SELECT id, unnest(l) AS n, list_sum(l) AS total FROM cut",
    "SELECT id, n FROM cut, unnest(l) AS u(n)",
    "WITH high AS (SELECT * FROM cut WHERE x > 1), top AS (SELECT max(y) AS y FROM dims) SELECT id, y FROM high, top",
    "SELECT id, n FROM cut, (WITH cut AS (SELECT 7 AS id) SELECT count(*) AS n FROM cut) AS s",
    "SELECT id FROM cut WHERE x > 1 UNION ALL SELECT k FROM cut",
    "SELECT list_transform(l, e -> e + id) AS l FROM cut",
]


@pytest.mark.parametrize("text", ROW_BY_ROW)
def test_row_by_row(text: str) -> None:
    """A query that is let through gives the same rows, whether its input comes at once or two rows at a time."""
    assert needs(text) == []
    pieces = [run_query(text, {}, INPUTS | {"cut": CUT.slice(start, 2)}) for start in range(0, 6, 2)]
    apart = [str(row) for piece in pieces for row in piece.to_pylist()]
    assert sorted(apart) == sorted(str(row) for row in run_query(text, {}, INPUTS).to_pylist())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("SELECT sum(x) AS s FROM cut", ["sum()"]),
        ("SELECT COUNT(*) AS n FROM cut", ["count(*)"]),
        ("SELECT wavg(x, k) AS n FROM cut", ["wavg()"]),
        ("SELECT max(COLUMNS(*)) FROM cut", ["max()"]),
        ("SELECT k FROM cut GROUP BY k", ["GROUP BY"]),
        ("SELECT k FROM cut GROUP BY ALL", ["GROUP BY"]),
        ("SELECT k, min(x) FROM cut GROUP BY k HAVING min(x) > 1", ["GROUP BY", "min()", "min()"]),
        ("SELECT 1 FROM cut HAVING true", ["HAVING"]),
        ("SELECT DISTINCT k FROM cut", ["DISTINCT"]),
        ("SELECT DISTINCT ON (k) id FROM cut", ["DISTINCT"]),
        ("FROM cut LIMIT 1", ["LIMIT"]),
        ("FROM cut OFFSET 1", ["LIMIT"]),
        ("FROM cut LIMIT 10%", ["LIMIT"]),
        ("FROM cut ORDER BY x", ["ORDER BY"]),
        ("SELECT id, row_number() OVER (ORDER BY x) AS n FROM cut", ["row_number() OVER"]),
        ("SELECT id, sum(x) OVER () AS n FROM cut", ["sum() OVER"]),
        ("SELECT id FROM cut QUALIFY lag(x) OVER (ORDER BY id) > 1", ["lag() OVER"]),
        ("SELECT k FROM cut UNION SELECT k FROM cut", ["UNION (UNION ALL does not)"]),
        ("SELECT k FROM cut EXCEPT ALL SELECT k FROM dims", ["EXCEPT"]),
        ("SELECT k FROM dims INTERSECT SELECT k FROM cut", ["INTERSECT"]),
        ("SELECT k FROM cut UNION ALL SELECT k FROM dims", ["a UNION ALL with unsharded rows"]),
        ("(SELECT k FROM cut UNION ALL SELECT k FROM cut) LIMIT 3", ["LIMIT"]),
        ("SELECT a.id FROM cut AS a JOIN cut AS b ON a.id = b.k", ["a join of two sharded inputs"]),
        ("SELECT y FROM dims LEFT JOIN cut USING (k)", ["this LEFT JOIN from the unsharded side"]),
        ("SELECT y FROM dims ANTI JOIN cut USING (k)", ["this ANTI JOIN from the unsharded side"]),
        ("SELECT y FROM cut FULL JOIN dims USING (k)", ["this FULL JOIN"]),
        ("SELECT y FROM cut RIGHT JOIN dims USING (k)", ["this RIGHT JOIN"]),
        ("SELECT y FROM cut POSITIONAL JOIN dims", ["this POSITIONAL JOIN"]),
        ("SELECT y FROM dims ASOF JOIN cut ON dims.k >= cut.k", ["this ASOF JOIN from the unsharded side"]),
        ("SELECT id FROM cut WHERE x > (SELECT avg(cut.x) FROM cut)", ["avg()", "a subquery"]),
        ("SELECT y FROM dims WHERE k NOT IN (SELECT k FROM cut)", ["a subquery"]),
        ("SELECT id FROM cut JOIN dims ON x > (SELECT c.x FROM cut AS c WHERE c.id = 1)", ["a subquery"]),
        ("SELECT k FROM unnest((SELECT cut.l FROM cut WHERE id = 1)) AS u(k)", ["a subquery"]),
        ("WITH t AS (SELECT k, count(*) AS n FROM cut GROUP BY k) SELECT * FROM t", ["GROUP BY", "count(*)"]),
        ("WITH t AS (FROM cut) SELECT (SELECT n.k FROM t AS n WHERE n.id = 1) AS k FROM dims", ["a subquery"]),
        ("WITH RECURSIVE r AS (SELECT id FROM cut UNION ALL SELECT id FROM r WHERE id > 9) FROM r", ["recursion"]),
        ("FROM cut PIVOT (sum(x) FOR k IN (1, 2))", ["PIVOT"]),
        ("SELECT 1 AS one FROM dims", ["a result without their rows"]),
        ("WITH unused AS (FROM cut) FROM dims", ["a result without their rows"]),
    ],
)
def test_what_needs_all_rows(text: str, what: list[str]) -> None:
    """A query that sets rows against each other is told by the part that does."""
    assert needs(text) == what


@pytest.mark.parametrize("inner", ["sum(cut.x)", "sum(x)", "(SELECT max(cut.x) FROM dims)"])
def test_an_aggregate_of_the_query_around(inner: str) -> None:
    """In a subquery an aggregate over outer columns alone is the outer query's, so its columns must name a table."""
    (found,) = needs(f"SELECT (SELECT {inner} FROM dims) AS s FROM cut")  # noqa: S608 -- a text of ours
    assert "over columns of the outer query" in found
