"""The dashboard example: its page is typed by the API's document, and runs on a static host and on the live server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.support.running import npm
from tests.support.serving import serving

EXAMPLE = Path(__file__).parents[1] / "examples" / "dashboard"

#: What says nothing about types, and may change in the API before it does in the example.
_WORDS = {"description", "summary", "title", "example"}


def _without_words(content: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(content, dict):
        return {
            key: _without_words(value) for key, value in content.items() if key not in _WORDS or isinstance(value, dict)
        }
    return [_without_words(each) for each in content] if isinstance(content, list) else content


def _responses(document: dict[str, Any], paths: set[str]) -> dict[str, Any]:
    """The schema of each path's response, with the schemas that it refers to."""
    found = {}
    for path in paths:
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        names = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schema))
        found[path] = _without_words([schema, *(document["components"]["schemas"][name] for name in names)])
    return found


def test_document_is_the_apis(default_build: Path) -> None:
    """What the page asks for has a file on a static host, and the types of the committed document."""
    ours = json.loads((EXAMPLE / "openapi.json").read_text(encoding="utf-8"))
    document = json.loads((default_build / "api" / "openapi.json").read_text(encoding="utf-8"))
    sources = "".join(path.read_text(encoding="utf-8") for path in (EXAMPLE / "src").glob("*.tsx"))
    paths = set(re.findall(r'api\.GET\("(.+?)"', sources))
    assert paths
    assert not [path for path in paths if "x-live-only" in document["paths"][path]["get"]]
    hint = "run `npm run document` in examples/dashboard"
    assert _responses(ours, paths) == _responses(document, paths), hint


def test_page_runs(default_build: Path) -> None:
    """The page passes strict type checks, and shows a build's numbers in a browser, static and live."""
    with serving(default_build.parent, "--no-spare") as server:
        done = npm(EXAMPLE, "test", "--silent", "--", default_build, server.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed on") == 2
