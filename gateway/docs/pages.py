"""The pages of the documentation, by name: the Markdown files beside this module."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from gateway.errors import Code, GatewayError, suggest

#: Every page, in the order in which the index lists them.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Guides": ("writing", "reading", "changing", "console", "operating", "monitoring", "backup", "lake"),
    "Reference": ("connectors", "access", "dialect", "openapi", "errors", "settings", "cli"),
    "Concepts": ("design", "security", "performance", "glossary"),
    "Changes": ("changes",),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)


@dataclass(frozen=True)
class Page:
    """One page of the documentation.

    Attributes:
        name: What `gateway docs NAME` and `/-/docs/NAME` call it.
        text: Its Markdown: a heading, a line of summary, and the rest.
    """

    name: str
    text: str

    @property
    def title(self) -> str:
        """The heading of the page."""
        return self.text.partition("\n")[0].removeprefix("# ")

    @property
    def summary(self) -> str:
        """The line below the heading."""
        return self.text.split("\n\n", 2)[1]


def read(name: str) -> Page:
    """Return the page of a name.

    Raises:
        GatewayError: There is no such page; the hint names the nearest.
    """
    if name not in NAMES:
        raise unknown(name)
    return Page(name, (resources.files("gateway.docs") / f"{name}.md").read_text(encoding="utf-8"))


def unknown(name: str) -> GatewayError:
    """Return the error for a name that no page has."""
    hint = suggest(name, NAMES, "the pages are")
    return GatewayError(Code.ENDPOINT_UNKNOWN, f"there is no page {name[:80]!r}", hint=hint)


def index() -> str:
    """Return the list of pages as Markdown, with links that hold at `/-/docs`."""
    lines = ["# gateway: documentation"]
    for group, names in GROUPS.items():
        lines += ["", f"## {group}", ""]
        lines += [f"- [{page.name}](docs/{page.name}.md): {page.summary}" for page in map(read, names)]
    return "\n".join(lines) + "\n"


def images() -> Mapping[str, bytes]:
    """Return the pictures of the pages, PNG files by name."""
    folder = resources.files("gateway.docs") / "images"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".png")}
