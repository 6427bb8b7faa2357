"""Endpoint files: what is read from their headers, and every mistake that one can make in them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from etl.errors import Mistakes
from etl.pipeline.schema import Schema, read_schema
from etl.site.endpoint import describe, restore
from etl.site.parameters import Parameter
from etl.site.read_endpoints import read_endpoints
from tests.support.small import written

ROOT = Path(__file__).parents[2]

HEAD = """\
-- title: Rosters
-- description: Every roster.
-- columns:
--   id: rosters.id
--   name: rosters.name
"""
QUERY = "SELECT id, name FROM rosters ORDER BY name\n"
BY_ID = """\
-- title: Students
-- description: The students of a roster.
-- parameters:
--   id: SELECT id FROM rosters
-- columns:
--   id: students.id
SELECT id FROM students WHERE roster_id = :id
"""


@pytest.fixture(scope="module")
def schema() -> Schema:
    """The default world's tables."""
    return read_schema(ROOT / "sql/schema.sql", "sql/schema.sql")


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write endpoint files by their paths without ``.sql``."""
    return written(folder, {f"{name}.sql": text for name, text in files.items()}).parent


def mistakes(folder: Path, schema: Schema) -> list[str]:
    """What is wrong with the files of a folder."""
    with pytest.raises(Mistakes) as caught:
        read_endpoints(folder, "sql/api", schema)
    return str(caught.value).split("\n")


def test_a_file_is_an_endpoint(schema: Schema, tmp_path: Path) -> None:
    """Folder and name are the URL, the header says the rest, the query is what follows it."""
    (endpoint,) = read_endpoints(write(tmp_path, {"rosters/[id]/students": BY_ID}), "sql/api", schema)
    assert endpoint.template == "/api/rosters/{id}/students"
    assert endpoint.name == "rosters-students"
    assert endpoint.routes[0].path({"id": 7}) == "api/rosters/7/students.json"
    assert (endpoint.title, endpoint.description) == ("Students", "The students of a roster.")
    assert endpoint.parameters == {"id": Parameter("id", "SELECT id FROM rosters")}
    assert endpoint.columns == {
        "id": {"type": "integer", "description": "Id of the student, from 1 without gaps, in roster order."}
    }
    assert str(endpoint.where("id")) == "sql/api/rosters/[id]/students.sql:6:10"
    assert endpoint.sql == "SELECT id FROM students WHERE roster_id = :id"


EVERYTHING = """\
-- title: Levels
-- description: The students of a roster at a level.
-- answer: object
-- parameters: {id: SELECT id FROM rosters}
-- query:
--   test_id: SELECT id FROM tests
--   level: {values: SELECT level FROM performance_levels, required: false}
--   sort: {values: [asc, desc], default: asc, description: The order.}
--   search: {type: text, required: false}
-- path: rosters/[id]/tests/[test_id]/levels
-- columns: {n: integer, day: text}
SELECT 1 AS n, :as_of AS day WHERE 1 IN (:id, :test_id, :level, :sort, :search)
"""


def test_a_header_declares_an_object_its_query_and_its_paths(schema: Schema, tmp_path: Path) -> None:
    """Parameters of the query string have values or a type, and may have a default; the build's day is filled in."""
    folder = write(tmp_path, {"rosters/[id]/levels": EVERYTHING})
    (endpoint,) = read_endpoints(folder, "sql/api", schema, "2025-08-01 07:00:00")
    assert endpoint.is_object
    assert "'2025-08-01' AS day" in endpoint.sql
    assert list(endpoint.parameters.values()) == [
        Parameter("id", "SELECT id FROM rosters"),
        Parameter("test_id", "SELECT id FROM tests"),
        Parameter("level", "SELECT level FROM performance_levels", required=False),
        Parameter(
            "sort",
            """SELECT value FROM json_each('["asc", "desc"]')""",
            required=False,
            default="asc",
            description="The order.",
        ),
        Parameter("search", required=False),
    ]
    own, other = endpoint.routes
    assert (own.template, own.is_static) == ("/api/rosters/{id}/levels", False)
    assert (other.template, other.is_static) == ("/api/rosters/{id}/tests/{testId}/levels", True)
    assert other.path({"id": 7, "test_id": 2}) == "api/rosters/7/tests/2/levels.json"
    assert endpoint.url({"id": 7, "test_id": 2, "level": None}) == "/api/rosters/7/levels.json?testId=2"
    assert endpoint.name == "rosters-levels"
    assert "WHERE 1 IN (:id, :test_id, NULL, 'asc', NULL)" in endpoint.sql_of_required
    assert restore(describe([endpoint])) == [replace(endpoint, file="", places={})]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("answer: object", "answer: row", "3:12: answer: must be array or object"),
        ("query:\n", "query: [test_id]\n", ""),
        ("test_id: SELECT id FROM tests", "id: SELECT 1", "6:6: query.id: this name is taken; choose another"),
        ("answer: object", "answer: array", "8:6: query.sort: this name is taken"),
        ("SELECT id FROM tests", "DELETE FROM tests", "6:15: must be one read-only SELECT"),
        ("required: false}", "requird: false}", "unknown key 'requird'; did you mean 'required'?"),
        ("required: false}", "required: 7}", "query.level.required: must be true or false"),
        ("type: text, ", "", "query.search: give its values, or else its type"),
        ("type: text", "type: txt", "query.search.type: must be one of integer, number, text, boolean, date, datetime"),
        ("[asc, desc]", "[1.5]", "query.sort.values: must be strings or integers"),
        ("type: text, required: false", "type: integer, default: x", "query.search.default: must be of type integer"),
        ("default: asc", "default: [asc]", "query.sort.default: must be one of the values"),
        ("  search: {", "  test__id: {", "query.test__id: this name is taken; choose another"),
        ("default: asc", "default: asc, required: true", "query.sort: has a default, so it is not required"),
        ("[test_id]/levels", "[tst_id]/levels", "path: no parameter 'tst_id'; did you mean 'test_id'?"),
        ("rosters/[id]/tests", "rosters/tests", "path: [id] is missing"),
        ("[test_id]/levels", "[search]/levels", "path: 'search' has no list of values"),
        ("path: rosters/[id]", "path: Rosters/[id]", "'Rosters' is not a valid URL segment"),
        ("path: rosters/[id]/tests/[test_id]/levels", "path: rosters/[id]/levels", "same URL as"),
        (":level, ", "", "the query does not use :level"),
    ],
)
def test_every_mistake_in_a_query_string_has_its_place(
    schema: Schema, tmp_path: Path, old: str, new: str, message: str
) -> None:
    """A mistake in ``answer``, ``query`` or ``path`` is reported with file, line and column."""
    assert old in EVERYTHING
    found = mistakes(write(tmp_path, {"rosters/[id]/levels": EVERYTHING.replace(old, new)}), schema)
    assert any(message in each for each in found), found
    assert all(each.startswith("sql/api/rosters/[id]/levels.sql") for each in found)


