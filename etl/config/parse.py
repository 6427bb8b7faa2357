"""Parse YAML into a tree and report every syntax error with its place.

Unlike PyYAML's loaders it reports duplicate keys, tags and recursive aliases. Plain scalars follow YAML 1.2: null,
true, false and decimal numbers; ``no``, ``12:30``, ``1_000`` and dates are strings.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml
from yaml.cyaml import CBaseLoader

from etl.config.node import MAX_DEPTH, Node, bound
from etl.config.text import after
from etl.errors import EtlError, Mistakes, Where, did_you_mean

MAX_CHARACTERS = 1_000_000


def parse(text: str, shown: str) -> Node:
    """Parse a YAML text. Raises EtlError or Mistakes."""
    mistakes: list[EtlError] = []
    tree = parse_tree(text, shown, mistakes)
    if mistakes:
        raise Mistakes(mistakes)
    bound(tree)
    return tree


def parse_value(text: str, shown: str, mistakes: list[EtlError]) -> Node:
    """Parse a value from the command line, where ``#`` starts no comment: ``Grade #3`` is one string."""
    tree = parse_tree(text, shown, mistakes)
    bound(tree)
    if str(tree.plain()).count("#") >= text.count("#"):  # otherwise, YAML has taken one for a comment
        return tree
    if tree.raw or tree.is_null():
        return Node(tree.where, scalar=text.strip(), raw=text.strip())
    mistakes.append(EtlError("'#' starts a comment in YAML; put the text in quotes", tree.where))
    return tree


def parse_tree(text: str, shown: str, mistakes: list[EtlError]) -> Node:
    """Parse a YAML text. Errors that parsing can go on after are added to ``mistakes``; raises EtlError for others."""
    if len(text) > MAX_CHARACTERS:
        raise EtlError(f"file too large (limit {MAX_CHARACTERS:,} characters)", Where(shown))
    odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if odd:
        raise EtlError(f"not YAML: the character {odd[0]!r} is not allowed", after(text[: odd.start()], shown))
    try:
        _bound_depth(text, shown)
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text, shown) from error
    if root is None:
        return Node(Where(shown, 1, 1))
    return _Builder(shown, mistakes).build(root)


class _Loader(CBaseLoader):
    """PyYAML's parser without implicit tags: _scalar tells numbers from strings."""

    def resolve(self, *_: object) -> str:
        """No tag."""
        return ""


def _where(shown: str, mark: Any) -> Where:  # noqa: ANN401 -- PyYAML's marks have two types
    return Where(shown, mark.line + 1, mark.column + 1)


