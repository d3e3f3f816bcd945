"""A fault of YAML text as a frozen value, with the edits that repair it."""

from typing import NamedTuple


class TextEdit(NamedTuple):
    """A change of the text. It never adds or removes a line break, so that lines keep their numbers."""

    start: int
    end: int
    text: str


class Fault(NamedTuple):
    """A fault of the text, where it is, and how it is repaired; without edits the reader must stop there."""

    at: int
    message: str
    hint: str
    edits: tuple[TextEdit, ...] = ()


class ParserComplaint(NamedTuple):
    """The complaint of a YAML parser: about the text `at` an index, while it read something that began at `start`."""

    problem: str
    context: str
    at: int
    start: int
