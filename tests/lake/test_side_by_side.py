"""Three gateways on one lake keep the promises of one: under kills, and when answers of PostgreSQL are lost."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Insistent
from tests.support.lake import strikes
from tests.support.lake.fleet import Fleet, serving_fleet
from tests.support.lake.gateways import lake_settings
from tests.support.lake.postgres import PostgreSQL
from tests.support.lake.proxy import PostgresProxy, proxying_postgres
from tests.support.lake.traffic import CONNECTOR, Traffic, rows_of

SEED = 20261130


@dataclass(frozen=True)
class Place:
    fleet: Fleet
    proxy: PostgresProxy
    postgres: PostgreSQL
    database: str


@pytest.fixture(scope="module")
def place(postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two gateways that reach PostgreSQL by way of a proxy, and one that does without."""
    directory: Path = tmp_path_factory.mktemp("fleet")
    database = postgres.database()
    connectors = {
        "a": CONNECTOR,
        "b": CONNECTOR,
        "k": CONNECTOR,
        "o": strikes.CONNECTOR,
        "i": strikes.IGNORING,
    }
    with proxying_postgres(postgres.port) as proxy:
        each = [
            lake_settings(url, directory / "lake")
            for url in (proxy.url(database), proxy.url(database), database)
        ]
        with serving_fleet(directory, connectors, each) as fleet:
            yield Place(fleet, proxy, postgres, database)


@pytest.mark.long
@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.torture)])
def test_killed_gateways_store_every_batch_once(place: Place, tell, kills: int):
    chance = random.Random(SEED)
    fleet = place.fleet
    with Traffic(fleet, "/a") as traffic:
        for kill in range(kills):
            traffic.wait_for(chance.randint(3, 20))
            gateway = fleet.gateways[kill % len(fleet.gateways)]
            gateway.client.close()
            gateway.kill()
            fleet.restart(gateway)
        traffic.wait_for(10)
    tell(
        f"seed {SEED}, kill -9 of one of three gateways: {kills}, {traffic.verdict(place.postgres, place.database)}"
    )


@pytest.mark.long
@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.torture)])
def test_struck_commits_have_the_outcome_answered(place: Place, tell, rounds: int):
    changes = strikes.Struck(place.fleet, place.proxy, "/o")
    changes.strike_all(rounds)
    unknown = changes.strike_questions(rounds)
    records = strikes.Struck(place.fleet, place.proxy, "/i", {1: 0})
    records.strike_records(rounds)
    tell(
        f"struck: {changes.struck + records.struck}, {unknown} with an unknown outcome; answers: {changes.told},"
        f" of keys alone: {records.told}; nothing lost, nothing twice, nothing deleted"
    )


@pytest.mark.long
@pytest.mark.parametrize("each", [5, pytest.param(50, marks=pytest.mark.torture)])
def test_struck_traffic_stores_every_batch_once(place: Place, tell, each: int):
    with Traffic(place.fleet, "/b") as traffic:
        locks = strikes.strike_traffic(traffic, place.proxy, each)
        traffic.wait_for(10)
    tell(
        f"answers to COMMIT lost: {each}, held back: {each}, COMMITs dropped: {each}, locks cut: {locks},"
        f" {traffic.verdict(place.postgres, place.database)}"
    )


@pytest.mark.long
@pytest.mark.parametrize("keys", [25, pytest.param(500, marks=pytest.mark.torture)])
def test_key_at_three_gateways_is_stored_once(place: Place, tell, keys: int):
    with ExitStack() as stack, ThreadPoolExecutor(len(place.fleet.gateways)) as pool:
        clients = [stack.enter_context(Insistent(gateway)) for gateway in place.fleet.gateways]
        receipts = []
        for number in range(keys):
            sent = pool.map(lambda client: client.post("/k", rows_of(number), f"key {number}"), clients)
            answers = list(sent)
            assert [answer.status_code for answer in answers] == [201] * len(clients)
            assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == len(clients) - 1
            assert answers[0].json() == answers[1].json() == answers[2].json()
            receipts.append(answers[0].json())
        again = sum(client.again for client in clients)
    stored = place.postgres.rows(place.database, "SELECT batch, rows FROM gw.batches WHERE connector = 'k'")
    assert sorted(each["batch"] for each in stored) == sorted(each["batch"] for each in receipts)
    assert sum(each["rows"] for each in stored) == sum(len(rows_of(number)) for number in range(keys))
    tell(f"keys at three gateways at once: {keys}, each stored once; told to come again: {again}")
