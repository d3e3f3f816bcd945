"""`/-/console/connectors/NAME/rejected/ID`: one rejected row with its errors, to be edited, checked, and replayed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gateway.admin.rejected_excerpts import RejectedOne
from gateway.admin.rejected_rows import PART
from gateway.admin.visible_connectors import VisibleConnector
from gateway.auth.authorization_header import without_basic
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.connector_urls import connector_url
from gateway.console.editable_text import editable_text
from gateway.console.form import Form
from gateway.console.form_outcomes import OUTCOME, FormOutcome
from gateway.console.page import ConsolePage, Data, Download, FormTarget, Redirect, Shell, View
from gateway.console.rejected_filter import RejectedFilter
from gateway.console.rejected_list import RejectedServices, reason_of
from gateway.console.rejected_view import RejectedRowView, query_of
from gateway.console.templates import cut, field_text
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError
from gateway.ingest import replay_body
from gateway.query.parameters import parameters_of
from gateway.strictjson import Json

#: The statuses of errors that are shown above the row; others are shown with the text that was typed alone.
_SHOWN = (400, 409, 413, 429, 503, 507)
_UNEXPECTED = 500


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
        """Check, replay, or discard the row; a text that was typed is shown again unless it is stored.

        Raises:
            GatewayError: There is no text, and the asker may not settle it, it is not there, or the gateway cannot do it now.
        """
        try:
            return await self._settle(visit, form)
        except GatewayError as error:
            text = _text_of(form)
            if text is None or error.status >= _UNEXPECTED:
                raise
            error = _to(visit, error)
            headers = {name: without_basic(value) for name, value in error.headers.items()}
            return View("rejected_text.html", {"error": error, "text": text}, error.status, headers)

    async def _settle(self, visit: Visit, form: Form) -> View | Redirect:
        found = self.heads.find(visit)
        found.require(found.sight.settles, PART)
        id, pairs = id_of(visit), parameters_of(visit.query_string)
        given: dict[str, Any] = {"edited": _text_of(form), "reason": form.get("reason", "")}
        try:
            answer = await self._act(found, id, form)
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
        self, found: VisibleConnector, id: int, form: Form
    ) -> FormOutcome | Sequence[Mapping[str, Any]]:
        """Perform what the pressed button says; return what was done, or the errors of the text."""
        action = form.get("do", "")
        if action == "discard":
            reason = reason_of(form)
            await self._services.rows.discard(found, _only(id), reason)
            return FormOutcome("discard", 1, 1, reason=reason)
        if action == "check":
            return await self.check(found, id, form)
        if action != "replay":
            raise GatewayError(Code.BODY_INVALID, "the form has no button", hint="press a button of the page")
        edited = await self._edited(found, id, _text_of(form))
        receipt = await self._services.replay.replay(found, _only(id), edited)
        if receipt.rejected:
            return receipt.errors
        return FormOutcome("replay", 1, receipt.stored, duplicates=receipt.duplicates, batch=receipt.batch)

    async def check(self, found: VisibleConnector, id: int, form: Form) -> Sequence[Mapping[str, Any]]:
        """Return the errors of the text of a form.

        Raises:
            GatewayError: The text is not a row, or the row is not kept.
        """
        edited = await self._edited(found, id, _text_of(form))
        return (await self._services.replay.check(found, _only(id), edited)).errors

    async def _edited(self, found: VisibleConnector, id: int, text: str | None) -> Mapping[int, Json]:
        """Return the edited row; none if the text is that of the page, and the row can be read as it came."""
        if text is None:
            return {}
        one = await self._services.excerpts.row(found, id, "")

        def parse() -> Mapping[int, Json]:
            initial = editable_text(one.excerpt, found.connector)
            if text == initial.text and not initial.problem:
                return {}
            return {id: replay_body.parse_one(text.encode(), id, found.connector)}

        return await asyncio.to_thread(parse)  # A text may have a megabyte.

    async def _view(
        self,
        visit: Visit,
        found: VisibleConnector,
        pairs: Sequence[tuple[str, str]],
        *,
        error: GatewayError | None = None,
        **given: Any,
    ) -> View:
        one = await self._services.excerpts.row(found, id_of(visit), query_of(pairs))
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
        status, headers = (error.status, error.headers) if error else (200, {})
        return View("rejected_row.html", {"page": view}, status, headers)


class RejectedCheck(FormTarget):
    """`…/rejected/ID/check`: the check of a text as JSON, for the script, which leaves the cursor where it is."""

    form_bytes_max: ClassVar[int] = RejectedRowPage.form_bytes_max

    def __init__(self, shell: Shell, heads: ConnectorHeads, page: RejectedRowPage) -> None:
        super().__init__(shell)
        self._heads = heads
        self._page = page

    async def post(self, visit: Visit, form: Form) -> Data:
        """Return the errors of the text, with the texts of the page.

        Raises:
            GatewayError: The asker may not settle the row, or the text is not a row.
        """
        try:
            found = self._heads.find(visit)
            found.require(found.sight.settles, PART)
            errors = await self._page.check(found, id_of(visit), form)
        except GatewayError as error:
            raise _to(visit, error) from error
        shown = [
            {"field": field_text(each["field"]), "code": each["code"], "message": cut(each["message"])}
            for each in errors
        ]
        return Data({"errors": shown})


class RejectedText(ConsolePage):
    """`…/rejected/ID/text`: the whole text of a row, as a file."""

    def __init__(self, shell: Shell, heads: ConnectorHeads, services: RejectedServices) -> None:
        super().__init__(shell)
        self._heads = heads
        self._services = services

    async def get(self, visit: Visit) -> Download:
        """Return the file.

        Raises:
            GatewayError: The asker may not see the row, or it is not there.
        """
        found, id = self._heads.find(visit), id_of(visit)
        text = await self._services.excerpts.text(found, id)
        name = f"{found.connector.name}-rejected-{id}.txt"
        return Download(name, text.encode(), "text/plain; charset=utf-8")


def id_of(visit: Visit) -> int:
    """Return the `_id` in the URL.

    Raises:
        GatewayError: 404, it is not a number.
    """
    text = visit.parameters["id"]
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        message = f"there is no rejected row {text[:80]!r}"
        raise GatewayError(Code.ENDPOINT_UNKNOWN, message, hint="list the rejected rows")
    return int(text)


def _only(id: int) -> str:
    """Return the query string that chooses one row, if it is kept."""
    return f"_id=eq.{id}&expected=1"


def _text_of(form: Form) -> str | None:
    """Return the text of a form with the line ends of the page: a browser sends CRLF."""
    return form["text"].replace("\r\n", "\n") if "text" in form else None


def _to(visit: Visit, error: GatewayError) -> GatewayError:
    """Return the error of a form in words for its sender: one who signed out meanwhile may see no row."""
    if visit.asker.token is not None or error.status not in (401, 404):
        return error
    hint = "sign in in another tab, then press the button again"
    return GatewayError(
        error.code, "you are signed out; nothing was stored", hint=hint, headers=error.headers
    )


def _settled(one: RejectedOne) -> GatewayError:
    """Return the error of a row that was settled meanwhile, in the words of its history."""
    row = one.excerpt
    done = f"replayed in batch {row.settled_batch}" if row.state == "replayed" else row.state
    message = f"row {row.id} was {done} meanwhile; nothing was done"
    return GatewayError(Code.REJECTED_CHANGED, message, hint="its history below says when")
