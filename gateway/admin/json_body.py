"""The JSON body of a request under `/-/`."""

from falcon.asgi import Request

from gateway import strictjson
from gateway.endpoints.request_bodies import RequestBodies
from gateway.errors import Code, GatewayError
from gateway.ingest import json_problems
from gateway.strictjson import Json


async def json_body(req: Request, bodies: RequestBodies, hint: str, limit: int | None = None) -> Json:
    """Receive and parse a JSON body.

    Args:
        req: The request.
        bodies: Receive bodies.
        hint: What to send instead of a body that is not JSON.
        limit: The most bytes that it may have, if that is not `GATEWAY_MAX_BODY`.

    Raises:
        GatewayError: As `RequestBodies.receive_whole` does, or 400 if the body is not JSON.
    """
    text = await bodies.receive_whole(req, limit)
    try:
        return strictjson.read(text)
    except ValueError as error:
        problem = json_problems.find(text, error)
        raise GatewayError(Code.BODY_INVALID, json_problems.in_body(text, problem), hint=hint) from error
