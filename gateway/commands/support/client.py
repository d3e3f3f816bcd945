"""A client of the operating API under `/-/` of a running gateway."""

import functools
import ipaddress
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.auth.data_files import ADMIN_FILE
from gateway.commands.support.configuration import read_settings

#: How long a gateway may take to answer: a plan or a copy may look at every row.
SECONDS = 600.0

#: How long a gateway that was there is waited for.
RESTART_SECONDS = 10.0


class GatewayClient:
    """An HTTP client for a running gateway. Errors end the command with their message and hint."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            self.client = httpx.Client(base_url=self.url, headers=headers, timeout=SECONDS)
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            what = (
                "the token has characters that are not ASCII"
                if isinstance(error, UnicodeEncodeError)
                else f"{url!r} is not a URL"
            )
            raise click.ClickException(
                f"{what}; write http://HOST:PORT, and a token that gateway token made"
            ) from error
        if self.client.base_url.scheme not in ("http", "https"):
            raise click.ClickException(
                f"{url!r} is not the URL of a gateway; write http://{url.rpartition('/')[2]}"
            )

    @property
    def is_local(self) -> bool:
        """True if the gateway is on this machine, so that no network is between."""
        host = self.client.base_url.host
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def get(self, path: str, *, seconds: float = SECONDS) -> Any:
        """Send a GET request and return the JSON of the response, which must come in time."""
        return self.answer(self.request("GET", path, timeout=seconds))

    def post(self, path: str, body: Any = None) -> Any:
        """Post JSON and return the JSON of the response."""
        return self.answer(self.request("POST", path, json={} if body is None else body))

    def post_text(self, path: str, text: bytes) -> Any:
        """Post text as it is and return the JSON of the response."""
        return self.answer(self.request("POST", path, content=text))

    def find(self, path: str) -> Any | None:
        """Send a GET request and return the JSON of the response, or None for a 404."""
        answer = self.request("GET", path)
        return None if answer.status_code == 404 else self.answer(answer)

    def state_of(self, connector: str) -> dict[str, Any] | None:
        """Return the entry of a connector in `/-/status`; None if there is none or no gateway can be reached."""
        try:
            answer = self.client.get("/-/status", timeout=5.0)
            files: list[dict[str, Any]] = answer.json()["files"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        return next((file for file in files if file["connector"] == connector), None)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request, or end the command with the reason why it failed.

        A GET that breaks off is repeated for up to `RESTART_SECONDS`, because the gateway may be restarting.
        """
        deadline = time.monotonic() + RESTART_SECONDS
        try:
            while True:
                try:
                    return self.client.request(method, path, **more)
                except (httpx.ReadError, httpx.RemoteProtocolError):
                    if method != "GET" or time.monotonic() > deadline:
                        raise
                    self._wait_for_restart(deadline)
        except httpx.HTTPError as error:
            raise click.ClickException(self.unreachable_text(error)) from error

    def unreachable_text(self, error: httpx.HTTPError) -> str:
        """Return the message that no gateway answers, with the next action."""
        message = f"no gateway answers at {self.url}: {error or type(error).__name__}"
        return f"{message}; start one with gateway serve, or set GATEWAY_URL or --url to its address"

    def _wait_for_restart(self, deadline: float) -> None:
        """Wait until the gateway accepts connections again."""
        while time.monotonic() < deadline:
            try:
                self.client.get("/-/healthy")
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return

    def answer(self, answer: httpx.Response) -> Any:
        """Return the JSON of a response, or end the command with its error."""
        if not answer.is_success:
            raise click.ClickException(error_text(answer))
        try:
            return answer.json()
        except ValueError as error:
            raise click.ClickException(error_text(answer)) from error


def error_of(answer: httpx.Response) -> dict[str, Any] | None:
    """Return the body of an error response; None if it is not a gateway's, as of a proxy."""
    try:
        error = answer.json()
    except ValueError:
        return None
    is_own = isinstance(error, dict) and {"code", "message", "hint"} <= error.keys()
    return error if is_own and answer.is_error else None


def error_text(answer: httpx.Response) -> str:
    """Return the message and the hint of an error response."""
    error = error_of(answer)
    if error is None:
        answered = f"{answer.request.url} answers {answer.status_code}, but not as a gateway does"
        return f"{answered}; set GATEWAY_URL or --url to the address of the gateway"
    hint = f" ({error['hint']})" if error["hint"] else ""
    if answer.status_code in (401, 403):
        hint = " (set GATEWAY_TOKEN, use --token-file, or run this where DATA/admin-token is)"
    if answer.status_code == 401 and ADMIN_FILE in str(error["message"]):
        hint = " (set GATEWAY_TOKEN, or use --token-file)"
    return f"{error['code']}: {error['message']}{hint}"


def add_gateway_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options --url and --token-file to a command, and pass it the client as `gateway`."""

    @click.option(
        "--url", metavar="URL", help="The URL of the gateway. [GATEWAY_URL; default: on this machine]"
    )
    @click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        help="A file with the token. [or the token in GATEWAY_TOKEN; default: DATA/admin-token]",
    )
    @functools.wraps(command)
    def run(*arguments: Any, url: str | None, token_file: Path | None, **more: Any) -> None:
        command(*arguments, gateway=connect(url, token_file), **more)

    return run


def connect(url: str | None, token_file: Path | None) -> GatewayClient:
    """Return a client for the gateway that the options or the environment name."""
    settings = read_settings()
    here = settings.local_url
    return GatewayClient(
        url or os.environ.get("GATEWAY_URL") or here, _token(token_file, settings.data / ADMIN_FILE)
    )


def _token(file: Path | None, default: Path) -> str | None:
    token = os.environ.get("GATEWAY_TOKEN")
    if file is None and token:
        return token
    try:
        return (file or default).read_text().strip() or None
    except OSError as error:
        if file is None:
            return None
        raise click.ClickException(f"{file}: {error.strerror}") from error
