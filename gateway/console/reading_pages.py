"""The pages that read the state of the gateway, by their routes."""

from gateway.admin.activity_report import ActivityReports
from gateway.admin.batch_pages import BatchPages
from gateway.admin.connector_activity import ActivityFinder
from gateway.admin.connector_history import ConnectorHistory
from gateway.admin.connector_reports import ConnectorReports
from gateway.admin.recent_activity import RecentActivities
from gateway.admin.status_report import StatusReports
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.console.batches_page import BatchesPage
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import CONNECTOR_ROUTE
from gateway.console.file_entries import FileEntries
from gateway.console.history_page import HistoryPage
from gateway.console.home_page import HomePage
from gateway.console.overview_page import OverviewPage
from gateway.console.page import ConsolePage, Shell
from gateway.console.status_page import StatusPage
from gateway.endpoints.services import Services
from gateway.reload.connector_files import ConnectorFiles
from gateway.resources import Resources


def reading_pages(
    shell: Shell,
    services: Services,
    files: ConnectorFiles,
    resources: Resources,
    heads: ConnectorHeads,
    connectors: VisibleConnectors,
) -> list[tuple[str, ConsolePage]]:
    """Return the pages with their routes.

    Args:
        shell: The services that all pages share.
        services: The services of pages, with a read pool of their own.
        files: Reads the lines of findings.
        resources: The limits of the database.
        heads: Finds the connector of a page.
        connectors: Finds what an asker may see.
    """
    storage, live = services.storage, services.live
    activity = ActivityReports(storage.reader, services.observed.figures)
    reports = ConnectorReports(connectors, storage, live, activity)
    status = StatusReports(services.auth, storage, services.intake, live, resources)
    batches, finder = BatchPages(storage), ActivityFinder(services, activity)
    entries = FileEntries(status, files)
    history = ConnectorHistory(connectors, storage)
    recent = RecentActivities(storage, activity)
    return [
        ("/-/console", HomePage(shell, connectors, reports, status, recent)),
        ("/-/console/status", StatusPage(shell, status, storage, entries, files)),
        (CONNECTOR_ROUTE, OverviewPage(shell, heads, reports, batches, finder, entries)),
        (f"{CONNECTOR_ROUTE}/batches", BatchesPage(shell, heads, batches, finder)),
        (f"{CONNECTOR_ROUTE}/history", HistoryPage(shell, heads, history, batches)),
    ]
