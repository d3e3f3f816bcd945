"""The routes of the builder."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.admin.connector_history import ConnectorHistory
from gateway.admin.file_services import FileServices
from gateway.admin.upload_requests import UploadRequests
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.console.builder.created_page import CreatedPage, FirstRows
from gateway.console.builder.lifecycle_pages import (
    DuplicatePage,
    PurgePage,
    RemovePage,
    RenamePage,
    RestorePage,
)
from gateway.console.builder.new_page import NewConnector, Tokens
from gateway.console.builder.pages import BuilderPage, EditConnector, EditFile, Preview
from gateway.console.builder.shown_once import ShownOnce
from gateway.console.builder.workshop import Workshop
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import CONNECTOR_ROUTE
from gateway.console.page import Shell
from gateway.console.row_access import RowAccess
from gateway.endpoints.services import Services


@dataclass(frozen=True, slots=True)
class BuilderServices:
    """The services of the builder: those of all pages, and what writes files, drafts uploads, and reads rows."""

    pages: Services
    files: FileServices
    uploads: UploadRequests
    access: RowAccess


def add_builder(
    add: Callable[[str, object], None], shell: Shell, heads: ConnectorHeads, parts: BuilderServices
) -> None:
    """Add the pages that build, change, and remove connectors."""
    services, reload, credentials = parts.pages, parts.files.reload, parts.pages.auth.credentials
    workshop, tokens = Workshop(parts.files.files, services.live), Tokens(parts.files.tokens, ShownOnce())
    history = ConnectorHistory(VisibleConnectors(credentials, services.live), services.storage)
    pages: dict[str, BuilderPage] = {
        "/-/console/new": NewConnector(shell, heads, workshop, credentials, parts.uploads, tokens),
        f"{CONNECTOR_ROUTE}/edit": EditConnector(shell, heads, workshop, credentials, history),
        "/-/console/files/{file}/edit": EditFile(shell, heads, workshop, credentials),
    }
    for route, page in pages.items():
        add(route, page)
        add(f"{route}/preview", Preview(shell, page))
    first = FirstRows(shell, parts.access, services.storage.read_pool)
    add(f"{CONNECTOR_ROUTE}/created", CreatedPage(shell, heads, first, tokens.shown))
    add(f"{CONNECTOR_ROUTE}/created/rows", first)
    add(f"{CONNECTOR_ROUTE}/duplicate", DuplicatePage(shell, heads, workshop, reload))
    add(f"{CONNECTOR_ROUTE}/remove", RemovePage(shell, heads, workshop))
    add(f"{CONNECTOR_ROUTE}/rename", RenamePage(shell, heads, workshop))
    add(f"{CONNECTOR_ROUTE}/restore", RestorePage(shell, heads, workshop))
    add(f"{CONNECTOR_ROUTE}/purge", PurgePage(shell, heads, workshop, services, reload))
