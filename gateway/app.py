"""The composition root: settings -> store, writer, snapshot, Falcon app."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import falcon.asgi

from gateway import startup
from gateway.admin.file_services import FileServices
from gateway.admin.routes import add_routes, add_upload_routes
from gateway.auth.askers import Askers
from gateway.auth.credentials import Credentials
from gateway.auth.rate_limit import RateLimits
from gateway.auth.token_maker import TokenMaker
from gateway.console.routes import add_pages
from gateway.endpoints import reply
from gateway.endpoints.catching_up import CatchingUp
from gateway.endpoints.etag_cache import EtagCache
from gateway.endpoints.live import Live
from gateway.endpoints.request_cache import RequestCacheMiddleware
from gateway.endpoints.responders import Responders
from gateway.endpoints.router import Router
from gateway.endpoints.services import Auth, Caches, Intake, Observed, Services, Storage
from gateway.endpoints.session_loading import SessionLoading
from gateway.endpoints.spool import Spool
from gateway.errors import GatewayError
from gateway.ingest.in_flight import InFlightKeys
from gateway.ingest.parse_pool import ParsePool
from gateway.ingest.writer import Writer
from gateway.jobs.figures import FiguresJob
from gateway.jobs.periodic_thread import PeriodicThread
from gateway.jobs.retention import RetentionJob
from gateway.jobs.upkeep import UpkeepJob
from gateway.open_console import ConsoleOpener
from gateway.open_store import open_sessions, open_store, rows_directory
from gateway.query.read_pool import OPEN_PER_THREAD, ReadPool
from gateway.reload.connector_files import ConnectorFiles
from gateway.reload.reload import Reload
from gateway.reload.watch import Watch
from gateway.resources import Disk, Resources
from gateway.server.access_log import log_request
from gateway.server.cors import Cors
from gateway.server.lifespan import Lifespan
from gateway.server.middleware import RequestMiddleware
from gateway.server.minute_figures import MinuteFigures
from gateway.server.scope import Asgi
from gateway.server.tracing import Tracing
from gateway.server.traffic import Traffic
from gateway.settings import Settings
from gateway.store.interface import StoreReader
from gateway.store.tables.store import Store
from gateway.threads import ContextThreadPool
from gateway.uploads.services import UploadServices

_log = logging.getLogger(__name__)

#: Threads that parse bodies; more of them would only wait for each other.
PARSE_THREADS = 2
#: The share of the graceful timeout in which the last traces are sent, after the store is closed.
_LAST_TRACES_SHARE = 0.1
#: Seconds between two looks for uploads that were not used for an hour.
_EXPIRE_UPLOADS_SECONDS = 60.0


class Gateway:
    """Everything that runs in the worker process. If one part fails to start, the parts before it are closed."""

    def __init__(
        self, settings: Settings, fatal: Callable[[], None], traffic: Traffic, tracing: Tracing
    ) -> None:
        with contextlib.ExitStack() as closing:
            closing.enter_context(tracing.sending(settings.graceful_timeout * _LAST_TRACES_SHARE))
            settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            resources = Resources.of(settings)
            store, services = _open_services(settings, resources, fatal, traffic, closing)
            reload = Reload(services)
            watch = Watch(settings.connectors, reload, services.auth.credentials.refresh)
            closing.callback(watch.stop)
            reload.read(watch.look())
            watch.scan()
            watch.start()
            store.on_definitions(watch.hint)
            _start_jobs(services, closing)
            self.store = store
            self.services = services
            self.app = _asgi_app(
                services,
                _with_own_reader(services, settings, closing),
                resources,
                _file_services(services, reload, watch),
                closing,
            )
            self._opener = ConsoleOpener(settings, services.auth.askers.links, closing)
            self.greeting = _greeting(settings, services.live, services.auth.credentials)
            self._closing = closing.pop_all()

    def open_console(self) -> None:
        """Open the console in a browser, signed in, and wait until that is done."""
        self._opener.open()

    def close(self) -> None:
        """Stop the watch, finish the accepted writes, and close the store."""
        self._closing.close()


def _open_services(
    settings: Settings,
    resources: Resources,
    fatal: Callable[[], None],
    traffic: Traffic,
    closing: contextlib.ExitStack,
) -> tuple[Store, Services]:
    """Open the store, start the threads that write, read, and parse, and return what requests share."""
    store = open_store(settings, resources)
    disk = Disk(rows_directory(settings), settings.disk_reserve)
    closing.callback(store.close)
    credentials = Credentials(settings.data, settings.tokens)
    writer = Writer(store, max_bytes=settings.queue, disk=disk, fatal=fatal)
    closing.callback(writer.close)
    readers = _read_pool(store, settings, settings.readers, closing)
    parse_pool = ParsePool(PARSE_THREADS)
    closing.callback(parse_pool.close)
    services = Services(
        Auth(
            credentials,
            RateLimits(credentials),
            Askers(credentials, open_sessions(settings, credentials, closing)),
        ),
        Storage(store, writer, readers, store.lake),
        Intake(settings, parse_pool, InFlightKeys(), disk),
        Caches(EtagCache(settings.cache), Spool(settings.data / "parts", settings.spool, disk)),
        Live(),
        Observed(traffic, MinuteFigures(traffic)),
    )
    return store, services


def _with_own_reader(services: Services, settings: Settings, closing: contextlib.ExitStack) -> Services:
    """Return the services of pages: they read with one thread of their own, so that no GET of a program waits for one."""
    storage = services.storage
    readers = _read_pool(storage.reader, settings, 1, closing)
    return replace(services, storage=replace(storage, read_pool=readers))


def _read_pool(
    store: StoreReader, settings: Settings, threads: int, closing: contextlib.ExitStack
) -> ReadPool:
    open_per_thread = OPEN_PER_THREAD[settings.store]
    pool = ReadPool(store, threads=threads, seconds=settings.query_timeout, open_per_thread=open_per_thread)
    closing.callback(pool.stop)
    return pool


def _file_services(services: Services, reload: Reload, watch: Watch) -> FileServices:
    settings, credentials = services.intake.settings, services.auth.credentials
    files = ConnectorFiles(settings, reload, watch, services.live, credentials)
    _log.info("connector files: %s", files.mode.reason)
    return FileServices(reload, watch, files, TokenMaker(settings, credentials))


def _start_jobs(services: Services, closing: contextlib.ExitStack) -> None:
    writer, settings = services.storage.writer, services.intake.settings
    closing.callback(RetentionJob(writer, services.live, seconds=settings.retention_interval).stop)
    closing.callback(FiguresJob(writer, services.observed.figures).stop)
    if services.storage.lake is not None:
        closing.callback(UpkeepJob(services.storage.lake, seconds=settings.lake_maintenance).stop)


def _greeting(settings: Settings, live: Live, credentials: Credentials) -> str:
    paths = [endpoint.connector.path for endpoint in live.snapshot.endpoints.values()]
    return startup.greeting(settings, paths, admin_file=credentials.admin_file)


def _asgi_app(
    services: Services,
    page_services: Services,
    resources: Resources,
    files: FileServices,
    closing: contextlib.ExitStack,
) -> Asgi:
    settings = services.intake.settings
    has_console = settings.console != "off"
    router = Router(services.live, Responders(services), services.auth.credentials, has_console=has_console)
    middleware: list[object] = [Cors(settings.cors)] if settings.cors else []
    if has_console and settings.store == "lake":
        middleware.append(SessionLoading(services.auth.askers.sessions))
    app = _falcon_app(router, middleware)
    add_routes(app, services, resources, files)
    served: Asgi = RequestCacheMiddleware(app, router.request_cache_at)
    if services.storage.reader.is_shared:
        asking = closing.enter_context(ContextThreadPool(1, "catch-up"))
        served = CatchingUp(served, services.storage.reader, asking)
    uploads = _uploads(served, services, closing)
    add_upload_routes(app, services, uploads)
    if has_console:
        pages = closing.enter_context(ContextThreadPool(1, "page"))
        add_pages(app, page_services, files, uploads, resources, pages)
    return served


def _uploads(app: Asgi, services: Services, closing: contextlib.ExitStack) -> UploadServices:
    """Build the services of uploads, whose loads post to the app and are observed as other requests are."""
    traffic = services.observed.traffic
    observed = RequestMiddleware(
        app, observers=[log_request, traffic.observe], start_observers=[traffic.observe_start]
    )
    uploads = UploadServices.of(services, observed, closing.enter_context(ContextThreadPool(1, "upload")))
    expiry = PeriodicThread("uploads", uploads.uploads.expire, lambda: _EXPIRE_UPLOADS_SECONDS)
    expiry.start()
    closing.callback(expiry.stop)
    closing.callback(uploads.loads.stop)
    return uploads


def _falcon_app(router: Router, middleware: Sequence[Any]) -> falcon.asgi.App[Any, Any]:
    # Falcon documents any router with these two methods; its annotation is narrower.
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(router=cast(Any, router), middleware=list(middleware))
    # A response without a body has no type. Falcon accepts None, although its annotation does not.
    app.resp_options.default_media_type = None  # type: ignore[assignment]
    app.req_options.strip_url_path_trailing_slash = True
    app.add_error_handler(Exception, reply.any_error)
    app.add_error_handler(falcon.HTTPError, reply.falcon_error)
    app.add_error_handler(GatewayError, reply.gateway_error)
    return app


def _start() -> Gateway:
    return Gateway(_settings, _leave, traffic, tracing)


def _leave() -> None:
    """Exit after the database has failed, 0.5 s later so that responses are sent; gunicorn starts a new worker."""
    _log.critical("the database has failed; restarting the worker")
    lifespan.application = None
    timer = threading.Timer(0.5, os._exit, [70])
    timer.daemon = True
    timer.start()


_settings = Settings.read()
#: The counters of requests. They count from the first request on, also before the application serves.
traffic = Traffic()
tracing = Tracing()
lifespan = Lifespan(_start)
app = RequestMiddleware(
    lifespan,
    _settings.hosts,
    _settings.proxies,
    [log_request, traffic.observe],
    [traffic.observe_start],
    tracing,
)
