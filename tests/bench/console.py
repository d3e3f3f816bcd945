"""The cost of open pages: the latency of POSTs beside 20 tabs of the console that reload.

`python -m tests.bench.console` prints it. The lanes take turns in one run: POSTs alone; with 20 tabs that each reload a
second after their page has come; and with 20 tabs that reload at once, which is as much as the pages can give.
"""

import contextlib
import http.client
import itertools
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import click

from tests.bench.files import Files
from tests.bench.posts import Posts, percentile, summary
from tests.bench.tables import FLIGHTS
from tests.support.server import Server, put, serving

TABS = 20
#: The pages of the tabs, in turn.
PAGES = (
    "",
    "status",
    *(
        f"connectors/flights/{page}".rstrip("/")
        for page in (
            "",
            "rows",
            "rows?carrier=eq.UA&order=dep_delay.desc.nullslast",
            "rows?select=carrier,count()&order=count.desc",
            "batches",
            "rejected",
            "history",
            "edit",
            "api",
        )
    ),
)


class Tab:
    """A tab of a browser that is signed in, and reloads its page."""

    def __init__(self, address: str, cookie: str, path: str) -> None:
        self._address = address
        self._headers = {"Cookie": cookie, "Accept": "text/html"}
        self._path = f"/-/console/{path}"
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()

    def reload(self, stop: threading.Event, pause: float) -> None:
        """Load the page again and again until it is time to stop."""
        with contextlib.closing(http.client.HTTPConnection(self._address)) as connection:
            while not stop.is_set():
                began = time.perf_counter()
                connection.request("GET", self._path, headers=self._headers)
                answer = connection.getresponse()
                answer.read()
                self.seconds.append(time.perf_counter() - began)
                self.statuses[answer.status] += 1
                stop.wait(pause)


def cookie_of(server: Server) -> str:
    """Sign in with the admin token, and return the Cookie header of the session."""
    token = server.admin["Authorization"].removeprefix("Bearer ")
    with contextlib.closing(http.client.HTTPConnection(urlsplit(server.url).netloc)) as connection:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
            "Accept": "text/html",
        }
        connection.request("POST", "/-/sign-in", urlencode({"token": token}), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.headers["Set-Cookie"].partition(";")[0]


@contextlib.contextmanager
def open_tabs(tabs: list[Tab], pause: float) -> Iterator[None]:
    """Reload the pages of tabs until the end of the block."""
    stop = threading.Event()
    with ThreadPoolExecutor(max(1, len(tabs))) as threads:
        reloads = [threads.submit(tab.reload, stop, pause) for tab in tabs]
        try:
            yield
        finally:
            stop.set()
            for each in reloads:
                each.result()


def race(server: Server, rounds: int, seconds: float) -> None:
    """Print the latencies of POSTs in each lane, measured in turns."""
    posts, cookie, address = Posts(server, "/flights"), cookie_of(server), urlsplit(server.url).netloc
    lanes: dict[str, tuple[list[Tab], float]] = {
        name: (
            [Tab(address, cookie, path) for path in itertools.islice(itertools.cycle(PAGES), count)],
            pause,
        )
        for name, count, pause in (
            ("POSTs alone", 0, 1),
            ("20 tabs, 1 s", TABS, 1),
            ("20 tabs, 0 s", TABS, 0),
        )
    }
    measured: dict[str, list[float]] = {name: [] for name in lanes}
    posts.run(1)
    for _ in range(rounds):
        for name, (tabs, pause) in lanes.items():
            with open_tabs(tabs, pause):
                measured[name] += posts.run(seconds)
    for name, values in measured.items():
        print(f"{name:12} {summary(values)}{pages_of(lanes[name][0], rounds * seconds)}", flush=True)


def pages_of(tabs: list[Tab], seconds: float) -> str:
    """Return how many pages the tabs had, and how long those took."""
    took = [each for tab in tabs for each in tab.seconds]
    if not took:
        return ""
    statuses = sum((tab.statuses for tab in tabs), Counter())
    return (
        f"; {len(took) / seconds:.0f} pages a second, p50 {statistics.median(took) * 1000:.0f} ms,"
        f" p99 {percentile(took, 0.99):.0f} ms, statuses {dict(statuses)}"
    )


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each lane has its turn.")
@click.option("--seconds", default=8.0, show_default=True, help="How long a turn takes.")
@click.option("--rows", default=300_000, show_default=True, help="The rows that are stored before.")
def main(rounds: int, seconds: float, rows: int) -> None:
    """Measure POSTs of one row at 50 a second beside tabs of the console."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        put(directory / "connectors.d/flights.yaml", FLIGHTS.text)
        with serving(directory) as server:
            for piece in Files(directory / "files").pieces(FLIGHTS, rows):
                headers = {"Content-Type": "application/x-ndjson"}
                answer = server.client.post("/flights", content=piece, headers=headers)
                assert answer.status_code == 201, answer.text
            race(server, rounds, seconds)


if __name__ == "__main__":
    main()
