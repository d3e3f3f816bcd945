"""What other query languages and APIs write, to the same in this dialect: the hints for what cannot be read."""

import re
from collections.abc import Collection, Mapping

#: The hint for whoever asks for rows of another table with those of this one.
ONE_TABLE = "a connector is one table: read the other one by itself, and join the rows where they are used"
_LIMIT = "write limit=N&offset=M, or follow the Link header of a page"
_ORDER = "write order=NAME, or order=NAME.desc"
_SELECT = "write select=NAME,NAME"
_FILTER = "write NAME=OPERATOR.VALUE, such as id=eq.1"
_GROUP = "write select=NAME,count(): the columns beside an aggregate are its groups"
_TOKEN = "send the token in a header: Authorization: Bearer gw_…"  # noqa: S105  # It is no token.
_COUNT = "send the header Prefer: count=exact, or write select=count()"
_NEXT = "follow the Link header of a page"
#: Parameters of other APIs, in lower case and without a leading `$`, and what is written here.
_PARAMETERS: Mapping[str, str] = {
    **dict.fromkeys(("sort", "sort_by", "sortby", "order_by", "orderby", "ordering", "sort[]"), _ORDER),
    **dict.fromkeys(("page", "per_page", "page_size", "pagesize", "top", "take", "skip", "first"), _LIMIT),
    **dict.fromkeys(("fields", "field", "columns", "cols", "include", "only", "exclude"), _SELECT),
    **dict.fromkeys(("filter", "filters", "where", "q", "query", "search", "sql"), _FILTER),
    **dict.fromkeys(("group", "group_by", "groupby", "distinct", "having"), _GROUP),
    **dict.fromkeys(("token", "access_token", "api_key", "apikey", "api-key", "auth"), _TOKEN),
    **dict.fromkeys(("count", "total"), _COUNT),
    **dict.fromkeys(("after", "before", "page_token", "next", "starting_after", "continuation"), _NEXT),
}
#: Comparisons of SQL and of programming languages, the longest first.
_COMPARISONS = {
    ">=": "gte",
    "<=": "lte",
    "!=": "neq",
    "<>": "neq",
    "==": "eq",
    ">": "gt",
    "<": "lt",
    "=": "eq",
}
_ORDERED = re.compile(r"([+-]?)(.+?)(?:[ ;:]+(asc|desc)\w*)?", re.IGNORECASE)
_COMPARED = re.compile(r"(.+?)\s*(>=|<=|!=|<>|==|[><=])")
_NAMED = re.compile(r"(.+?)\s+as\s+(.+)", re.IGNORECASE)


def of_parameter(name: str, names: Collection[str]) -> str | None:
    """Return the hint for a parameter of another API; None for any other name."""
    return _PARAMETERS.get(name.lower().removeprefix("$"))


def of_order(text: str, names: Collection[str]) -> str | None:
    """Return the hint for a column of `order` as SQL and other APIs write it: `name desc`, `-name`."""
    found = _ORDERED.fullmatch(text)
    if not found or found[2] not in names:
        return None
    descends = found[1] == "-" or (found[3] or "").lower() == "desc"
    return f"write order={found[2]}{'.desc' if descends else ''}"


def of_selected(text: str, names: Collection[str]) -> str | None:
    """Return the hint for an item of `select` as SQL and other APIs write it: `name as other`, `a;b`."""
    if (found := _NAMED.fullmatch(text)) and found[1] in names:
        return f"write {found[2]}:{found[1]}"
    if re.split("[;| ]+", text)[0] in names:
        return "separate columns by commas"
    return None


def of_compared(text: str, names: Collection[str]) -> str | None:
    """Return the hint for a condition of a tree as other languages write it: `id>=1`."""
    found = _COMPARED.match(text)
    if not found or found[1] not in names:
        return None
    return f"write {found[1]}.{_COMPARISONS[found[2]]}.VALUE"


def of_filter(name: str, before: str, text: str) -> str:
    """Return the hint for a filter whose text has no operator: `id=1`, `id=>1`. `before` is its `not.`, if any."""
    sign = next((sign for sign in _COMPARISONS if text.startswith(sign)), "")
    operator, value = _COMPARISONS.get(sign, "eq"), text.removeprefix(sign).strip()
    return f"write {name}={before}{operator}.{value if len(value) <= _SHOWN else 'VALUE'}"


#: How long a value may be that is shown.
_SHOWN = 100
