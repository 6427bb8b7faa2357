"""The sandbox of SQL stages: what a query may be, and what it cannot reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest

from etl.pipeline.query import UNSTABLE, inspect_query, run_query

if TYPE_CHECKING:
    from pathlib import Path

NAMES = pa.table({"id": [1, 2], "name": ["a", "b"]})

#: A Python variable: DuckDB would read it as a table, if it were let.
outside = NAMES


def told(folder: Path, text: str, *inputs: str) -> list[str]:
    """The mistakes in a query over these inputs."""
    file = folder / "q.sql"
    file.write_text(text, encoding="utf-8")
    return [str(mistake) for mistake in inspect_query(file, "q.sql", set(inputs)).mistakes]


def test_query_sees_its_inputs_and_params() -> None:
    """A query reads its inputs by their names, and its params by theirs."""
    result = run_query("SELECT id, name || $end AS name FROM names ORDER BY id", {"end": "!"}, {"names": NAMES})
    assert result.to_pylist() == [{"id": 1, "name": "a!"}, {"id": 2, "name": "b!"}]


def test_inputs_of_one_query_are_gone_for_the_next() -> None:
    """Nothing stays between two queries."""
    run_query("SELECT * FROM names", {}, {"names": NAMES})
    with pytest.raises(duckdb.Error, match="names does not exist"):
        run_query("SELECT * FROM names", {}, {})


@pytest.mark.parametrize("count", [0, 7, 2000])
def test_inputs_of_any_size_are_read_alike(count: int) -> None:
    """A query may read an input twice, sees its rows in their order, and no rowid, whether they are few or many."""
    rows = pa.table({"id": range(count), 'Ünï "name"': ["x"] * count, "none": pa.nulls(count)})
    text = "SELECT a.*, coalesce(none, 'y') AS y FROM numbers AS a WHERE (SELECT count(*) FROM numbers) = $count"
    result = run_query(text, {"count": count}, {"numbers": rows})
    assert result.to_pydict() == {**rows.to_pydict(), "y": ["y"] * count}
    for table in (rows, rows.drop_columns("none")):
        with pytest.raises(duckdb.BinderException, match="rowid"):
            run_query("SELECT rowid FROM numbers", {}, {"numbers": table})


@pytest.mark.fault("a SQL stage that reads files, other tables, the network, or writes")
@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM outside",
        "SELECT * FROM read_csv('pipeline.yaml')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM 'data/tests.csv'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "COPY names TO 'out.csv'",
        "ATTACH 'x.db'",
        "INSTALL httpfs",
        "LOAD sqlite_scanner",
        "SET enable_external_access = true",
        "SET threads = 4",
        "RESET lock_configuration",
        "SELECT getenv('HOME')",
    ],
)
def test_nothing_else_is_in_reach(text: str) -> None:
    """Files, the network, Python's variables, other databases, extensions and settings are out of reach of a query."""
    with pytest.raises(duckdb.Error):
        run_query(text, {}, {"names": NAMES})


def test_time_zone_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments with a time zone are read and written in UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    result = run_query("SELECT CAST(TIMESTAMPTZ '2025-08-01 00:00:00' AS TEXT) AS moment", {}, {})
    assert result.to_pylist() == [{"moment": "2025-08-01 00:00:00+00"}]


def test_every_unstable_function_is_known() -> None:
    """Each function that DuckDB calls other than consistent is refused, and so is each macro that is made of one."""
    with duckdb.connect() as connection:
        query = "SELECT DISTINCT function_name, stability, macro_definition FROM duckdb_functions()"
        functions = connection.execute(query).fetchall()
    unstable = {name for name, stability, _ in functions if stability not in {None, "CONSISTENT"}}
    assert len(unstable) > 20
    assert unstable - UNSTABLE == set()
    calls = {name: macro or "" for name, _, macro in functions if name not in UNSTABLE}
    clocks = [f"{name}(" for name in unstable - {"error"}]
    assert {name for name, macro in calls.items() if any(clock in macro for clock in clocks)} == set()


def test_params_and_tables_are_found(tmp_path: Path) -> None:
    """A query's params, and the inputs that it reads, are found; names of WITH are its own."""
    file = tmp_path / "q.sql"
    file.write_text(
        "-- é\nWITH mine AS (SELECT $a AS x FROM Names) SELECT * FROM mine WHERE x > $b AND x IN (SELECT id FROM more)"
    )
    query = inspect_query(file, "q.sql", {"names", "more"})
    assert (query.params, query.tables, query.mistakes) == ({"a", "b"}, {"names", "more"}, [])


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "FROM names",
        "VALUES (1)",
        "SELECT unnest([1, 2]) FROM range(3), json_each('{}')",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
        "SELECT age(DATE '2025-01-02', DATE '2025-01-01'), names.user FROM names",
        "SELECT (SELECT count(*) FROM names AS other WHERE other.id < names.id) FROM names",
    ],
)
def test_one_select_over_the_inputs_is_fine(tmp_path: Path, text: str) -> None:
    """Any query that its inputs decide may be a stage."""
    assert told(tmp_path, text, "names") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DELETE FROM names", "q.sql:1:1: a stage must be one SELECT"),
        ("SELECT 1 +\n  FROM FROM names", 'q.sql:2:3: not SQL: syntax error at or near "FROM"'),
        ("SELECT 'é' || 'x", 'q.sql:1:15: not SQL: unterminated quoted string at or near "\'x"'),
        ("SELECT $a, ?", "q.sql:1:1: not SQL: Mixing named and positional parameters is not supported yet"),
        ("SELECT 'é', :end", "q.sql:1:13: not SQL: write a param as $end, not :end"),
        ("SELECT ?", "q.sql:1:1: params need names; write $name, not ? or $1"),
        ("SELECT id FROM names WHERE id = $1", "q.sql:1:1: params need names; write $name, not ? or $1"),
        ("SELECT " + "1 + " * 2_000 + "1", "q.sql:1:1: not SQL: Max expression depth limit of 1000 exceeded"),
        ("-- é\nSELECT 'é', * FROM name", "q.sql:2:20: 'name' is not an input of the stage; did you mean 'names'?"),
        ("SELECT * FROM main.names", "q.sql:1:15: 'main.names' is not an input of the stage; did you mean 'names'?"),
        ("SELECT * FROM 'a.csv'", "'a.csv' is not an input of the stage; known: names"),
        ("SELECT * FROM duckdb_settings()", "duckdb_settings() is not allowed in FROM"),
        ("SELECT * FROM names ORDER BY RANDOM()", "q.sql:1:30: random() does not depend on the inputs alone"),
        ("SELECT [x FOR x IN [1] IF now() > '2025-01-01']", "now() does not depend on the inputs alone"),
        ("SELECT user FROM names", "user does not depend on the inputs alone"),
        ("SELECT * FROM names TABLESAMPLE 10%", "a sample is random; select rows by their values"),
        ("SELECT count(*) OVER (ORDER BY uuid()) FROM names", "uuid() does not depend on the inputs alone"),
    ],
)
def test_other_queries_are_told(tmp_path: Path, text: str, message: str) -> None:
    """What is no query, reads something else, or comes out differently each time, is told with its place."""
    (found,) = told(tmp_path, text, "names")
    assert message in found


def test_deep_nesting_ends_in_a_message(tmp_path: Path) -> None:
    """A query of a thousand brackets is read, or told; it does not end the process."""
    for depth in (100, 900, 5_000):
        told(tmp_path, "SELECT " + "(SELECT " * depth + "1" + ")" * depth)
        told(tmp_path, "SELECT " + "[" * depth + "]" * depth)
