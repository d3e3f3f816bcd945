"""The state of the S3 server with the data files: it answers or not, found out apart from all that waits for it."""

import logging
import ssl
import threading
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.sockets import cut_connections

_log = logging.getLogger(__name__)

#: Seconds between two questions, until one must have an answer, and between two while there is none.
POLL_SECONDS, ANSWER_SECONDS, AWAY_SECONDS = 1.0, 1.5, 0.5
#: As many questions without an answer mean that the server is away.
QUESTIONS = 2


class S3Watch:
    """Asks the S3 server again and again, on a thread of its own. Any thread may read `is_away`.

    DuckDB waits for an S3 server that hangs for some minutes, during a commit with the commit lock of all gateways. While
    the server does not answer, the connections of this process to it are cut, so that no thread waits for it.
    """

    def __init__(self, url: str) -> None:
        """Watch the server at a URL; any answer of it will do, also that this is not allowed."""
        self._url = url
        parts = urlsplit(url)
        self._ports = [str(parts.port or (443 if parts.scheme == "https" else 80))]
        #: Whether the server does not answer; the thread of the watch alone changes it.
        self.is_away = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="s3", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(AWAY_SECONDS if self.is_away else POLL_SECONDS):
            if self.is_away:
                cut_connections(self._ports)  # Not while it asks, for that would end the question, too.
            answers = any(self._answers() for _ in range(1 if self.is_away else QUESTIONS))
            if not answers:
                if not self.is_away:
                    _log.error("the S3 server at %s does not answer", self._url)
                self.is_away = True
                cut_connections(self._ports)
            elif self.is_away:
                self.is_away = False
                _log.warning("the S3 server at %s answers again", self._url)

    def _answers(self) -> bool:
        request = urllib.request.Request(self._url, method="HEAD")  # noqa: S310  # the settings give a URL of HTTP
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return True
        except urllib.error.URLError as error:
            # A certificate that only DuckDB trusts is an answer, too.
            return isinstance(error.reason, ssl.SSLError)
        except (OSError, ValueError):
            return False


def s3_watch(address: LakeAddress) -> S3Watch | None:
    """Return the watch of the S3 server of a lake, None if its data files are in a folder."""
    if address.s3 is None:
        return None
    bucket, access = urlsplit(address.data).netloc, address.s3
    if access.endpoint:
        return S3Watch(f"{'https' if access.is_tls else 'http'}://{access.endpoint}/{bucket}")
    return S3Watch(f"https://{bucket}.s3.{access.region}.amazonaws.com/")
