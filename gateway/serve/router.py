"""Path to resource, from whichever snapshot is live."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS
from falcon.routing import CompiledRouter

from gateway.connectors.plan import Outcome
from gateway.serve import access
from gateway.serve.access import Credentials
from gateway.serve.endpoint import Endpoint

#: What Falcon's find() gives: resource, responders by method, parameters, template.
Found = tuple[object, Mapping[str, Callable[..., Any]], dict[str, Any], str | None]


@dataclass(frozen=True)
class Snapshot:
    """Everything that requests see; replaced whole, never edited.

    Attributes:
        generation: Counts the snapshots of this process.
        endpoints: By connector name.
        outcomes: What became of each file, and of each removed connector.
        source: The directory the files were read from.
        source_problem: Why it cannot be read now, or None.
    """

    generation: int = 0
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    source: str = ""
    source_problem: str | None = None

    @cached_property
    def routes(self) -> Mapping[str, Found]:
        """What serves each path."""
        by_path = {each.connector.path: each for each in self.endpoints.values()}
        return {path: (each, _responders(each), {}, path) for path, each in by_path.items()}


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

    def show(self, snapshot: Snapshot) -> None:
        """Make a snapshot the one that new requests see."""
        self.snapshot = snapshot

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Add a fixed path; Falcon calls it from `App.add_route`."""
        self._fixed.add_route(uri_template, resource, **kwargs)

    def map_http_methods(self, resource: object, **kwargs: Any) -> Any:
        """Find a resource's responders; Falcon calls it from `App.add_route`."""
        return self._fixed.map_http_methods(resource, **kwargs)

    def find(self, uri: str, req: Request | None = None) -> Found | None:
        """Find what serves a path; Falcon calls it for every request."""
        if uri.startswith("/-/"):
            found: Found | None = self._fixed.find(uri, req)
            return found
        return self.snapshot.routes.get(uri, self._nowhere)


class Nowhere:
    """Every path without a connector: it looks at the token first, as one that hides from it does."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def on_any(self, req: Request, resp: Response) -> None:
        """Say that there is nothing."""
        self._credentials.name_of(req.auth)
        raise access.unknown_endpoint(req.path)


def _responders(endpoint: Endpoint) -> dict[str, Callable[..., Any]]:
    responders: dict[str, Callable[..., Any]] = dict.fromkeys(COMBINED_METHODS, endpoint.on_other)
    return responders | {
        "POST": endpoint.on_post,
        "GET": endpoint.on_get,
        "HEAD": endpoint.on_head,
        "OPTIONS": endpoint.on_options,
    }
