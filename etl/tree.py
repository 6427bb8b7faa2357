"""A YAML file as a tree of values that know where they stand.

Keeps what PyYAML's loaders lose: the place of every key and value, two keys of the same name, and the difference
between a rule that is written once (``&anchor``) and the places that use it. Scalars follow YAML 1.2's core schema,
so that ``no`` and ``12:30`` are texts, and a date is the text that was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from etl.errors import EtlError, Mistakes, Where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
MAX_NODES = 50_000

try:
    _Parser: tuple[type, ...] = (yaml.cyaml.CParser,)
except AttributeError:  # PyYAML without libyaml: slower, the same nodes
    _Parser = (yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer)

# Without implicit resolvers every plain scalar is a text; _scalar tells numbers, truth values and null itself.
_Loader: Any = type("_Loader", (*_Parser, yaml.resolver.BaseResolver), {"__init__": lambda self, text: _start(self, text)})


def _start(loader: Any, text: str) -> None:  # noqa: ANN401 -- the type is made above
    for part in _Parser:
        part.__init__(loader, *((text,) if part is _Parser[0] else ()))
    yaml.resolver.BaseResolver.__init__(loader)


@dataclass(eq=False)
class Node:
    """A value in a file. Exactly one of ``scalar``, ``items`` and ``own`` (with ``merged``) holds it."""

    where: Where
    scalar: str | int | float | bool | None = None
    items: list[Node] | None = None
    own: dict[str, Node] | None = None
    keys: dict[str, Where] = field(default_factory=dict)  # where each own key stands
    merged: list[Node] = field(default_factory=list)  # the mappings of a merge key, the first one wins

    def is_null(self) -> bool:
        """Whether the value is null."""
        return self.scalar is None and self.items is None and self.own is None

    def mapping(self) -> dict[str, Node]:
        """Every key of a mapping, merge keys included; {} for another kind of node."""
        entries: dict[str, Node] = {}
        for other in reversed(self.merged):
            entries.update(other.mapping())
        return {**entries, **(self.own or {})}

    def key(self, name: str) -> Where:
        """Where a key of the mapping stands."""
        if name in self.keys:
            return self.keys[name]
        return next((other.key(name) for other in self.merged if name in other.mapping()), self.where)

    def at(self, *path: str | int) -> Node | None:
        """The node at a path below this one, if there is one."""
        node: Node | None = self
        for step in path:
            if node is None:
                return None
            if isinstance(step, int):
                node = node.items[step] if node.items is not None and step < len(node.items) else None
            else:
                node = node.mapping().get(step)
        return node

    def plain(self) -> Any:  # noqa: ANN401 -- any YAML value
        """The value as dicts, lists and scalars."""
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.own is not None:
            return {key: value.plain() for key, value in self.mapping().items()}
        return self.scalar


def read(path: Path, shown: str) -> Node:
    """Read a YAML file; ``shown`` is its name in messages. Raises Mistakes with every fault of form."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EtlError(f"cannot read it: {error.strerror}", Where(shown)) from error
    if len(data) > MAX_BYTES:
        raise EtlError(f"the file has {len(data):,} bytes; more than {MAX_BYTES:,} is no configuration", Where(shown))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EtlError(f"byte {data[error.start]:#04x} is not UTF-8; save it as UTF-8", Where(shown, line)) from error
    return parse(text, shown)


