"""`/-/console/connectors/NAME/rejected`: the rejected rows by field and code, and the forms that settle them."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.admin.rejected_excerpts import RejectedExcerpts
from gateway.admin.rejected_replay import RejectedReplay
from gateway.admin.rejected_rows import PART, RejectedRows, require_reason
from gateway.admin.visible_connectors import VisibleConnector
from gateway.console import kept_parameters, rejected_filter
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.connector_urls import connector_url
from gateway.console.form import Form
from gateway.console.form_outcomes import ERRORS_MAX, OUTCOME, FormOutcome, FormOutcomes
from gateway.console.page import FormTarget, Redirect, Shell, View
from gateway.console.rejected_filter import RejectedFilter
from gateway.console.rejected_view import CHECKED_MAX, RejectedListView, query_of
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError
from gateway.query.parameters import parameters_of

#: The statuses of errors that are shown above the list; others are a page of their own.
_SHOWN = (400, 409, 413, 416, 429, 503, 507)


@dataclass(frozen=True, slots=True)
class RejectedServices:
    """The services that the pages of rejected rows share."""

    excerpts: RejectedExcerpts
    rows: RejectedRows
    replay: RejectedReplay
    outcomes: FormOutcomes


class RejectedList(ConnectorPage, FormTarget):
    """The list, and the target of its forms."""

    page = "rejected"

    def __init__(self, shell: Shell, heads: ConnectorHeads, services: RejectedServices) -> None:
        super().__init__(shell, heads)
        self._services = services

    async def show(self, visit: Visit, found: VisibleConnector) -> View | Redirect:
        """List rejected rows; a filter that the form sends becomes a query string of the dialect first."""
        name = found.connector.name
        try:
            pairs = parameters_of(visit.query_string)
            combined = rejected_filter.combined(kept_parameters.unfolded(pairs))
        except GatewayError as error:
            return await self._view(found, [], error=error)
        if combined is not None:
            return Redirect(f"{connector_url(name, self.page)}?{combined.query_string()}")
        given = dict(pairs).get(OUTCOME)
        outcome = self._services.outcomes.find(given, name, found.asker.token)
        return await self._view(found, [pair for pair in pairs if pair[0] != OUTCOME], outcome=outcome)

    async def post(self, visit: Visit, form: Form) -> View | Redirect:
        """Replay, check, or discard rows; then show the list with what was done.

        Raises:
            GatewayError: The asker may not settle rows here, or the gateway cannot do it now.
        """
        found = self.heads.find(visit)
        found.require(found.sight.settles, PART)
        pairs: list[tuple[str, str]] = []
        try:
            pairs = parameters_of(form.get("filter", ""))
            outcome = await self._settle(found, query_of(pairs), form)
        except GatewayError as error:
            if error.status not in _SHOWN:
                raise
            chosen = [int(id) for id in form.all("id") if _is_id(id)]
            reason = form.get("reason", "")
            view = await self._view(found, pairs, error=error, chosen=chosen, reason=reason)
            return await self.heads.frame(view, visit, found, self.page)
        kept = self._services.outcomes.keep(outcome, found.connector.name, found.asker.token)
        query = "&".join(part for part in (query_of(pairs), kept) if part)
        return Redirect(f"{connector_url(found.connector.name, self.page)}?{query}")

    async def _settle(self, found: VisibleConnector, filters: str, form: Form) -> FormOutcome:
        """Perform what the pressed button says, with the chosen rows or with all rows of the filter."""
        action, _, extent = form.get("do", "").partition("-")
        if extent == "all":
            chosen = f"{filters}&_id=gte.0"
            counted = f"{chosen}&expected={form.get('expected', '')}"
        else:
            chosen = counted = _chosen(form.all("id"))
        if action == "replay":
            receipt = await self._services.replay.replay(found, counted, {})
            return FormOutcome(
                "replay",
                receipt.received,
                receipt.stored,
                receipt.rejected,
                receipt.duplicates,
                receipt.batch,
                errors=receipt.errors[:ERRORS_MAX],
            )
        if action == "check":
            checked = await self._services.replay.check(found, f"{chosen}&limit={CHECKED_MAX}", {})
            return FormOutcome(
                "check",
                checked.received,
                len(checked.valid_ids),
                checked.rejected,
                errors=checked.errors[:ERRORS_MAX],
                is_part=checked.received == CHECKED_MAX,
            )
        if action == "discard":
            reason = reason_of(form)
            done = await self._services.rows.discard(found, counted, reason)
            return FormOutcome("discard", done["discarded"], done["discarded"], reason=reason)
        raise GatewayError(Code.BODY_INVALID, "the form has no button", hint="press a button of the page")

    async def _view(
        self,
        found: VisibleConnector,
        pairs: Sequence[tuple[str, str]],
        *,
        outcome: FormOutcome | None = None,
        error: GatewayError | None = None,
        chosen: Sequence[int] = (),
        reason: str = "",
    ) -> View:
        page = None
        try:
            page = await self._services.excerpts.page(found, query_of(pairs))
        except GatewayError as problem:
            if problem.status not in (400, 403, 416) or found.sight.rejected_counts == "none":
                raise
            error = error or problem
        view = RejectedListView(
            found=found,
            filter=RejectedFilter.of(pairs),
            routes=self.shell.routes,
            outcome=outcome,
            error=error,
            page=page,
            chosen=chosen,
            reason=reason,
        )
        status, headers = (error.status, error.headers) if error else (200, {})
        return View("rejected.html", {"page": view}, status, headers)


def reason_of(form: Form) -> str:
    """Return the reason of a form that discards rows.

    Raises:
        GatewayError: It is missing or too long.
    """
    reason = form.get("reason", "").strip()
    if not reason:
        raise GatewayError(
            Code.BODY_INVALID,
            "the reason is missing; nothing was done",
            hint="write why the rows are discarded",
        )
    return require_reason(reason)


def _is_id(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 19


def _chosen(ids: Sequence[str]) -> str:
    """Return the query string that chooses the rows of check boxes.

    Raises:
        GatewayError: None is checked.
    """
    wanted = {int(id) for id in ids if _is_id(id)}
    if not wanted:
        raise GatewayError(
            Code.UNFILTERED, "no row is chosen; nothing was done", hint="check the boxes of rows"
        )
    return f"_id=in.({','.join(map(str, sorted(wanted)))})&expected={len(wanted)}"
