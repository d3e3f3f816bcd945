"""The cost of open pages: the latency of POSTs beside 20 tabs of the console that reload.

`python -m tests.bench.console` prints it. The lanes take turns in one run: POSTs alone; with 20 tabs that each reload a
second after their page has come; and with 20 tabs that reload at once, which is as much as the pages can give.
"""

import contextlib
import http.client
import itertools
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
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


@dataclass(frozen=True)
class Reloads:
    """The seconds that pages took, and how many came with each status."""

    seconds: list[float]
    statuses: Counter[int]


def reload(address: str, cookie: str, path: str, pause: float, end: float) -> Reloads:
    """Load the page of one tab again and again until a time of the monotonic clock."""
    headers = {"Cookie": cookie, "Accept": "text/html"}
    found = Reloads([], Counter())
    with contextlib.closing(http.client.HTTPConnection(address)) as connection:
        while time.monotonic() < end:
            began = time.perf_counter()
            connection.request("GET", f"/-/console/{path}", headers=headers)
            answer = connection.getresponse()
            answer.read()
            found.seconds.append(time.perf_counter() - began)
            found.statuses[answer.status] += 1
            time.sleep(pause)
    return found


def reload_all(address: str, cookie: str, pause: float, seconds: float) -> Reloads:
    """Reload all tabs for some seconds. It runs in a process of its own, so that it costs the POSTs' threads nothing."""
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(TABS) as threads:
        paths = list(itertools.islice(itertools.cycle(PAGES), TABS))
        tabs = list(threads.map(lambda path: reload(address, cookie, path, pause, end), paths))
    return Reloads(
        [each for tab in tabs for each in tab.seconds], sum((tab.statuses for tab in tabs), Counter())
    )


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


def race(server: Server, rounds: int, seconds: float) -> None:
    """Print the latencies of POSTs in each lane, measured in turns."""
    posts, cookie, address = Posts(server, "/flights"), cookie_of(server), urlsplit(server.url).netloc
    lanes: dict[str, float | None] = {"POSTs alone": None, "20 tabs, 1 s": 1, "20 tabs, 0 s": 0}
    measured: dict[str, list[float]] = {name: [] for name in lanes}
    reloads: dict[str, list[Reloads]] = {name: [] for name in lanes}
    posts.run(1)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        # It starts, and each template is compiled, before anything is measured.
        process.submit(reload_all, address, cookie, 1, 1).result()
        for _ in range(rounds):
            for name, pause in lanes.items():
                tabs = None if pause is None else process.submit(reload_all, address, cookie, pause, seconds)
                measured[name] += posts.run(seconds)
                if tabs:
                    reloads[name].append(tabs.result())
    for name, values in measured.items():
        print(f"{name:12} {summary(values)}{pages_of(reloads[name], rounds * seconds)}", flush=True)


def pages_of(reloads: list[Reloads], seconds: float) -> str:
    """Return how many pages the tabs had, and how long those took."""
    took = [each for one in reloads for each in one.seconds]
    if not took:
        return ""
    statuses = sum((one.statuses for one in reloads), Counter())
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
