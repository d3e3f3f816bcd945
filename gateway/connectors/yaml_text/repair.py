"""Reading of YAML text that has faults: each is repaired in memory, to report the faults behind it."""

import contextlib
import re
from dataclasses import replace

import yaml

from gateway.connectors.finding import Finding
from gateway.connectors.yaml_text import faults
from gateway.connectors.yaml_text.brackets import find_bracket_too_deep
from gateway.connectors.yaml_text.characters import find_unacceptable
from gateway.connectors.yaml_text.event_reader import MAX_DEPTH, EventReader, TooDeepError
from gateway.connectors.yaml_text.fault import Fault, ParserComplaint
from gateway.connectors.yaml_text.node import Node
from gateway.errors import Code

#: How many faults of one text are repaired to find the next, and how long such a text may be: each takes a reading.
MAX_REPAIRS = 20
MAX_REPAIRED_CHARACTERS = 32 * 1024
_DEPTH_HINT = "a connector needs a few levels only: is a bracket never closed?"


class TextRepair:
    """Reads text with faults: repairs each one in memory, and reads again."""

    def __init__(self, text: str, file: str, findings: list[Finding]) -> None:
        self.findings = findings
        self._file = file
        # PyYAML takes a lone CR for a line break, too.
        self._text = text if "\n" in text else text.replace("\r", "\n")
        #: For each edit its line, its column, where its new text ends, and by how much the rest of the line moved.
        self._moves: list[tuple[int, int, int, int]] = []
        self._told: set[tuple[int, str]] = set()
        #: Lines whose indentation was repaired already. What is wrong with that of the others is not clear from there.
        self._indented: set[int] = set()
        self.spoiled: frozenset[tuple[int, int]] = frozenset()

    def read(self) -> Node | None:
        """Build the tree of the repaired text, None where the text cannot be read to its end."""
        if self._is_too_deep() or not self._repair_visible_faults():
            return None
        for _ in range(MAX_REPAIRS if len(self._text) < MAX_REPAIRED_CHARACTERS else 1):
            reader = EventReader(self._file)
            try:
                root = reader.document(yaml.parse(self._text, Loader=yaml.SafeLoader))
            except (yaml.YAMLError, ValueError, OverflowError) as error:
                if isinstance(error, TooDeepError) or not self._find(
                    faults.explain_complaint(self._text, _trouble(error))
                ):
                    self._note_depth(error)
                    return None
            else:
                self.findings += map(self.original, reader.findings)
                self.spoiled = frozenset(reader.spoiled)
                return root
        return None

    def _repair_visible_faults(self) -> bool:
        """Repair the faults that show in the text itself; return False if one cannot be repaired."""
        if fault := find_unacceptable(self._text):
            self._find(fault)
        found = faults.find_faults(self._text, masked(self._text))
        return all(self._find(fault) for fault in reversed(found))  # So that places before an edit hold.

    def _is_too_deep(self) -> bool:
        """Return whether reading would take minutes, and record why."""
        at = find_bracket_too_deep(self._text)
        if at is not None:
            self._find(Fault(at, f"the values are nested deeper than {MAX_DEPTH} levels", _DEPTH_HINT))
        return at is not None

    def original(self, finding: Finding) -> Finding:
        """Move a finding from its place in the repaired text to that in the text that was read."""
        line, column = finding.line, finding.column
        if line is None or column is None:
            return finding
        for edited, start, end, delta in reversed(self._moves):
            if line == edited and column >= end:
                column -= delta
            elif line == edited and column > start:
                column = start
        return replace(finding, column=column)

    def warning(self, fault: Fault) -> Finding:
        """Return a fault as a warning."""
        line, column = self._place(fault.at)
        return Finding(
            self._file, line, column, Code.YAML_INVALID, fault.message, fault.hint, is_warning=True
        )

    def _find(self, fault: Fault) -> bool:
        """Record a fault and repair it; return False if that is impossible, so that reading must stop."""
        line, column = self._place(fault.at)
        indented = {self._place(edit.start)[0] for edit in fault.edits if self._place(edit.start)[1] == 1}
        if (fault.at, fault.message) in self._told or indented & self._indented:
            return False
        self._told.add((fault.at, fault.message))
        self._indented |= indented
        finding = Finding(self._file, line, column, Code.YAML_INVALID, fault.message, fault.hint)
        self.findings.append(self.original(finding))
        for edit in sorted(fault.edits, reverse=True):
            line, column = self._place(edit.start)
            end = column + len(edit.text)
            self._moves.append((line, column, end, len(edit.text) - (edit.end - edit.start)))
            self._text = self._text[: edit.start] + edit.text + self._text[edit.end :]
        return bool(fault.edits)

    def _note_depth(self, error: Exception) -> None:
        if isinstance(error, TooDeepError) and error.problem_mark:
            line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
            finding = Finding(self._file, line, column, Code.YAML_INVALID, str(error.problem), _DEPTH_HINT)
            self.findings.append(self.original(finding))

    def _place(self, index: int) -> tuple[int, int]:
        return self._text.count("\n", 0, index) + 1, index - self._text.rfind("\n", 0, index)


def _trouble(error: Exception) -> ParserComplaint:
    if not isinstance(error, yaml.MarkedYAMLError):  # Numbers and escapes that PyYAML's scanner trips over.
        return ParserComplaint("an escape or a number is out of range", "", 0, 0)
    mark, context = error.problem_mark or error.context_mark, error.context_mark
    index = mark.index if mark else 0
    return ParserComplaint(
        error.problem or "", error.context or "", index, context.index if context else index
    )


def masked(text: str) -> str:
    """Put other characters in the place of those in quotes, block texts and comments."""
    characters = list(text)
    with contextlib.suppress(yaml.YAMLError, ValueError, OverflowError):
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.ScalarToken) and token.style:
                _mask(characters, token.start_mark.index, token.end_mark.index)
    masked = "".join(characters)
    for found in re.finditer(r"(?m:(?:^|(?<=[\s{\[,]))(?:\"[^\"\n]*\"|'[^'\n]*')|(?:^|(?<=\s))#.*$)", masked):
        _mask(characters, *found.span())
    return "".join(characters)


def _mask(characters: list[str], start: int, end: int) -> None:
    for index in range(start, end):
        if characters[index] != "\n":
            characters[index] = "x"
