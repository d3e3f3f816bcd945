"""Pages: a handler takes a visit and returns a view or a redirect, both as values.

Every page derives from `ConsolePage`, and what takes a form from `FormTarget`. So all have the same headers, and no form is
without its guard.
"""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import quote

import falcon
from falcon.asgi import Request, Response

from gateway import strictjson
from gateway.admin.finding_counts import count_findings
from gateway.auth.permissions import Asker
from gateway.console import guard
from gateway.console.form import Form
from gateway.console.headers import PAGE_HEADERS
from gateway.console.templates import Templates
from gateway.console.visit import Visit, visit_of
from gateway.endpoints.live import Live
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Auth
from gateway.errors import Code, GatewayError
from gateway.strictjson import Json
from gateway.threads import ContextThreadPool

HTML = "text/html; charset=utf-8"
#: The most bytes of a form.
FORM_BYTES_MAX = 64 * 1024
#: The most pages that are made at the same time. They share one thread that renders and one that reads the store.
OPEN_PAGES_MAX = 64


@dataclass(frozen=True, slots=True)
class View:
    """A page to render.

    Attributes:
        template: The file of its template.
        values: The values of the template, beside those that every page has.
        status: The status of the response.
        headers: More headers.
    """

    template: str
    values: Mapping[str, object]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect with 303 to another page.

    Attributes:
        to: The URL, relative to the gateway's root.
        cookie: A Set-Cookie header, or None.
    """

    to: str
    cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the browser saves.

    Attributes:
        name: Its name, which may have any character that a file name can have.
        data: Its bytes.
        media_type: Its Content-Type.
    """

    name: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Data:
    """JSON for the script of a page."""

    value: Json


def attachment(name: str) -> str:
    """Return the Content-Disposition of a file that the browser saves (RFC 8187); no name can leave its place."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


#: The values that a handler may return.
Answer = View | Redirect | Download | Data


class Shell:
    """The services that all pages share: they find out who asks, receive forms, and render views.

    Attributes:
        auth: Finds out who asks.
        routes: The routes of all pages, so that no page links to one that is not there.
    """

    def __init__(
        self,
        auth: Auth,
        live: Live,
        templates: Templates,
        thread: ContextThreadPool,
        bodies: RequestBodies,
        hosts: tuple[str, ...],
    ) -> None:
        """Keep the services of pages.

        Args:
            auth: Finds out who asks.
            live: Holds the findings about connector files.
            templates: Render views.
            thread: The one thread for that.
            bodies: Receive forms.
            hosts: The hosts of `GATEWAY_HOSTS`.
        """
        self.auth = auth
        self.routes: set[str] = set()
        self._live = live
        self._bodies = bodies
        self._hosts = hosts
        self._templates = templates
        self._thread = thread
        self._open_pages = 0

    @contextlib.contextmanager
    def admit(self) -> Iterator[None]:
        """Hold one of the places for pages that are made at the same time.

        Raises:
            GatewayError: 503, all places are taken.
        """
        if self._open_pages >= OPEN_PAGES_MAX:
            raise GatewayError(
                Code.READERS_BUSY,
                f"{OPEN_PAGES_MAX} pages are being made",
                hint="load the page again a little later",
                headers={"Retry-After": "1"},
            )
        self._open_pages += 1
        try:
            yield
        finally:
            self._open_pages -= 1

    def visit(self, req: Request, parameters: Mapping[str, str]) -> Visit:
        """Return the value of a request; it raises what `Auth.asker_of` does."""
        return visit_of(req, self.auth.asker_of(req), parameters)

    def require_own_page(self, req: Request) -> None:
        """Check that a page of this gateway sent a request.

        Raises:
            GatewayError: 403, a page of another site did.
        """
        guard.require_same_origin(req, self._hosts)

    async def receive_form(self, req: Request, limit: int = FORM_BYTES_MAX) -> Form:
        """Receive a form of this gateway's own pages, of at most `limit` bytes.

        Raises:
            GatewayError: A page of another site sent it, or it is too large, too slow, or incomplete.
        """
        guard.require_same_origin(req, self._hosts)
        body = await self._bodies.receive_whole(req, limit)
        # PERF: a form of 2 MB takes 50 ms to decode.
        return await asyncio.to_thread(Form.of, body) if len(body) > FORM_BYTES_MAX else Form.of(body)

    async def respond(self, resp: Response, visit: Visit, answer: Answer) -> None:
        """Respond with what a handler returned."""
        resp.set_headers(dict(PAGE_HEADERS))
        if isinstance(answer, Data):
            resp.content_type, resp.data = falcon.MEDIA_JSON, strictjson.write(answer.value)
            return
        if isinstance(answer, Download):
            resp.content_type, resp.data = answer.media_type, answer.data
            resp.set_header("Content-Disposition", attachment(answer.name))
            return
        if isinstance(answer, Redirect):
            resp.status = 303
            resp.set_header("Location", f"{visit.root}{answer.to}")
            if answer.cookie:
                resp.append_header("Set-Cookie", answer.cookie)
            return
        resp.data = await self.render(visit, answer)
        resp.status, resp.content_type = answer.status, HTML
        resp.set_headers(dict(answer.headers))

    async def render(self, visit: Visit, view: View) -> bytes:
        """Render a view, in the thread of the pages."""
        values = {
            **view.values,
            "visit": visit,
            "root": visit.root,
            "routes": self.routes,
            "now": time.time(),
            "finding_count": lambda: self._count_findings(visit.asker),
        }
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._templates.render, view.template, values)

    def _count_findings(self, asker: Asker) -> int:
        """Return how many findings an asker may see; the thread of the pages calls it."""
        return count_findings(self._live.snapshot, self.auth.credentials).total() if asker.views else 0


class FormTarget(ABC):
    """The target of a form.

    Attributes:
        form_bytes_max: The most bytes of the form.
    """

    form_bytes_max: ClassVar[int] = FORM_BYTES_MAX

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    @abstractmethod
    async def post(self, visit: Visit, form: Form) -> Answer:
        """Perform what a form asks for."""

    async def on_post(self, req: Request, resp: Response, **parameters: str) -> None:
        """Check where a form comes from, and respond to it."""
        form = await self.shell.receive_form(req, self.form_bytes_max)
        visit = self.shell.visit(req, parameters)
        with self.shell.admit():
            await self.shell.respond(resp, visit, await self.post(visit, form))


class ConsolePage(ABC):
    """A page that is asked for with GET or HEAD."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    @abstractmethod
    async def get(self, visit: Visit) -> Answer:
        """Return the page for a visit."""

    async def on_get(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with the page."""
        visit = self.shell.visit(req, parameters)
        with self.shell.admit():
            await self.shell.respond(resp, visit, await self.get(visit))

    async def on_head(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with the headers of the page."""
        await self.on_get(req, resp, **parameters)
