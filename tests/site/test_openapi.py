"""The OpenAPI document: valid, true of every answer, and held by the live server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from etl.config.source import load
from etl.pipeline.validate import validate
from etl.site.endpoint import restore
from etl.site.openapi import example
from tests.support.running import PATIENCE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from etl.pipeline.model import Pipeline
    from tests.support.serving import Serving


@pytest.fixture(scope="module")
def document(default_build: Path) -> dict[str, Any]:
    """The default world's document."""
    content: dict[str, Any] = json.loads((default_build / "api/openapi.json").read_bytes())
    return content


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """The default world's pipeline."""
    return validate(load(ROOT / "pipeline.yaml"))


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        ("[]", []),
        ("{}", {}),
        ('[{"a":1},{"a":2},{"a":3}]', [{"a": 1}, {"a": 2}]),
        ('{"a":[1,[2,3,4],5],"b":{"c":[6,7,"]"]},"d":null}', {"a": [1, [2, 3]], "b": {"c": [6, 7]}, "d": None}),
        ('{"a" : [ "," , ":" , 3 ],\n "b":[ ]}', {"a": [",", ":"], "b": []}),
    ],
)
def test_an_example_has_the_first_items_of_each_array(answer: str, first: object) -> None:
    """An answer as compact as SQLite writes it, or with the spaces of a stored document."""
    assert example(answer.encode()) == first


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    """The document fits the OpenAPI Initiative's own schema of version 3.1."""
    assert document["openapi"].startswith("3.1.")
    OPENAPI_31_VALIDATOR.validate(document)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """What ``$ref`` names is there, and nothing is described that nobody refers to."""
    named = set(re.findall(r'"\$ref": ?"#/components/([\w/-]+)"', json.dumps(document)))
    there = {f"{kind}/{name}" for kind, parts in document["components"].items() for name in parts}
    assert named == there - {"securitySchemes/seedToken"}  # which /api/seed names without $ref


def test_every_endpoint_is_described(document: dict[str, Any], default_build: Path) -> None:
    """Each URL has its path, which a static host has too, an operation id, a tag, texts, and what can go wrong."""
    endpoints = restore(json.loads((default_build / "endpoints.json").read_text(encoding="utf-8")))
    routes = {f"{route.template}.json": route for endpoint in endpoints for route in endpoint.routes}
    assert {*document["paths"]} == {*routes, "/api/seed"}
    tags = {tag["name"] for tag in document["tags"]}
    for url, route in routes.items():
        operation = document["paths"][url]["get"]
        assert operation["operationId"] == route.name
        assert operation["summary"]
        assert operation["description"]
        assert {*operation["tags"]} <= tags
        assert set(operation["responses"]) - {"404"} == {"200", "400"}
        assert ("404" in operation["responses"]) == ("{" in url or route.endpoint.is_object)
        files = default_build.glob(re.sub(r"{\w+}", "*", url.removeprefix("/")))
        assert operation.get("x-live-only", False) == (not any(files))
    assert len({route.name for route in routes.values()}) == len(routes)
    assert document["info"]["version"] == default_build.name
    assert "synthetic" in document["info"]["summary"]
    assert document["security"] == []
    assert document["paths"]["/api/seed"]["post"]["security"] == [{"seedToken": []}]


def test_lists_have_filters_sort_and_pages(document: dict[str, Any]) -> None:
    """The plain columns of a list are parameters with the column's type, which only the live server reads."""
    parameters = document["paths"]["/api/rosters/{id}/scores.json"]["get"]["parameters"]
    named = {each["name"]: each for each in parameters if each.get("in") == "query"}
    assert list(named) == ["studentId", "testId", "overallScore", "level", "sort"]
    assert named["level"]["schema"] == {"type": "integer", "minimum": 1 - 10**15, "maximum": 10**15 - 1}
    assert named["sort"]["schema"]["items"]["enum"][-2:] == ["level", "-level"]
    assert all(each["x-live-only"] for each in named.values())
    for path in document["paths"].values():  # some generators have one argument for a name, wherever it is sent
        names = [each["name"] for each in path.get("get", {}).get("parameters", ()) if "name" in each]
        assert len(names) == len(set(names))
    limit = document["components"]["parameters"]["Limit"]
    assert (limit["schema"]["maximum"], limit["x-live-only"]) == (1000, True)


def test_every_answer_of_the_build_fits_its_schema(document: dict[str, Any], default_build: Path) -> None:
    """Each file of the build is what the document says of it: types, null, the allowed values, no other key."""
    count = 0
    paths = {url: path for url, path in document["paths"].items() if "get" in path}
    for url, path in paths.items():
        answer = path["get"]["responses"]["200"]["content"]["application/json"]
        schema = {**answer["schema"], "components": document["components"]}
        validator = jsonschema_rs.validator_for(schema)
        assert answer["example"]
        validator.validate(answer["example"])
        for file in default_build.glob(re.sub(r"{\w+}", "*", url.removeprefix("/"))):
            validator.validate(json.loads(file.read_bytes()))
            count += 1
    assert count == 542


def test_types_come_from_the_schema(document: dict[str, Any], pipeline: Pipeline) -> None:
    """Null is allowed where the table allows it, a CHECK's values are an enumeration, a description is the table's."""
    schemas = document["components"]["schemas"]
    roster = schemas["RostersRow"]["properties"]
    columns = pipeline.schema.tables["rosters"].columns
    assert roster["id"] == {"type": "integer", "description": columns["id"].description}
    assert roster["createdAt"]["description"] == columns["created_at"].description
    assert roster["createdAt"]["type"] == ["string", "null"]
    administered = schemas["TestGroupsTestsRow"]["properties"]["administeredAt"]
    assert (administered["format"], administered["description"]) == ("date", "Day of the test, YYYY-MM-DD.")
    assert schemas["AssignmentsRow"]["properties"]["platform"]["enum"] == [
        "ixl",
        "lexiacore5",
        "reflex",
        "khan_academy",
    ]
    assert schemas["RostersScoresRow"]["properties"]["stdScores"] == {
        "type": "object",
        "additionalProperties": {"type": "integer"},
    }
    assert schemas["RostersRow"]["required"] == ["id", "name", "createdAt"]
    assert schemas["RostersRow"]["additionalProperties"] is False


def test_the_same_build_gives_the_same_document(document: dict[str, Any], default_build: Path) -> None:
    """The document is compact JSON whose order does not change."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    assert (default_build / "api/openapi.json").read_bytes() == text


#: The same cases each time; one operation stands for all with every limit. The server has no token for the seed.
SCHEMATHESIS = """
generation.deterministic = true
generation.max-examples = 2
[[operations]]
exclude-path = "/api/rosters/{id}/scores.json"
phases.coverage.enabled = false
"""


def test_the_live_server_does_what_the_document_says(default_server: Serving, tmp_path: Path) -> None:
    """Schemathesis finds nothing: neither in the answers nor in the server's log."""
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS, encoding="utf-8")
    options = ["--url", default_server.url, "--exclude-path", "/api/seed", "--checks", "all", "--no-color"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{default_server.url}/api/openapi.json", *options],
        cwd=tmp_path,  # where it finds its settings, and writes notes
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    log = default_server.log.read_text()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
    assert log.count("\n") == 1, log
