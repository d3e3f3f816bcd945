"""`/-/tokens`: makes tokens."""

import asyncio

from falcon.asgi import Request, Response

from gateway.admin.json_body import json_body
from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.auth.token_maker import TokenMaker
from gateway.endpoints import reply
from gateway.endpoints.request_bodies import RequestBodies
from gateway.errors import Code, GatewayError
from gateway.reload.authors import author_of

_BODY = 'send {"name": "etl"}, with "view": true for a token that sees the state of every connector'


class TokensResource:
    """Makes tokens for the admin token. No response but that to the POST ever has the secret."""

    def __init__(self, tokens: TokenMaker, credentials: Credentials, bodies: RequestBodies) -> None:
        self._tokens = tokens
        self._credentials = credentials
        self._bodies = bodies

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create the token of `{"name": NAME}`, and add its line to the tokens file if that may be written."""
        admin = self._credentials.authenticate(req.auth)
        permissions.require_admin(admin)
        given = await json_body(req, self._bodies, _BODY)
        name, view = (
            (given.get("name"), given.get("view", False)) if isinstance(given, dict) else (None, False)
        )
        if not isinstance(name, str) or not isinstance(view, bool):
            raise GatewayError(Code.BODY_INVALID, "the body does not name a token", hint=_BODY)
        author = author_of(admin or "", "api")
        made = await asyncio.to_thread(self._tokens.make, name, view=view, by=author)
        body = {
            "name": made.name,
            "secret": made.secret,
            "line": made.line,
            "file": made.file,
            "written": made.is_written,
            "reason": made.reason,
        }
        resp.set_header("Cache-Control", "no-store")
        reply.json(resp, body, status=201)
