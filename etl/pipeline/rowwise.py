"""Checks that a query over one shard at a time gives the same rows as over all shards at once.

What is not known to do so is refused. Rows of sharded inputs ("cut" below) may be filtered, projected, combined by
UNION ALL, and joined with unsharded inputs; unsharded inputs may be grouped, sorted and used in subqueries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.pipeline.query import nodes_of

if TYPE_CHECKING:
    Node = dict[str, Any]

#: DuckDB's aggregate functions, and macros that use them (checked by a test).
AGGREGATES = frozenset(
    """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg
    bool_and bool_or corr count count_if count_star countif covar_pop covar_samp cume_dist dense_rank entropy favg
    fill first first_value fsum geomean geometric_mean group_concat histogram histogram_exact histogram_values
    json_group_array json_group_object json_group_structure kahan_sum kurtosis kurtosis_pop lag last last_value lead
    list listagg mad max max_by mean median min min_by mode nth_value ntile percent_rank product quantile
    quantile_cont quantile_disc rank rank_dense regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
    regr_sxx regr_sxy regr_syy reservoir_quantile row_number sem skewness stddev stddev_pop stddev_samp string_agg
    sum sum_no_overflow sumkahan var_pop var_samp variance wavg weighted_avg
    """.split()  # noqa: SIM905 -- a hundred quoted words are harder to read
)

#: Joins whose result for a row of the cut side depends on that row alone.
_LEFT_CUT, _RIGHT_CUT = {"INNER", "LEFT", "SEMI", "ANTI"}, {"INNER", "RIGHT"}
_FORMS = {"REGULAR", "NATURAL", "CROSS"}

_MODIFIERS = {
    "DISTINCT_MODIFIER": "DISTINCT",
    "LIMIT_MODIFIER": "LIMIT",
    "LIMIT_PERCENT_MODIFIER": "LIMIT",
    "ORDER_MODIFIER": "ORDER BY",
}


def cross_shard_parts(tree: Node, cut: set[str]) -> list[tuple[str, Any]]:
    """Descriptions and nodes of the parts of a query that need all rows of the inputs ``cut``."""
    reader = _Reader()
    if not reader.query(tree, frozenset(name.lower() for name in cut), None) and not reader.found:
        reader.found.append(("a result without their rows", tree))
    return reader.found


@dataclass
class _Reader:
    """Walks over a query. Its methods return whether a part has cut rows."""

    found: list[tuple[str, Any]] = field(default_factory=list)

    def query(self, node: Node, cut: frozenset[str], scope: frozenset[str] | None) -> bool:
        """Walk over a query; ``scope`` are its own tables if it is inside of a query with cut rows, else None."""
        for entry in node["cte_map"]["map"]:
            name = {entry["key"].lower()}
            has = self.query(entry["value"]["query"]["node"], cut - name, scope)
            cut = cut | name if has else cut - name
        if node["type"] == "SELECT_NODE":
            return self._select(node, cut, scope)
        if node["type"] == "SET_OPERATION_NODE":
            return self._set_operation(node, cut, scope)
        return self._unknown("recursion", node, cut)

    def _select(self, node: Node, cut: frozenset[str], scope: frozenset[str] | None) -> bool:
        own = self._source(node["from_table"], cut, scope)
        parts = _level(node)
        if own:
            self._needs_all(node)
            self.found += [(what, part) for part in parts if (what := _whole(part))]
        if scope is not None:
            scope |= _names(node["from_table"])
            self.found += [
                (
                    f"{part['function_name']}() over columns of the outer query (write table.column for its own)",
                    part,
                )
                for part in parts
                if not own and _whole(part) and _is_outer(part, scope)
            ]
        self._subqueries(parts, cut, frozenset() if own else scope)
        return own

    def _needs_all(self, node: Node) -> None:
        """Add the clauses that combine rows of the result."""
        self.found += [(_MODIFIERS.get(modifier["type"], "this"), [modifier, node]) for modifier in node["modifiers"]]
        if node.get("group_expressions") or node.get("aggregate_handling", "STANDARD_HANDLING") != "STANDARD_HANDLING":
            self.found.append(("GROUP BY", node["group_expressions"] or node["select_list"]))
        elif node.get("having"):
            self.found.append(("HAVING", node["having"]))

    def _set_operation(self, node: Node, cut: frozenset[str], scope: frozenset[str] | None) -> bool:
        sides = [self.query(node[side], cut, scope) for side in ("left", "right")]
        if not any(sides):
            return False
        name = node["setop_type"].partition("_")[0]
        if name != "UNION" or not node["setop_all"]:
            self.found.append((name + (" (UNION ALL does not)" if name == "UNION" else ""), node["right"]))
        elif not all(sides):
            self.found.append(("a UNION ALL with unsharded rows", node["right"]))
        self._needs_all(node)
        return True

    def _source(self, table: Node, cut: frozenset[str], scope: frozenset[str] | None) -> bool:
        """Walk over a FROM clause."""
        match table["type"]:
            case "BASE_TABLE":
                return not table["schema_name"] and table["table_name"].lower() in cut
            case "SUBQUERY":
                return self.query(table["subquery"]["node"], cut, scope)
            case "JOIN":
                return self._join(table, cut, scope)
            case "TABLE_FUNCTION" | "EXPRESSION_LIST" | "EMPTY":
                self._subqueries(_level(table), cut, scope)
                return False
        return self._unknown(str(table["type"]), table, cut)

    def _join(self, table: Node, cut: frozenset[str], scope: frozenset[str] | None) -> bool:
        left, right = (self._source(table[side], cut, scope) for side in ("left", "right"))
        kind, form = table["join_type"], table["ref_type"]
        self._subqueries(_level(table["condition"]), cut, scope)
        if left and right:
            self.found.append(("a join of two sharded inputs", table))
        elif left and (kind not in _LEFT_CUT or form not in _FORMS | {"ASOF"}):
            self.found.append((f"this {kind if form in _FORMS else form} JOIN", table))
        elif right and (kind not in _RIGHT_CUT or form not in _FORMS):
            self.found.append((f"this {kind if form in _FORMS else form} JOIN from the unsharded side", table))
        return left or right

    def _subqueries(self, parts: list[Node], cut: frozenset[str], scope: frozenset[str] | None) -> None:
        for part in parts:
            if part.get("class") == "SUBQUERY" and self.query(part["subquery"]["node"], cut, scope):
                self.found.append(("a subquery", part))

    def _unknown(self, what: str, node: Node, cut: frozenset[str]) -> bool:
        reads = any(part.get("type") == "BASE_TABLE" and part["table_name"].lower() in cut for part in nodes_of(node))
        if reads:
            self.found.append((what, node))
        return reads


#: Keys of nested queries.
_INSIDE = {"subquery", "cte_map", "from_table"}


def _level(tree: Any) -> list[Node]:  # noqa: ANN401 -- JSON
    """The nodes of a query or a part of it, without those of nested queries."""
    found: list[Node] = []
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.append(value)
            waiting += [inner for key, inner in reversed(value.items()) if key not in _INSIDE]
        elif isinstance(value, list):
            waiting += reversed(value)
    return found


def _whole(part: Node) -> str:
    """The name of an aggregate or a window function, "" for anything else."""
    name = str(part.get("function_name", ""))
    if part.get("class") == "WINDOW":
        return f"{name}() OVER"
    if part.get("class") == "FUNCTION" and name.lower() in AGGREGATES:
        return "count(*)" if name == "count_star" else f"{name}()"
    return ""


def _is_outer(part: Node, scope: frozenset[str]) -> bool:
    """Whether an aggregate may belong to the outer query, as it does if all of its columns come from there."""
    columns = [inner["column_names"] for inner in nodes_of(part) if inner.get("class") == "COLUMN_REF"]
    return bool(columns) and not any(len(names) > 1 and names[0].lower() in scope for names in columns)


def _names(table: Node) -> frozenset[str]:
    """The names of the tables of a FROM clause."""
    if table["type"] == "JOIN":
        return _names(table["left"]) | _names(table["right"])
    return frozenset({(table["alias"] or table.get("table_name", "")).lower()})
