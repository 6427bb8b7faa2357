"""Read a pipeline file, merge it over the file that it ``extends``, and apply the changes of the command line.

That is enough to identify the build. :mod:`etl.pipeline.validate` turns it into a
:class:`etl.pipeline.model.Pipeline` that can run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.config.defaults import fill
from etl.config.naming import namer
from etl.config.node import Node, bound, nested, overlay
from etl.config.parse import parse_tree, parse_value
from etl.config.scale import scaled
from etl.config.text import read_text
from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Request:
    """The options of the command line that change a pipeline: ``--set path.to.key=value``, ``--seed``, ``--scale``."""

    changes: tuple[str, ...] = ()
    seed: int | None = None
    scale: int = 1


@dataclass(frozen=True)
class Source:
    """A pipeline file after ``extends`` and the changes of the command line, not validated yet."""

    path: Path
    root: Path  # the project's folder; paths outside it are refused
    tree: Node
    files: Mapping[str, Path]  # each pipeline file that was read, by its name in messages
    request: Request = Request()
    mistakes: tuple[EtlError, ...] = ()  # syntax errors; validation reports them with all others

    @property
    def name(self) -> str:
        """The name of the pipeline, known before validation. Raises EtlError when it has none."""
        name = self.tree.text("name")
        if name is None:
            raise EtlError("must be a string", self.tree.where_of("name"), "name")
        return name

    @cached_property
    def full_name(self) -> Callable[[str], str]:
        """A function from a generator's name to its full name: see :func:`etl.config.naming.namer`."""
        return namer(self.tree.text("generators"), self.root)

    def resolve(self, node: Node) -> Path:
        """The path that a value names, relative to the file that the value is in. It may be outside the project.

        Raises EtlError for a name that no file can have.
        """
        text = str(node.scalar)
        try:
            path = (self.files.get(node.where.file, self.path).parent / text).resolve()
            path.exists()
        except (OSError, RuntimeError, ValueError) as error:  # the name is too long, links form a cycle, a NUL
            raise EtlError(f"no file can be called '{text[:40]}'", node.where) from error
        return path


def display_path(path: Path) -> str:
    """A path as messages show it: relative to the working directory if it is below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def load(path: Path, *, changes: Iterable[str] = (), seed: int | None = None, scale: int = 1) -> Source:
    """Read a pipeline file and apply the changes of the command line.

    Raises EtlError for a syntax error after which reading cannot go on; the others are in the result.
    """
    request = Request(tuple(changes), seed, scale)
    mistakes: list[EtlError] = []
    files: dict[str, Path] = {}
    root = project_root(path)
    tree = _read(path.resolve(), root, files, mistakes)
    for change in request.changes:
        tree = _changed(tree, change, mistakes)
    if seed is not None:
        where = Where("--seed")
        tree = overlay(tree, nested(["seed"], Node(where, scalar=seed), where), mistakes)
    tree = scaled(tree, scale, mistakes)
    fill(tree)
    bound(tree)
    source = Source(path.resolve(), root, tree, files, request, tuple(mistakes))
    for stage in tree.mapping("stages").values():
        if (name := stage.get("python")) and isinstance(name.scalar, str):
            name.scalar = source.full_name(name.scalar)  # so that names of generators can be compared
    return source


def reload(source: Source) -> Source:
    """Read a pipeline file again, with the same options. Raises EtlError."""
    return load(source.path, **vars(source.request))


def project_root(path: Path) -> Path:
    """The nearest folder at or above a pipeline file with a pipeline.yaml, a pyproject.toml or a .git.

    So ``pipelines/other.yaml`` can extend ``pipeline.yaml``, and a repository can have several projects.
    """
    above = path.resolve().parents
    marks = ("pipeline.yaml", "pyproject.toml", ".git")
    return next((folder for folder in above if any((folder / mark).exists() for mark in marks)), above[0])


def _read(path: Path, root: Path, files: dict[str, Path], mistakes: list[EtlError]) -> Node:
    """Read a file over the one that it extends, and add both to ``files``."""
    shown = display_path(path)
    files[shown] = path
    tree = parse_tree(read_text(path, shown), shown, mistakes)
    if tree.is_null():
        raise EtlError("the file is empty; a pipeline has a name, a seed, stages and more", Where(shown, 1, 1))
    if tree.entries is None:
        raise EtlError("a pipeline is a mapping: name, seed, stages and more", tree.where)
    extends = tree.get("extends")
    if extends is None:
        return tree
    base = _base(extends, path, root)
    if base in files.values():
        named = "itself" if base == path else f"{extends.scalar}, which extends this file in turn"
        raise EtlError(f"a file cannot extend {named}", extends.where, "extends")
    result = overlay(_read(base, root, files, mistakes), tree, mistakes)
    result.where = tree.where
    return result


def _base(extends: Node, path: Path, root: Path) -> Path:
    """The file that another one extends."""
    if not isinstance(extends.scalar, str):
        raise EtlError("must be the path of another pipeline file", extends.where, "extends")
    base = Source(path, root, extends, {}).resolve(extends)
    if not base.is_relative_to(root):
        raise EtlError(f"{extends.scalar} is outside the project", extends.where, "extends")
    if not base.is_file():
        near = did_you_mean(base.name, [entry.name for entry in base.parent.glob(f"*{base.suffix}")])
        raise EtlError(f"there is no file {extends.scalar}{near}", extends.where, "extends")
    return base


def _changed(tree: Node, change: str, mistakes: list[EtlError]) -> Node:
    """Apply a change such as ``stages.classes.params.count=20``; one without effect is a mistake."""
    where = Where(f"--set {change}")
    name, equals, text = change.partition("=")
    path = name.split(".")
    if not equals or not all(path):
        raise EtlError("write it as path.to.key=value", where)
    if path[0] == "extends":
        mistakes.append(EtlError("only a file can extend another; name that file as the pipeline", where, "extends"))
        return tree
    if path[0] == "stages" and path[2:] and tree.get(*path[:2]) is None:
        hint = did_you_mean(path[1], tree.mapping("stages"))
        mistakes.append(EtlError(f"there is no stage '{path[1]}'{hint}", where, f"stages.{path[1]}"))
        return tree
    change_tree = nested(path, parse_value(text, where.file, mistakes), where)
    if not path[0].startswith("x-"):
        return overlay(tree, change_tree, mistakes)
    shared, rest = _shared_and_rest(tree)  # copied now: an anchored value is changed in place
    changed = overlay(tree, change_tree, mistakes)
    shared_now, rest_now = _shared_and_rest(changed)
    if shared != shared_now and rest == rest_now:
        mistakes.append(EtlError(f"nothing in the pipeline uses it{did_you_mean(path[0], shared)}", where, name))
    return changed


def _shared_and_rest(tree: Node) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shared values of a pipeline (``x-``), and everything else, as plain values. Raises EtlError."""
    bound(tree)
    plain: dict[str, Any] = tree.plain()
    shared = {key: value for key, value in plain.items() if key.startswith("x-")}
    return shared, {key: value for key, value in plain.items() if key not in shared}
