"""The benchmark measures real gateways, and holds them to what they said."""

from dataclasses import replace

import pytest

from tests.bench import answered_posts
from tests.bench.contestants.gateway import Gateway
from tests.bench.contestants.grown_gateway import GrownGateway
from tests.bench.contestants.loading_gateway import LoadingGateway
from tests.bench.files import Files
from tests.bench.measure import Sample, WrongAnswerError
from tests.bench.rounds import Grounds, run
from tests.bench.tables import ORDERS
from tests.bench.workload import Lane, Workload


def measured(table, *lanes, rows=0):
    workload = Workload("W0", "a test", "rows/s", table, lanes, (), rows=rows)
    with Grounds() as grounds:
        return run(workload, grounds, 1, 0.001, lambda _: None)


def test_load_again_stores_all_rows_again():
    lane = Lane("load", LoadingGateway, lambda each: each.load("csv", 100))

    assert measured(ORDERS, lane, replace(lane, label="again")).keys() == {"load", "again"}


def test_grown_gateway_has_same_rows_before_each_measurement():
    ingest = Lane("ingest", GrownGateway, lambda each: each.ingest(), rows=100)
    start = Lane("start", GrownGateway, lambda each: each.start_again(), rows=200)

    lanes = measured(ORDERS, ingest, start)

    assert lanes["start"]["worst"] > 0


def test_refused_body_ends_the_measurement(server, tmp_path):
    bodies = Files(tmp_path).bodies(ORDERS, "json", 10)

    with pytest.raises(WrongAnswerError, match="404"):
        answered_posts.posts(f"{server.url}/no_such_connector", server.admin, bodies, 10, 1)(0.001)


def test_rows_that_are_not_stored_are_found():
    class Boaster(Gateway):
        def boast(self):
            return lambda seconds: Sample(1.0, stored=10)

    with pytest.raises(
        WrongAnswerError, match="20 rows were acknowledged and 0 more were sent; 0 are stored"
    ):
        measured(ORDERS, Lane("gateway", Boaster, lambda each: each.boast()))
