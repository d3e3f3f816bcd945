"""The workloads: what is measured of whom, and what the gateway is to reach."""

from collections.abc import Callable
from typing import Any

from tests.bench.contestants.clickhouse import Clickhouse
from tests.bench.contestants.crowded_gateway import CrowdedGateway
from tests.bench.contestants.datasette import Datasette
from tests.bench.contestants.fastapi_postgres import FastapiCopy, FastapiPostgres
from tests.bench.contestants.floor import Floor
from tests.bench.contestants.gateway import Gateway, RoomyGateway
from tests.bench.contestants.grown_gateway import PAGE, GrownGateway
from tests.bench.contestants.loading_gateway import LoadingGateway
from tests.bench.contestants.roapi import Roapi
from tests.bench.files import BULK
from tests.bench.measure import Measure
from tests.bench.tables import EVENTS, FLIGHTS, KEYED_ORDERS, ORDERS, TEXT_EVENTS, Table
from tests.bench.workload import Lane, MemoryTarget, Target, Workload

GATEWAY = "gateway"
FASTAPI = "FastAPI + PostgreSQL"
COPY = "FastAPI + PostgreSQL's COPY"
DATASETTE = "Datasette"
ROAPI = "ROAPI"
FLOOR = "DuckDB alone"
CLICKHOUSE = "ClickHouse alone"
OWN_JSON = "its own JSON"
OWN_POSTS = "its own POST"
OWN_STRINGS = "strings in its place"
WHO = {
    GATEWAY: Gateway,
    FASTAPI: FastapiPostgres,
    COPY: FastapiCopy,
    DATASETTE: Datasette,
    ROAPI: Roapi,
    FLOOR: Floor,
    CLICKHOUSE: Clickhouse,
}


def _lanes(measure: Callable[[Any], Measure], *labels: str) -> tuple[Lane, ...]:
    return tuple(Lane(label, WHO[label], measure) for label in (GATEWAY, *labels))


def _bulk(table: Table, connections: int, *goals: MemoryTarget) -> Workload:
    return Workload(
        f"W1 {table.name}" + (f", {connections} connections" if connections != 2 else ""),
        f"POST a JSON array of 10,000 {table.name}, {len(table.columns)} columns; {connections} connections",
        "rows/s",
        table,
        (
            *_lanes(lambda each: each.bulk(connections=connections), FASTAPI, DATASETTE),
            *_alone(lambda each: each.bulk(), FLOOR, CLICKHOUSE),
        ),
        (Target(FASTAPI, 8), Target(DATASETTE, 10), Target(FLOOR, 0.6), Target(CLICKHOUSE, 1), *goals),
    )


def _alone(measure: Callable[[Any], Measure], *labels: str) -> tuple[Lane, ...]:
    """Give lanes of engines that have no connections."""
    return tuple(Lane(label, WHO[label], measure) for label in labels)


def _lines(table: Table, kind: str, name: str) -> Workload:
    return Workload(
        f"W2 {table.name} {kind}",
        f"POST the same as {name}; 2 connections",
        "rows/s",
        table,
        (
            Lane(GATEWAY, Gateway, lambda each: each.bulk(kind)),
            Lane(OWN_JSON, Gateway, lambda each: each.bulk()),
        ),
        (Target(OWN_JSON, 1),),
    )


def _csv(table: Table) -> Workload:
    return Workload(
        f"W11 {table.name}",
        "POST the same as CSV; 2 connections",
        "rows/s",
        table,
        (
            *_lanes(lambda each: each.bulk("csv"), FASTAPI),
            Lane(OWN_JSON, Gateway, lambda each: each.bulk()),
            *_alone(lambda each: each.bulk("csv"), FLOOR, CLICKHOUSE),
            *_alone(lambda each: each.bulk(), COPY),
        ),
        (
            Target(OWN_JSON, 0.9),
            Target(FLOOR, 0.6),
            Target(FASTAPI),
            Target(COPY, 4),
            Target(CLICKHOUSE),
        ),
    )


def _compressed_csv(table: Table) -> Workload:
    return Workload(
        f"W11 {table.name} in gzip",
        "POST the same as CSV in gzip; 2 connections",
        "rows/s",
        table,
        (
            *_lanes(lambda each: each.bulk("csv.gz"), FLOOR),
            Lane(OWN_JSON, Gateway, lambda each: each.bulk()),
        ),
        (Target(OWN_JSON, 0.9), Target(FLOOR, 0.6)),
    )


def _columns(kind: str, name: str, rows: int) -> Workload:
    gateway, settings = (Gateway, "") if rows == BULK else (RoomyGateway, f", with {RoomyGateway.said()}")
    return Workload(
        f"W12 {kind}, {rows:,} rows",
        f"POST {rows:,} orders as {name}; 2 connections{settings}",
        "rows/s",
        ORDERS,
        (
            Lane(GATEWAY, gateway, lambda each: each.bulk(kind, rows)),
            Lane(OWN_JSON, gateway, lambda each: each.bulk("json", rows)),
            *_alone(lambda each: each.bulk(kind, rows), FLOOR),
        ),
        (Target(OWN_JSON, 1.5), Target(FLOOR, 0.6)),
    )


def _load(kind: str, name: str, rows: int) -> Workload:
    return Workload(
        f"W13 {kind}",
        f"`gateway load` of a file of 2,000,000 orders as {name}; against POST of {rows:,} rows, 2 connections",
        "rows/s",
        ORDERS,
        (
            Lane(GATEWAY, LoadingGateway, lambda each: each.load(kind, 2_000_000)),
            Lane(OWN_POSTS, LoadingGateway, lambda each: each.bulk(kind, rows)),
        ),
        (Target(OWN_POSTS, 0.7),),
    )


