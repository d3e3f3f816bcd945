"""The last run of each step of a lake's upkeep, in PostgreSQL, so that each gateway knows them."""

import json
from typing import Any

from gateway.store.lake.postgres import PostgreSQL
from gateway.store.upkeep import StepRun

_NOTE = (
    "INSERT INTO gw.maintenance AS m VALUES (%s, clock_timestamp() - make_interval(secs => %s), %s, %s, %s::jsonb, %s,"
    " CASE WHEN %s::text IS NULL THEN clock_timestamp() END)"
    " ON CONFLICT (step) DO UPDATE SET began_at = excluded.began_at, seconds = excluded.seconds,"
    " gateway = excluded.gateway, did = excluded.did, error = excluded.error,"
    " succeeded_at = coalesce(excluded.succeeded_at, m.succeeded_at)"
)
_ALL = "SELECT step, began_at, seconds, gateway, did, error, succeeded_at FROM gw.maintenance ORDER BY step"
_AGES = "SELECT step, extract(epoch FROM clock_timestamp() - began_at)::float8, error IS NOT NULL FROM gw.maintenance"


class UpkeepRuns:
    """The runs in `gw.maintenance`. Any thread may call it; every method raises GatewayError if PostgreSQL cannot be asked."""

    def __init__(self, postgres: PostgreSQL) -> None:
        self._postgres = postgres

    def note(self, step: str, seconds: float, did: dict[str, Any], error: str | None = None) -> None:
        """Remember a run that has ended."""
        gateway = self._postgres.address.gateway
        self._postgres.run(_NOTE, [step, seconds, seconds, gateway, json.dumps(did), error, error])

    def all(self) -> list[StepRun]:
        """List the last run of each step."""
        return [StepRun(*row) for row in self._postgres.rows(_ALL)]

    def ages(self) -> dict[str, tuple[float, bool]]:
        """Return how many seconds ago the last run of each step began, and whether it has failed, by step."""
        return {step: (age, has_failed) for step, age, has_failed in self._postgres.rows(_AGES)}
