"""Snippets for supabase-js's client of PostgREST."""

import re

from gateway.console.snippets import javascript, quoting
from gateway.console.snippets.snippet import TOKEN, EndpointUse, Snippet, Tab
from gateway.query.columns import ColumnNames
from gateway.query.filters import TREE_PARAMETERS
from gateway.query.paging import is_filter
from gateway.query.parameters import READ_PARAMETERS
from gateway.query.query import Order

_NOTE = "`npm install @supabase/postgrest-js`, which supabase-js is built on; its `createClient` alone adds `/rest/v1`."
#: Methods that take a value as they find it; other operators go through `filter`.
_METHODS = frozenset(("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"))
_THROW = "if (error) throw new Error(`${status}: ${JSON.stringify(error)}`);"
#: A name with blanks inside, or text in quotes. The client removes blanks that are not in quotes.
_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s",.:*()>-]+(?:\s+[^\s",.:*()>-]+)+')
#: The end of a range that has no end: the client knows no offset without a limit.
_NO_END = "Number.MAX_SAFE_INTEGER - 1"


def supabase(usage: EndpointUse) -> Tab:
    """Build the tab of supabase-js."""
    snippets = []
    if usage.can_read:
        note = javascript.ON_ERROR + javascript.note_on_digits(usage)
        snippets.append(Snippet("supabase-read", "Read rows", "javascript", _read(usage), note))
    if usage.can_ingest:
        text = _write(usage)
        snippets.append(Snippet("supabase-write", "Write a row", "javascript", text, javascript.ON_REFUSAL))
    return Tab("supabase", "supabase-js", tuple(snippets), _NOTE)


def _read(usage: EndpointUse) -> str:
    calls = [f".from({_relation(usage)})", *_calls(usage)]
    steps = "".join(f"\n  {each}" for each in calls)
    return f"""{_client(usage, needs_token=not usage.is_public)}const {{ data, error, status }} = await client{steps};
{_THROW}
for (const row of data) console.log(row);"""


def _write(usage: EndpointUse) -> str:
    return f"""{_client(usage, needs_token=True)}const {{ data, error, status }} = await client
  .from({_relation(usage)})
  .insert({javascript.row(usage, "  ")})
  .setHeader("Idempotency-Key", "{usage.key("supabase")}");
{_THROW}
console.log(data);"""


def _client(usage: EndpointUse, *, needs_token: bool) -> str:
    base = quoting.double_quoted(usage.base)
    options = (
        f", {{\n  headers: {{ Authorization: `Bearer ${{process.env.{TOKEN}}}` }},\n}}" if needs_token else ""
    )
    return (
        'import { PostgrestClient } from "@supabase/postgrest-js";\n\n'
        f"const client = new PostgrestClient({base}{options});\n"
    )


def _relation(usage: EndpointUse) -> str:
    return quoting.double_quoted(usage.connector.path.removeprefix("/"))


def _calls(usage: EndpointUse) -> list[str]:
    names = ColumnNames(usage.connector)
    options: dict[str, str] = {}
    filters: list[str] = []
    for key, value in usage.parameters:
        if key in READ_PARAMETERS and not is_filter(key, value, names):
            options.setdefault(key, value)
        else:
            filters.append(_tree(key, value) if key in TREE_PARAMETERS else _filter(key, value))
    select = _WORDS.sub(_in_quotes, options.get("select", "").strip() or "*")
    ordered = [_order(each) for each in usage.query.order]
    return [f".select({quoting.double_quoted(select)})", *filters, *ordered, *_page(usage, options)]


def _in_quotes(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else f'"{found[0]}"'


def _filter(key: str, value: str) -> str:
    negation = "not." if value.startswith("not.") else ""
    operator, _, operand = value.removeprefix(negation).partition(".")
    column, operand = quoting.double_quoted(key), quoting.double_quoted(operand)
    if operator in _METHODS and not negation:
        return f".{operator}({column}, {operand})"
    return f".filter({column}, {quoting.double_quoted(negation + operator)}, {operand})"


def _tree(key: str, value: str) -> str:
    """Return a call for a tree: the client has `or` alone, which takes the others inside."""
    inside = value.strip().removeprefix("(").removesuffix(")") if key == "or" else f"{key}{value.strip()}"
    return f".or({quoting.double_quoted(inside)})"


def _order(order: Order) -> str:
    column = quoting.double_quoted(quoting.dialect_column(order.column))
    options = ["ascending: false"] if order.is_descending else []
    if order.has_nulls_first != order.is_descending:
        options.append(f"nullsFirst: {str(order.has_nulls_first).lower()}")
    return f".order({column}, {{ {', '.join(options)} }})" if options else f".order({column})"


def _page(usage: EndpointUse, options: dict[str, str]) -> list[str]:
    query = usage.query
    comment = (
        ["// The client has no method for `cursor`: read the pages by `.range()`."]
        if "cursor" in options
        else []
    )
    if query.offset:
        end = _NO_END if query.limit is None else str(query.offset + query.limit - 1)
        return [*comment, f".range({query.offset}, {end})"]
    return [*comment, *([] if query.limit is None else [f".limit({query.limit})"])]
