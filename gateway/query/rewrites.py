"""Rewrites of an invalid parameter: what it may mean in this dialect.

They come from languages and APIs that users know: SQL, Django, OData, qs, MongoDB. The caller tries them, and suggests
the first that is valid. So a hint never suggests something invalid.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from gateway.query.operators import IS_VALUES, OPERATORS

#: One or more parameters, each with its value.
Rewrite = Sequence[tuple[str, str]]

#: Longer keys and values are not rewritten.
_MAX_LENGTH = 200
_DIRECTIONS = {"asc": "asc", "ascending": "asc", "desc": "desc", "descending": "desc"}
_ORDER_TERM = re.compile(
    r"([-+]?)(.*?)((?:[\s.:]+(?:asc|desc|ascending|descending|nulls?[\s_.]*first|nulls?[\s_.]*last))*)[\s.:]*",
    re.IGNORECASE,
)
_CALL = re.compile(r"(sum|avg|min|max|count)\(([^()*]+)\)", re.IGNORECASE)
_NAMED = re.compile(r"(.+?)\s+as\s+(.+)", re.IGNORECASE)
#: Names of operators in other languages.
_WORDS = {
    **{name: name for name in OPERATORS},
    **dict.fromkeys(("=", "==", "===", "equals", "equal", "eql"), "eq"),
    **dict.fromkeys(("!=", "<>", "ne", "not_eq", "noteq", "not_equal", "notequal", "nequals"), "neq"),
    **dict.fromkeys((">", "greater", "greater_than", "after"), "gt"),
    **dict.fromkeys((">=", "ge", "min", "from", "since"), "gte"),
    **dict.fromkeys(("<", "less", "less_than", "before"), "lt"),
    **dict.fromkeys(("<=", "le", "max", "to", "until"), "lte"),
    **dict.fromkeys(("~", "regex", "regexp", "rlike", "matches"), "match"),
    **dict.fromkeys(("~*", "iregex"), "imatch"),
    **dict.fromkeys(("isin", "one_of", "oneof", "any"), "in"),
    **dict.fromkeys(("overlaps", "overlap", "&&"), "ov"),
    **dict.fromkeys(("@>", "has", "includes"), "cs"),
}
#: Operators of other languages that are patterns here.
_PATTERNS = {
    **dict.fromkeys(("contains", "icontains", "substring"), "ilike.*{}*"),
    **dict.fromkeys(("fts", "plfts", "phfts", "wfts", "search"), "ilike.*{}*"),
    **dict.fromkeys(("startswith", "starts_with", "prefix", "istartswith"), "ilike.{}*"),
    **dict.fromkeys(("endswith", "ends_with", "suffix", "iendswith"), "ilike.*{}"),
}
_COMPARED = ("eq", "neq", "gt", "gte", "lt", "lte", "isdistinct")
_NULLS = {
    **dict.fromkeys(("null", "isnull", "is_null", "none", "nil", "is.nil", "is.none", "is.empty"), "is.null"),
    **dict.fromkeys(
        ("notnull", "isnotnull", "is_not_null", "not_null", "not.null", "is.notnull"), "is.not_null"
    ),
}
_OPERATION = re.compile(r"(not\.)?([A-Za-z_]+|[=!<>~@&*]+)[\s.:(=]*(.*)", re.DOTALL)
_GLUED = re.compile(r"(neq|gte|lte|eq|gt|lt)([-0-9].*)", re.IGNORECASE)
_RANGE = re.compile(
    r"\W*(?:between|btw|range)\W+(.+?)(?:\s*,\s*|\s+and\s+|\.\.+|\.)([^.,]+?)\W*", re.IGNORECASE
)
_HAS_OPERATOR = re.compile(r"[A-Za-z_]+[.(:]")
_KEY = re.compile(r"(.+?)(?:__|\.|\[|\s+|(?=[<>!=]))([A-Za-z_]+|[<>!=]+)\]?")
_COMPARISON = re.compile(r"\s*(>=|<=|!=|<>|==|=|>|<)\s*")

_LIMIT = "write limit=N&offset=M, or follow the Link header of a page"
_ORDER = "write order=NAME, or order=NAME.desc"
_SELECT = "write select=NAME,NAME"
_FILTER = "write NAME=OPERATOR.VALUE, such as id=eq.1"
_GROUP = "write select=NAME,count(): the columns beside an aggregate are its groups"
_TOKEN = "send the token in a header: Authorization: Bearer gw_…"  # noqa: S105  # It is no token.
_COUNT = "send the header Prefer: count=exact, or write select=count()"
_NEXT = "follow the Link header of a page"
#: Parameters of other APIs, in lower case and without a leading `$`, with their form here.
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


def hint_for(name: str) -> str | None:
    """Return the hint for a parameter of another API; None for any other name."""
    return _PARAMETERS.get(name.lower().removeprefix("$"))


def candidates(key: str, value: str, names: Collection[str]) -> Iterator[Rewrite]:
    """Yield what a parameter may mean, the likeliest first. `names` are the names of columns."""
    if max(len(key), len(value)) > _MAX_LENGTH:
        return
    if key == "order":
        yield [(key, ",".join(_order_terms(value)))]
    elif key == "select":
        yield from ([(key, text)] for text in _selects(value, names))
    elif key in ("and", "or", "not.and", "not.or"):
        yield from ([(key, text)] for text in _trees(value))
    elif key in names or "->" in key:
        yield from _filters(key, value)
    elif (found := _KEY.fullmatch(key)) and (name := found[1].strip()) in names:
        operator = _WORDS.get(found[2].lower()) or _WORDS.get(f"{found[2]}=")
        # The split of key and value has removed the = of a comparison such as >=.
        sign = f"{found[2]}=" if f"{found[2]}=" in _WORDS and not found[2].isalpha() else ""
        for word in filter(None, (_WORDS.get(sign), operator)):
            yield [(name, f"{word}.{value}")]
            yield from _filters(name, f"{word}.{value}")
        yield from _filters(name, f"{found[2]}.{value}")
        yield [(f"{name}->>{found[2]}", value)]


def _order_terms(text: str) -> Iterator[str]:
    """Yield the terms of `order`: SQL separates words by blanks, others use a sign or a colon."""
    terms: list[list[str]] = []
    for part in re.split(r"[,;]", text):
        found = _ORDER_TERM.fullmatch(part.strip())
        if not found:
            terms.append([part.strip()])
            continue
        words = re.sub(r"nulls?[\s_.]*(first|last)", r"nulls\1", found[3].lower())
        known = re.findall(r"nulls(?:first|last)|[a-z]+", words)
        directions = [_DIRECTIONS[word] for word in known if word in _DIRECTIONS]
        directions += ["desc"] if found[1] == "-" and not directions else []
        name = found[2].strip()
        if name.lower() in _DIRECTIONS and terms and len(terms[-1]) == 1:  # `order=amount,desc`
            terms[-1].append(_DIRECTIONS[name.lower()])
        elif name:
            terms.append([name, *directions[:1], *[word for word in known if word.startswith("nulls")][:1]])
    yield from (".".join(term) for term in terms)


def _selects(text: str, names: Collection[str]) -> Iterator[str]:
    for separators in (r"[,;|]", r"[,;|\s]"):
        items = [_selected(item.strip()) for item in re.split(separators, text) if item.strip()]
        yield ",".join(items)
    yield re.sub(r"^(?:distinct|all)\s+", "", text, flags=re.IGNORECASE)


def _selected(item: str) -> str:
    if found := _NAMED.fullmatch(item):
        return f"{found[2].strip()}:{_selected(found[1].strip())}"
    if item.lower().replace(" ", "") in ("count(*)", "count(1)"):
        return "count()"
    if found := _CALL.fullmatch(item):
        return f"{found[2].strip()}.{found[1].lower()}()"
    item = re.sub(r"(::\s*[a-z ]+)\([^)]*\)", r"\1", item)
    item = re.sub(r"\[([0-9]+)\]", r"->\1", item)
    item = re.sub(r"\['?([^\]']+)'?\]", r"->\1", item)
    if found := re.fullmatch(r"(.+)\.(sum|avg|min|max|count)", item):
        return f"{found[1]}.{found[2]}()"
    return re.sub(r"\.(?!(?:sum|avg|min|max|count)\()", "->", item)


def _trees(text: str) -> Iterator[str]:
    inner = text.strip().replace(";", ",")
    inner = re.sub(r",\s*(?=\)|$)", "", inner)
    inner = inner if inner.startswith("(") else f"({inner}"
    missing = inner.count("(") - inner.count(")")
    inner = inner + ")" * missing if missing > 0 else inner[: len(inner) + missing] if missing else inner
    yield inner
    yield _COMPARISON.sub(lambda found: f".{_WORDS[found[1]]}.", inner)
    yield re.sub(r"([\w>-]+)\s+([a-z]+)\s+([^\s,()]+)", r"\1.\2.\3", inner)


def _filters(key: str, value: str) -> Iterator[Rewrite]:
    text = value.strip()
    if text.lower() in _NULLS:
        yield [(key, _NULLS[text.lower()])]
    if found := _RANGE.fullmatch(text):
        yield [(key, f"gte.{found[1].strip()}"), (key, f"lte.{found[2].strip()}")]
    if found := _GLUED.fullmatch(text):
        yield [(key, f"{found[1].lower()}.{found[2]}")]
    found = _OPERATION.fullmatch(text)
    # An invalid pattern is not an error of its operator.
    if found and not re.match(r"(?:not\.)?i?(?:like|match)\.", text):
        for operation in _operations(found[2].lower(), found[3]):
            yield [(key, f"{found[1] or ''}{operation}")]
    plain = text.removeprefix("not.")
    if not _HAS_OPERATOR.match(plain):
        yield [(key, f"{'not.' if plain != text else ''}eq.{plain}")]


def _operations(word: str, rest: str) -> Iterator[str]:
    """Yield the operations that a word of another language may mean, with the rest of the value."""
    bare = rest.strip().strip("()[]{}")
    if word in _PATTERNS and bare:
        yield _PATTERNS[word].format(bare.strip("*%"))
    operator = _WORDS.get(word)
    if operator == "in":
        yield f"in.({bare})"
    elif operator == "is" and bare.lower() in IS_VALUES:
        yield f"is.{bare.lower()}"
    elif operator in ("cs", "cd", "ov"):
        yield f"{operator}.{{{bare}}}"
    elif operator in ("like", "ilike"):
        yield f"{operator}.{rest.replace('%', '*')}"  # A % would have to be written as %25.
    elif operator:
        yield f"{operator}.{rest}"
        yield from _values(operator, rest, bare)


def _values(operator: str, rest: str, bare: str) -> Iterator[str]:
    """Yield a value in the forms of this dialect: a number with a point, a list in braces, a JSON string in quotes."""
    if operator not in _COMPARED or not bare:
        return
    yield f"{operator}.{bare}"
    if found := re.fullmatch(r"\s*(?:any|some|all)\)\W*(.*?)\W*", rest):
        word = "all" if rest.lstrip().startswith("all") else "any"
        yield f"{operator}({word}).{{{found[1]}}}"
    number = re.sub(r"^[=$€£]\s*|\s*[€%]$", "", bare)
    yield f"{operator}.{number}"
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", number):
        yield f"{operator}.{number.replace(',', '.')}"
    yield f"{operator}.{{{bare}}}"
    if '"' not in bare:
        yield f'{operator}."{bare}"'