def parse(text: str, shown: str) -> Node:
    """Parse a YAML text, as :func:`read` does."""
    try:
        _bound_depth(text, shown)
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise EtlError(f"not YAML: {error.problem or error.context}", _where(shown, mark)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise EtlError(f"not YAML: the character {error.character!r} may not stand here", Where(shown, line)) from error
    if root is None:
        return Node(Where(shown, 1, 1), own={})
    builder = _Builder(shown)
    tree = builder.build(root)
    if builder.mistakes:
        raise Mistakes(builder.mistakes)
    _bound_size(tree)
    return tree


def override(base: Node, over: Node, *, everywhere: bool = False) -> Node:
    """Lay one tree over another: mappings are merged, all else is replaced, and null takes a key away.

    At the top level a change to a rule that is written once, and used by alias, holds ``everywhere`` that it is
    used. A change to a stage holds for that stage alone.
    """
    if base.own is None or over.own is None:
        if everywhere:
            base.where, base.scalar, base.items = over.where, over.scalar, over.items
            base.own, base.keys, base.merged = over.own, over.keys, over.merged
        return base if everywhere else over
    target = base if everywhere else Node(base.where, own=dict(base.own), keys=dict(base.keys), merged=base.merged)
    for key in over.mapping():
        _lay(target, base, over, key, everywhere=everywhere)
    return target


def overlay(base: Node, over: Node) -> Node:
    """Lay one whole file over another, as ``extends`` does."""
    result = Node(over.where, own=dict(base.mapping()), keys={key: base.key(key) for key in base.mapping()})
    for key in over.mapping():
        _lay(result, base, over, key, everywhere=key != "stages")
    return result


def _lay(target: Node, base: Node, over: Node, key: str, *, everywhere: bool) -> None:
    """Set one key of the target to what ``over`` says of ``base``'s."""
    old, new = base.mapping().get(key), over.mapping()[key]
    own = target.own if target.own is not None else {}
    if new.is_null():
        own.pop(key, None)
        target.merged = [other for other in target.merged if key not in other.mapping()]
    else:
        own[key] = new if old is None else override(old, new, everywhere=everywhere)
        target.keys[key] = over.key(key)


def _where(shown: str, mark: Any) -> Where:  # noqa: ANN401 -- PyYAML's marks have two types
    return Where(shown, mark.line + 1, mark.column + 1) if mark else Where(shown)


def _bound_depth(text: str, shown: str) -> None:
    """Refuse deep nesting before it is composed: libyaml composes by recursion and dies of it."""
    depth = 0
    loader = _Loader(text)
    while loader.check_event():
        event = loader.get_event()
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            depth += 1
            if depth > MAX_DEPTH:
                message = f"nested more than {MAX_DEPTH} deep; nothing in a pipeline is"
                raise EtlError(message, _where(shown, event.start_mark))
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            depth -= 1


def _bound_size(tree: Node) -> None:
    """Refuse a file whose aliases multiply into more values than a pipeline can have."""
    sizes: dict[int, int] = {}

    def size(node: Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 1 + sum(size(child) for child in _children(node))
        return sizes[id(node)]

    if size(tree) > MAX_NODES:
        raise EtlError(f"its aliases make more than {MAX_NODES:,} values", Where(tree.where.file))


def _children(node: Node) -> Iterator[Node]:
    yield from node.items or []
    yield from (node.own or {}).values()
    yield from node.merged


class _Builder:
    """Turns PyYAML's nodes into ours and collects every fault of form on the way."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.mistakes: list[EtlError] = []
        self._built: dict[int, Node] = {}
        self._open: set[int] = set()

    def build(self, source: Any) -> Node:  # noqa: ANN401 -- a PyYAML node
        where = _where(self.shown, source.start_mark)
        if id(source) in self._open:
            self._say("an alias may not stand inside of what it names", where)
            return Node(where)
        if id(source) not in self._built:
            self._open.add(id(source))
            self._built[id(source)] = self._new(source, where)
            self._open.discard(id(source))
        return self._built[id(source)]

    def _new(self, source: Any, where: Where) -> Node:  # noqa: ANN401 -- a PyYAML node
        standard = source.tag.removeprefix("tag:yaml.org,2002:") in {"str", "map", "seq"}
        if not standard and source.tag != "!":
            self._say(f"the tag {source.tag} has no meaning here; write the plain value", where)
        if isinstance(source, yaml.ScalarNode):
            return Node(where, scalar=_scalar(source.value) if not source.style else source.value)
        if isinstance(source, yaml.SequenceNode):
            return Node(where, items=[self.build(item) for item in source.value])
        node = Node(where, own={})
        for key, value in source.value:
            self._add(node, key, value)
        return node

    def _add(self, node: Node, key: Any, value: Any) -> None:  # noqa: ANN401 -- PyYAML nodes
        where = _where(self.shown, key.start_mark)
        assert node.own is not None  # noqa: S101 -- for the type checker
        if not isinstance(key, yaml.ScalarNode):
            self._say("a key must be a plain word", where)
        elif key.value == "<<" and not key.style:
            self._merge(node, self.build(value), where)
        elif key.value in node.own:
            self._say(f"the key '{key.value}' stands twice, first in line {node.keys[key.value].line}", where)
        else:
            node.own[key.value] = self.build(value)
            node.keys[key.value] = where

    def _merge(self, node: Node, value: Node, where: Where) -> None:
        for other in value.items if value.items is not None else [value]:
            if other.own is None:
                self._say("a merge key '<<' needs a mapping, or a list of mappings", where)
            else:
                node.merged.append(other)

    def _say(self, message: str, where: Where) -> None:
        self.mistakes.append(EtlError(message, where))


_NULL = {"", "~", "null", "Null", "NULL"}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,30}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


def _scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar (YAML 1.2.2, section 10.3.2)."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text