def _growth(
    name: str,
    what: str,
    unit: str,
    measure: Callable[[Any], Measure],
    *goals: Target,
    ratio: float | None = None,
) -> Workload:
    most, middle, least = (
        Lane(f"with {millions} M", GrownGateway, measure, rows=millions * 1_000_000)
        for millions in (50, 10, 1)
    )
    return Workload(
        f"W15 {name}",
        f"with 50 M orders stored, {what}",
        unit,
        ORDERS,
        (most, middle, least),
        (*goals, Target(least.label, ratio), Target(middle.label)),
        less_is_better=unit != "rows/s",
    )


def _export(form: str, name: str) -> Workload:
    return Workload(
        f"W8 {form}",
        f"GET 1,000,000 orders as {name}; against `COPY … TO`",
        "rows/s",
        KEYED_ORDERS,
        _lanes(lambda each: each.export(form), FLOOR),
        (Target(FLOOR, 0.7),),
        rows=1_000_000,
    )


WORKLOADS = (
    _bulk(ORDERS, 2, MemoryTarget(300)),
    _bulk(ORDERS, 8),
    _bulk(FLIGHTS, 2, MemoryTarget(300)),
    *(
        _lines(table, kind, name)
        for table in (ORDERS, FLIGHTS)
        for kind, name in (("ndjson", "NDJSON"), ("ndjson.gz", "NDJSON in gzip"))
    ),
    Workload(
        "W3",
        "POST one order; 64 connections",
        "requests/s",
        ORDERS,
        _lanes(lambda each: each.single(64), FASTAPI, DATASETTE),
        (Target(FASTAPI, 3.5), Target(DATASETTE, 3.5)),
    ),
    Workload(
        "W4",
        "POST one order, the median latency; 1 connection",
        "ms",
        ORDERS,
        _lanes(lambda each: each.single(1, latency=True), FASTAPI),
        (Target(FASTAPI, 1),),
        less_is_better=True,
    ),
    Workload(
        "W5",
        "GET 100 of 1,000,000 orders by their key, never the same; 8 connections",
        "requests/s",
        KEYED_ORDERS,
        _lanes(lambda each: each.ranges(100, 8), FASTAPI, ROAPI),
        (Target(FASTAPI, 1), Target(ROAPI, 1)),
        rows=1_000_000,
    ),
    Workload(
        "W6",
        "GET the same 100 orders again; 8 connections",
        "requests/s",
        KEYED_ORDERS,
        _lanes(lambda each: each.ranges(100, 8, repeat=True), FASTAPI),
        (Target(FASTAPI, 6),),
        rows=1_000_000,
    ),
    Workload(
        "W7",
        "GET 10,000 of 1,000,000 orders as JSON, never the same; 4 connections",
        "requests/s",
        KEYED_ORDERS,
        _lanes(lambda each: each.ranges(10_000, 4), FASTAPI, ROAPI),
        (Target(FASTAPI, 1), Target(ROAPI, 1)),
        rows=1_000_000,
    ),
    *(_export(form, name) for form, name in (("ndjson", "NDJSON"), ("csv", "CSV"), ("parquet", "Parquet"))),
    Workload(
        "W9",
        "GET a sum and a count by group over a filter of 5,000,000 orders, never the same; 1 connection",
        "queries/s",
        ORDERS,
        _lanes(lambda each: each.aggregate(), FLOOR),
        (Target(FLOOR, 0.9),),
        rows=5_000_000,
    ),
    Workload(
        "W10",
        "a changed connector file, among 500, until it is live",
        "ms",
        ORDERS,
        (Lane(GATEWAY, CrowdedGateway, lambda each: each.change()),),
        (Target("300 ms", 1, 300),),
        less_is_better=True,
    ),
    *(form(table) for table in (ORDERS, FLIGHTS) for form in (_csv, _compressed_csv)),
    *(
        _columns(kind, name, rows)
        for kind, name in (("arrow", "an Arrow IPC stream"), ("parquet", "Parquet"))
        for rows in (BULK, 500_000)
    ),
    *(
        _load(kind, name, rows)
        for kind, name, rows in (
            ("csv", "CSV", BULK),
            ("ndjson", "NDJSON", BULK),
            ("parquet", "Parquet", 100_000),
        )
    ),
    Workload(
        "W14",
        "POST a JSON array of 10,000 orders with a field of type `json`, which has the object of a webhook; 2 connections",
        "rows/s",
        EVENTS,
        (
            *_lanes(lambda each: each.bulk()),
            Lane(OWN_STRINGS, Gateway, lambda each: each.bulk(), table=TEXT_EVENTS),
        ),
        (Target(OWN_STRINGS, 0.5),),
    ),
    _growth(
        "ingest",
        "POST a JSON array of 10,000; 2 connections",
        "rows/s",
        lambda each: each.ingest(),
        ratio=0.8,
    ),
    _growth("page", f"GET {PAGE} by `_id`, the median latency", "ms", lambda each: each.page(), ratio=1.3),
    _growth(
        "key",
        f"GET {PAGE} by a key in whose order they came, the median latency",
        "ms",
        lambda each: each.ranges(PAGE, 1, latency=True),
        ratio=1.3,
    ),
    _growth("count", "GET their number, the median latency", "ms", lambda each: each.count_again()),
    _growth("start", "start it again", "s", lambda each: each.start_again(), Target("2 s", 1, 2)),
)
