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
