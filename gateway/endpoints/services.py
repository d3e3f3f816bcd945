"""Services that requests use, grouped by owner; built once by the composition root."""

from dataclasses import dataclass

from falcon.asgi import Request

from gateway.auth.askers import Askers
from gateway.auth.credentials import Credentials
from gateway.auth.permissions import Asker
from gateway.auth.rate_limit import RateLimits
from gateway.connectors.connector import Connector
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.etag_cache import EtagCache
from gateway.endpoints.live import Live
from gateway.endpoints.read_response import Retrieval
from gateway.endpoints.request_cache import RequestCache
from gateway.endpoints.response_bodies import ResponseBodies
from gateway.endpoints.spool import Spool
from gateway.ingest.in_flight import InFlightKeys
from gateway.ingest.parse_pool import ParsePool
from gateway.ingest.writer import Writer
from gateway.query.read_pool import ReadPool
from gateway.resources import Disk
from gateway.server.minute_figures import MinuteFigures
from gateway.server.traffic import Traffic
from gateway.settings import Settings
from gateway.store.interface import StoreReader
from gateway.store.upkeep import LakeUpkeep


@dataclass(frozen=True, slots=True)
class Auth:
    """Authentication and rate limits. Endpoints and the JSON under `/-/` use `credentials`, and never a cookie."""

    credentials: Credentials
    rate_limits: RateLimits
    askers: Askers

    def asker_of(self, req: Request) -> Asker:
        """Return the sender of a request for a page or a document: of its Authorization header, else of its session.

        Raises:
            GatewayError: As `Credentials.authenticate` does for the header. A cookie is never an error.
        """
        return self.askers.of(req.auth, req.get_header("Cookie"), is_secure=req.scheme == "https")


@dataclass(frozen=True, slots=True)
class Storage:
    """Rows on disk: reads go through `read_pool`, changes through `writer`; a lake has an upkeep of its own."""

    reader: StoreReader
    writer: Writer
    read_pool: ReadPool
    lake: LakeUpkeep | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """The services that a request body passes before it reaches the writer."""

    settings: Settings
    parse_pool: ParsePool
    in_flight: InFlightKeys
    disk: Disk


@dataclass(frozen=True, slots=True)
class Caches:
    """Cached responses: small ones in memory, and those that are sent in byte ranges in files."""

    responses: EtagCache
    spool: Spool


@dataclass(frozen=True, slots=True)
class Observed:
    """Counters of requests since the start, and their figures by minute."""

    traffic: Traffic
    figures: MinuteFigures


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that requests share. Each class takes only the members that it uses."""

    auth: Auth
    storage: Storage
    intake: Intake
    caches: Caches
    live: Live
    observed: Observed

    def endpoint(self, connector: Connector) -> Endpoint:
        """Build the endpoint of a connector."""
        reader, caches = self.storage.reader, self.caches
        request_cache = RequestCache(
            connector, reader, caches.responses, self.auth.credentials, self.auth.rate_limits
        )
        bodies = ResponseBodies(
            connector.name, reader, self.storage.read_pool, caches.responses, caches.spool
        )
        read_limit = connector.policy.read_limit_below(self.intake.settings.read_limit)
        return Endpoint.of(connector, request_cache, Retrieval(bodies, request_cache), read_limit)
