"""The picture of a build's stages."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

from etl.site.lineage import lineage

SVG = "{http://www.w3.org/2000/svg}"


def stage(name: str, *inputs: str, table: str | None = None, check: str | None = None) -> dict[str, Any]:
    """A stage as the description of a build lists it."""
    return {"name": name, "source": f"{name}.sql", "inputs": list(inputs), "table": table, "check": check}


def parsed(picture: str) -> ET.Element:
    """The picture, which is XML."""
    return ET.fromstring(picture)  # noqa: S314 -- made here


def boxes(picture: ET.Element) -> list[tuple[float, float, float]]:
    """The upper edge, the left edge and the right edge of each box, from top to bottom and from left to right."""
    found = ([float(box.attrib[name]) for name in ("y", "x", "width")] for box in picture.iter(f"{SVG}rect"))
    return sorted((y, x, x + width) for y, x, width in found)


def test_small_world() -> None:
    """Each stage is a box in words; a table's links to it; an arrow that another one implies is left out."""
    stages = [
        stage("books", table="books"),
        stage("loans", "books", table="loans"),
        stage("late <1>", "books", "loans"),
        stage("no_late", "late <1>", check="None is late."),
        stage("alone", table="alone"),
    ]
    picture = parsed(lineage(stages, {"books": "browse/books?a=1&b=2"}))
    assert [link.attrib["href"] for link in picture.iter(f"{SVG}a")] == ["browse/books?a=1&b=2"]
    assert [text.text for text in picture.iter(f"{SVG}text")] == ["books", "loans", "late <1>", "no_late", "alone"]
    assert sum("marker-end" in path.attrib for path in picture.iter(f"{SVG}path")) == 3
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert titles[0] == "Lineage"
    assert titles[3:5] == ["late <1>: internal, from late <1>.sql", "no_late: a check, from no_late.sql"]
    text = picture.find(f"{SVG}desc")
    assert text is not None
    said = "books; loans from books; late <1> from books, loans; no_late from late <1>; alone."
    assert text.text == f"5 stages, each after its inputs: {said}"


def test_large_world() -> None:
    """Boxes of 40 stages do not overlap, are inside of the picture, and are below their inputs."""
    stages = [stage(f"s{n}", *sorted({f"s{n * k // 7}" for k in (1, 3, 5)} - {f"s{n}"})) for n in range(40)]
    picture = parsed(lineage(stages, {}))
    placed = boxes(picture)
    assert len(placed) == 40
    assert all(one[2] < other[1] for one, other in pairwise(placed) if one[0] == other[0])
    assert min(left for _, left, _ in placed) > 0
    assert max(right for *_, right in placed) < float(picture.attrib["width"])
    top = {
        text.text: float(rect.attrib["y"])
        for rect, text in zip(picture.iter(f"{SVG}rect"), picture.iter(f"{SVG}text"), strict=True)
    }
    assert all(top[source] < top[one["name"]] for one in stages for source in one["inputs"])


def test_no_stages() -> None:
    """A build without stages has no picture, and one of one stage has no arrow."""
    assert lineage([], {}) == ""
    assert not re.search("marker-end", lineage([stage("one")], {}))
