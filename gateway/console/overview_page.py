"""`/-/console/connectors/NAME`: one connector, its fields and terms, its last batches, and its last day."""

from gateway.admin.batch_pages import BatchPages
from gateway.admin.connector_activity import ActivityFinder
from gateway.admin.connector_reports import ConnectorReports
from gateway.admin.visible_connectors import VisibleConnector
from gateway.auth.permissions import VERBS
from gateway.console.activity_plots import activity_plots
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import connector_url
from gateway.console.field_texts import default_text, policy_texts, rule_texts
from gateway.console.file_entries import FileEntries
from gateway.console.page import ConsolePage, Redirect, Shell, View
from gateway.console.visit import Visit
from gateway.errors import GatewayError

#: The batches that the page lists.
_BATCHES = 5


class OverviewPage(ConsolePage):
    """The page of a connector, also of a removed one for those who see every state."""

    def __init__(
        self,
        shell: Shell,
        heads: ConnectorHeads,
        reports: ConnectorReports,
        batches: BatchPages,
        activity: ActivityFinder,
        files: FileEntries,
    ) -> None:
        super().__init__(shell)
        self._heads = heads
        self._reports = reports
        self._batches = batches
        self._activity = activity
        self._files = files

    async def get(self, visit: Visit) -> View | Redirect:
        """Describe a connector.

        Raises:
            GatewayError: 404 if it is unknown or not visible to the asker; 410 if it was removed, for those who do not
                see every state.
        """
        try:
            known = self._heads.find_known(visit)
        except GatewayError as unknown:
            name = visit.parameters["name"]
            if not await self._reports.is_purged(visit.asker, name):
                raise
            return View("purged.html", {"name": name, "url": connector_url(name, "history")}, unknown.status)
        if known.removed is not None:
            error = known.removed.error(is_admin=visit.asker.is_admin)
            view = View("removed.html", {"error": error}, error.status)
            return await self._heads.frame(view, visit, known, "")
        found = self._heads.find(visit)
        return await self._heads.frame(await self._show(found), visit, found, "")

    async def _show(self, found: VisibleConnector) -> View:
        connector, sight = found.connector, found.sight
        has_batches = sight.batches != "none"
        activity = await self._activity.read(found, step="1h") if has_batches else None
        newest = await self._batches.read(found, "", _BATCHES) if has_batches else None
        return View(
            "overview.html",
            {
                "fields": connector.fields,
                "default": default_text,
                "rules": rule_texts,
                "policy": policy_texts(connector),
                "access": {verb: sorted(getattr(connector.access, verb)) for verb in VERBS}
                if sight.has_state
                else {},
                "entries": await self._files.of(found.asker, connector.name),
                "hidden": await self._reports.hidden(found),
                "report": await self._reports.one(found),
                "batches": newest.batches if newest else [],
                "activity": activity,
                "plots": activity_plots(activity, "the last day") if activity else [],
            },
        )
