"""The workloads: what is measured of whom, and what the gateway is to reach."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.contestants import Contestant
from tests.bench.contestants.datasette import Datasette
from tests.bench.contestants.fastapi_postgres import FastapiPostgres
from tests.bench.contestants.floor import Floor
from tests.bench.contestants.gateway import CrowdedGateway, Gateway
from tests.bench.contestants.roapi import Roapi
from tests.bench.measure import Measure
from tests.bench.tables import FLIGHTS, KEYED_ORDERS, ORDERS, Table


@dataclass(frozen=True, slots=True)
class Lane:
    """One of the measurements that take turns: of whom, and how."""

    label: str
    contestant: type[Contestant]
    measure: Callable[[Any], Measure]


@dataclass(frozen=True, slots=True)
class Target:
    """What the gateway's figure is to be, against the figure of another lane or one that is not measured.

    Attributes:
        against: The label of the lane, or what the figure is.
        ratio: At least so many times the other figure; or at most, where less is better.
        figure: The figure that is not measured.
    """

    against: str
    ratio: float
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload on a table of so many rows; the first of its lanes is the gateway's."""

    name: str
    what: str
    unit: str
    table: Table
    lanes: tuple[Lane, ...]
    targets: tuple[Target, ...]
    rows: int = 0
    less_is_better: bool = False


GATEWAY = "gateway"
FASTAPI = "FastAPI + PostgreSQL"
DATASETTE = "Datasette"
ROAPI = "ROAPI"
FLOOR = "DuckDB alone"
OWN_JSON = "its own W1"
WHO = {GATEWAY: Gateway, FASTAPI: FastapiPostgres, DATASETTE: Datasette, ROAPI: Roapi, FLOOR: Floor}


def _lanes(measure: Callable[[Any], Measure], *labels: str) -> tuple[Lane, ...]:
    return tuple(Lane(label, WHO[label], measure) for label in (GATEWAY, *labels))


def _bulk(table: Table, *goals: Target) -> Workload:
    return Workload(
        f"W1 {table.name}",
        f"POST a JSON array of 10,000 {table.name}, {len(table.columns)} columns; 2 connections",
        "rows/s",
        table,
        _lanes(lambda each: each.bulk(), FASTAPI, DATASETTE, FLOOR),
        (Target(FASTAPI, 8), Target(DATASETTE, 10), Target(FLOOR, 0.6), *goals),
    )


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
    _bulk(ORDERS, Target("ClickHouse, a figure from elsewhere", 1, 990_000)),
    _bulk(FLIGHTS),
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
)
