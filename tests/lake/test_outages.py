"""Three gateways with their data on S3 outlive PostgreSQL and the S3 server, which are killed, away, or hang."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.lake import outages, strikes
from tests.support.lake.fleet import Fleet, serving_fleet
from tests.support.lake.gateways import s3_settings
from tests.support.lake.postgres import PostgreSQL, running_postgres
from tests.support.lake.proxy import PostgresProxy, proxying_postgres
from tests.support.lake.seaweedfs import SeaweedFS, running_seaweedfs
from tests.support.lake.traffic import CONNECTOR, Traffic

SEED = 20261130
#: How long a server is away at least.
OUTAGE_SECONDS = 10


@dataclass(frozen=True)
class Place:
    fleet: Fleet
    proxy: PostgresProxy
    postgres: PostgreSQL
    seaweedfs: SeaweedFS
    database: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two gateways that reach PostgreSQL by way of a proxy, and one that does without; none may delete objects."""
    directory: Path = tmp_path_factory.mktemp("fleet")
    connectors = {"a": CONNECTOR, "b": CONNECTOR, "q": outages.CONNECTOR, "o": strikes.CONNECTOR}
    with running_postgres() as postgres, running_seaweedfs() as seaweedfs:
        database = postgres.database()
        with proxying_postgres(postgres.port) as proxy:
            urls = (proxy.url(database), proxy.url(database), database)
            each = [s3_settings(url, seaweedfs, "fleet") for url in urls]
            with serving_fleet(directory, connectors, each) as fleet:
                yield Place(fleet, proxy, postgres, seaweedfs, database)


@pytest.mark.long
@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.torture)])
def test_killed_postgres_keeps_every_batch_once(place: Place, tell, kills: int):
    chance = random.Random(SEED)
    with Traffic(place.fleet, "/a") as traffic:
        for _ in range(kills):
            traffic.wait_for(chance.randint(5, 12))
            place.postgres.kill()
            place.postgres.start()
        traffic.wait_for(10)
    tell(f"seed {SEED}, kill -9 of PostgreSQL: {kills}, {traffic.verdict(place.postgres, place.database)}")


@pytest.mark.long
def test_outages_are_answered_and_end_by_themselves(place: Place, tell):
    questions = outages.Questions(place.fleet, "/q", OUTAGE_SECONDS)
    questions.prepare()
    with Traffic(place.fleet, "/b") as traffic:
        for outage in outages.outages_of(place.postgres, place.seaweedfs):
            traffic.wait_for(5)
            questions.ask_during(outage)
        traffic.wait_for(5)
    tell(f"{'; '.join(questions.told)}; {traffic.verdict(place.postgres, place.database)}")


@pytest.mark.long
@pytest.mark.parametrize(
    ("rounds", "kinds"),
    [(1, ("append", "patch")), pytest.param(10, strikes.KINDS, marks=pytest.mark.torture)],
)
def test_struck_commits_have_the_outcome_answered_on_s3(
    place: Place, tell, rounds: int, kinds: Sequence[str]
):
    changes = strikes.Struck(place.fleet, place.proxy, "/o")
    before = set(place.seaweedfs.objects())
    changes.strike_all(rounds, kinds)
    assert before <= set(place.seaweedfs.objects())
    tell(f"struck: {changes.struck}; answers: {changes.told}; nothing lost, nothing twice, nothing deleted")
