"""Commits whose answers are lost, held back, or dropped, or whose lock is cut, and the outcome of each."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from tests.support.lake.fleet import Fleet
from tests.support.lake.proxy import COMMIT, NEW_SNAPSHOT, PostgresProxy
from tests.support.lake.traffic import Traffic
from tests.support.server import DEADLINE, eventually, put

CONNECTOR = "fields: {id: integer, v: integer}\nprimary_key: id\non_conflict: replace\naccess: {read: [public], change: [editor]}\n"
IGNORING = CONNECTOR.replace("replace", "ignore")
#: What the session of the commit lock asks: before the rows are written, after the commit, and at the end of the turn.
LOCK_ASKS = ("FROM gw.sequences", "SELECT EXISTS", "pg_advisory_unlock")
#: A commit that changes no table of the lake has no COMMIT of DuckLake.
RECORD = r"gw\.record"

#: What the proxy does to one commit.
Fault = Callable[[PostgresProxy], object]
FAULTS: Mapping[str, Fault] = {
    "answer lost": lambda proxy: proxy.lose_answers(),
    "held back": lambda proxy: proxy.hold_back(0.3),
    "dropped": lambda proxy: proxy.drop(),
}
FAULTS_OF_RECORD: Mapping[str, Fault] = {
    "answer lost": lambda proxy: proxy.lose_answers(mark=RECORD, at=RECORD),
    "held back": lambda proxy: proxy.hold_back(0.3, mark=RECORD, at=RECORD),
    "dropped": lambda proxy: proxy.drop(mark=RECORD, at=RECORD),
}


#: The kinds of changes: of rows, some with files of DuckLake's own writing, and of the connector.
KINDS = ("append", "replace", "patch", "delete", "widen")


def _lock_cut(place: str) -> Fault:
    return lambda proxy: proxy.drop(mark=place, at=place)


@dataclass
class Struck:
    """A client of the first gateway, each of whose changes is struck, and the rows that there must be."""

    fleet: Fleet
    proxy: PostgresProxy
    path: str
    rows: dict[int, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    struck: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def strike_all(self, rounds: int, kinds: Sequence[str] = KINDS) -> None:
        """Strike each kind of change by each fault, some rounds of it, and the lock of each."""
        self._post([{"id": id, "v": 0} for id in range(-20, 0)])
        self._check("the first rows")
        for _ in range(rounds):
            for (name, fault), kind in itertools.product(FAULTS.items(), kinds):
                self._strike(name, fault, getattr(self, f"_{kind}"))
            for place, kind in zip(LOCK_ASKS * 2, kinds, strict=False):
                self._strike("lock cut", _lock_cut(place), getattr(self, f"_{kind}"))

    def strike_questions(self, rounds: int) -> int:
        """Lose the answers to commits, and those to all questions about them; they stand, and no file of them is gone."""
        for _ in range(rounds):
            self.proxy.lose_answers(1000, mark=f"{NEW_SNAPSHOT}|gw\\.gate", at=f"{COMMIT}|FOR UPDATE")
            self._patch(unknown=True)
            self.proxy.pass_all()
            self._check("unknown")
        return rounds

    def strike_records(self, rounds: int) -> None:
        """Strike commits that store nothing but a key."""
        self._post([{"id": 1, "v": 0}])
        for _ in range(rounds):
            for name, fault in FAULTS_OF_RECORD.items():
                self._strike(name, fault, self._ignore)

    def _strike(self, name: str, fault: Fault, change: Callable[[], object]) -> None:
        """Make a change that is struck; what its answer says must be so at every gateway."""
        before = self.proxy.struck
        fault(self.proxy)
        change()
        eventually(lambda: self.proxy.struck == before + 1, f"{name}: {change.__name__} was not struck")
        self.struck += 1
        self._check(f"{name}: {change.__name__}")

    @property
    def told(self) -> str:
        """How often each answer came."""
        return ", ".join(f"{answer}: {times}" for answer, times in sorted(self.outcomes.items()))

    def _check(self, what: str) -> None:
        for gateway in self.fleet.gateways:
            answer = httpx.get(f"{gateway.url}{self.path}?select=id,v&order=id", timeout=DEADLINE)
            assert answer.status_code == 200, (what, answer.text)
            assert {row["id"]: row["v"] for row in answer.json()} == self.rows, (what, gateway.url)
            assert len(answer.json()) == len(self.rows), what

    # -- changes

    def _post(self, rows: list[dict[str, int]]) -> httpx.Response:
        headers = {"Idempotency-Key": f"key {next(self._numbers)}"}
        answer = self._send("POST", self.path, headers, json.dumps(rows))
        self.rows |= {row["id"]: row["v"] for row in rows}
        # The same again stores nothing, at another gateway.
        again = self._send("POST", self.path, headers, json.dumps(rows), gateway=1)
        assert again.headers["Idempotent-Replayed"] == "true", again.text
        assert again.json() == answer.json()
        return answer

    def _append(self) -> None:
        number = next(self._numbers)
        # Some by the hundred, for a file of its own writing or of DuckLake's makes no difference to a client.
        self._post([{"id": number * 1000 + row, "v": number} for row in range(300 if number % 5 == 0 else 2)])

    def _replace(self) -> None:
        number = next(self._numbers)
        self._post([{"id": id, "v": number} for id in sorted(self.rows)[:3]])

    def _patch(self, *, unknown: bool = False) -> None:
        number, id = next(self._numbers), min(self.rows)
        self._send("PATCH", f"{self.path}?id=eq.{id}", {}, json.dumps({"v": number}), unknown=unknown)
        self.rows[id] = number

    def _delete(self) -> None:
        id = max(self.rows)
        self._send("DELETE", f"{self.path}?id=eq.{id}", {}, None)
        del self.rows[id]

    def _widen(self) -> None:
        """Have a field more, in the first gateway's file; the others take over what was applied."""
        first, name = self.fleet.gateways[0], self.path[1:]
        field = f"x{next(self._numbers)}"
        file = first.connectors / f"{name}.yaml"
        put(
            file,
            file.read_text().replace("v: integer", f"v: integer, {field}: {{type: integer, nullable: true}}"),
        )
        assert first.reload()[file.name]["state"] == "live"
        self.outcomes["reload"] += 1
        for gateway in self.fleet.gateways:
            url = f"{gateway.url}{self.path}?select={field}&limit=1"
            eventually(lambda: httpx.get(url).status_code == 200, f"{gateway.url} has not taken over {field}")

    def _ignore(self) -> None:
        headers = {"Idempotency-Key": f"key {next(self._numbers)}"}
        rows = json.dumps([{"id": 1, "v": 1}])
        answer = self._send("POST", self.path, headers, rows)
        again = self._send("POST", self.path, headers, rows, gateway=1)
        assert again.headers["Idempotent-Replayed"] == "true", again.text
        assert again.json() == answer.json()

    def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: str | None,
        *,
        gateway: int = 0,
        unknown: bool = False,
    ) -> httpx.Response:
        """Send a request until it is answered by success; after any other answer nothing of it may be there.

        One whose outcome is to be unknown is sent once, and answered so.
        """
        for _ in range(5):
            answer = httpx.request(
                method,
                self.fleet.gateways[gateway].url + url,
                headers={**self.fleet.admin, **headers, "Content-Type": "application/json"},
                content=body,
                timeout=DEADLINE,
            )
            self.outcomes[f"{method} {answer.status_code}"] += 1
            if answer.status_code < 300:
                return answer
            assert "Retry-After" in answer.headers, answer.text
            assert (answer.status_code, answer.json()["code"]) == (503, "GW414" if unknown else "GW404")
            if unknown:
                return answer
            self._check(f"{method} was refused")
        raise AssertionError(answer.text)


def strike_traffic(traffic: Traffic, proxy: PostgresProxy, each: int) -> int:
    """Strike commits of writers, so many by each fault, and cut their lock; give the number of locks that were cut."""
    for fault in FAULTS.values():
        for _ in range(each):
            before = proxy.struck
            fault(proxy)
            eventually(lambda: proxy.struck == before + 1, "no commit was struck")
    locks = 0
    while locks < each:
        traffic.wait_for(1)
        locks += proxy.cut("pg_advisory_lock")
    return locks
