"""`/-/lake`: the data files of a lake that several gateways share, and its upkeep."""

import asyncio
from dataclasses import asdict
from typing import Any

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.endpoints import reply
from gateway.errors import Code, GatewayError
from gateway.instants import rfc3339
from gateway.store.upkeep import LakeUpkeep, StepRun, UpkeepReport


class LakeResource:
    """`/-/lake`."""

    def __init__(self, lake: LakeUpkeep | None, credentials: Credentials) -> None:
        self._lake = lake
        self._credentials = credentials

    async def on_get(self, req: Request, resp: Response) -> None:
        """Report files, snapshots, and the last run of each step of the upkeep, the same at each gateway."""
        permissions.require_view(self._credentials.asker(req.auth))
        if self._lake is None:
            hint = "it is there with GATEWAY_STORE=lake; see /-/docs/lake"
            raise GatewayError(
                Code.ENDPOINT_UNKNOWN, "the store of this gateway is a file, not a lake", hint=hint
            )
        reply.json(resp, _body(await asyncio.to_thread(self._lake.report)))


def _body(report: UpkeepReport) -> dict[str, Any]:
    return {**asdict(report), "runs": [_run(each) for each in report.runs]}


def _run(run: StepRun) -> dict[str, Any]:
    ended = run.succeeded_at
    return {
        **asdict(run),
        "began_at": rfc3339(run.began_at, timespec="milliseconds"),
        "seconds": round(run.seconds, 3),
        "succeeded_at": rfc3339(ended, timespec="milliseconds") if ended else None,
    }
