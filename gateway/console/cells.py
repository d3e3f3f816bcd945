"""Rows of cells, and texts beside code, to HTML. It alone marks text as HTML; all values are escaped here.

PERF: a loop of a template takes 15 times as long: 6.3 instead of 0.4 ms for 1,900 cells.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.printable import visible
from gateway.query.cell_rows import Cell, CellRow

#: The most characters that the table shows of a value.
CUT_AT = 200
#: The body of a table has at most as many characters of HTML, one row excepted.
HTML_MAX = 2 * 2**20

#: The most signs of a whole value.
SIGNS_MAX = 20_000

#: Control characters, characters that change the direction of writing, those that take no room, blanks that look like
#: others, and the spaces at both ends. Joiners and variation selectors belong to a letter or an emoji before them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200b\u200e\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
    "|(?<![^\x00-\x7f])[\u200c\u200d\ufe00-\ufe0f]|^ +| +$"
)
#: The same, but for line breaks, which a text of several lines shows.
_UNSEEN_IN_LINES = re.compile(_UNSEEN.pattern.replace("[\x00-\x1f", "[\x00-\x09\x0b-\x1f"), re.MULTILINE)
_LETTERS = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]+"
#: Words of a script that is written from right to left.
_RIGHT_TO_LEFT = re.compile(f"{_LETTERS}(?:[ \u200c\u200d]+{_LETTERS})*")
_SIGNS = {"\n": "\\n", "\r": "\\r", "\t": "\\t", " ": "\u00b7"}
#: ASCII without a space at either end, and without a character that HTML escapes or that a link has.
_PLAIN = re.compile("[!#-%(-.0-;=?-~](?:[ !#-%(-.0-;=?-~]*[!#-%(-.0-;=?-~])?")
_LINK = re.compile(r"https?://[!#-;=?-~]+", re.IGNORECASE)
_NULL = '<i class="null">null</i>'
_EMPTY = '<i class="null">empty text</i>'

#: Returns the URL of a row's page, or of the rows of a group; None if there is none.
RowUrl = Callable[[CellRow], str | None]


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML: templates do not escape it again."""

    text: str

    def __html__(self) -> str:
        """Return the HTML; templates look for this method."""
        return self.text


@dataclass(frozen=True, slots=True)
class TableBody:
    """The body of a table.

    Attributes:
        html: Its rows.
        row_count: How many rows it has; the others would have made the page too large.
    """

    html: Html
    row_count: int


def kind_of(type: FieldType) -> str:
    """Return the class of the cells of a type."""
    if type.item is not None:
        return "json"
    name = type.name.partition("(")[0]
    kinds = {"integer": "number", "number": "number", "decimal": "number", "json": "json", "string": "text"}
    return kinds.get(name, "short")


def table_body(rows: Sequence[CellRow], kinds: Sequence[str], url_of: RowUrl, label: str) -> TableBody:
    """Build the body of a table; each row begins with a link.

    Args:
        rows: The rows, whose values are cut at `CUT_AT` characters and one more.
        kinds: The class of each column.
        url_of: Returns the URL behind a row.
        label: The text of the link; empty for the `_id`.
    """
    html: list[str] = []
    size = 0
    for row in rows:
        text = _row(row, kinds, url_of(row), label)
        size += len(text)
        if html and size > HTML_MAX:
            break
        html.append(text)
    return TableBody(Html("".join(html)), len(html))


def whole(value: Cell) -> Html:
    """Build the HTML of a whole value, which may have several lines.

    PERF: a million signs take 58 MB of HTML and 4 s; a value with more than `SIGNS_MAX` has `\u0001` in their place.
    """
    if not value:
        return Html(_NULL if value is None else _EMPTY)
    if has_too_many_signs(value):
        return Html(escape(visible(value)))
    return Html(_linked(value) or _marked(value, _UNSEEN_IN_LINES))


def isolated(text: str) -> Html:
    """Build the HTML of printable text beside code: words from right to left do not swap with what is around them."""
    return Html(_isolated(escape(text)))


def marked(text: str) -> Html:
    """Build the same HTML of any text in one line, with signs for unseen characters."""
    return Html(_isolated(_marked(text, _UNSEEN)))


def has_too_many_signs(value: str) -> bool:
    """Return whether a whole value has more than `SIGNS_MAX` unseen characters, and cannot be copied from its page."""
    return next(islice(_UNSEEN_IN_LINES.finditer(value), SIGNS_MAX, None), None) is not None


def _row(row: CellRow, kinds: Sequence[str], url: str | None, label: str) -> str:
    cells = "".join(_cell(value, kind, url) for value, kind in zip(row.cells, kinds, strict=True))
    text = escape(label or str(row.place))
    head = f'<a href="{escape(url)}">{text}</a>' if url else ""
    return f'<tr><th scope="row">{head}</th>{cells}</tr>\n'


def _cell(value: Cell, kind: str, url: str | None) -> str:
    # PERF: most values are plain, and then one match takes a tenth of the searches below.
    if value and len(value) <= CUT_AT and _PLAIN.fullmatch(value):
        return f'<td class="{kind}">{value}</td>'
    if not value:
        return f'<td class="{kind}">{_NULL if value is None else _EMPTY}</td>'
    if len(value) > CUT_AT:
        more = f'<a href="{escape(url)}">[more]</a>' if url else ""
        return f'<td class="{kind}"><bdi class="cut">{_marked(value[:CUT_AT], _UNSEEN)}…</bdi>{more}</td>'
    link = _linked(value) if kind == "text" else None
    return f'<td class="{kind}">{link or _marked(value, _UNSEEN)}</td>'


def _linked(value: str) -> str | None:
    """Return a link for the text of a URL, None for any other text."""
    if not _LINK.fullmatch(value):
        return None
    text = escape(value)
    return f'<a href="{text}" rel="noreferrer nofollow">{text}</a>'


def _isolated(html: str) -> str:
    return _RIGHT_TO_LEFT.sub(r"<bdi>\g<0></bdi>", html)


def _marked(value: str, unseen: re.Pattern[str]) -> str:
    """Return escaped text in which unseen characters have signs."""
    text = escape(value)
    return unseen.sub(_signs, text) if unseen.search(value) else text


def _signs(found: re.Match[str]) -> str:
    return "".join(map(_sign, found[0]))


def _sign(character: str) -> str:
    code = ord(character)
    name = f"U+{code:04X}"
    sign = _SIGNS.get(character, name)
    return f'<b class="sign" title="{name}" data-code="{code}">{sign}</b>'
