"""`/-/console/connectors/NAME/rejected/ID`: one rejected row with its errors, to be edited, checked, and replayed."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from falcon.asgi import Request, Response

from gateway.admin.rejected_excerpts import RejectedOne
from gateway.admin.rejected_rows import PART
from gateway.admin.visible_connectors import VisibleConnector
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.connector_urls import connector_url
from gateway.console.form import Form
from gateway.console.form_outcomes import OUTCOME, FormOutcome
from gateway.console.headers import PAGE_HEADERS
from gateway.console.page import FormTarget, Redirect, Shell, View
from gateway.console.rejected_filter import RejectedFilter
from gateway.console.rejected_list import RejectedServices, reason_of
from gateway.console.rejected_view import RejectedRowView, initial_text, query_of
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError
from gateway.ingest import replay_body
from gateway.query.parameters import parameters_of
from gateway.strictjson import Json

#: The statuses of errors that are shown above the row; others are a page of their own.
_SHOWN = (400, 409, 413)


class RejectedRowPage(ConnectorPage, FormTarget):
    """One row, and the target of its forms."""

    page = "rejected"
    #: The text of a row has at most 1 MiB, and each of its bytes may take three in a form.
    form_bytes_max: ClassVar[int] = 4 * 2**20

    def __init__(self, shell: Shell, heads: ConnectorHeads, services: RejectedServices) -> None:
        super().__init__(shell, heads)
        self._services = services

    async def show(self, visit: Visit, found: VisibleConnector) -> View | Redirect:
        """Show the row.

        Raises:
            GatewayError: The asker may not see it, it is not there, or the query is wrong.
        """
        pairs = parameters_of(visit.query_string)
        outcome = self._services.outcomes.find(
            dict(pairs).get(OUTCOME), found.connector.name, found.asker.token
        )
        return await self._view(visit, found, [pair for pair in pairs if pair[0] != OUTCOME], outcome=outcome)

    async def post(self, visit: Visit, form: Form) -> View | Redirect:
        """Check, replay, or discard the row; a text that was checked, or that is still bad, is shown again.

        Raises:
            GatewayError: The asker may not settle it, it is not there, or the gateway cannot do it now.
        """
        found = self.heads.find(visit)
        found.require(found.sight.settles, PART)
        id, pairs = _id_of(visit), parameters_of(visit.query_string)
        text = form.get("text", "").replace("\r\n", "\n")
        given: dict[str, Any] = {"edited": text if "text" in form else None, "reason": form.get("reason", "")}
        try:
            answer = await self._act(found, id, text, form)
        except GatewayError as error:
            if error.status not in _SHOWN:
                raise
            view = await self._view(visit, found, pairs, error=error, **given)
            return await self.heads.frame(view, visit, found, self.page)
        if isinstance(answer, FormOutcome):
            kept = self._services.outcomes.keep(answer, found.connector.name, found.asker.token)
            query = "&".join(part for part in (query_of(pairs), kept) if part)
            return Redirect(f"{connector_url(found.connector.name, f'rejected/{id}')}?{query}")
        view = await self._view(visit, found, pairs, errors=answer, **given)
        return await self.heads.frame(view, visit, found, self.page)

    async def _act(
        self, found: VisibleConnector, id: int, text: str, form: Form
    ) -> FormOutcome | Sequence[Mapping[str, Any]]:
        """Perform what the pressed button says; return what was done, or the errors of the text."""
        action, chosen = form.get("do", ""), f"_id=eq.{id}&expected=1"
        if action == "discard":
            reason = reason_of(form)
            await self._services.rows.discard(found, chosen, reason)
            return FormOutcome("discard", 1, 1, reason=reason)
        if action not in ("check", "replay"):
            raise GatewayError(Code.BODY_INVALID, "the form has no button", hint="press a button of the page")
        edited = await self._edited(found, id, text) if "text" in form else {}
        if action == "check":
            return (await self._services.replay.check(found, chosen, edited)).errors
        receipt = await self._services.replay.replay(found, chosen, edited)
        if receipt.rejected:
            return receipt.errors
        return FormOutcome("replay", 1, receipt.stored, duplicates=receipt.duplicates, batch=receipt.batch)

    async def _edited(self, found: VisibleConnector, id: int, text: str) -> Mapping[int, Json]:
        """Return the edited row; none if the text is that of the page, so that the row is read as it came."""
        one = await self._services.excerpts.row(found, id, "")
        if text == initial_text(one.excerpt, found.connector):
            return {}
        return {id: replay_body.parse_one(text.encode(), id, found.connector)}

    async def _view(
        self,
        visit: Visit,
        found: VisibleConnector,
        pairs: Sequence[tuple[str, str]],
        *,
        error: GatewayError | None = None,
        **given: Any,
    ) -> View:
        one = await self._services.excerpts.row(found, _id_of(visit), query_of(pairs))
        if error is not None and error.code is Code.REJECTED_CHANGED:
            error = _settled(one)
        view = RejectedRowView(
            found=found,
            filter=RejectedFilter.of(pairs),
            routes=self.shell.routes,
            one=one,
            error=error,
            **given,
        )
        return View("rejected_row.html", {"page": view}, status=error.status if error else 200)


class RejectedText:
    """`…/rejected/ID/text`: the whole text of a row, as a file."""

    def __init__(self, shell: Shell, heads: ConnectorHeads, services: RejectedServices) -> None:
        self._shell = shell
        self._heads = heads
        self._services = services

    async def on_get(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with the file."""
        visit = self._shell.visit(req, parameters)
        with self._shell.admit():
            found = self._heads.find(visit)
            id = _id_of(visit)
            text = await self._services.excerpts.text(found, id)
        resp.set_headers(dict(PAGE_HEADERS))
        resp.content_type = "text/plain; charset=utf-8"
        name = f"{found.connector.name}-rejected-{id}.txt"
        resp.set_header("Content-Disposition", f'attachment; filename="{name}"')
        resp.data = text.encode()

    async def on_head(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with the headers of the file."""
        await self.on_get(req, resp, **parameters)


def _id_of(visit: Visit) -> int:
    """Return the `_id` in the URL.

    Raises:
        GatewayError: 404, it is not a number.
    """
    text = visit.parameters["id"]
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        message = f"there is no rejected row {text[:80]!r}"
        raise GatewayError(Code.ENDPOINT_UNKNOWN, message, hint="list the rejected rows")
    return int(text)


def _settled(one: RejectedOne) -> GatewayError:
    """Return the error of a row that was settled meanwhile, in the words of its history."""
    row = one.excerpt
    done = f"replayed in batch {row.settled_batch}" if row.state == "replayed" else row.state
    message = f"row {row.id} was {done} meanwhile; nothing was done"
    return GatewayError(Code.REJECTED_CHANGED, message, hint="its history below says when")
