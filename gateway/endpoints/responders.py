"""Responders: the function that answers each method of an endpoint, within the connector's rate limits."""

import functools
from collections.abc import Awaitable, Callable, Mapping

from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS

from gateway.endpoints.edit import Edits
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.metered import Responder, metered
from gateway.endpoints.methods import Methods
from gateway.endpoints.read import Reads
from gateway.endpoints.services import Services
from gateway.endpoints.write import Writes

_Answer = Callable[[Endpoint, Request, Response], Awaitable[None]]


class Responders:
    """Binds the methods to endpoints. Belongs to the event loop."""

    def __init__(self, services: Services) -> None:
        reads, writes, edits = Reads(services), Writes(services), Edits(services)
        self._auth = services.auth
        self._methods = Methods(services.auth.credentials)
        self._answers: Mapping[str, _Answer] = {
            "GET": reads.answer,
            "HEAD": reads.answer,
            "POST": writes.answer,
            "PUT": writes.answer,
            "PATCH": edits.patch,
            "DELETE": edits.delete,
        }

    def of(self, endpoint: Endpoint) -> Mapping[str, Responder]:
        """Return the responders of an endpoint by method. OPTIONS is not counted against a limit."""
        limited = {
            method: metered(
                endpoint.connector,
                functools.partial(self._answers.get(method, self._methods.refuse), endpoint),
                self._auth,
            )
            for method in COMBINED_METHODS
        }
        return limited | {"OPTIONS": functools.partial(self._methods.options, endpoint)}
