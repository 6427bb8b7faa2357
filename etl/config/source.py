"""A pipeline file as it is written, with what it ``extends`` and the changes of the command line laid over it.

That is enough to name the build. :mod:`etl.pipeline.validate` turns it into a
:class:`etl.pipeline.model.Pipeline` that can run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.config.naming import namer
from etl.config.node import Node, bound, overlay
from etl.config.parse import read, value_of
from etl.config.scale import scaled
from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Request:
    """What the command line asks of a pipeline: texts ``path.to.key=value``, another seed, a larger scale."""

    changes: tuple[str, ...] = ()
    seed: int | None = None
    scale: int = 1


@dataclass(frozen=True)
class Source:
    """A pipeline file as it is written, with what it extends and the changes laid over it."""

    path: Path
    root: Path  # the project's folder: every path in the file stays inside
    tree: Node
    files: Mapping[str, Path]  # each pipeline file that was read, by its name in messages
    request: Request = Request()
    mistakes: tuple[EtlError, ...] = ()  # of form, which can be passed over to find the others; validation tells all

    @property
    def name(self) -> str:
        """The name of the pipeline, which may have mistakes otherwise. Raises EtlError when it has none."""
        node = self.tree.at("name")
        if node is None or not isinstance(node.scalar, str):
            raise EtlError("must be a text", node.where if node else self.tree.where, "name")
        return node.scalar

    def namer(self) -> Callable[[str], str]:
        """A function that makes the names of generators full, as :func:`etl.config.naming.namer` does."""
        generators = self.tree.at("generators")
        return namer(generators.scalar if generators and isinstance(generators.scalar, str) else None, self.root)

    def resolve(self, node: Node) -> Path:
        """The file that a value names, relative to the file that the value stands in.

        It may lie outside of the project. Raises EtlError when nothing can have such a name.
        """
        text = str(node.scalar)
        try:
            path = (self.files.get(node.where.file, self.path).parent / text).resolve()
            path.exists()
        except (OSError, RuntimeError, ValueError) as error:  # too long a name, a circle of links, a NUL
            raise EtlError(f"no file can be called '{text[:40]}'", node.where) from error
        return path


def shown_name(path: Path) -> str:
    """A path as messages show it: relative to the working folder where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def load(path: Path, *, changes: Iterable[str] = (), seed: int | None = None, scale: int = 1) -> Source:
    """Read a pipeline file and lay the changes of the command line over it.

    Mistakes of form that can be passed over are those of the result; raises EtlError for the others.
    """
    request = Request(tuple(changes), seed, scale)
    mistakes: list[EtlError] = []
    files: dict[str, Path] = {}
    root = project_of(path)
    tree = _read(path.resolve(), root, files, (), mistakes)
    for change in request.changes:
        tree = _changed(tree, change, mistakes)
    if seed is not None:
        where = Where("--seed")
        tree = overlay(tree, Node(where, own={"seed": Node(where, scalar=seed)}, keys={"seed": where}), mistakes)
    tree = overlay(tree, scaled(tree, scale), mistakes)
    bound(tree)
    source = Source(path.resolve(), root, tree, files, request, tuple(mistakes))
    _name_in_full(source)
    return source


def _name_in_full(source: Source) -> None:
    """Make the names of generators full, so that whoever looks for one finds it however it is written."""
    in_full, stages = source.namer(), source.tree.at("stages")
    for stage in (stages.mapping() if stages else {}).values():
        name = stage.at("python")
        if name and isinstance(name.scalar, str):
            name.scalar = in_full(name.scalar)


def again(source: Source) -> Source:
    """Read a pipeline file once more, asked for as before. Raises EtlError or Mistakes."""
    request = source.request
    return load(source.path, changes=request.changes, seed=request.seed, scale=request.scale)


def project_of(path: Path) -> Path:
    """The project's folder: the nearest one above a pipeline file that has a pyproject.toml or a .git.

    Where there is none, the nearest one that has a pipeline.yaml, so that ``pipelines/other.yaml`` can extend it.
    """
    above = path.resolve().parents
    for marks in (("pyproject.toml", ".git"), ("pipeline.yaml",)):
        for folder in above:
            if any((folder / mark).exists() for mark in marks):
                return folder
    return above[0]


def _read(path: Path, root: Path, files: dict[str, Path], below: tuple[Path, ...], mistakes: list[EtlError]) -> Node:
    shown = shown_name(path)
    files[shown] = path
    tree = read(path, shown, mistakes)
    if tree.is_null():
        raise EtlError("the file is empty; a pipeline has a name, a seed, stages and more", Where(shown, 1, 1))
    if tree.own is None:
        raise EtlError("a pipeline is a mapping: name, seed, stages and more", tree.where)
    extends = tree.mapping().get("extends")
    if extends is None:
        return tree
    base = _base(extends, path, root)
    if base == path or base in below:
        named = "itself" if base == path else f"{extends.scalar}, which extends this file in turn"
        raise EtlError(f"a file cannot extend {named}", extends.where, "extends")
    result = overlay(_read(base, root, files, (*below, path), mistakes), tree, mistakes)
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
    """Lay ``stages.classes.params.count=20`` over a tree; what would change nothing, in silence, is a mistake."""
    where = Where(f"--set {change}")
    name, equals, text = change.partition("=")
    path = name.split(".")
    if not equals or not all(path):
        raise EtlError("write it as path.to.key=value", where)
    if path[0] == "extends":
        mistakes.append(EtlError("only a file can extend another; name that file as the pipeline", where, "extends"))
        return tree
    stages = tree.at("stages")
    if path[0] == "stages" and path[2:] and tree.at(*path[:2]) is None:
        hint = did_you_mean(path[1], stages.mapping() if stages else ())
        mistakes.append(EtlError(f"there is no stage '{path[1]}'{hint}", where, f"stages.{path[1]}"))
        return tree
    node = value_of(text, where.file, mistakes)
    for key in reversed(path):
        node = Node(where, own={key: node}, keys={key: where})
    if not path[0].startswith("x-"):
        return overlay(tree, node, mistakes)
    rules = [key for key in tree.mapping() if key.startswith("x-")]
    before = _parts(tree)  # now: a change of a rule is made in its place
    changed = overlay(tree, node, mistakes)
    after = _parts(changed)
    if before[0] != after[0] and before[1] == after[1]:
        mistakes.append(EtlError(f"nothing in the pipeline uses it{did_you_mean(path[0], rules)}", where, name))
    return changed


def _parts(tree: Node) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rules of a pipeline that are written once for others to use (``x-``), and all the rest. Raises EtlError."""
    bound(tree)
    plain: dict[str, Any] = tree.plain()
    rules = {key: value for key, value in plain.items() if key.startswith("x-")}
    return rules, {key: value for key, value in plain.items() if key not in rules}