def test_a_name_comes_before_a_parameter(schema: Schema, tmp_path: Path) -> None:
    """Where a URL fits a file with a name and one with a parameter, the one with the name answers."""
    one = BY_ID.replace("SELECT id FROM students WHERE roster_id = :id", "SELECT id FROM students WHERE id = :id")
    folder = write(tmp_path, {"rosters/[id]": one, "rosters/all": HEAD + QUERY, "rosters": HEAD + QUERY})
    found = read_endpoints(folder, "sql/api", schema)
    assert [endpoint.template for endpoint in found] == ["/api/rosters", "/api/rosters/all", "/api/rosters/{id}"]
    assert [endpoint.name for endpoint in found] == ["rosters", "rosters-all", "rosters-by-id"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, name FROM rosters;\n",
        "WITH r AS (SELECT * FROM rosters) SELECT id, name FROM r\n",
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 9) SELECT id, '' AS name FROM n\n",
        "SELECT key AS id, value AS name FROM json_each('[1]')\n",
        "SELECT id, name FROM rosters -- the end\n",
        "SELECT id, name FROM rosters UNION SELECT id, name FROM students ORDER BY id\n",
        "SELECT id, datetime(created_at) AS name FROM rosters\n",
    ],
)
def test_any_select_will_do(schema: Schema, tmp_path: Path, query: str) -> None:
    """A SELECT may use all that SQLite can read with."""
    assert read_endpoints(write(tmp_path, {"rosters": HEAD + query}), "sql/api", schema)


