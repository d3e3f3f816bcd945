"""The status of a load: how much of a file is stored, and why it stopped."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from gateway.errors import GatewayError
from gateway.strictjson import Json

LoadState = Literal["running", "stopped", "done"]


@dataclass(frozen=True, slots=True)
class LoadProblem:
    """The reason for which a load stopped.

    Attributes:
        code: The code of the error; empty if there is none.
        message: The thing, the value, and the problem.
        hint: The next action, or None.
        errors: The first errors of single rows: `row`, `line`, `field`, `code`, and `message`, by the file's own numbers.
        error_count: The number of such errors in the batch.
        choices: The ways to go on if rows may be stored already: `rest` and `again`, or `again` alone.
    """

    code: str
    message: str
    hint: str | None = None
    errors: tuple[Mapping[str, Json], ...] = ()
    error_count: int = 0
    choices: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Return the problem that `asdict` wrote."""
        return cls(**{**given, "errors": tuple(given["errors"]), "choices": tuple(given.get("choices", ()))})

    @classmethod
    def of_restart(cls) -> Self:
        """Return the problem of a load that the end of the process cut off."""
        return cls("", "the gateway was stopped during the load", hint="continue the load")

    @classmethod
    def of(cls, error: GatewayError) -> Self:
        """Return the problem that an error is."""
        return cls(error.code.code, error.message, error.hint)


@dataclass(frozen=True, slots=True)
class LoadStatus:
    """The status of one load of a file into a connector.

    Attributes:
        connector: The name of the connector.
        seed: A part of the idempotency keys; another one stores the same rows once more.
        without: The columns that are left out, by name or number.
        keeps_bad_rows: Whether bad rows are kept where the connector leaves that to the request.
        state: Whether it runs, or why not.
        bytes: The bytes of the file up to the last stored batch.
        rows: The rows of the file up to there.
        batches: The number of batches.
        stored: The rows that the batches stored.
        rejected: The bad rows that were kept.
        duplicates: The rows that were passed over, as their primary keys existed.
        stored_before: The rows that an earlier load had done.
        is_pending: Whether a batch was sent whose receipt is not counted yet.
        waits_for: Why it waits before it sends the next batch again, or None.
        problem: Why it stopped, or None.
    """

    connector: str
    seed: str = ""
    without: tuple[str, ...] = ()
    keeps_bad_rows: bool = False
    state: LoadState = "running"
    bytes: int = 0
    rows: int = 0
    batches: int = 0
    stored: int = 0
    rejected: int = 0
    duplicates: int = 0
    stored_before: int = 0
    is_pending: bool = False
    waits_for: str | None = None
    problem: LoadProblem | None = None

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Return the status that `asdict` wrote."""
        problem = given["problem"] and LoadProblem.from_json(given["problem"])
        return cls(**{**given, "without": tuple(given["without"]), "problem": problem})

    def body(self) -> dict[str, Any]:
        """Return it as JSON for clients, without what is the load's own."""
        own = {"seed", "is_pending"}
        return {name: value for name, value in asdict(self).items() if name not in own}

    def after_rows(self, rows: int) -> Self:
        """Return the status of a load that goes on after the rows that are stored."""
        if rows < self.rows:  # The store no longer has the others.
            return type(self)(
                self.connector, self.seed, self.without, self.keeps_bad_rows, stored_before=rows, rows=rows
            )
        return replace(self, rows=rows, stored_before=self.stored_before + rows - self.rows)

    def with_receipt(self, receipt: Mapping[str, Any], rows: int, bytes: int, *, is_own: bool) -> Self:
        """Return the status after a batch.

        Args:
            receipt: Its receipt.
            rows: The rows of the file up to its end.
            bytes: The bytes of the file up to there.
            is_own: Whether this load stored it, and not an earlier one of the same rows.
        """
        counted = receipt if is_own else {}
        return replace(
            self,
            rows=rows,
            bytes=bytes,
            batches=self.batches + 1,
            stored=self.stored + counted.get("stored", 0),
            rejected=self.rejected + counted.get("rejected", 0),
            duplicates=self.duplicates + counted.get("duplicates", 0),
            stored_before=self.stored_before + (0 if is_own else rows - self.rows),
            is_pending=False,
            waits_for=None,
        )
