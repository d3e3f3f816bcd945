"""Errors of the console: the same status, code, and headers as in JSON, and for a browser as a page."""

import logging
from typing import Any

import falcon
from falcon.asgi import Request, Response

from gateway.auth.authorization_header import without_basic
from gateway.auth.permissions import Asker
from gateway.console.headers import PAGE_HEADERS
from gateway.console.page import HTML, Shell, View
from gateway.console.visit import visit_of
from gateway.endpoints import reply
from gateway.endpoints.browser import is_browser
from gateway.errors import Code, GatewayError, trace
from gateway.server.operations import is_page

_log = logging.getLogger(__name__)


class ErrorPages:
    """The error handlers of the Falcon app. Outside the console every error is JSON."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def gateway_error(
        self, req: Request, resp: Response, error: GatewayError, params: dict[str, Any], **_: Any
    ) -> None:
        """Answer with a `GatewayError`."""
        error = reply.visible_error(error)
        reply.refusal(req, resp, error)
        if not is_page(req.path):
            return
        resp.set_headers(dict(PAGE_HEADERS))
        if challenge := error.headers.get("WWW-Authenticate"):
            # For Basic a browser would ask for a password in a dialog of its own.
            resp.set_header("WWW-Authenticate", without_basic(challenge))
        if is_browser(req):
            await self._show(req, resp, error, params)

    async def falcon_error(
        self, req: Request, resp: Response, error: falcon.HTTPError, params: dict[str, Any], **_: Any
    ) -> None:
        """Answer with an error that Falcon raised."""
        await self.gateway_error(req, resp, reply.gateway_error_of(req, error), params)

    async def any_error(
        self, req: Request, resp: Response, error: Exception, params: dict[str, Any], **_: Any
    ) -> None:
        """Answer with 500 for an unexpected error."""
        await self.gateway_error(req, resp, reply.internal_error(error), params)

    async def _show(
        self, req: Request, resp: Response, error: GatewayError, parameters: dict[str, Any]
    ) -> None:
        """Replace the JSON by a page. If that fails, the JSON stays."""
        try:
            visit = visit_of(req, self._asker(req, error), parameters)
            resp.data = await self._shell.render(visit, View("error.html", {"error": error}))
        except Exception as failure:  # noqa: BLE001  # an error page must not hide the error
            _log.error("the page of an error failed: %s", trace(failure))  # messages may hold values
            return
        resp.content_type = HTML

    def _asker(self, req: Request, error: GatewayError) -> Asker:
        # To ask again would count a wrong token twice.
        if error.status == 401 or error.code is Code.TOO_MANY_FAILURES:
            return Asker()
        try:
            return self._shell.auth.asker_of(req)
        except GatewayError:
            return Asker()
