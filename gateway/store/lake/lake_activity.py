"""The activity of connectors by period in PostgreSQL, summed over all gateways."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime

from gateway.figures import FIGURES, RequestFigures
from gateway.store.activity import BatchCounts, HourlyFigures
from gateway.store.commit_counts import SENT
from gateway.store.lake.postgres import PostgreSQL, execute

#: Creates the table of the figures.
TABLE = (
    "CREATE TABLE IF NOT EXISTS gw.activity (connector text, hour timestamptz,"
    f" {', '.join(f'{name} bigint NOT NULL' for name in FIGURES)}, PRIMARY KEY (connector, hour))"
)
_ADD = (
    f"INSERT INTO gw.activity AS a VALUES ({', '.join(['%s'] * (len(FIGURES) + 2))}) ON CONFLICT (connector, hour)"
    f" DO UPDATE SET {', '.join(f'{name} = a.{name} + excluded.{name}' for name in FIGURES)}"
)
_SUMS = ", ".join(f"sum({name})::bigint" for name in FIGURES)


class LakeActivity:
    """The activity, as `ActivityReader` describes it. Any thread may call it."""

    def __init__(self, postgres: PostgreSQL) -> None:
        self._postgres = postgres

    def batches(
        self, names: Sequence[str], since: datetime, until: datetime, step: int, token: str | None = None
    ) -> Mapping[tuple[str, int], BatchCounts]:
        """Count the batches of connectors, or those of one token, by name and start of the period."""
        rows = self._postgres.rows(
            f"SELECT connector, {_period('committed_at', step)} AS period, count(*), sum(received)::bigint,"
            " sum(rows)::bigint, sum(rejected)::bigint, sum(duplicates)::bigint, sum(deleted)::bigint,"
            " sum(bytes)::bigint FROM gw.batches WHERE committed_at >= %s AND committed_at < %s"
            " AND connector = ANY(%s) AND (%s::text IS NULL OR token = %s::text) GROUP BY 1, 2",
            [since, until, list(names), token, token],
        )
        return {(name, period): BatchCounts(*counts) for name, period, *counts in rows}

    def figures(
        self, names: Sequence[str], since: datetime, until: datetime, step: int
    ) -> Mapping[tuple[str, int], RequestFigures]:
        """Return the stored figures of connectors, by name and start of the period."""
        rows = self._postgres.rows(
            f"SELECT connector, {_period('hour', step)} AS period, {_SUMS} FROM gw.activity"
            " WHERE hour >= %s AND hour < %s AND connector = ANY(%s) GROUP BY 1, 2",
            [since, until, list(names)],
        )
        return {(name, period): RequestFigures(*counts) for name, period, *counts in rows}

    def usual_gaps(self, days: int) -> Mapping[str, int]:
        """Return the usual gap between the batches that clients send, in hours, by connector name."""
        hour = "floor(extract(epoch FROM committed_at) / 3600)::bigint"
        rows = self._postgres.rows(
            f"WITH last AS (SELECT connector, max({hour}) - %s AS first FROM gw.batches WHERE action = ANY(%s)"
            f" GROUP BY connector), hours AS (SELECT DISTINCT connector, {hour} AS hour FROM gw.batches"
            f" JOIN last USING (connector) WHERE action = ANY(%s) AND {hour} >= first),"
            " gaps AS (SELECT connector, hour - lag(hour) OVER (PARTITION BY connector ORDER BY hour) AS gap FROM hours)"
            " SELECT connector, (array_agg(gap ORDER BY gap DESC) FILTER (WHERE gap IS NOT NULL))[2] FROM gaps"
            " GROUP BY connector HAVING count(gap) > 1",
            [days * 24, sorted(SENT), sorted(SENT)],
        )
        return dict(rows)

    def add(self, hours: Sequence[HourlyFigures], forget_before: datetime) -> None:
        """Add figures to those of their hours, and delete those of hours before an instant, in one transaction."""
        with self._postgres.connection() as connection, connection.transaction():
            for each in hours:
                execute(connection, _ADD, [each.connector, each.hour, *astuple(each.figures)])
            execute(connection, "DELETE FROM gw.activity WHERE hour < %s", [forget_before])


def _period(column: str, step: int) -> str:
    """Return SQL for the start of the period of an instant, in seconds since 1970."""
    return f"(floor(extract(epoch FROM {column}) / {step:d}) * {step:d})::bigint"
