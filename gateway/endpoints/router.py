"""Path to resource, from whichever snapshot is live."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS
from falcon.routing import CompiledRouter

from gateway.auth import credentials
from gateway.auth.credentials import Credentials
from gateway.connectors.finding import Finding
from gateway.connectors.plan import Outcome
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.removed import Gone, Moved
from gateway.endpoints.request_cache import Repeats
from gateway.errors import Code, GatewayError, not_ready, suggest
from gateway.request_context import current
from gateway.store.errors import Superseded

_T = TypeVar("_T")

#: How long a request waits for what takes its endpoint's place, and how often it looks.
SUCCESSION_SECONDS, _STEP_SECONDS = 20.0, 0.01

#: What Falcon's find() gives: resource, responders by method, parameters, template.
Found = tuple[object, Mapping[str, Callable[..., Any]], dict[str, Any], str | None]


@dataclass(frozen=True)
class Snapshot:
    """Everything that requests see; replaced whole, never edited.

    Attributes:
        generation: Counts the snapshots of this process.
        endpoints: By connector name.
        gone: Removed connectors whose rows are kept, by name.
        moved: What answers at the paths that connectors had before.
        outcomes: What became of each file, and of each removed connector.
        source: The directory the files were read from.
        source_problem: Why it cannot be read now, or None.
        passed_over: Warnings about files of it that are not read.
    """

    generation: int = 0
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    gone: Mapping[str, Gone] = field(default_factory=dict)
    moved: tuple[Moved | Gone, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    source: str = ""
    source_problem: str | None = None
    passed_over: tuple[Finding, ...] = ()

    @cached_property
    def routes(self) -> Mapping[str, Found]:
        """What serves each path."""
        found: dict[str, Found] = {}
        for gone in sorted((*self.gone.values(), *self.moved), key=lambda each: each.since):
            found[gone.path] = (gone, dict.fromkeys(COMBINED_METHODS, gone.on_any), {}, None)
        for endpoint in self.endpoints.values():
            path = endpoint.connector.path
            found[path] = (endpoint, endpoint.responders, {}, path)
        return found


async def settled(make: Callable[[], Awaitable[_T]]) -> _T:
    """Make something of connectors, and make it anew where one of them is being changed.

    Raises:
        GatewayError: Where that does not end.
    """
    for _ in range(int(SUCCESSION_SECONDS / _STEP_SECONDS)):
        try:
            return await make()
        except Superseded:
            await asyncio.sleep(_STEP_SECONDS)
    raise not_ready()


class Router:
    """Falcon's custom router: fixed paths under `/-/`, and the connectors of the live snapshot.

    `show` may be called from any thread: it is one assignment, and a request that has been routed keeps the
    Endpoint it was given. https://falcon.readthedocs.io/en/stable/api/routing.html#custom-routers
    """

    def __init__(self, credentials: Credentials) -> None:
        self.snapshot = Snapshot()
        self._fixed = CompiledRouter()
        nowhere = Nowhere(credentials)
        self._nowhere: Found = (nowhere, dict.fromkeys(COMBINED_METHODS, nowhere.on_any), {}, None)
        self._fixed_paths: list[str] = []
        unknown = UnknownFixed(self._fixed_paths)
        self._unknown_fixed: Found = (unknown, dict.fromkeys(COMBINED_METHODS, unknown.on_any), {}, None)

    def show(self, snapshot: Snapshot) -> None:
        """Make a snapshot the one that new requests see."""
        self.snapshot = snapshot

    def present(self, endpoint: Endpoint) -> Endpoint:
        """Give the endpoint that serves a connector now.

        Raises:
            GatewayError: Where the connector was removed.
        """
        name, snapshot = endpoint.connector.name, self.snapshot
        found = snapshot.endpoints.get(name)
        if found is None:
            raise snapshot.gone[name].error() if name in snapshot.gone else not_ready()
        return found

    async def successor(self, endpoint: Endpoint) -> Endpoint:
        """Wait for the endpoint that takes another's place: what superseded that one is about to be shown.

        Raises:
            GatewayError: Where its connector was removed, or nothing is shown in time.
        """
        for _ in range(int(SUCCESSION_SECONDS / _STEP_SECONDS)):
            found = self.present(endpoint)
            if found is not endpoint:
                return found
            await asyncio.sleep(_STEP_SECONDS)
        raise not_ready()

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Add a fixed path; Falcon calls it from `App.add_route`."""
        self._fixed.add_route(uri_template, resource, **kwargs)
        self._fixed_paths.append(uri_template)

    def map_http_methods(self, resource: object, **kwargs: Any) -> Any:
        """Find a resource's responders; Falcon calls it from `App.add_route`."""
        return self._fixed.map_http_methods(resource, **kwargs)

    def find(self, uri: str, req: Request | None = None) -> Found | None:
        """Find what serves a path; Falcon calls it for every request."""
        found: Found | None
        if uri.startswith("/-/"):
            found = self._fixed.find(uri, req) or self._unknown_fixed
        else:
            found = self.snapshot.routes.get(uri, self._nowhere)
        self._tell(uri, found)
        return found

    def repeats_at(self, path: str) -> Repeats | None:
        """Give the answers of the endpoint at a path, where there is one."""
        found = self.snapshot.routes.get(path)
        return found[0].repeats if found is not None and isinstance(found[0], Endpoint) else None

    def _tell(self, uri: str, found: Found | None) -> None:
        """Tell the log which path it is, where it is a known one; one that is not may hold anything."""
        context = current.get(None)
        if context is None or found is None:
            return
        resource, _, parameters, template = found
        if isinstance(resource, Endpoint | Gone | Moved):
            context.path, context.connector = uri, resource.connector.name
        elif template is not None:
            name = parameters.get("name")
            is_known = name in self.snapshot.endpoints or name in self.snapshot.gone
            context.connector = name if is_known else None
            context.path = template.replace("{name}", name) if name and is_known else template


class UnknownFixed:
    """Every path under `/-/` that is none."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    async def on_any(self, req: Request, resp: Response) -> None:
        """Say so, and which paths are near."""
        path = req.path.rstrip("/")[:200]
        depth = path.count("/")
        hint = suggest(
            path, [each for each in self._paths if each.count("/") == depth] or self._paths, "there are"
        )
        raise GatewayError(Code.ENDPOINT_UNKNOWN, f"there is no path '{path}'", hint=hint)


class Nowhere:
    """Every path without a connector: it looks at the token first, as one that hides from it does."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def on_any(self, req: Request, resp: Response) -> None:
        """Say that there is nothing."""
        self._credentials.name_of(req.auth)
        raise credentials.unknown_endpoint(req.path)
