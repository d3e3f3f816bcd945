"""The targets of the console's script: guarded as forms are, and answered with JSON."""

from collections.abc import Mapping
from typing import Any

from falcon.asgi import Request, Response

from gateway.console.headers import PAGE_HEADERS
from gateway.console.page import Redirect, Shell
from gateway.console.visit import Visit
from gateway.endpoints import reply


class ScriptTarget:
    """A resource that the script asks. A subclass defines `ask` and `tell`, which get the request for its body."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    async def ask(self, visit: Visit) -> Mapping[str, Any]:
        """Return the answer to a GET, which changes nothing."""
        raise NotImplementedError

    async def tell(self, visit: Visit, req: Request) -> Mapping[str, Any] | Redirect:
        """Perform what a POST or PUT of this gateway's own pages asks for."""
        raise NotImplementedError

    async def respond_to_ask(self, req: Request, resp: Response, parameters: Mapping[str, str]) -> None:
        """Respond to a GET."""
        visit = self.shell.visit(req, parameters)
        resp.set_headers(dict(PAGE_HEADERS))
        reply.json(resp, await self.ask(visit))

    async def respond_to_tell(self, req: Request, resp: Response, parameters: Mapping[str, str]) -> None:
        """Check where a request comes from, and respond to it."""
        self.shell.require_own_page(req)
        visit = self.shell.visit(req, parameters)
        answer = await self.tell(visit, req)
        if isinstance(answer, Redirect):
            await self.shell.respond(resp, visit, answer)
            return
        resp.set_headers(dict(PAGE_HEADERS))
        reply.json(resp, answer)
