"""The workloads: what is measured of whom, and what the gateway is to reach."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.contestants import Contestant
from tests.bench.contestants.fastapi_postgres import FastapiPostgres
from tests.bench.contestants.floor import Floor
from tests.bench.contestants.gateway import Gateway
from tests.bench.measure import Measure
from tests.bench.tables import FLIGHTS, ORDERS, Table


@dataclass(frozen=True, slots=True)
class Lane:
    """One of the measurements that take turns: of whom, and how; the first of a workload is the gateway's."""

    label: str
    contestant: type[Contestant]
    measure: Callable[[Any], Measure]


@dataclass(frozen=True, slots=True)
class Target:
    """What the gateway's figure is to be against another's, or against a figure from elsewhere.

    Attributes:
        against: The label of a lane, or what the figure is of.
        ratio: At least so many times the other figure, or at most where less is better.
        figure: The other figure, where it is not measured here.
    """

    against: str
    ratio: float
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload; its table is filled with so many rows before."""

    name: str
    what: str
    unit: str
    table: Table
    lanes: tuple[Lane, ...]
    targets: tuple[Target, ...]
    fill: int = 0
    less_is_better: bool = False


GATEWAY, FASTAPI, FLOOR = "gateway", "FastAPI + PostgreSQL", "DuckDB alone"


def _lanes(measure: Callable[[Any], Measure], **contestants: type[Contestant]) -> tuple[Lane, ...]:
    return tuple(Lane(label, contestant, measure) for label, contestant in contestants.items())


def _bulk(table: Table, *goals: Target) -> Workload:
    return Workload(
        f"W1 {table.name}",
        f"POST JSON arrays of 10,000 {table.name} of {len(table.columns)} columns, 2 clients",
        "rows/s",
        table,
        _lanes(lambda each: each.bulk(), **{GATEWAY: Gateway, FASTAPI: FastapiPostgres, FLOOR: Floor}),
        (Target(FASTAPI, 8), Target(FLOOR, 0.6), *goals),
    )


WORKLOADS = (
    _bulk(ORDERS, Target("ClickHouse, as told elsewhere", 1, 990_000)),
    _bulk(FLIGHTS),
    Workload(
        "W3",
        "POST one order, 64 connections",
        "requests/s",
        ORDERS,
        _lanes(lambda each: each.single(64), **{GATEWAY: Gateway, FASTAPI: FastapiPostgres}),
        (Target(FASTAPI, 3.5),),
    ),
    Workload(
        "W4",
        "POST one order, 1 connection, median latency",
        "ms",
        ORDERS,
        _lanes(lambda each: each.single(1, latency=True), **{GATEWAY: Gateway, FASTAPI: FastapiPostgres}),
        (Target(FASTAPI, 1),),
        less_is_better=True,
    ),
)
