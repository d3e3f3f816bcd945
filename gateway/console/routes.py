"""Every page of the console: a new one is a class in this folder and a line here."""

from collections.abc import Callable
from typing import Any

import falcon
from falcon.asgi import App

from gateway import __version__
from gateway.admin.file_services import FileServices
from gateway.admin.rejected_excerpts import RejectedExcerpts
from gateway.admin.rejected_replay import RejectedReplay
from gateway.admin.rejected_rows import RejectedRows
from gateway.admin.upload_requests import UploadRequests
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.auth.askers import Askers
from gateway.console import swagger
from gateway.console.api_page import ApiPage
from gateway.console.builder.routes import BuilderServices, add_builder
from gateway.console.connector_load_page import ConnectorLoadPage
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import CONNECTOR_ROUTE
from gateway.console.endpoint_at import EndpointAt
from gateway.console.error_pages import ErrorPages
from gateway.console.file_form import FileForm
from gateway.console.form_outcomes import FormOutcomes
from gateway.console.load_page import LoadPage
from gateway.console.page import Shell
from gateway.console.reading_pages import reading_pages
from gateway.console.rejected_list import RejectedList, RejectedServices
from gateway.console.rejected_row import RejectedCheck, RejectedRowPage, RejectedText
from gateway.console.row_access import RowAccess
from gateway.console.row_download import RowDownload
from gateway.console.row_page import RowPage
from gateway.console.rows_page import RowCount, RowSource, RowsPage
from gateway.console.sign_in import OpenConsole, SignIn, SignOut
from gateway.console.static_files import StaticFiles
from gateway.console.swagger import SwaggerFiles, SwaggerPage
from gateway.console.templates import Templates
from gateway.console.upload_targets import UploadSlices, UploadStarts
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Services
from gateway.errors import GatewayError
from gateway.resources import Resources
from gateway.threads import ContextThreadPool
from gateway.uploads.services import UploadServices


def add_pages(
    app: App[Any, Any],
    services: Services,
    file_services: FileServices,
    uploads: UploadServices,
    resources: Resources,
    thread: ContextThreadPool,
) -> None:
    """Add the pages and the handlers of their errors to the Falcon app.

    Args:
        app: The Falcon app.
        services: The services of pages, with a read pool of their own.
        file_services: The services that change connector files.
        uploads: The services of uploads.
        resources: The limits of the database, for the status page.
        thread: Renders all pages.
    """
    settings, files = services.intake.settings, StaticFiles()
    templates = Templates(
        static=files.url, title=settings.title, version=__version__, has_swagger=swagger.is_installed()
    )
    shell = Shell(services.auth, services.live, templates, thread, RequestBodies(services), settings.hosts)
    connectors = VisibleConnectors(services.auth.credentials, services.live)

    def add(route: str, resource: object) -> None:
        shell.routes.add(route)
        app.add_route(route, resource)

    add("/-/console/at/{path:path}", EndpointAt(shell, services.live))
    requests = UploadRequests(connectors, uploads)
    heads = ConnectorHeads(shell, connectors, requests, services.storage, services.live)
    for route, page in reading_pages(shell, services, file_services.files, resources, heads, connectors):
        add(route, page)
    add(f"{CONNECTOR_ROUTE}/api", ApiPage(shell, heads, settings))
    access = RowAccess(connectors, services.live, services.auth.rate_limits)
    _add_rows(add, shell, heads, access, services)
    _add_rejected(add, shell, heads, services)
    add("/-/console/load", LoadPage(shell, connectors, requests, file_services.files, settings.max_body))
    _add_upload_pages(add, shell, heads, services, requests)
    add_builder(add, shell, heads, BuilderServices(services, file_services, requests, access))
    add("/-/console/static/{file}", files)
    if swagger.is_installed():
        swagger_files = SwaggerFiles(thread)
        add("/-/console/swagger", SwaggerPage(shell, connectors, swagger_files))
        add("/-/console/swagger/{file}", swagger_files)
    _add_sessions(add, shell, services.auth.askers, requests)
    _add_error_pages(app, ErrorPages(shell))


def _add_rows(
    add: Callable[[str, object], None],
    shell: Shell,
    heads: ConnectorHeads,
    access: RowAccess,
    services: Services,
) -> None:
    source = RowSource(access, services.storage.read_pool, services.intake.settings)
    rows = f"{CONNECTOR_ROUTE}/rows"
    add(rows, RowsPage(shell, heads, source))
    add(f"{rows}/count", RowCount(shell, heads, source))
    add(f"{rows}/download", RowDownload(shell, access))
    add(f"{rows}/{{id}}", RowPage(shell, heads, source))


def _add_rejected(
    add: Callable[[str, object], None], shell: Shell, heads: ConnectorHeads, services: Services
) -> None:
    """Add the pages of rejected rows."""
    storage = services.storage
    rejected = RejectedServices(
        RejectedExcerpts(storage),
        RejectedRows(storage),
        RejectedReplay(storage, services.intake, services.live),
        FormOutcomes(),
    )
    add(f"{CONNECTOR_ROUTE}/rejected", RejectedList(shell, heads, rejected))
    row = RejectedRowPage(shell, heads, rejected)
    add(f"{CONNECTOR_ROUTE}/rejected/{{id}}", row)
    add(f"{CONNECTOR_ROUTE}/rejected/{{id}}/check", RejectedCheck(shell, heads, row))
    add(f"{CONNECTOR_ROUTE}/rejected/{{id}}/text", RejectedText(shell, heads, rejected))


def _add_upload_pages(
    add: Callable[[str, object], None],
    shell: Shell,
    heads: ConnectorHeads,
    services: Services,
    requests: UploadRequests,
) -> None:
    """Add the page for a file of one connector, and the targets of files."""
    settings, bodies = services.intake.settings, RequestBodies(services)
    add(f"{CONNECTOR_ROUTE}/load", ConnectorLoadPage(shell, heads, requests, settings.max_body))
    add("/-/console/uploads", UploadStarts(shell, requests, bodies, FileForm(requests, settings)))
    add("/-/console/uploads/{upload}", UploadSlices(shell, requests, bodies))


def _add_sessions(
    add: Callable[[str, object], None], shell: Shell, askers: Askers, uploads: UploadRequests
) -> None:
    """Add the pages that begin and end a session."""
    add("/-/sign-in", SignIn(shell, askers.sessions, uploads))
    add("/-/open", OpenConsole(shell, askers.sessions, uploads, askers.links))
    add("/-/sign-out", SignOut(shell, askers.sessions, uploads))


def _add_error_pages(app: App[Any, Any], errors: ErrorPages) -> None:
    app.add_error_handler(Exception, errors.any_error)
    app.add_error_handler(falcon.HTTPError, errors.falcon_error)
    app.add_error_handler(GatewayError, errors.gateway_error)
