"""The activity of connectors by period: batches from the ledger, and hours of figures from a table of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime

import pyarrow as pa

from gateway.figures import FIGURES, RequestFigures
from gateway.store.activity import BatchCounts, HourlyFigures
from gateway.store.commit_counts import SENT
from gateway.store.engine.interface import Database
from gateway.store.sql.names import literal

_TABLE = f"""
CREATE TABLE IF NOT EXISTS gateway.activity (
    connector VARCHAR, hour TIMESTAMPTZ, {", ".join(f"{name} BIGINT" for name in FIGURES)}
);
"""
_ARROW = pa.schema(
    [
        ("connector", pa.string()),
        ("hour", pa.timestamp("us", "UTC")),
        *((name, pa.int64()) for name in FIGURES),
    ]
)
_SUMS = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in FIGURES)
_ADDED = ", ".join(f"{name} = a.{name} + added.{name}" for name in FIGURES)

#: The actions of batches that a client has sent.
_SENT = ", ".join(map(literal, sorted(SENT)))


class Activity:
    """The activity of connectors. `add` and `forget` belong to the writer thread and its transaction, the others to any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.writer.execute(_TABLE)

    def batches(
        self, names: Sequence[str], since: datetime, until: datetime, step: int, token: str | None = None
    ) -> Mapping[tuple[str, int], BatchCounts]:
        """Count the batches of connectors, or those of one token, by name and start of the period.

        Args:
            names: The connectors.
            since: The first instant.
            until: The end, which is excluded.
            step: The length of a period in seconds; periods begin at its multiples since 1970.
            token: The token of the batches, None for all.
        """
        rows = self._database.rows(
            f"SELECT connector, {_period('committed_at', step)} AS period, count(*),"
            " sum(coalesce(received, rows))::BIGINT, sum(rows)::BIGINT, sum(coalesce(rejected, 0))::BIGINT,"
            " sum(coalesce(duplicates, 0))::BIGINT, sum(coalesce(deleted, 0))::BIGINT,"
            " sum(coalesce(bytes, 0))::BIGINT FROM gateway.batches"
            " WHERE committed_at >= ?::TIMESTAMPTZ AND committed_at < ?::TIMESTAMPTZ"
            " AND list_contains(?::VARCHAR[], connector) AND (?::VARCHAR IS NULL OR token = ?::VARCHAR)"
            " GROUP BY connector, period",
            [since.isoformat(), until.isoformat(), list(names), token, token],
        )
        return {(name, period): BatchCounts(*counts) for name, period, *counts in rows}

    def figures(
        self, names: Sequence[str], since: datetime, until: datetime, step: int
    ) -> Mapping[tuple[str, int], RequestFigures]:
        """Return the stored figures of connectors, by name and start of the period.

        The arguments are those of `batches`; `since` and `step` are whole hours.
        """
        rows = self._database.rows(
            f"SELECT connector, {_period('hour', step)} AS period, {_SUMS} FROM gateway.activity"
            " WHERE hour >= ?::TIMESTAMPTZ AND hour < ?::TIMESTAMPTZ"
            " AND list_contains(?::VARCHAR[], connector) GROUP BY connector, period",
            [since.isoformat(), until.isoformat(), list(names)],
        )
        return {(name, period): RequestFigures(*counts) for name, period, *counts in rows}

    def usual_gaps(self, days: int) -> Mapping[str, int]:
        """Return the usual gap between the batches that clients send, in hours, by connector name."""
        sent, hour = f"coalesce(action, 'post') IN ({_SENT})", "epoch_us(committed_at) // 3600000000"
        rows = self._database.rows(
            f"WITH last AS (SELECT connector, max({hour}) - ? AS first FROM gateway.batches WHERE {sent}"
            f" GROUP BY connector), hours AS (SELECT DISTINCT connector, {hour} AS hour FROM gateway.batches"
            f" JOIN last USING (connector) WHERE {sent} AND {hour} >= first),"
            " gaps AS (SELECT connector, hour - lag(hour) OVER (PARTITION BY connector ORDER BY hour) AS gap FROM hours)"
            " SELECT connector, max(gap, 2)[2] FROM gaps GROUP BY connector HAVING count(gap) > 1",
            [days * 24],
        )
        return dict(rows)

    def add(self, hours: Sequence[HourlyFigures]) -> None:
        """Add figures to those of their hours; no connector has two entries of one hour."""
        lines = [(each.connector, each.hour, *astuple(each.figures)) for each in hours]
        arrays = (pa.array(column) for column in zip(*lines, strict=True))
        added = pa.table(list(arrays), names=_ARROW.names).cast(_ARROW)
        same = "a.connector = added.connector AND a.hour = added.hour"
        with self._database.registered("added", added):
            self._database.writer.execute(
                f"INSERT INTO gateway.activity SELECT connector, hour, {', '.join('0' for _ in FIGURES)}"
                f" FROM added WHERE NOT EXISTS (SELECT 1 FROM gateway.activity AS a WHERE {same})"
            )
            self._database.writer.execute(
                f"UPDATE gateway.activity AS a SET {_ADDED} FROM added WHERE {same}"
            )

    def forget(self, before: datetime) -> None:
        """Delete the figures of hours before an instant."""
        self._database.writer.execute(
            "DELETE FROM gateway.activity WHERE hour < $1::TIMESTAMPTZ", [before.isoformat()]
        )


def _period(column: str, step: int) -> str:
    """Return SQL for the start of the period of an instant, in seconds since 1970."""
    return f"(epoch_us({column}) // {step * 1_000_000:d}) * {step:d}"
