"""`/-/files`: the texts of connector files; to read, plan, save, and delete them."""

import asyncio
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.json_body import json_body
from gateway.admin.status_report import file_report
from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.connectors.directory import ConnectorFile, digest_of
from gateway.connectors.repository import Action
from gateway.connectors.yaml_text.document import MAX_FILE_BYTES
from gateway.endpoints import reply
from gateway.endpoints.request_bodies import RequestBodies
from gateway.errors import Code, GatewayError
from gateway.reload.authors import author_of
from gateway.reload.connector_files import ConnectorFiles, SavedFiles

#: The most bytes of a body: a text of the largest size, written as JSON.
BODY_BYTES_MAX = 6 * MAX_FILE_BYTES
_TEXT = 'send the YAML as text/yaml, or {"text": "fields: …"} as JSON'
_YAML = "application/yaml; charset=utf-8"


class FilesResource:
    """The files of the directory. All of it is for the admin token."""

    def __init__(self, files: ConnectorFiles, credentials: Credentials, bodies: RequestBodies) -> None:
        self._files = files
        self._credentials = credentials
        self._bodies = bodies

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the files with their states and digests, and whether the gateway may write them."""
        self._admin(req)
        files = await asyncio.to_thread(self._files.list)
        served = {each.file: each for each in self._files.outcomes_of(files)}
        mode = self._files.mode
        listed = [
            {
                "file": name,
                "connector": served[name].name if name in served else None,
                "state": served[name].state.value if name in served else None,
                "digest": None if file.problem else file.digest,
            }
            for name, file in sorted(files.items())
        ]
        reply.json(resp, {"can_write": mode.can_write, "reason": mode.reason, "files": listed})

    async def on_get_one(self, req: Request, resp: Response, file: str) -> None:
        """Respond with a file: as JSON, or its very bytes to a client that asks for YAML."""
        self._admin(req)
        found = await asyncio.to_thread(self._files.read, file)
        resp.set_header("ETag", f'"{found.digest}"')
        resp.set_header("Vary", "Accept")
        if _wants_yaml(req):
            resp.content_type, resp.data = _YAML, found.text
            return
        try:
            text = found.text.decode()
        except UnicodeDecodeError:
            text = None  # Its bytes are in the response to Accept: application/yaml.
        states = [
            file_report(each, self._credentials).body() for each in self._files.outcomes_of({file: None})
        ]
        state = states[0] if states else {"file": file, "state": None, "connector": None, "findings": []}
        reply.json(resp, {**state, "digest": found.digest, "text": text})

    async def on_put_one(self, req: Request, resp: Response, file: str) -> None:
        """Save a text, which becomes live before the response."""
        token = self._admin(req)
        expected = _expected(req, file)
        text = await self._text(req)
        if text is None:
            raise GatewayError(
                Code.BODY_INVALID, "the body has no text", hint=f"{_TEXT}; DELETE deletes a file"
            )
        await self._save(resp, file, text, expected, token)

    async def on_delete_one(self, req: Request, resp: Response, file: str) -> None:
        """Delete a file: its connector is removed, and its rows are kept."""
        token = self._admin(req)
        await self._save(resp, file, None, _expected(req, file), token)

    async def on_post_plan(self, req: Request, resp: Response, file: str) -> None:
        """Plan a text of a file, null to delete it, among the other files as they are; nothing is changed."""
        self._admin(req)
        text = await self._text(req)
        reply.json(resp, await asyncio.to_thread(self._plan, file, text))

    def _plan(self, file: str, text: bytes | None) -> dict[str, Any]:
        present = self._files.list().get(file)
        planned = self._files.plan({file: text})
        return {
            **planned,
            "digest": present.digest if present else None,
            "new_digest": None if text is None else digest_of(text),
            "patch": self._files.patch({file: text}).decode("utf-8", "replace"),
            "forge": self._files.forge_link(file, *_forged(present, text)),
            "token_names": self._credentials.names,
        }

    async def _save(
        self, resp: Response, file: str, text: bytes | None, expected: str | None, token: str
    ) -> None:
        author = author_of(token, "api")
        saved = await asyncio.to_thread(self._files.save, {file: text}, {file: expected}, author)
        if digest := saved.digests[file]:
            resp.set_header("ETag", f'"{digest}"')
        reply.json(resp, self._saved(file, saved), status=201 if expected is None else 200)

    def _saved(self, file: str, saved: SavedFiles) -> dict[str, Any]:
        states = [file_report(each, self._credentials).body() for each in saved.outcomes]
        state = states[0] if states else {"file": file, "state": None, "connector": None, "findings": []}
        return {**state, "digest": saved.digests[file], "applied": saved.is_applied, "plan": saved.plan}

    async def _text(self, req: Request) -> bytes | None:
        """Receive the text of a file, None where JSON says null."""
        if not (req.content_type or "").startswith("application/json"):
            return await self._bodies.receive_whole(req, BODY_BYTES_MAX)
        given = await json_body(req, self._bodies, _TEXT, BODY_BYTES_MAX)
        text = given.get("text", 0) if isinstance(given, dict) else 0
        if text is not None and not isinstance(text, str):
            raise GatewayError(Code.BODY_INVALID, "the body has no text", hint=_TEXT)
        return None if text is None else text.encode()

    def _admin(self, req: Request) -> str:
        """Check that the admin token sends the request, and return its name."""
        token = self._credentials.authenticate(req.auth)
        permissions.require_admin(token)
        assert token is not None
        return token


def _forged(present: ConnectorFile | None, text: bytes | None) -> tuple[str | None, Action]:
    """Return the text and the action of the forge's editor for a change."""
    if text is None:
        return None, "delete"
    return (None, "edit") if present else (text.decode("utf-8", "replace"), "new")


def _wants_yaml(req: Request) -> bool:
    return req.client_prefers(("application/json", "application/yaml", "text/yaml")) in (
        "application/yaml",
        "text/yaml",
    )


def _expected(req: Request, file: str) -> str | None:
    """Return the digest that If-Match names, None where If-None-Match says that there must be no file.

    A proxy that compresses responses makes ETags weak, so the digest counts in both forms.
    """
    if (req.get_header("If-None-Match") or "").strip() == "*":
        return None
    tag = (req.get_header("If-Match") or "").strip().removeprefix("W/")
    digest = tag.strip('"')
    if not digest or digest == "*" or "," in digest:
        message = f"the request does not say which text of {file[:80]!r} it replaces"
        hint = (
            'send If-Match: "DIGEST" with the digest of GET /-/files/NAME, or If-None-Match: * for a new file'
        )
        raise GatewayError(Code.FILE_DIGEST_REQUIRED, message, hint=hint)
    return digest
