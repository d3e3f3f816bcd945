"""Every route under `/-/`: a new one is a class in this folder and a line here."""

from typing import Any

from falcon.asgi import App

from gateway.admin.backup import Backups
from gateway.admin.connectors import Served
from gateway.admin.docs import Docs
from gateway.admin.health import Healthy, Ready
from gateway.admin.lifecycle import Lifecycle, Planning
from gateway.admin.rejected import Rejects
from gateway.admin.resolve import Resolving
from gateway.admin.status import FileSchema, Reloading, Status
from gateway.endpoints.intake import RequestBodies
from gateway.endpoints.services import Services
from gateway.reload.reload import Reload
from gateway.reload.watch import Watch
from gateway.resources import Resources


def add_routes(
    app: App[Any, Any], services: Services, resources: Resources, watch: Watch, reload: Reload
) -> None:
    """Add the operating API to the Falcon app."""
    auth, storage, live = services.auth, services.storage, services.live
    status = Status(auth, storage, services.intake.disk, live, resources)
    app.add_route("/-/healthy", Healthy())
    app.add_route("/-/ready", Ready(live))
    app.add_route("/-/status", status)
    app.add_route("/-/reload", Reloading(watch, status, auth))
    app.add_route("/-/schema/connector.json", FileSchema())
    app.add_route("/-/backup", Backups(storage.reader, auth))
    app.add_route("/-/resolve", Resolving(auth, storage, live))
    docs = Docs()
    app.add_route("/-/docs", docs)
    app.add_route("/-/docs/{page}", docs, suffix="page")
    served = Served(auth, storage, live)
    app.add_route("/-/connectors", served)
    app.add_route("/-/connectors/{name}", served, suffix="one")
    app.add_route("/-/connectors/{name}/schema", served, suffix="schema")
    app.add_route("/-/connectors/{name}/batches", served, suffix="batches")
    bodies = RequestBodies(services)
    app.add_route("/-/plan", Planning(auth, bodies, reload))
    lifecycle = Lifecycle(auth, storage, bodies, reload)
    app.add_route("/-/connectors/{name}/history", lifecycle, suffix="history")
    app.add_route("/-/connectors/{name}/copy", lifecycle, suffix="copy")
    app.add_route("/-/connectors/{name}/purge", lifecycle, suffix="purge")
    rejects = Rejects(served, services)
    app.add_route("/-/connectors/{name}/rejected", rejects)
    app.add_route("/-/connectors/{name}/rejected/summary", rejects, suffix="summary")
    app.add_route("/-/connectors/{name}/rejected/replay", rejects, suffix="replay")
    app.add_route("/-/connectors/{name}/rejected/discard", rejects, suffix="discard")
