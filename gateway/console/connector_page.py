"""The frame of every page of one connector: its head, its buttons, and its tabs."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from gateway.admin.connector_reports import removed_at, state_of
from gateway.admin.upload_requests import UploadRequests
from gateway.admin.visible_connectors import KnownConnector, VisibleConnector, VisibleConnectors
from gateway.auth.permissions import Sight
from gateway.connectors.connector import Connector
from gateway.connectors.plan import FileState
from gateway.console.connector_urls import CONNECTOR_ROUTE, connector_url
from gateway.console.page import ConsolePage, Redirect, Shell, View
from gateway.console.upload_owner import owner_of_visit
from gateway.console.upload_targets import UploadView
from gateway.console.visit import Visit
from gateway.endpoints.live import Live
from gateway.endpoints.services import Storage

#: The tabs by the name of their page, in their order. The page without a name is the overview.
_TABS = {
    "": "Overview",
    "rows": "Rows",
    "api": "API",
    "batches": "Batches",
    "rejected": "Rejected",
    "history": "History",
}
#: The tabs of a connector that was removed.
_TABS_REMOVED = ("", "history")
#: The buttons of a served connector and of a removed one, by the name of their page. The admin alone has them.
_ACTIONS = {"edit": "Edit", "duplicate": "Duplicate", "rename": "Rename", "remove": "Remove"}
_ACTIONS_REMOVED = {"restore": "Restore", "purge": "Purge"}


@dataclass(frozen=True, slots=True)
class Link:
    """A tab or a button.

    Attributes:
        title: Its text.
        url: Its page, relative to the gateway's root.
        count: A number beside the text, or None.
        is_current: Whether it leads to the page that has it.
    """

    title: str
    url: str
    count: int | None = None
    is_current: bool = False


@dataclass(frozen=True)
class ConnectorHead:
    """The head of a page of one connector; it draws what the asker may see and do.

    Attributes:
        connector: The connector, the last version of a removed one.
        sight: What the asker may see of it.
        is_admin: Whether the asker is the admin.
        state: The state of its file, None if the asker may not see it.
        removed_at: When it was removed, None for a served one.
        base: The URL of the gateway as far as the request tells, without a slash at its end.
        rows: The number of its rows, None on the page of rows, and if the asker may not see it.
        rejected: The number of its kept rejected rows that the asker may see, or None.
        routes: The routes of all pages.
        page: The name of the page.
        uploads: The files that the asker has uploaded for it, and whose rows are not all loaded.
    """

    connector: Connector
    sight: Sight
    is_admin: bool
    state: FileState | None
    removed_at: datetime | None
    base: str
    rows: int | None
    rejected: int | None
    routes: Collection[str]
    page: str
    uploads: Sequence[UploadView] = ()

    @property
    def url(self) -> str:
        """The URL of the endpoint as far as the request tells."""
        return self.base + self.connector.path

    def page_url(self, page: str) -> str:
        """Return the URL of another page of the connector, relative to the gateway's root."""
        return connector_url(self.connector.name, page)

    @property
    def title(self) -> str:
        """The title of the page beside the name of the connector; none for the overview."""
        titles = {**_TABS, **_ACTIONS, **_ACTIONS_REMOVED, "": ""}
        return titles.get(self.page, "")

    @property
    def tabs(self) -> list[Link]:
        """The tabs with a page that the asker may see."""
        counts = {"rows": self.rows, "rejected": self.rejected}
        return [
            Link(_TABS[page], connector_url(self.connector.name, page), counts.get(page), page == self.page)
            for page in self._pages()
            if self._has(page)
        ]

    def _pages(self) -> Iterator[str]:
        if self.removed_at is not None:
            yield from _TABS_REMOVED
            return
        may_see = {
            "rows": "read" in self.sight.verbs,
            "batches": self.sight.batches != "none",
            "rejected": self.sight.rejected_counts != "none",
            "history": self.sight.has_state,
        }
        yield from (page for page in _TABS if may_see.get(page, True))

    @property
    def actions(self) -> list[Link]:
        """The buttons of the admin, and the one that loads a file for those who may load rows."""
        actions = _ACTIONS_REMOVED if self.removed_at else _ACTIONS
        shown = actions if self.is_admin else {}
        if self.removed_at is None and "ingest" in self.sight.verbs and self.sight.batches != "none":
            shown = {"load": "Load a file", **shown}
        name = self.connector.name
        return [
            Link(title, connector_url(name, page), is_current=page == self.page)
            for page, title in shown.items()
            if self._has(page)
        ]

    def _has(self, page: str) -> bool:
        return (f"{CONNECTOR_ROUTE}/{page}" if page else CONNECTOR_ROUTE) in self.routes


