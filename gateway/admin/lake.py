"""`/-/lake`: the data files of a lake that several gateways share, and its upkeep."""

import asyncio
from typing import Any

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.endpoints import reply
from gateway.errors import Code, GatewayError
from gateway.instants import rfc3339
from gateway.store.upkeep import DataFileCounts, LakeUpkeep, StepRun, UpkeepReport


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
    return {
        "gateway": report.gateway,
        "turn": report.turn,
        "may_delete": report.may_delete,
        "connectors": [_files(each) for each in report.connectors],
        "snapshots": report.snapshots,
        "inlined_rows": report.inlined_rows,
        "old_files": report.old_files,
        "orphans": report.orphans,
        "runs": [_run(each) for each in report.runs],
    }


def _files(files: DataFileCounts) -> dict[str, Any]:
    return {
        "connector": files.connector,
        "files": files.files,
        "bytes": files.bytes,
        "small_files": files.small_files,
        "delete_files": files.delete_files,
    }


def _run(run: StepRun) -> dict[str, Any]:
    return {
        "step": run.step,
        "began_at": rfc3339(run.began_at, timespec="milliseconds"),
        "seconds": round(run.seconds, 3),
        "gateway": run.gateway,
        "did": run.did,
        "error": run.error,
        "succeeded_at": rfc3339(run.succeeded_at, timespec="milliseconds") if run.succeeded_at else None,
    }
