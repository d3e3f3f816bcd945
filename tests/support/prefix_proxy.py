"""A proxy that serves a gateway below a prefix and strips it, as many a team's proxy does."""

import contextlib
import http.client
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from tests.support.server import free_port

#: Headers of one connection, which a proxy does not pass on (RFC 9110 section 7.6.1).
_HOP = ("connection", "keep-alive", "transfer-encoding", "date", "server")


#: Called with the method and the headers of each request, before it is passed on. It may wait.
Watch = Callable[[str, Mapping[str, str]], None]
#: Called with the method and the path of each request, after it was passed on; a status is answered instead.
Instead = Callable[[str, str], int | None]


def _handler(
    target: str, prefix: str, added: dict[str, str], removed: tuple[str, ...], watch: Watch, instead: Instead
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not self.path.startswith(prefix):
                self.send_error(404, "outside the prefix")
                return
            watch(self.command, self.headers)
            dropped = (*_HOP, *removed)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            address = urlsplit(target).netloc
            with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
                connection.request(
                    self.command, f"/{self.path.removeprefix(prefix)}", body or None, {**headers, **added}
                )
                answer = connection.getresponse()
                text = answer.read()
            if status := instead(self.command, self.path):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in (*_HOP, "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_HEAD = do_POST = do_PUT = relay  # noqa: N815  # names of the base class

    return Handler


@contextlib.contextmanager
def proxying(
    target: str,
    prefix: str = "/gw/",
    *,
    removed: tuple[str, ...] = (),
    watch: Watch = lambda *_: None,
    instead: Instead = lambda *_: None,
    **added: str,
) -> Iterator[str]:
    """Serve a gateway below a prefix, and give the URL.

    `added` headers go to the gateway with `_` for `-`, `removed` ones, in lower case, do not.
    """
    headers = {name.replace("_", "-"): value for name, value in added.items()}
    port = free_port()
    with ThreadingHTTPServer(
        ("127.0.0.1", port), _handler(target, prefix, headers, removed, watch, instead)
    ) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}{prefix}"
        finally:
            server.shutdown()
            thread.join()