@pytest.mark.fault("an endpoint that is not one SELECT")
@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO rosters (name) VALUES ('x') RETURNING id, name",
        "UPDATE rosters SET name = 'x' RETURNING id, name",
        "DELETE FROM rosters RETURNING id, name",
        "DROP TABLE rosters",
        "CREATE TABLE t (id, name)",
        "ATTACH 'x.db' AS x",
        "DETACH main",
        "PRAGMA table_info(rosters)",
        "VACUUM INTO 'x.db'",
        "BEGIN",
        "SELECT id, name FROM rosters; SELECT 1",
        "SELECT id, name FROM rosters; DROP TABLE rosters",
        "SELECT id, name FROM rosters) UNION SELECT * FROM (SELECT 1, 2",
        "SELECT load_extension('x') AS id, 1 AS name",
        "SELECT random() AS id, CURRENT_TIMESTAMP AS name",
        "EXPLAIN SELECT id, name FROM rosters",
        "",
    ],
)
def test_nothing_but_one_select_will_do(schema: Schema, tmp_path: Path, query: str) -> None:
    """A query that writes, attaches, sets, is two statements or is non-deterministic is refused at its place."""
    (found,) = mistakes(write(tmp_path, {"rosters": HEAD + query + "\n"}), schema)
    assert re.match(r"sql/api/rosters\.sql:[67]:\d+: ", found)
    assert "Traceback" not in found


@pytest.mark.fault("an endpoint that never ends")
def test_a_query_that_never_ends_is_refused(schema: Schema, tmp_path: Path) -> None:
    """An endless recursion is found when the file is read, not when a client waits for its response."""
    query = (
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT max(id) AS id, '' AS name FROM n\n"
    )
    (found,) = mistakes(write(tmp_path, {"rosters": HEAD + query}), schema)
    assert found == "sql/api/rosters.sql:6:1: the query does not terminate"


def test_the_parameter_query_is_held_to_the_same(schema: Schema, tmp_path: Path) -> None:
    """The query that lists a parameter's values must be one read-only SELECT, too."""
    text = BY_ID.replace("SELECT id FROM rosters", "DELETE FROM rosters RETURNING id")
    assert mistakes(write(tmp_path, {"rosters/[id]/students": text}), schema) == [
        "sql/api/rosters/[id]/students.sql:4:10: must be one read-only SELECT"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (HEAD, "", "1:1: no header; begin the file with: -- title: ..., description, parameters, columns"),
        ("-- title: Rosters\n", "", "1:1: title: must be text"),
        ("title: Rosters", "title: [1]", "1:11: title: must be text"),
        ("description: Every roster.", "description: {}", "2:17: description: must be text"),
        ("-- title", "-- titel", "1:4: unknown key 'titel'; did you mean 'title'?"),
        ("--   id: rosters.id\n--   name: rosters.name\n", "", "3:12: columns: missing; give the type of each column"),
        ("rosters.id", "roster.id", "4:10: columns.id: the schema has no table 'roster'; did you mean 'rosters'?"),
        ("rosters.name", "rosters.nam", "5:12: columns.name: the table rosters has no column 'nam'; did you mean"),
        ("rosters.id", "intger", "4:10: columns.id: unknown type 'intger'; did you mean 'integer'?"),
        (
            "rosters.id",
            "date rosters.ids",
            "4:10: columns.id: the table rosters has no column 'ids'; did you mean 'id'?",
        ),
        ("rosters.id", "7", "4:10: columns.id: must be a type"),
        ("rosters.id", "[integer, text]", "4:10: columns.id: an array has one type: [type]"),
        ("rosters.id", "{}", "4:10: columns.id: an object has types by key, or one for all"),
        ("rosters.id", "{a: {b: [intger]}}", "4:19: columns.id.a.b: unknown type 'intger'"),
        ("--   name: rosters.name\n", "", "4:6: columns: no type for 'name'"),
        (
            "--   name: rosters.name\n",
            "--   nme: text\n",
            "5:6: columns.nme: the query has no such column; did you mean",
        ),
        ("SELECT id, name", "SELECT id, nam", "6:12: SQLite says: no such column: nam"),
        ("SELECT id, name", "SELECT id, name, id", "6:1: duplicate column 'id' in the query"),
        (
            "SELECT id, name",
            "SELECT id, name, 1 AS a_b, 2 AS aB",
            "6:1: two columns of the query have the same JSON name",
        ),
        ("SELECT id, name", "SELECT id, name AS name WHERE id = :id --", "6:8: SQLite says:"),
        ("-- columns", "-- title: x\n-- columns", "3:4: duplicate key 'title' (first on line 1)"),
        ("title: Rosters", "title: 'Rosters", ""),
        ("-- columns", "--columns", "3:3: not YAML"),
        ("-- columns", "-- parameters: {id: SELECT 1}\n-- columns", "3:21: parameters.id: the path has no [id]"),
    ],
)
def test_every_mistake_has_its_place(schema: Schema, tmp_path: Path, old: str, new: str, message: str) -> None:
    """A mistake in a header or a query is told with file, line and column."""
    text = HEAD + QUERY
    assert old in text
    found = mistakes(write(tmp_path, {"rosters": text.replace(old, new)}), schema)
    assert any(each.startswith(f"sql/api/rosters.sql:{message}") for each in found), found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "--   id: SELECT id FROM rosters\n",
            "",
            "3:4: parameters: no query for 'id'; write id: SELECT ... to list its",
        ),
        ("-- parameters:\n--   id: SELECT id FROM rosters\n", "", "1:1: parameters: no query for"),
        (
            "SELECT id FROM rosters",
            "SELECT id, name FROM rosters",
            "4:10: parameters.id: must be a query with one column",
        ),
        ("SELECT id FROM rosters", "[1]", "4:10: parameters.id: must be a query with one column"),
        ("roster_id = :id", "roster_id = 1", "7:1: the query does not use :id"),
        ("roster_id = :id", "roster_id = :id AND id > :other", "7:56: SQLite says: You did not supply a value"),
    ],
)
def test_every_mistake_of_a_parameter_has_its_place(
    schema: Schema, tmp_path: Path, old: str, new: str, message: str
) -> None:
    """A parameter without a query, or a query without the parameter, is told with file, line and column."""
    assert old in BY_ID
    found = mistakes(write(tmp_path, {"rosters/[id]/students": BY_ID.replace(old, new)}), schema)
    assert any(each.startswith(f"sql/api/rosters/[id]/students.sql:{message}") for each in found), found


