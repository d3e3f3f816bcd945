"""`/-/connectors`: the served connectors, with their row counts, batches, and schemas, as far as a token may see them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.batch_pages import BatchPages
from gateway.admin.connector_reports import ConnectorReport, ConnectorReports
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.auth import permissions
from gateway.auth.permissions import Sight
from gateway.connectors.connector import Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.policy import BadRowLimit
from gateway.endpoints import reply
from gateway.instants import rfc3339
from gateway.store.batch import StoredBatch


class ConnectorsResource:
    """`/-/connectors` and the resources of one connector."""

    def __init__(
        self, connectors: VisibleConnectors, reports: ConnectorReports, batch_pages: BatchPages
    ) -> None:
        self._connectors = connectors
        self._reports = reports
        self._batch_pages = batch_pages

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the connectors that the token may see; a viewer also sees removed ones whose rows are kept."""
        asker = self._connectors.asker(req)
        listed = await self._reports.all(asker)
        names = [each.connector.name for each in listed] if asker.views else []
        days = await self._reports.last_day(names)
        reply.json(
            resp,
            [
                {
                    **_summary(each.connector, each.sight),
                    **({"state": each.state.value} if each.state else {}),
                    **_figures(each),
                    **({"last_day": asdict(day[0]) | asdict(day[1])} if day else {}),
                }
                for each in listed
                for day in [days.get(each.connector.name)]
            ],
        )

    async def on_get_one(self, req: Request, resp: Response, name: str) -> None:
        """Describe a connector, with the counts and the last batch that the token may see."""
        found = self._connectors.find(req, name)
        reply.json(resp, _described(await self._reports.one(found), await self._reports.hidden(found)))

    async def on_get_schema(self, req: Request, resp: Response, name: str) -> None:
        """Respond with the JSON Schema of a row."""
        endpoint = self._connectors.find(req, name).endpoint
        reply.json(resp, endpoint.validator.published, content_type="application/schema+json")

    async def on_get_batches(self, req: Request, resp: Response, name: str) -> None:
        """List up to `?limit=` batches that the token may see, newest first; `?token=` and `?before=` choose some."""
        page = await self._batch_pages.read(self._connectors.find(req, name), req.query_string)
        if page.following is not None:
            resp.set_header("Link", f'<?{page.following}>; rel="next"')
        reply.json(resp, [_batch(each) for each in page.batches])


def _described(report: ConnectorReport, hidden: Mapping[str, FieldType]) -> dict[str, Any]:
    connector = report.connector
    fields = [
        {
            "name": field.name,
            "type": field.type.name,
            "nullable": field.nullable,
            "description": field.description,
        }
        for field in connector.fields
    ]
    described = {
        **_summary(connector, report.sight),
        **_figures(report),
        "fields": fields,
        "primary_key": list(connector.primary_key),
        "terms": _terms(connector),
    }
    if report.sight.has_state:
        described["hidden"] = [{"name": each, "type": type.name} for each, type in hidden.items()]
    return described


def _summary(connector: Connector, sight: Sight) -> dict[str, Any]:
    summary: dict[str, Any] = {"name": connector.name, "path": connector.path}
    if sight.has_state:
        summary["file"] = connector.file
    summary["description"] = connector.description
    if sight.has_state:
        summary["access"] = {verb: sorted(getattr(connector.access, verb)) for verb in permissions.VERBS}
    return {**summary, "permissions": [verb for verb in permissions.VERBS if verb in sight.verbs]}


def _figures(report: ConnectorReport) -> dict[str, Any]:
    """Return the counts and the last batch that an asker may see; the other members are left out."""
    figures: dict[str, Any] = {}
    if report.rows is not None:
        figures["rows"] = report.rows
    if report.rejected is not None:
        figures["rejected"] = report.rejected
    if report.sight.batches != "none":
        figures["last_batch"] = _batch(report.latest) if report.latest else None
    return figures


def _terms(connector: Connector) -> dict[str, Any]:
    terms = connector.policy
    return {
        "on_conflict": terms.on_conflict if connector.primary_key else None,
        "on_invalid": terms.on_invalid,
        "keep_at_most": None if terms.keep_at_most == BadRowLimit() else str(terms.keep_at_most),
        "idempotency": "required" if terms.needs_key else "optional",
        "retention": asdict(terms.retention),
        "limits": asdict(terms.limits),
        "read_limit": terms.read_limit,
    }


def _batch(batch: StoredBatch) -> dict[str, Any]:
    return {
        "batch": batch.batch,
        "committed_at": rfc3339(batch.committed_at),
        "action": batch.action,
        "received": batch.received,
        "rows": batch.rows,
        "rejected": batch.rejected,
        "duplicates": batch.duplicates,
        "deleted": batch.deleted,
        "bytes": batch.bytes,
        "token": batch.token,
        "first_id": batch.first_id,
        "last_id": batch.last_id,
    }