class ConnectorHeads:
    """Finds the connector of a page, and puts its head around a view."""

    def __init__(
        self,
        shell: Shell,
        connectors: VisibleConnectors,
        uploads: UploadRequests,
        storage: Storage,
        live: Live,
    ) -> None:
        """Keep what heads are read from; `storage` is that of the pages."""
        self._connectors = connectors
        self._uploads = uploads
        self._storage = storage
        self._live = live
        self._shell = shell

    def find(self, visit: Visit) -> VisibleConnector:
        """Find the served connector of a visit.

        Raises:
            GatewayError: 404 if the connector is unknown or not visible to the asker, 410 if it was removed.
        """
        return self._connectors.find_for(visit.asker, visit.parameters["name"])

    def find_known(self, visit: Visit) -> KnownConnector:
        """Find the connector of a visit, also a removed one whose rows are kept.

        Raises:
            GatewayError: 404 if it is unknown or not visible to the asker.
        """
        return self._connectors.find_known(visit.asker, visit.parameters["name"])

    async def frame(
        self, answer: View | Redirect, visit: Visit, found: VisibleConnector | KnownConnector, page: str
    ) -> View | Redirect:
        """Add the head of a connector to the values of a view, as `head`; a redirect stays as it is.

        Args:
            answer: The view, of a template that extends `connector.html`.
            visit: The request.
            found: The connector.
            page: The name of the page, which is the end of its URL: "" for the overview, or such as "rows".
        """
        if isinstance(answer, Redirect):
            return answer
        name = found.connector.name
        head = await self._live.settled(
            lambda: self._head(visit, self._connectors.find_known(visit.asker, name), page)
        )
        return replace(answer, values={**answer.values, "head": head})

    async def _head(self, visit: Visit, found: VisibleConnector | KnownConnector, page: str) -> ConnectorHead:
        connector, sight, reader = found.connector, found.sight, self._storage.reader
        name = connector.name
        # The page of rows comes before their number: to count 30 million rows takes half a second once some were deleted.
        counted = [connector] if sight.has_row_count and page != "rows" else []
        with_rejected = [name] if sight.rejected_counts != "none" else []
        token = None if sight.rejected_counts == "all" else visit.asker.token or ""
        rows, rejected = await self._storage.read_pool.call(
            lambda: (reader.counts(counted), reader.rejected.counts(with_rejected, token))
        )
        snapshot = self._live.snapshot
        removed = removed_at(snapshot, name)
        may_load = removed is None and "ingest" in sight.verbs and visit.asker.token is not None
        return ConnectorHead(
            connector,
            sight,
            visit.asker.is_admin,
            state_of(snapshot, name) if sight.has_state else None,
            removed,
            visit.host_url.rstrip("/"),
            rows.get(name, 0) if counted else None,
            rejected.get(name, 0) if with_rejected else None,
            self._shell.routes,
            page,
            self._unloaded(visit, name) if may_load and page != "load" else (),
        )

    def _unloaded(self, visit: Visit, name: str) -> list[UploadView]:
        """Return the uploads whose rows an asker has not loaded into a connector yet."""
        uploads = self._uploads.all(owner_of_visit(visit), name)
        return [UploadView(each) for each in uploads if each.is_complete and not each.is_loaded]


class ConnectorPage(ConsolePage):
    """A page of one served connector: `show` returns what stands below the head.

    Attributes:
        page: The name of the page, which is the end of its URL.
    """

    page: ClassVar[str]

    def __init__(self, shell: Shell, heads: ConnectorHeads) -> None:
        super().__init__(shell)
        self.heads = heads

    async def get(self, visit: Visit) -> View | Redirect:
        """Find the connector, and show the page with its head.

        Raises:
            GatewayError: 404 if the connector is unknown or not visible to the asker, 410 if it was removed.
        """
        found = self.heads.find(visit)
        return await self.heads.frame(await self.show(visit, found), visit, found, self.page)

    @abstractmethod
    async def show(self, visit: Visit, found: VisibleConnector) -> View | Redirect:
        """Return the view of a template that extends `connector.html`."""
