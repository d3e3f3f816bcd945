"""The routes of the builder."""

from collections.abc import Callable

from gateway.admin.connector_history import ConnectorHistory
from gateway.admin.file_services import FileServices
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.console.builder.pages import BuilderPage, EditConnector, EditFile, NewConnector, Preview
from gateway.console.builder.workshop import Workshop
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import CONNECTOR_ROUTE
from gateway.console.page import Shell
from gateway.endpoints.services import Services


def add_builder(
    add: Callable[[str, object], None],
    shell: Shell,
    heads: ConnectorHeads,
    services: Services,
    file_services: FileServices,
) -> None:
    """Add the pages that build, change, and remove connectors."""
    workshop, credentials = Workshop(file_services.files, services.live), services.auth.credentials
    history = ConnectorHistory(VisibleConnectors(credentials, services.live), services.storage)
    pages: dict[str, BuilderPage] = {
        "/-/console/new": NewConnector(shell, heads, workshop, credentials),
        f"{CONNECTOR_ROUTE}/edit": EditConnector(shell, heads, workshop, credentials, history),
        "/-/console/files/{file}/edit": EditFile(shell, heads, workshop, credentials),
    }
    for route, page in pages.items():
        add(route, page)
        add(f"{route}/preview", Preview(shell, page))
