"""Routing: from a path to its resource in the live snapshot."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS
from falcon.routing import CompiledRouter

from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.endpoints.browser import BrowserRedirect, wants_page
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.live import Live, Snapshot
from gateway.endpoints.removed import MovedConnector, RemovedConnector
from gateway.endpoints.request_cache import RequestCache
from gateway.endpoints.responders import Responders
from gateway.errors import Code, GatewayError, suggest
from gateway.request_context import current

#: The result of Falcon's find(): resource, responders by method, parameters, template.
Found = tuple[object, Mapping[str, Callable[..., Any]], dict[str, Any], str | None]


class Router:
    """Falcon's custom router: fixed paths, which are `/` and those under `/-/`, and the connectors of the live snapshot.

    Belongs to the event loop. https://falcon.readthedocs.io/en/stable/api/routing.html#custom-routers
    """

    def __init__(
        self, live: Live, responders: Responders, credentials: Credentials, *, has_console: bool
    ) -> None:
        """Build the router; with a console, browsers are redirected to it from the paths of endpoints."""
        self._live = live
        self._has_console = has_console
        self._responders = responders
        self._routed: Snapshot | None = None
        self._routes: Mapping[str, Found] = {}
        self._fixed = CompiledRouter()
        unknown_path = UnknownPath(credentials)
        self._unknown_path_route: Found = (
            unknown_path,
            dict.fromkeys(COMBINED_METHODS, unknown_path.on_any),
            {},
            None,
        )
        redirect = BrowserRedirect()
        self._redirect_route: Found = (redirect, dict.fromkeys(COMBINED_METHODS, redirect.on_any), {}, None)
        self._fixed_paths: list[str] = []
        unknown = UnknownAdminPath(self._fixed_paths)
        self._unknown_admin_route: Found = (
            unknown,
            dict.fromkeys(COMBINED_METHODS, unknown.on_any),
            {},
            None,
        )

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Add a fixed path; Falcon calls it from `App.add_route`."""
        self._fixed.add_route(uri_template, resource, **kwargs)
        self._fixed_paths.append(uri_template)

    def map_http_methods(self, resource: object, **kwargs: Any) -> Any:
        """Return a resource's responders by method; Falcon calls it from `App.add_route`."""
        return self._fixed.map_http_methods(resource, **kwargs)

    def find(self, uri: str, req: Request | None = None) -> Found | None:
        """Find the resource at a path; Falcon calls it for every request."""
        found: Found | None
        if uri.startswith("/-/"):
            found = self._fixed.find(uri, req) or self._unknown_admin_route
        elif self._has_console and req is not None and wants_page(req):
            found = self._redirect_route
        elif uri == "/":  # No connector can be there.
            found = self._fixed.find(uri, req)
        else:
            found = self._live_routes().get(uri, self._unknown_path_route)
        self._record_for_log(uri, found)
        return found

    def request_cache_at(self, path: str) -> RequestCache | None:
        """Return the request cache of the endpoint at a path, None if no endpoint is there."""
        found = self._live_routes().get(path)
        return found[0].request_cache if found is not None and isinstance(found[0], Endpoint) else None

    def _live_routes(self) -> Mapping[str, Found]:
        """Return the route of each path in the live snapshot. Unchanged endpoints keep their responders."""
        snapshot = self._live.snapshot
        if snapshot is not self._routed:
            known = {found[0]: found for found in self._routes.values()}
            routes: dict[str, Found] = {}
            for removed in sorted(
                (*snapshot.gone.values(), *snapshot.moved), key=lambda removed: removed.since
            ):
                routes[removed.path] = (removed, dict.fromkeys(COMBINED_METHODS, removed.on_any), {}, None)
            for endpoint in snapshot.endpoints.values():
                path = endpoint.connector.path
                routes[path] = known.get(endpoint) or (endpoint, self._responders.of(endpoint), {}, path)
            self._routes, self._routed = routes, snapshot
        return self._routes

    def _record_for_log(self, uri: str, found: Found | None) -> None:
        """Record a known path and its connector for the access log; an unknown path may contain secrets."""
        context = current.get(None)
        if context is None or found is None:
            return
        resource, _, parameters, template = found
        if isinstance(resource, Endpoint | RemovedConnector | MovedConnector):
            context.path, context.connector = uri, resource.connector.name
        elif template is not None:
            name = parameters.get("name")
            is_known = name in self._live.snapshot.endpoints or name in self._live.snapshot.gone
            context.connector = name if is_known else None
            context.path = template.replace("{name}", name) if name and is_known else template


class UnknownAdminPath:
    """Answers every unknown path under `/-/`."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    async def on_any(self, req: Request, resp: Response) -> None:
        """Raise a 404 that suggests similar paths."""
        path = req.path.rstrip("/")[:200]
        depth = path.count("/")
        hint = suggest(
            path, [known for known in self._paths if known.count("/") == depth] or self._paths, "there are"
        )
        raise GatewayError(Code.ENDPOINT_UNKNOWN, f"there is no path '{path}'", hint=hint)


class UnknownPath:
    """Answers every path without a connector; it authenticates first, as a hidden connector does."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def on_any(self, req: Request, resp: Response) -> None:
        """Raise a 404, or a 401 if the token is unknown."""
        self._credentials.authenticate(req.auth)
        raise permissions.unknown_endpoint(req.path)
