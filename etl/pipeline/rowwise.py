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
    if not reader.query(tree, frozenset(name.lower() for name in cut)) and not reader.found:
        reader.found.append(("a result without their rows", tree))
    return reader.found


@dataclass
class _Reader:
    """Walks over a query. Its methods return whether a part has cut rows."""

    found: list[tuple[str, Any]] = field(default_factory=list)

    def query(self, node: Node, cut: frozenset[str]) -> bool:
        for entry in node["cte_map"]["map"]:
            name = {entry["key"].lower()}
            cut = cut | name if self.query(entry["value"]["query"]["node"], cut - name) else cut - name
        match node["type"]:
            case "SELECT_NODE":
                return self._select(node, cut)
            case "SET_OPERATION_NODE":
                return self._set_operation(node, cut)
        return self._unknown("recursion", node, cut)

    def _select(self, node: Node, cut: frozenset[str]) -> bool:
        is_cut, parts = self._source(node["from_table"], cut), _level(node)
        if is_cut:
            self._combined(node)
            self.found += [(name, part) for part in parts if (name := _aggregate(part))]
        self._subqueries(parts, cut, _tables(node["from_table"]) if is_cut else None)
        return is_cut

    def _combined(self, node: Node) -> None:
        """Add the clauses that combine rows of the result."""
        self.found += [(_MODIFIERS.get(modifier["type"], "this"), [modifier, node]) for modifier in node["modifiers"]]
        if node.get("group_expressions") or node.get("aggregate_handling", "STANDARD_HANDLING") != "STANDARD_HANDLING":
            self.found.append(("GROUP BY", node["group_expressions"] or node["select_list"]))
        elif node.get("having"):
            self.found.append(("HAVING", node["having"]))

    def _set_operation(self, node: Node, cut: frozenset[str]) -> bool:
        sides = [self.query(node[side], cut) for side in ("left", "right")]
        if not any(sides):
            return False
        name = node["setop_type"].partition("_")[0]
        if name != "UNION" or not node["setop_all"]:
            self.found.append((name + (" (UNION ALL does not)" if name == "UNION" else ""), node["right"]))
        elif not all(sides):
            self.found.append(("a UNION ALL with unsharded rows", node["right"]))
        self._combined(node)
        return True

    def _source(self, table: Node, cut: frozenset[str]) -> bool:
        """Walk over a FROM clause."""
        match table["type"]:
            case "BASE_TABLE":
                return not table["schema_name"] and table["table_name"].lower() in cut
            case "SUBQUERY":
                return self.query(table["subquery"]["node"], cut)
            case "JOIN":
                return self._join(table, cut)
            case "TABLE_FUNCTION" | "EXPRESSION_LIST" | "EMPTY":
                self._subqueries(_level(table), cut)
                return False
        return self._unknown(str(table["type"]), table, cut)

    def _join(self, table: Node, cut: frozenset[str]) -> bool:
        left, right = (self._source(table[side], cut) for side in ("left", "right"))
        kind, form = table["join_type"], table["ref_type"]
        name = kind if form in _FORMS else form
        self._subqueries(_level(table["condition"]), cut, _tables(table))
        if left and right:
            self.found.append(("a join of two sharded inputs", table))
        elif left and (kind not in _LEFT_CUT or form not in _FORMS | {"ASOF"}):
            self.found.append((f"this {name} JOIN", table))
        elif right and (kind not in _RIGHT_CUT or form not in _FORMS):
            self.found.append((f"this {name} JOIN from the unsharded side", table))
        return left or right

    def _subqueries(self, parts: list[Node], cut: frozenset[str], outer: set[str] | None = None) -> None:
        """Walk over the subqueries in expressions; ``outer`` are the tables of the query if it has cut rows."""
        for part in parts:
            if part.get("class") != "SUBQUERY":
                continue
            if self.query(part["subquery"]["node"], cut):
                self.found.append(("a subquery", part))
            elif outer is not None:
                inner = part["subquery"]["node"]
                own = _tables(inner.get("from_table")) | (_tables(inner) - outer)
                what = "over columns of the outer query (write table.column for its own)"
                aggregates = [each for each in nodes_of(inner) if _aggregate(each) and _is_outer(each, own)]
                self.found += [(f"{each['function_name']}() {what}", each) for each in aggregates]

    def _unknown(self, what: str, node: Node, cut: frozenset[str]) -> bool:
        reads = any(part.get("type") == "BASE_TABLE" and part["table_name"].lower() in cut for part in nodes_of(node))
        self.found += [(what, node)] * reads
        return reads


def _level(tree: Any) -> list[Node]:  # noqa: ANN401 -- JSON
    """The nodes of a query or a part of it, without those of nested queries."""
    return list(nodes_of(tree, {"subquery", "cte_map", "from_table"}))


def _aggregate(part: Node) -> str:
    """The name of an aggregate or a window function, "" for anything else."""
    name = str(part.get("function_name", ""))
    if part.get("class") == "WINDOW":
        return f"{name}() OVER"
    if part.get("class") == "FUNCTION" and name.lower() in AGGREGATES:
        return "count(*)" if name == "count_star" else f"{name}()"
    return ""


def _is_outer(aggregate: Node, own: set[str]) -> bool:
    """Whether an aggregate may belong to the outer query, as it does if all of its columns come from there."""
    columns = [inner["column_names"] for inner in nodes_of(aggregate) if inner.get("class") == "COLUMN_REF"]
    return bool(columns) and not any(len(names) > 1 and names[0].lower() in own for names in columns)


def _tables(tree: Any) -> set[str]:  # noqa: ANN401 -- JSON
    """The names of all tables in a FROM clause or a query."""
    tables = (node for node in nodes_of(tree) if "class" not in node)  # which expressions have
    return {str(node.get("alias") or node.get("table_name", "")).lower() for node in tables}
