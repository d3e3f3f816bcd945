"""Templates to HTML. Every value is escaped, and a value that is missing is an error."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from gateway.console import cells, display
from gateway.console.cells import Html
from gateway.plurals import counted, rows_are
from gateway.printable import printable


def sentence(text: str) -> str:
    """Return the message of an error with a capital where it begins with a word: pages show sentences."""
    word = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if word.isalpha() else text


def cut(text: str, most: int = 300) -> str:
    """Return text for people, printable and of at most `most` characters."""
    return printable(text if len(text) <= most else f"{text[: most - 1]}…")


def field_text(name: str | None) -> str:
    """Return the field of a row's error; an error of the row as a whole has none."""
    return "the row" if name is None else cut(name, 80)


#: The filters of templates, beside those of Jinja2.
_FILTERS: Mapping[str, Callable[..., str | Html]] = {
    "sentence": sentence,
    "printable": printable,
    "cut": cut,
    "counted": counted,
    "rows_are": rows_are,
    "field_text": field_text,
    "isolated": cells.isolated,
    "marked": cells.marked,
}


class Templates:
    """The templates that ship with the console. One thread renders them all."""

    def __init__(self, **shared: object) -> None:
        """Keep the values that every template may use."""
        self._shared = shared

    def render(self, name: str, values: Mapping[str, object]) -> bytes:
        """Render a template. It runs in the thread of the pages, as it takes over a millisecond."""
        text: str = self._environment.get_template(name).render(values)
        return text.encode()

    @functools.cached_property
    def _environment(self) -> Any:
        # PERF: jinja2 takes 40 ms and 11 MB to import, and many gateways are never asked for a page.
        import jinja2  # noqa: PLC0415

        environment = jinja2.Environment(
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            loader=jinja2.PackageLoader("gateway.console"),
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(self._shared)
        for each in (display.number, display.size, display.duration, display.ago, display.instant):
            environment.filters[each.__name__] = each
        environment.filters.update(_FILTERS)
        return environment
