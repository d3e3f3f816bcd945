"""The text of a page as a browser shows it, by the ids of its elements."""

from html.parser import HTMLParser
from typing import NamedTuple


class Element(NamedTuple):
    """An element with an id."""

    attributes: dict[str, str | None]
    text: str


class _Reader(HTMLParser):
    _VOID = ("meta", "link", "input", "br", "img", "hr")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, Element] = {}
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self._VOID:
            self._open.append((tag, dict(attrs), []))

    def handle_data(self, data):
        for _, _, texts in self._open:
            texts.append(data)

    def handle_endtag(self, tag):
        opened, attributes, texts = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"
        if "id" in attributes:
            assert attributes["id"] not in self.found, f"two elements are called {attributes['id']}"
            self.found[attributes["id"]] = Element(attributes, "".join(texts))

    def close(self):
        super().close()
        assert self._open == []


def elements(page: str) -> dict[str, Element]:
    """Return the elements of a page that have an id; a page that is not well-formed fails the test."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found


class TableCell(NamedTuple):
    """A cell of a table of rows: its value, None for null; whether it was cut; and its class."""

    value: str | None
    is_cut: bool
    kind: str | None


class _TableReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[TableCell]] = []
        self._cell: list[str] | None = None
        self._kind: str | None = None
        self._marks: set[str] = set()
        self._inside: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self._cell, self._kind, self._marks = [], attributes.get("class"), set()
        elif self._cell is not None:
            self._inside.append((tag, attributes))
            if attributes.get("class") in ("null", "cut"):
                self._marks.add(attributes["class"])
            if "data-code" in attributes:
                self._cell.append(chr(int(attributes["data-code"])))

    def handle_data(self, data):
        is_sign = any("data-code" in attributes for _, attributes in self._inside)
        is_more = data == "[more]" and "cut" in self._marks
        if self._cell is not None and not is_sign and not is_more:
            self._cell.append(data)

    def handle_endtag(self, tag):
        if tag == "td":
            text: str | None = "".join(self._cell)
            if "null" in self._marks:
                text = None if text == "null" else ""
            is_cut = "cut" in self._marks
            self.rows[-1].append(TableCell(text[:-1] if is_cut else text, is_cut, self._kind))
            self._cell = None
        elif self._cell is not None:
            self._inside.pop()


def table_cells(page: str) -> list[list[TableCell]]:
    """Return the cells of the body of the table of rows in a page; no row without a table."""
    reader = _TableReader()
    reader.feed(page.partition('<table class="rows">')[2].partition("<tbody>")[2].partition("</tbody>")[0])
    reader.close()
    return reader.rows
