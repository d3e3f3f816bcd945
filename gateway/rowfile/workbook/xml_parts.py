"""The XML of a workbook's parts, parsed as it is read."""

from collections.abc import Callable, Iterator, Mapping
from typing import IO
from xml.parsers import expat

#: The bytes that are parsed at a time, and the most of one tag.
_READ_BYTES, _TAG_BYTES_MAX = 2**15, 2**22

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


def parsed(file: IO[bytes], start: Start, end: End, text: Callable[[str], object]) -> Iterator[None]:
    """Parse XML, and call the handlers with names that have no prefix. Yields after each piece of the file.

    Raises:
        ValueError: It is no XML, or it has a document type, which no workbook has.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = lambda name, given: start(name.rpartition(":")[2], given)
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    parser.CharacterDataHandler = text
    total = 0
    try:
        while data := file.read(_READ_BYTES):
            parser.Parse(data, False)
            total += len(data)
            if total - max(parser.CurrentByteIndex, 0) > _TAG_BYTES_MAX:
                raise ValueError("its XML has a tag that is too long")
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ValueError(f"its XML is damaged ({error}); save it again") from error
    yield


def elements(file: IO[bytes]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the names and the attributes of all elements of a small part.

    Raises:
        ValueError: As `parsed`.
    """
    found: list[tuple[str, Mapping[str, str]]] = []
    for _ in parsed(file, lambda name, given: found.append((name, given)), _ignore, _ignore):
        yield from found
        found.clear()


def _ignore(_: str) -> None:
    """Pass over it."""


def _refuse_doctype(*_: object) -> None:
    raise ValueError("its XML has a document type, which no workbook has")
