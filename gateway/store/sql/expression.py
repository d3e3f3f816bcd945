"""The SQL of `using`: one expression over one field, without access to anything else in DuckDB.

DuckDB's own parser returns the tree of the expression. Every node of the tree must be known here, and the SQL that
runs is generated from the tree. So it cannot contain a subquery, another column, a setting, a file, or a function
whose result changes over time.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb

from gateway.connectors.connector import Field
from gateway.connectors.constraints import show
from gateway.connectors.field_changes import cast
from gateway.connectors.finding import Finding
from gateway.connectors.plan import ParsedFile
from gateway.errors import Code, nearest

#: How deep the tree of an expression may be; DuckDB 2 reads at most 256 levels of JSON.
MAX_DEPTH = 200

_NODES = frozenset(
    (
        *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT"),
        *("FUNCTION", "LAMBDA", "OPERATOR", "TYPE"),
    )
)
_OPERATORS = frozenset(
    (
        *("ARRAY_CONSTRUCTOR", "ARRAY_EXTRACT", "ARRAY_SLICE", "COMPARE_IN", "COMPARE_NOT_IN"),
        *("OPERATOR_COALESCE", "OPERATOR_IS_NOT_NULL", "OPERATOR_IS_NULL", "OPERATOR_NOT", "OPERATOR_TRY"),
    )
)
#: Functions of the value alone, without those whose result can be much larger than their input, such as `repeat`.
_WORDS = (
    "+ - * / // % ^ ** || ~~ !~~ ~~* !~~* ~~~ & | << >> ~ xor ->> @> <@ &&",
    "ascii base64 char_length character_length chr concat concat_ws contains decode encode ends_with from_base64 from_hex",
    "hex ilike_escape instr lcase left length like_escape lower ltrim md5 nfc_normalize not_ilike_escape not_like_escape",
    "ord position prefix regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace replace reverse",
    "right rtrim sha256 split split_part starts_with str_split string_split strip_accents strlen strpos substr substring",
    "suffix to_base64 to_hex translate trim ucase unhex unicode upper url_decode url_encode",
    "abs ceil ceiling even exp floor gcd greatest isfinite isinf isnan least ln log log10 log2 mod pow power round sign",
    "sqrt trunc",
    "date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayofmonth dayofweek",
    "dayofyear epoch epoch_ms epoch_ns epoch_us hour isodow isoyear last_day make_date make_time make_timestamp",
    "make_timestamptz microsecond millisecond minute month quarter second strftime strptime timezone to_days to_hours",
    "to_microseconds to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years",
    "try_strptime week weekday weekofyear year",
    "if ifnull nullif typeof",
    "apply array_apply array_concat array_contains array_distinct array_extract array_filter array_has array_indexof",
    "array_length array_position array_reverse array_slice array_sort array_to_string array_transform cardinality",
    "element_at filter flatten len list_apply list_avg list_concat list_contains list_count list_distinct list_element",
    "list_extract list_filter list_has list_indexof list_max list_min list_position list_reverse list_slice list_sort",
    "list_sum list_transform list_unique list_value row struct_extract struct_pack",
    "from_json json json_array json_array_length json_contains json_exists json_extract json_extract_path",
    "json_extract_path_text json_extract_string json_keys json_object json_quote json_transform json_type json_valid",
    "json_value to_json",
)
FUNCTIONS = tuple(word for line in _WORDS for word in line.split())


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. `tree` is DuckDB's own form of it; `names` are the names of its field, in lower case."""

    names: frozenset[str]
    tree: str

    def over(self, column: str) -> str:
        """Write it as SQL over a column, whose name need not be the field's."""
        tree = json.loads(self.tree)
        for node, _ in _nodes(tree, self.names):
            if node.get("class") == "COLUMN_REF" and _is_field(node, self.names):
                node["column_names"] = [column]
        return f"({_parser.write(tree).removeprefix('SELECT ')})"


def parse(text: str, field: Field) -> Expression:
    """Parse an expression over a field, by its current or its former name. Any thread may call it.

    Raises:
        ValueError: The expression is refused; the message says why.
    """
    try:
        tree = _parser.read(f"SELECT {text}")
        if tree.get("error"):
            raise ValueError(f"it is not one SQL expression: {tree['error_message']}".splitlines()[0][:300])
        names = frozenset(name.lower() for name in (field.name, field.renamed_from) if name)
        _check(_expression(tree), field, names)
        expression = Expression(names, json.dumps(tree))
        expression.over(field.name)
    except (duckdb.Error, RecursionError) as error:
        raise ValueError("it is too deep, or not SQL") from error
    return expression