def test_every_mistake_is_told_in_one_go(schema: Schema, tmp_path: Path) -> None:
    """Mistakes of several files come together, in the order of files and lines."""
    broken = (HEAD + QUERY).replace("rosters.id", "x").replace("FROM rosters", "FROM nowhere")
    found = mistakes(write(tmp_path, {"a": broken, "b": broken}), schema)
    assert [each.split(": ")[0] for each in found] == [
        "sql/api/a.sql:4:10",
        "sql/api/a.sql:6:22",
        "sql/api/b.sql:4:10",
        "sql/api/b.sql:6:22",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("Rosters.sql", "'Rosters' is not a valid URL segment"),
        ("a b.sql", "'a b' is not a valid URL segment"),
        ("[Id].sql", "'[Id]' is not a valid URL segment"),
        ("seed.sql", "/api/seed is reserved for the server"),
        ("openapi.sql", "/api/openapi is reserved for the server"),
        ("index.sql", "/api/index is reserved for the server"),
    ],
)
def test_a_path_must_be_a_url(schema: Schema, tmp_path: Path, path: str, message: str) -> None:
    """A file whose path can be no URL, or is reserved for the server, is refused by name."""
    (tmp_path / path).write_text(HEAD + QUERY, encoding="utf-8")
    found = mistakes(tmp_path, schema)
    assert any(each.startswith(f"sql/api/{path}: {message}") for each in found), found


def test_two_files_must_not_be_one_endpoint(schema: Schema, tmp_path: Path) -> None:
    """Two files with one URL, or one name for programs, are refused."""
    by_name = BY_ID.replace("  id: SELECT id FROM rosters", "  name: SELECT name FROM rosters").replace(":id", ":name")
    (found,) = mistakes(write(tmp_path, {"rosters/[id]": BY_ID, "rosters/[name]": by_name}), schema)
    assert "same URL as sql/api/rosters/[id].sql: /api/rosters/{}; rename one" in found
    (tmp_path / "rosters/[name].sql").unlink()
    (tmp_path / "rosters/by-id.sql").write_text(HEAD + QUERY, encoding="utf-8")
    (found,) = mistakes(tmp_path, schema)
    assert found == ("sql/api/rosters/[id].sql: same name as sql/api/rosters/by-id.sql: rosters-by-id; rename one")


def test_a_file_must_be_utf_8(schema: Schema, tmp_path: Path) -> None:
    """A byte that is no UTF-8 is told with its place."""
    (tmp_path / "rosters.sql").write_bytes((HEAD + QUERY).encode() + b"-- caf\xe9\n")
    assert mistakes(tmp_path, schema) == ["sql/api/rosters.sql:7:7: the byte 0xe9 is not UTF-8; save the file as UTF-8"]
