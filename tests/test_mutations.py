"""Mutants of the tiny world: each ends in a message about the file, or in a build whose checks pass. Nothing else.

``TORTURE_EXAMPLES`` says how many are tried. They are the same each time.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.build.run import make_build
from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.validate import validate
from etl.tables.checks import read_checks, run_checks
from etl.tables.sqlite import open_database
from tests.support.running import TINY, copy_of_project

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

EXAMPLES = int(os.environ.get("TORTURE_EXAMPLES", "15"))

#: A number of another place can become the number of classes: more than this many are not built.
MANY = 100

#: How a mutant may end, and what the tally calls that.
ENDINGS = {
    "refused": "refused with a message",
    "built": "built, every check passed",
    "large": "right, too large to build",
}

Place = tuple[Any, Any]  # a mapping or list, and a key or index of it

#: What a value may become.
VALUES: list[Any] = [
    None,
    True,
    0,
    1,
    -1,
    2,
    7,
    0.5,
    10**12,
    -(10**12),
    1e300,
    "",
    "text",
    "PM3",
    "tests",
    "{id}",
    "2025-08-01",
    "../x",
    "\0",
    "é\u202e😀",
    "a" * 300,
    [],
    [1, 2],
    [2, 1],
    [[]],
    {},
    {"a": 1},
    {"<<": 1},
]


def places(tree: Any) -> list[Place]:  # noqa: ANN401 -- any YAML value
    """Every place of a tree that holds a value."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    return [place for key in keys for place in [(tree, key), *places(tree[key])]]


def drop(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Take a key or an item away."""
    inside, key = chance.choice(places(tree))
    del inside[key]


def duplicate(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Put a key, under another name, or an item there again."""
    inside, key = chance.choice(places(tree))
    if isinstance(inside, dict):
        inside[f"{key}2"] = deepcopy(inside[key])
    else:
        inside.insert(key, deepcopy(inside[key]))


def retype(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Put something else in the place of a value."""
    inside, key = chance.choice(places(tree))
    inside[key] = deepcopy(chance.choice(VALUES))


def transplant(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Put a value of another place there, one of the same kind when there is one."""
    inside, key = chance.choice(places(tree))
    others = [other[step] for other, step in places(tree)]
    alike = [other for other in others if type(other) is type(inside[key]) and other != inside[key]]
    inside[key] = deepcopy(chance.choice(alike or others))


def nudge(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Make a number a little larger or smaller."""
    numbers = [(inside, key) for inside, key in places(tree) if type(inside[key]) in {int, float}]
    if numbers:
        inside, key = chance.choice(numbers)
        inside[key] += chance.choice([-1, 1, -20, 20]) * (1 if isinstance(inside[key], int) else 0.05)


def misspell(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Drop, double or swap a letter of a key or a text."""
    inside, key = chance.choice(places(tree))
    if isinstance(inside[key], str) and (isinstance(key, int) or chance.random() < 0.5):
        inside[key] = _misspelt(inside[key], chance)
    elif isinstance(inside, dict):
        inside[_misspelt(key, chance)] = inside.pop(key)


def _misspelt(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word) + 1)
    return (
        word[:at]
        + chance.choice(["", word[at : at + 1] * 2, word[at + 1 : at + 2] + word[at : at + 1]])
        + word[at + 1 :]
    )


def nest(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Wrap a value in a list or a mapping, or take one out of it."""
    inside, key = chance.choice(places(tree))
    inner = [value for _, value in places(inside[key])[:1]]
    inside[key] = chance.choice([[inside[key]], {"inner": inside[key]}, *inner])


def reorder(tree: Any, chance: random.Random) -> None:  # noqa: ANN401
    """Shuffle the keys of a mapping or the items of a list."""
    inside, _ = chance.choice(places(tree))
    if isinstance(inside, list):
        chance.shuffle(inside)
        return
    pairs = list(inside.items())
    chance.shuffle(pairs)
    inside.clear()
    inside.update(pairs)


MUTATIONS: list[Callable[[Any, random.Random], None]] = [
    drop,
    duplicate,
    retype,
    transplant,
    nudge,
    misspell,
    nest,
    reorder,
    nudge,  # these two again: they leave the most worlds valid
    reorder,
]


def scratched(text: str, chance: random.Random) -> str:
    """Change a text as a slip of the hand does: a line gone, twice, elsewhere or indented, a letter gone or added."""
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    line = lines[at]
    column = chance.randrange(len(line))
    letter = chance.choice([*" \t:-#'\"[]{}&*!|>%@`,?\n\0é", "1", "<<: ", "- "])
    lines[at : at + 1] = chance.choice(
        [
            [],
            [line, line],
            [f" {line}"],
            [line.lstrip(" ")],
            [line[:column] + line[column + 1 :]],
            [line[:column] + letter + line[column:]],
            [*lines[at + 1 : at + 2], line],
            [line.rstrip("\n")],
        ]
    )
    return "".join(lines)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, for the mutants to live in."""
    return copy_of_project(tmp_path_factory.mktemp("project"))


def tiny(project: Path) -> dict[str, Any]:
    """The effective tree of the tiny world, to stand at the top of the project."""
    tree = dict(load(project / TINY).tree.plain())
    del tree["extends"]
    return tree


def outcome(path: Path, out: Path) -> str:
    """Validate and build a pipeline: 'refused: …' with a message, or 'built' with every check passed.

    A world of very many classes is only validated.
    """
    try:
        source = load(path)
        pipeline = validate(source)
        counts = [stage.values["count"] for stage in pipeline.stages.values() if stage.generator.endswith(":classes")]
        if any(count > MANY for count in counts):
            return "large: right, and too slow to build here, two classes at a time"
        result = make_build(source, out)
    except EtlError as error:
        return f"refused: {error}"
    assert result.database
    with closing(open_database(result.database)) as database:
        checks = read_checks(pipeline.checks, "checks", pipeline.schema, full=True, in_full=source.full_name)
        run_checks(checks, database, result.manifest["pipeline"])
    return "built"


@pytest.mark.fault(
    "a mutant of the pipeline: keys and values dropped, doubled, retyped, moved, misspelt, nested, reordered"
)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chance=st.randoms(use_true_random=False), count=st.integers(1, 3), as_text=st.booleans())
def test_mutant_is_refused_or_valid(
    project: Path,
    record_property: Callable[[str, object], None],
    chance: random.Random,
    count: int,
    as_text: bool,  # noqa: FBT001
) -> None:
    """A changed pipeline gives either a message or a world that passes every check."""
    tree = tiny(project)
    if not as_text:
        for mutate in chance.choices(MUTATIONS, k=count):
            mutate(tree, chance)
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=1_000)
    for _ in range(count if as_text else 0):
        text = scratched(text, chance)
    mutant = project / "mutant.yaml"
    mutant.write_text(text, encoding="utf-8", newline="")
    out = project / "out"
    try:
        found = outcome(mutant, out)
        ending, _, message = found.partition(": ")
        assert ending == "built" or message
        record_property("tried", 1)
        record_property("ending", ENDINGS[ending])
    finally:
        shutil.rmtree(out, ignore_errors=True)


def test_unchanged_world_is_built(project: Path) -> None:
    """The pipeline that is mutated is valid, also with its stages in another order."""
    tree = tiny(project)
    tree["stages"] = dict(reversed(tree["stages"].items()))
    (project / "mutant.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    assert outcome(project / "mutant.yaml", project / "out") == "built"
