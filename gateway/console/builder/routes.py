"""The routes of the builder."""

from collections.abc import Callable

from gateway.admin.file_services import FileServices
from gateway.console.builder.pages import BuilderPage, EditConnector, EditFile, NewConnector, Preview
from gateway.console.builder.workshop import Workshop
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import CONNECTOR_ROUTE
from gateway.console.page import Shell
from gateway.endpoints.services import Services

#: The pages with a form, by their routes.
_PAGES: dict[str, type[BuilderPage]] = {
    "/-/console/new": NewConnector,
    f"{CONNECTOR_ROUTE}/edit": EditConnector,
    "/-/console/files/{file}/edit": EditFile,
}


def add_builder(
    add: Callable[[str, object], None],
    shell: Shell,
    heads: ConnectorHeads,
    services: Services,
    file_services: FileServices,
) -> None:
    """Add the pages that build, change, and remove connectors."""
    workshop = Workshop(file_services.files, services.live)
    for route, page_of in _PAGES.items():
        page = page_of(shell, heads, workshop, services.auth.credentials)
        add(route, page)
        add(f"{route}/preview", Preview(shell, page))