def _bound_depth(text: str, shown: str) -> None:
    """Refuse deep nesting before composing: libyaml composes recursively and would overflow the stack."""
    depth = 0
    for event in yaml.parse(text, CBaseLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise EtlError(f"nested too deeply (limit {MAX_DEPTH} levels)", _where(shown, event.start_mark))


_ADVICE = {
    "found a tab character where an indentation space is expected": "a tab; indent with spaces",
    "found character that cannot start any token": "a tab; indent with spaces",
    "mapping values are not allowed in this context": (
        "no ':' is expected here; check the indentation of the line, and put a text with ': ' in it in quotes"
    ),
    "did not find expected key": "this does not continue the lines above; check the indentation and the quotes",
    "did not find expected '-' indicator": "the list above continues with '- '; check the indentation",
    "but found another document": "a second document starts here; a pipeline file has one",
    "found unknown escape character": "no such escape; write \\\\ for a backslash, or use 'single quotes'",
}


def _not_yaml(error: yaml.MarkedYAMLError, text: str, shown: str) -> EtlError:
    """Translate libyaml's error into one that says what to do."""
    problem, mark, begin = error.problem or "", error.problem_mark, error.context_mark
    assert mark  # noqa: S101 -- libyaml always gives it
    lines = text.split("\n")
    rest = "".join(lines[mark.line : mark.line + 1])[mark.column :]
    name = rest.lstrip("*&").split(maxsplit=1)[0].rstrip(",]}") if rest.split() else ""
    message = _ADVICE.get(problem, problem)
    if problem == "found character that cannot start any token" and rest[:1] != "\t":
        message = f"a string that starts with {rest[:1]!r} needs quotes"
    elif problem == "found undefined alias":
        known = re.findall(r"[:-] +&([^\s,\[\]{}]+)", "\n".join(lines[: mark.line]))
        message = f"there is no anchor '&{name}' above{did_you_mean(name, {*known})}"
    elif problem == "second occurrence" and begin:
        message = f"duplicate anchor '&{name}' (first on line {begin.line + 1})"
    elif problem == "found unexpected end of stream" and begin:
        message, mark = "the quote that opens here is never closed", begin
    elif problem.startswith("did not find expected ','") and begin:
        message = f"{problem.removeprefix('did not find ')}, to close what opens on line {begin.line + 1}"
    return EtlError(f"not YAML: {message}", _where(shown, mark))


class _Builder:
    """Converts PyYAML's nodes and collects syntax errors."""

    def __init__(self, shown: str, mistakes: list[EtlError]) -> None:
        self.shown, self.mistakes = shown, mistakes
        self._built: dict[int, Node | None] = {}  # None while it is being built

    def build(self, source: Any) -> Node:  # noqa: ANN401 -- a PyYAML node
        where = _where(self.shown, source.start_mark)
        if id(source) not in self._built:
            self._built[id(source)] = None
            self._built[id(source)] = self._new(source, where)
        if node := self._built[id(source)]:
            return node
        self._add_error("an alias cannot be inside the value that it refers to", where)
        return Node(where, broken=True)

    def _new(self, source: Any, where: Where) -> Node:  # noqa: ANN401 -- a PyYAML node
        tag = source.tag.replace("tag:yaml.org,2002:", "!!")
        if tag:
            self._add_error(f"the tag {tag} has no meaning here; write the plain value", where)
        if isinstance(source, yaml.ScalarNode):
            if "\0" in source.value:
                self._add_error("the text has a NUL character; delete it", where)
            plain = not source.style
            scalar = _scalar(source.value) if plain else source.value
            return Node(where, scalar=scalar, broken=bool(tag), raw=source.value if plain else "")
        if isinstance(source, yaml.SequenceNode):
            return Node(where, items=[self.build(item) for item in source.value], broken=bool(tag))
        node = Node(where, entries={}, broken=bool(tag))
        for key, value in source.value:
            self._add_key(node, key, value)
        return node

    def _add_key(self, node: Node, key: Any, value: Any) -> None:  # noqa: ANN401 -- PyYAML nodes
        where = _where(self.shown, key.start_mark)
        entries = node.entries if node.entries is not None else {}
        if not isinstance(key, yaml.ScalarNode) or key.tag:
            self._add_error("a key must be a plain word", where)
            node.broken = True
        elif key.value in node.keys:
            self._add_error(f"duplicate key '{key.value}' (first on line {node.keys[key.value].line})", where)
        elif key.value == "<<" and not key.style:
            node.keys["<<"] = where
            self._merge(node, self.build(value), where)
        else:
            if id(value) in self._built:
                node.aliased.add(key.value)
            entries[key.value] = self.build(value)
            node.keys[key.value] = where

    def _merge(self, node: Node, value: Node, where: Where) -> None:
        node.merged = value.items if value.items is not None else [value]
        if any(other.entries is None for other in node.merged):
            node.broken = True
            if not value.broken:
                self._add_error("a merge key '<<' needs a mapping, or a list of mappings, such as '<<: *anchor'", where)
            node.merged = [other for other in node.merged if other.entries is not None]

    def _add_error(self, message: str, where: Where) -> None:
        self.mistakes.append(EtlError(message, where))


_NULL = {"", "~", "null", "Null", "NULL"}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,30}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


def _scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar (YAML 1.2.2, section 10.3.2; octal, hexadecimal, .inf and .nan stay strings)."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text) and math.isfinite(float(text)):
        return float(text)
    return text
