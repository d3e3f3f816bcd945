"""The cost of OpenAPI documents: to build one of 200 connectors, and to POST while they are built over and over.

`python -m tests.bench.openapi` prints it. The lanes of the second part take turns: POSTs alone; with a new snapshot every
second; with the document of each snapshot; and with its documents of 7 different rights, of which most parts are new.
"""

import contextlib
import functools
import gzip
import hashlib
import http.client
import itertools
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway import strictjson
from gateway.connectors import example_row, plan
from gateway.connectors.directory import ConnectorFile
from gateway.openapi import document
from gateway.openapi.connector_part import ConnectorPart
from gateway.query.compression import compressor_of
from tests.bench.posts import Posts, meanwhile, summary
from tests.bench.tables import FLIGHTS
from tests.support.server import Server, put, serving

CONNECTORS = 200
#: A token for each combination of rights, all of them on every connector.
VERBS = ("ingest", "read", "change")
RIGHTS = [rights for size in (1, 2, 3) for rights in itertools.combinations(VERBS, size)]
ACCESS = {verb: [f"t{number}" for number, rights in enumerate(RIGHTS) if verb in rights] for verb in VERBS}
TEXT = f"{FLIGHTS.text}access: {json.dumps(ACCESS)}\n"


def secret(number: int) -> str:
    """The token of a combination of rights."""
    return f"gw_{number:040d}"


def build() -> None:
    """Print what a document of all connectors takes, in one thread with nothing else to do."""
    one = plan.parse_file(ConnectorFile.of("flights.yaml", TEXT.encode())).connector
    assert one
    connectors = [replace(one, name=f"flights{n}", path=f"/flights{n}") for n in range(CONNECTORS)]
    figures = []
    for _ in range(7):
        example_row._FOUND.clear()
        began = time.perf_counter()
        parts = [ConnectorPart.of(each, document.EVERY_VERB, each.name).written() for each in connectors]
        built = time.perf_counter()
        chunks = list(strictjson.chunks(document.of_parts(parts, "../"), 3))
        dumped = time.perf_counter()
        compressor = compressor_of("gzip")
        compressed = b"".join([*map(compressor.compress, chunks), compressor.flush()])
        figures.append((built - began, dumped - built, time.perf_counter() - dumped))
    text = b"".join(chunks)
    parts_ms, dump_ms, gzip_ms = (statistics.median(each) * 1000 for each in zip(*figures, strict=True))
    print(
        f"{CONNECTORS} connectors of {len(one.fields)} fields: parts {parts_ms:.0f} ms, dump {dump_ms:.0f} ms,"
        f" gzip {gzip_ms:.0f} ms; {len(text) / 1e6:.1f} MB, {len(compressed) / 1e3:.0f} kB compressed;"
        f" one connector {len(text) / CONNECTORS / 1e3:.0f} kB",
        flush=True,
    )
    assert gzip.decompress(compressed) == text


class Changes:
    """Snapshots, and reads of documents, with their number and the time that a document takes its reader."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.snapshots = 0
        self.seconds: list[float] = []

    def change(self, rights: int = 0) -> None:
        """Show another snapshot, and read its documents of some combinations of rights."""
        self.snapshots += 1
        put(self._server.connectors / "flights1.yaml", f"description: Version {self.snapshots}.\n{TEXT}")
        assert self._server.client.post("/-/reload").status_code == 200
        for number in range(len(RIGHTS) - rights, len(RIGHTS)):
            self._read(secret(number))

    def _read(self, token: str) -> None:
        began = time.perf_counter()
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        with contextlib.closing(http.client.HTTPConnection(urlsplit(self._server.url).netloc)) as connection:
            connection.request("GET", "/-/openapi.json", headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        self.seconds.append(time.perf_counter() - began)


def race(server: Server, rounds: int, seconds: float) -> None:
    """Print the latencies of POSTs in each lane, measured in turns."""
    posts = Posts(server, "/flights0")
    lanes = {"POSTs alone": None, "snapshots": 0, "1 document": 1, f"{len(RIGHTS)} documents": len(RIGHTS)}
    measured: dict[str, list[float]] = {name: [] for name in lanes}
    changes = {name: Changes(server) for name in lanes}
    posts.run(1)
    for _ in range(rounds):
        for name, rights in lanes.items():
            work = None if rights is None else functools.partial(changes[name].change, rights)
            with meanwhile(work):
                measured[name] += posts.run(seconds)
    for name, values in measured.items():
        found = changes[name]
        read = f"; a document in {statistics.median(found.seconds) * 1000:.0f} ms" if found.seconds else ""
        print(
            f"{name:12} {summary(values)}; {found.snapshots} snapshots, {len(found.seconds)} documents{read}",
            flush=True,
        )


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each lane has its turn.")
@click.option("--seconds", default=8.0, show_default=True, help="How long a turn takes.")
def main(rounds: int, seconds: float) -> None:
    """Measure the documents of 200 connectors, and POSTs at 50 a second while they are built."""
    build()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        digests = {
            f"t{number}": [f"sha256:{hashlib.sha256(secret(number).encode()).hexdigest()}"]
            for number in range(len(RIGHTS))
        }
        put(directory / "tokens.yaml", json.dumps(digests))
        for number in range(CONNECTORS):
            put(directory / f"connectors.d/flights{number}.yaml", TEXT)
        with serving(directory, GATEWAY_TOKENS=str(directory / "tokens.yaml")) as server:
            race(server, rounds, seconds)


if __name__ == "__main__":
    main()
