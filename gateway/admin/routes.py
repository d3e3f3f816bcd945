"""Every route under `/-/`, and `/`: a new one is a class in this folder and a line here."""

from typing import Any

from falcon.asgi import App

from gateway.admin.activity import ActivityResource
from gateway.admin.activity_report import ActivityReports
from gateway.admin.backup import BackupResource
from gateway.admin.batch_pages import BatchPages
from gateway.admin.connector_activity import ActivityFinder
from gateway.admin.connector_reports import ConnectorReports
from gateway.admin.connectors import ConnectorsResource
from gateway.admin.docs import DocsResource
from gateway.admin.file_services import FileServices
from gateway.admin.files import FilesResource
from gateway.admin.health import HealthyResource, ReadyResource
from gateway.admin.lake import LakeResource
from gateway.admin.lifecycle import LifecycleResource, PlanResource
from gateway.admin.metrics import MetricsResource
from gateway.admin.openapi import OpenApiResource
from gateway.admin.rejected import RejectedResource
from gateway.admin.resolve import ResolveResource
from gateway.admin.status import FileSchemaResource, ReloadResource, StatusResource
from gateway.admin.status_report import StatusReports
from gateway.admin.tokens import TokensResource
from gateway.admin.upload_requests import UploadRequests
from gateway.admin.uploads import DraftResource, UploadsResource
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Services
from gateway.reload.reload import Reload
from gateway.resources import Resources
from gateway.uploads.services import UploadServices


def add_routes(app: App[Any, Any], services: Services, resources: Resources, files: FileServices) -> None:
    """Add the operating API to the Falcon app."""
    auth, storage, live = services.auth, services.storage, services.live
    status = StatusReports(auth, storage, services.intake, live, resources)
    app.add_route("/-/healthy", HealthyResource())
    app.add_route("/-/ready", ReadyResource(live, storage.reader))
    app.add_route("/-/status", StatusResource(auth, status))
    app.add_route("/-/reload", ReloadResource(files.watch, status, auth))
    app.add_route("/-/metrics", MetricsResource(services, resources, files.reload))
    app.add_route("/-/schema/connector.json", FileSchemaResource())
    app.add_route("/-/backup", BackupResource(storage.reader, auth))
    app.add_route("/-/lake", LakeResource(storage.lake, auth.credentials))
    visible = VisibleConnectors(auth.credentials, live)
    app.add_route("/-/resolve", ResolveResource(visible, storage, live))
    _add_documents(app, services, visible)
    app.add_route("/-/plan", PlanResource(auth, RequestBodies(services), files.reload))
    resource = FilesResource(files.files, auth.credentials, RequestBodies(services))
    app.add_route("/-/files", resource)
    app.add_route("/-/files/{file}", resource, suffix="one")
    app.add_route("/-/files/{file}/plan", resource, suffix="plan")
    app.add_route("/-/tokens", TokensResource(files.tokens, auth.credentials, RequestBodies(services)))
    _add_connector_routes(app, services, visible, files.reload)


def _add_connector_routes(
    app: App[Any, Any], services: Services, visible: VisibleConnectors, reload: Reload
) -> None:
    """Add the routes of one connector, and their list."""
    storage = services.storage
    activity = ActivityReports(storage.reader, services.observed.figures)
    reports = ConnectorReports(visible, storage, services.live, activity)
    connectors = ConnectorsResource(visible, reports, BatchPages(storage))
    app.add_route("/-/connectors", connectors)
    app.add_route("/-/connectors/{name}", connectors, suffix="one")
    app.add_route("/-/connectors/{name}/schema", connectors, suffix="schema")
    app.add_route("/-/connectors/{name}/batches", connectors, suffix="batches")
    app.add_route(
        "/-/connectors/{name}/activity", ActivityResource(visible, ActivityFinder(services, activity))
    )
    lifecycle = LifecycleResource(visible, services, RequestBodies(services), reload)
    app.add_route("/-/connectors/{name}/history", lifecycle, suffix="history")
    app.add_route("/-/connectors/{name}/copy", lifecycle, suffix="copy")
    app.add_route("/-/connectors/{name}/purge", lifecycle, suffix="purge")
    rejected = RejectedResource(visible, services)
    app.add_route("/-/connectors/{name}/rejected", rejected)
    app.add_route("/-/connectors/{name}/rejected/summary", rejected, suffix="summary")
    app.add_route("/-/connectors/{name}/rejected/check", rejected, suffix="check")
    app.add_route("/-/connectors/{name}/rejected/replay", rejected, suffix="replay")
    app.add_route("/-/connectors/{name}/rejected/discard", rejected, suffix="discard")


def add_upload_routes(app: App[Any, Any], services: Services, uploads: UploadServices) -> None:
    """Add the routes of uploads and drafts."""
    visible = VisibleConnectors(services.auth.credentials, services.live)
    parts = UploadRequests(visible, uploads), visible, RequestBodies(services)
    resource = UploadsResource(*parts)
    app.add_route("/-/draft", DraftResource(*parts))
    app.add_route("/-/uploads", resource)
    app.add_route("/-/uploads/{upload}", resource, suffix="one")
    for part in ("columns", "draft", "load", "cancel"):
        app.add_route(f"/-/uploads/{{upload}}/{part}", resource, suffix=part)


def _add_documents(app: App[Any, Any], services: Services, visible: VisibleConnectors) -> None:
    """Add the documentation, and the descriptions of the API."""
    docs = DocsResource()
    app.add_route("/-/docs", docs)
    app.add_route("/-/docs/{page}", docs, suffix="page")
    app.add_route("/-/docs/images/{file}", docs, suffix="image")
    openapi = OpenApiResource(services.auth, services.live, visible)
    app.add_route("/-/openapi.json", openapi)
    app.add_route("/-/connectors/{name}/openapi.json", openapi, suffix="one")
    app.add_route("/", openapi, suffix="root")
