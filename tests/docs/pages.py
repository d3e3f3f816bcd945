"""The README and the pages of gateway/docs: their texts, blocks, headings, and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import ROOT

README = ROOT / "README.md"
PATHS = (README, *sorted((ROOT / "gateway/docs").glob("*.md")))
_BLOCK = re.compile(r"^```(?P<language>[a-z]+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    language: str
    text: str

    @property
    def first(self) -> str:
        """The first line, where a file has its path as a comment."""
        return self.text.partition("\n")[0]


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages in some languages."""
    return [block for path in PATHS for block in blocks_of(path) if block.language in languages]


def blocks_of(path: Path) -> list[Block]:
    """Return the blocks of one page in their order."""
    return [Block(path, found["language"], found["text"]) for found in _BLOCK.finditer(path.read_text())]


def has(path: Path, language: str) -> bool:
    """Return whether a page has a block in a language."""
    return any(block.language == language for block in blocks_of(path))


def prose(path: Path) -> str:
    """Return a page without its blocks."""
    return _BLOCK.sub("", path.read_text())


def links(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the links of a page as file and anchor; a link inside the page has no file."""
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(path))):
        if not target.startswith(("http://", "https://")):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
