"""Findings about connector files: the problem, the place, and the fix."""

from dataclasses import dataclass
from typing import Any

from gateway.errors import Code


@dataclass(frozen=True, slots=True)
class Example:
    """A stored row that conflicts with a change: its `_id`, and the value as JSON text, cut if it is long."""

    id: int
    value: str | None

    def body(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"_id": self.id, "value": self.value}


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem at one place of one file.

    Attributes:
        file: The name of the file in the directory.
        line: Counted from 1, None for the whole file.
        column: Counted from 1, or None.
        code: Its kind.
        message: The thing, the value, and the problem.
        hint: The fix, None if the message is enough.
        is_warning: The file is served anyway.
        rows: The stored rows of the problem, for the admin token only, never for a log.
    """

    file: str
    line: int | None
    column: int | None
    code: Code
    message: str
    hint: str | None = None
    is_warning: bool = False
    rows: tuple[Example, ...] = ()

    @property
    def level(self) -> str:
        """`warning`, or `error`."""
        return "warning" if self.is_warning else "error"

    def body(self) -> dict[str, Any]:
        """Return it as the JSON that `/-/status`, `/-/reload` and `gateway check --format json` show."""
        body = {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "level": self.level,
            "code": self.code.code,
            "message": self.message,
            "hint": self.hint,
        }
        return {**body, "rows": [each.body() for each in self.rows]} if self.rows else body

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: {self.level} {self.code.code}: {self.message}" + (
            f" ({self.hint})" if self.hint else ""
        )
        return text.replace("\n", "\\n")


class InvalidFileError(Exception):
    """A connector file is not served; `findings` says why."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("; ".join(map(str, findings)))