class _Parser:
    """DuckDB's parser: a separate database without tables. Any thread may use it; a lock admits one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(config={"threads": "1", "enable_external_access": "false"})

    def read(self, statement: str) -> dict[str, Any]:
        """Parse a statement into its tree, or into the tree of its error."""
        tree: dict[str, Any] = json.loads(self._run("SELECT json_serialize_sql(?)", statement))
        return tree

    def write(self, tree: dict[str, Any]) -> str:
        """Generate the statement of a tree."""
        return self._run("SELECT json_deserialize_sql(?::JSON)", json.dumps(tree))

    def _run(self, sql: str, parameter: str) -> str:
        with self._lock:
            return str(self._connection.execute(sql, [parameter]).fetchall()[0][0])


_parser = _Parser()


def check(declared: ParsedFile) -> ParsedFile:
    """Check each `using` of a connector file; if one is invalid, return its findings instead of a connector."""
    findings = []
    for field in declared.connector.fields if declared.connector else ():
        try:
            if field.using is not None:
                parse(field.using, field)
        except ValueError as error:
            message = f"{field.name}.using {show(field.using)}: {error}"
            hint = (
                f"write an expression over '{field.name}', such as {cast(field.name, field.type.sql.column)}"
            )
            place = (declared.file, field.line, field.column)
            findings.append(Finding(*place, Code.DECLARATION_INVALID, message, hint))
    if not findings:
        return declared
    return ParsedFile(declared.file, None, (*declared.findings, *findings))


def _expression(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the only expression of a statement that contains nothing else."""
    statements = [each["node"] for each in tree["statements"]]
    selected = [each for node in statements for each in node.pop("select_list", ())]
    nothing = _parser.read("SELECT NULL")["statements"][0]["node"]
    del nothing["select_list"]
    if statements != [nothing] or len(selected) != 1 or selected[0]["alias"]:
        raise ValueError("it is not one SQL expression, without FROM, AS or another clause")
    statements[0]["select_list"] = selected
    expression: dict[str, Any] = selected[0]
    return expression


def _check(expression: dict[str, Any], field: Field, names: frozenset[str]) -> None:
    """Refuse every node that could reach beyond the field, and call parameters as no column is called."""
    nodes = [(node, parameters) for node, parameters in _nodes(expression, names) if "class" in node]
    for node, _ in nodes:
        kind = node["class"]
        if kind not in _NODES or (kind == "OPERATOR" and node["type"] not in _OPERATORS):
            raise ValueError(f"it has {_spoken(node)}, which reaches beyond the value of the field")
        if kind == "FUNCTION":
            _check_function(node)
    for node, parameters in nodes:
        if node["class"] == "LAMBDA" and parameters and _parameters(node, names):
            raise ValueError("it has a lambda inside a lambda, which may take longer than anyone can wait")
        if node["class"] == "COLUMN_REF" and not _is_field(node, names):
            first, *parts = _lower(node)
            if first not in parameters:
                name = ".".join(node["column_names"])
                raise ValueError(f"it names '{name}', but '{field.name}' is the only name it may use")
            node["column_names"] = [f"_p_{first}", *parts]


def _check_function(node: dict[str, Any]) -> None:
    name = node["function_name"].lower()
    if node["schema"] not in ("", "main", "pg_catalog") or node["catalog"] not in ("", "system"):
        raise ValueError(f"it calls {node['schema']}.{name}; write {name}(…)")
    if name not in FUNCTIONS:
        guess = nearest(name, FUNCTIONS)
        hint = f"did you mean '{guess}'?" if guess else "it may call functions of the value alone"
        raise ValueError(f"it calls {name}, which it may not; {hint}")
    if node["distinct"] or node["filter"] or node["order_bys"]["orders"] or node["export_state"]:
        raise ValueError(f"it calls {name} as an aggregate, but sees one value at a time")


def _is_field(node: dict[str, Any], names: frozenset[str]) -> bool:
    return len(node["column_names"]) == 1 and _lower(node)[0] in names


def _lower(node: dict[str, Any]) -> list[str]:
    return [str(name).lower() for name in node["column_names"]]


def _spoken(node: dict[str, Any]) -> str:
    words = {
        "SUBQUERY": "a query inside it",
        "WINDOW": "a window function",
        "STAR": "a *",
        "PARAMETER": "a parameter",
    }
    return words.get(node["class"], str(node["type"]).lower().replace("_", " "))


def _parameters(node: dict[str, Any], names: frozenset[str]) -> frozenset[str]:
    """Return the parameters of a lambda. An arrow after the field itself is the JSON operator and has none."""
    lefts = (each for each, _ in _nodes(node["lhs"], names) if each.get("class") == "COLUMN_REF")
    found = frozenset(name for each in lefts for name in _lower(each))
    return frozenset() if found & names else found


def _nodes(tree: Any, names: frozenset[str]) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Yield every object of a tree, with the parameters of its enclosing lambdas.

    Without recursion: a tree may be as deep as DuckDB's parser goes.
    """
    nothing: frozenset[str] = frozenset()
    waiting: list[tuple[Any, int, frozenset[str]]] = [(tree, 0, nothing)]
    while waiting:
        item, depth, parameters = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError("it is too deep")
        if isinstance(item, dict):
            yield item, parameters
            if item.get("class") == "LAMBDA":
                parameters |= _parameters(item, names)
            waiting.extend((each, depth + 1, parameters) for each in item.values())
        elif isinstance(item, list):
            waiting.extend((each, depth + 1, parameters) for each in item)
