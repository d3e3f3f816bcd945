"""`/-/uploads` and `/-/draft`: files in slices, their drafts and columns, and loads that store each row once."""

import contextlib
import gzip
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.auth.tokens import make_token
from gateway.uploads.load_run import KEPT_LOADS
from gateway.uploads.uploads import OWNED_MAX, SLICE_BYTES
from tests.support.server import Server, eventually, put, serving
from tests.support.workbooks import by_openpyxl, sheet, texts, workbook

FIELDS = "fields: {id: integer, note: {type: string, nullable: true}}\n"
ACCESS = "access: {ingest: [etl, loader], read: [reader], change: [etl]}\n"
SECRETS = {name: make_token(name, views=name == "auditor") for name in ("etl", "loader", "reader", "auditor")}
_numbers = itertools.count(1)


class Client:
    """A client with one token; each test has a connector of its own."""

    def __init__(self, server: Server, secret: str) -> None:
        self.http = httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {secret}"}, timeout=60
        )

    def begin(self, file: str, size: int, **more: object) -> httpx.Response:
        return self.http.post("/-/uploads", json={"name": file, "size": size, **more})

    def send(self, file: str, data: bytes, **more: object) -> str:
        """Upload a file whole, and return the id."""
        upload = self.begin(file, len(data), **more).json()["id"]
        for at in range(0, len(data), SLICE_BYTES):
            assert self.slice(upload, at, data[at : at + SLICE_BYTES]).status_code == 200
        return upload

    def slice(self, upload: str, at: int, data: bytes) -> httpx.Response:
        return self.http.put(f"/-/uploads/{upload}", params={"at": at}, content=data)

    def load(self, upload: str, connector: str, **more: object) -> dict:
        """Load a file, and return the status at its end."""
        answer = self.http.post(f"/-/uploads/{upload}/load", json={"connector": connector, **more})
        assert answer.status_code == 202, answer.text
        return self.ended(upload)

    def ended(self, upload: str) -> dict:
        def status() -> dict | None:
            load = self.http.get(f"/-/uploads/{upload}").json()["load"]
            return None if load["state"] == "running" else load

        return eventually(status)


@pytest.fixture(scope="session")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("depot")
    put(directory / "tokens.yaml", "".join(f"{line}\n" for _, line in SECRETS.values()))
    with serving(
        directory, GATEWAY_TOKENS=str(directory / "tokens.yaml"), GATEWAY_MAX_ROW="64K", GATEWAY_UPLOADS="8M"
    ) as server:
        yield server


@pytest.fixture(scope="session")
def clients(depot: Server) -> Iterator[dict[str, Client]]:
    secrets = {name: secret for name, (secret, _) in SECRETS.items()}
    secrets["admin"] = (depot.data / "admin-token").read_text().strip()
    with contextlib.ExitStack() as closing:
        clients = {name: Client(depot, secret) for name, secret in secrets.items()}
        for client in clients.values():
            closing.enter_context(client.http)
        yield clients


@pytest.fixture
def etl(clients: dict[str, Client]) -> Client:
    return clients["etl"]


@pytest.fixture
def admin(clients: dict[str, Client]) -> Client:
    return clients["admin"]


@pytest.fixture
def orders(depot: Server) -> str:
    """A connector that nobody else uses."""
    name = f"u{next(_numbers)}"
    depot.declare(name, FIELDS + ACCESS)
    return name


def ids_of(depot: Server, connector: str) -> list[int]:
    rows = depot.client.get(f"/{connector}", params={"select": "id", "order": "_id"}).json()
    return [row["id"] for row in rows]


def csv_of(rows: range, note: str = "n") -> bytes:
    return b"id,note\n" + b"".join(b"%d,%s\n" % (row, note.encode()) for row in rows)


def parquet_of(rows: range) -> bytes:
    return parquet_with(id=rows, note=["n"] * len(rows))


def parquet_with(names: Sequence[str] | None = None, **columns: Iterable[object]) -> bytes:
    """Write Parquet with some columns, under other names if there are some."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table([list(each) for each in columns.values()], names or list(columns)), sink)
    return sink.getvalue().to_pybytes()


def parquet_bomb() -> bytes:
    """A text of 4 MB that a dictionary repeats in 20,000 rows."""
    notes = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 4_000_000]))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": range(20_000), "note": notes}), sink, store_schema=False)
    return sink.getvalue().to_pybytes()


FILES = {
    "a.csv": csv_of(range(5)),
    "a.tsv": csv_of(range(5)).replace(b",", b"\t"),
    "semicolons.csv": csv_of(range(5)).replace(b",", b";"),
    "latin.csv": csv_of(range(5), "caf\u00e9").decode().encode("cp1252"),
    "a.ndjson": b"".join(b'{"id": %d, "note": null}\n' % row for row in range(5)),
    "a.json": json.dumps([{"id": row} for row in range(5)]).encode(),
    "a.parquet": parquet_of(range(5)),
    "a.csv.gz": gzip.compress(csv_of(range(5))),
    "json.csv": json.dumps([{"id": row} for row in range(5)]).encode(),
    "lines.json": b"".join(b'{"id": %d}\n' % row for row in range(5)),
    "nan.parquet": parquet_with(id=range(5), note=[1.5, math.nan, math.inf, None, -math.inf]),
    "a.xlsx": by_openpyxl(["id", "note"], *([row, "n"] for row in range(5))),
}


@pytest.mark.parametrize("file", FILES)
def test_file_of_each_format_is_drafted_and_loaded(depot: Server, admin: Client, file):
    upload = admin.send(file, FILES[file])
    draft = admin.http.post(f"/-/uploads/{upload}/draft").json()
    name = f"u{next(_numbers)}"
    depot.declare(name, draft["text"])

    load = admin.load(upload, name)

    assert (load["state"], load["rows"], load["stored"], load["problem"]) == ("done", 5, 5, None)
    assert ids_of(depot, name) == list(range(5))
    body = admin.http.post("/-/draft", params={"name": file}, content=FILES[file]).json()
    assert body["text"].partition("\n")[2] == draft["text"].partition("\n")[2]


def test_slices_continue_where_the_upload_ends(etl: Client, orders: str):
    data = csv_of(range(3))
    begun = etl.begin("a.csv", len(data), connector=orders)
    upload = begun.json()["id"]
    assert (begun.status_code, begun.headers["Location"]) == (201, f"/-/uploads/{upload}")

    assert etl.slice(upload, 0, data[:7]).json()["received"] == 7
    for at in (0, 6, 8, 10**9):
        wrong = etl.slice(upload, at, data[7:])
        assert (wrong.status_code, wrong.json()["code"]) == (409, "GW115"), wrong.text
        assert wrong.headers.get("Upload-Offset") == "7", (wrong.text, wrong.headers)
    assert etl.slice(upload, 7, data).status_code == 409, "the slice is longer than the file"
    assert etl.http.post(f"/-/uploads/{upload}/load", json={"connector": orders}).status_code == 409
    assert etl.slice(upload, 7, data[7:]).json()["received"] == len(data)
    assert etl.http.get("/-/uploads").json()[0]["id"] == upload
    assert etl.http.delete(f"/-/uploads/{upload}").status_code == 204
    assert etl.http.get(f"/-/uploads/{upload}").status_code == 404


def test_unfinished_upload_of_the_same_file_is_continued(etl: Client, orders: str):
    first = etl.begin("a.csv", 100, connector=orders, modified=17).json()["id"]
    etl.slice(first, 0, b"id,note\n")

    again = etl.begin("a.csv", 100, connector=orders, modified=17)
    assert (again.status_code, again.json()["id"], again.json()["received"]) == (200, first, 8)
    other = etl.begin("a.csv", 100, connector=orders, modified=18).json()["id"]
    assert other != first
    assert {first, other} <= {each["id"] for each in etl.http.get("/-/uploads").json()}


def test_upload_goes_when_another_one_needs_its_space(clients, orders: str):
    """The one that was not used for the longest time goes first, and says why; what never fits replaces nothing."""
    loader = clients["loader"]
    oldest, used, idle = (
        loader.begin(f"{size}.csv", size, connector=orders).json()["id"] for size in (2**20, 2**20 + 1, 5)
    )
    loader.slice(oldest, 0, b"id\n")
    assert loader.begin("large.csv", 9 * 2**20, connector=orders).status_code == 413
    assert loader.http.get(f"/-/uploads/{used}").status_code == 200

    assert loader.begin("next.csv", 6 * 2**20, connector=orders).status_code == 201
    gone = loader.http.get(f"/-/uploads/{used}")
    assert (gone.status_code, gone.json()["code"]) == (404, "GW118")
    assert gone.json()["message"] == (
        "1048577.csv is no longer here: it was deleted to make space for next.csv"
    )
    assert loader.http.get(f"/-/uploads/{oldest}").status_code == 200, "it was used since"
    for number in range(OWNED_MAX - 2):
        assert loader.begin(f"n{number}.csv", 5, connector=orders).status_code == 201
    kept = {each["id"] for each in loader.http.get("/-/uploads").json()}
    assert len(kept) == OWNED_MAX
    assert idle not in kept
    for upload in kept:
        loader.http.delete(f"/-/uploads/{upload}")


@pytest.mark.parametrize(
    ("asker", "connector", "status"),
    [
        (None, True, 401),
        ("reader", True, 403),
        ("auditor", True, 403),
        ("loader", True, 201),
        ("loader", False, 403),
        ("admin", True, 201),
        ("admin", False, 201),
    ],
)
def test_upload_needs_the_right_to_use_it(depot: Server, clients, orders, asker, connector, status):
    announced = {"name": "a.csv", "size": 9, "connector": orders if connector else None}
    path = "/-/uploads"
    answer = (
        clients[asker].http.post(path, json=announced)
        if asker
        else httpx.post(depot.url + path, json=announced)
    )

    assert answer.status_code == status, answer.text


def test_upload_of_another_token_does_not_exist(clients, etl: Client, orders: str):
    upload = etl.send("a.csv", csv_of(range(3)), connector=orders)
    other = clients["loader"]
    path = f"/-/uploads/{upload}"
    asked = [
        other.http.get(path),
        other.http.delete(path),
        other.slice(upload, 0, b"x"),
        other.http.get(f"{path}/columns", params={"connector": orders}),
        other.http.post(f"{path}/load", json={"connector": orders}),
        other.http.post(f"{path}/cancel"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in asked} == {(404, "GW118")}
    assert etl.http.get(path).status_code == 200


def test_columns_are_compared_before_anything_is_stored(depot: Server, etl: Client, orders: str):
    upload = etl.send("a.csv", b"note,extra\nx,1\n", connector=orders)
    check = etl.http.get(f"/-/uploads/{upload}/columns", params={"connector": orders}).json()

    assert check == {
        "matching": {"note": "note"},
        "unknown": ["extra"],
        "missing": ["id"],
        "required": ["id"],
    }
    assert ids_of(depot, orders) == []


def test_refused_batch_stops_a_load_with_its_places(depot: Server, etl: Client, orders: str):
    good = etl.send("a.csv", b"id,note,extra\n1,a,x\n2,b,y\n", connector=orders)
    refused = etl.load(good, orders)
    assert (refused["state"], refused["problem"]["code"]) == ("stopped", "PGRST204")
    assert etl.load(good, orders, without=["extra"])["stored"] == 2

    bad = etl.send("bad.csv", b"id,note\n3,a\nx,b\n", connector=orders)
    stopped = etl.load(bad, orders)
    assert (stopped["rows"], stopped["stored"]) == (0, 0)
    (error,) = stopped["problem"]["errors"]
    assert (error["row"], error["line"], error["field"], error["code"]) == (2, 3, "id", "22P02")
    assert ids_of(depot, orders) == [1, 2]

    depot.declare(orders, FIELDS + "on_invalid: on_request\n" + ACCESS)
    kept = etl.load(bad, orders, keep_bad_rows=True)
    assert (kept["state"], kept["stored"], kept["rejected"]) == ("done", 1, 1)


def test_same_file_is_stored_once_without_again(depot: Server, etl: Client, orders: str):
    data = csv_of(range(3))
    assert etl.load(etl.send("a.csv", data, connector=orders), orders)["stored"] == 3
    once_more = etl.send("b.csv", data, connector=orders)
    known = etl.load(once_more, orders)
    assert (known["stored"], known["stored_before"]) == (0, 3)
    assert ids_of(depot, orders) == [0, 1, 2]

    assert etl.load(once_more, orders, again=True)["stored"] == 3
    assert ids_of(depot, orders) == [0, 1, 2] * 2


@pytest.mark.parametrize(("rows", "note"), [(2, "n"), (5_000, "x" * 1000)], ids=["one batch", "two batches"])
@pytest.mark.parametrize("file", ["a.csv", "b.csv"])
def test_grown_file_stores_only_its_new_rows(depot: Server, etl: Client, orders: str, rows, note, file):
    first = etl.send("a.csv", csv_of(range(rows), note), connector=orders)
    assert etl.load(first, orders)["stored"] == rows
    etl.http.delete(f"/-/uploads/{first}")

    grown = etl.send(file, csv_of(range(rows + 1), note), connector=orders)
    load = etl.load(grown, orders)

    etl.http.delete(f"/-/uploads/{grown}")
    assert (load["state"], load["stored"], load["stored_before"]) == ("done", 1, rows)
    assert ids_of(depot, orders) == list(range(rows + 1))


def test_changed_file_asks_what_to_store(depot: Server, etl: Client, orders: str):
    etl.load(etl.send("a.csv", csv_of(range(5)), connector=orders), orders)
    upload = etl.send("b.csv", csv_of(range(5)).replace(b"\n3,", b"\n30,"), connector=orders)

    asked = etl.load(upload, orders)
    assert (asked["state"], asked["rows"], asked["problem"]["choices"]) == ("stopped", 0, ["rest", "again"])
    assert "the first 3 rows of b.csv are those of a.csv, stored on 20" in asked["problem"]["message"]
    assert ids_of(depot, orders) == list(range(5))
    both = {"connector": orders, "rest": True, "again": True}
    assert etl.http.post(f"/-/uploads/{upload}/load", json=both).status_code == 400

    load = etl.load(upload, orders, rest=True)
    assert (load["state"], load["stored"], load["stored_before"]) == ("done", 2, 3)
    assert ids_of(depot, orders) == [0, 1, 2, 3, 4, 30, 4]
    shorter = etl.load(etl.send("c.csv", csv_of(range(2)), connector=orders), orders)
    assert (shorter["stored"], shorter["problem"]["choices"]) == (0, ["again"])


def test_changed_file_of_rows_with_keys_is_loaded(depot: Server, etl: Client, orders: str):
    """A list of prices that comes each day: a key that exists is replaced, and nobody has to decide."""
    depot.declare(orders, FIELDS + "primary_key: [id]\non_conflict: replace\n" + ACCESS)
    etl.load(etl.send("a.csv", csv_of(range(5)), connector=orders), orders)
    changed = csv_of(range(6)).replace(b"\n3,n", b"\n3,m")

    load = etl.load(etl.send("a.csv", changed, connector=orders), orders)

    assert (load["state"], load["stored"], load["problem"]) == ("done", 6, None)
    rows = depot.client.get(f"/{orders}", params={"select": "id,note", "order": "id"}).json()
    assert [(row["id"], row["note"]) for row in rows] == [(n, "m" if n == 3 else "n") for n in range(6)]


def test_rows_of_a_corrected_copy_are_known(depot: Server, etl: Client, orders: str):
    etl.load(etl.send("a.csv", csv_of(range(2)), connector=orders), orders)
    stopped = etl.load(etl.send("a.csv", csv_of(range(3)) + b"x,n\n", connector=orders), orders)
    assert (stopped["state"], stopped["stored"]) == ("stopped", 0)
    corrected = etl.load(etl.send("corrected.csv", csv_of(range(4)), connector=orders), orders)
    assert (corrected["stored"], corrected["stored_before"]) == (2, 2)

    grown = etl.load(etl.send("a.csv", csv_of(range(5)), connector=orders), orders)

    assert (grown["stored"], grown["stored_before"]) == (1, 4)
    assert ids_of(depot, orders) == list(range(5))


def test_other_rows_after_known_ones_are_asked_about(depot: Server, etl: Client, orders: str):
    """The row that was too long is stored from a corrected copy, when the first load is continued."""
    file = etl.send("a.csv", csv_of(range(5)) + b"5,%s\n" % (b"x" * 70_000), connector=orders)
    assert etl.load(file, orders)["state"] == "stopped"
    etl.load(etl.send("b.csv", csv_of(range(5)), connector=orders), orders)
    etl.load(etl.send("b.csv", csv_of(range(7)), connector=orders), orders)

    again = etl.load(etl.send("a.csv", csv_of(range(6)) + b"60,n\n", connector=orders), orders)

    assert (again["state"], again["stored"], again["problem"]["choices"]) == ("stopped", 0, ["rest", "again"])
    assert ids_of(depot, orders) == list(range(7))


def test_plain_load_continues_no_canceled_repetition(depot: Server, etl: Client, orders: str):
    data = csv_of(range(5_000), "x" * 1000)
    first = etl.send("a.csv", data, connector=orders)
    etl.load(first, orders)
    depot.declare(orders, FIELDS + "limits: {rows_per_second: 500}\n" + ACCESS)
    etl.http.post(f"/-/uploads/{first}/load", json={"connector": orders, "again": True})
    eventually(lambda: etl.http.get(f"/-/uploads/{first}").json()["load"]["waits_for"])
    etl.http.post(f"/-/uploads/{first}/cancel")
    repeated = etl.ended(first)["stored"]
    assert 0 < repeated < 5_000
    etl.http.delete(f"/-/uploads/{first}")
    depot.declare(orders, FIELDS + ACCESS)

    grown = etl.send("a.csv", csv_of(range(5_001), "x" * 1000), connector=orders)
    load = etl.load(grown, orders)

    etl.http.delete(f"/-/uploads/{grown}")
    assert (load["stored"], load["stored_before"]) == (1, 5_000)


def test_unrecorded_batch_is_known_under_another_name(depot: Server, etl: Client, orders: str):
    """A kill between the commit and its record leaves only the line of the batch that was sent."""
    etl.load(etl.send("a.csv", csv_of(range(3)), connector=orders), orders)
    (record,) = (depot.data / "loads").glob(f"*/{orders}/etl/*.ndjson")
    lines = record.read_text().splitlines()
    record.write_text("\n".join(line for line in lines if "stored" not in line and "whole" not in line))

    load = etl.load(etl.send("a (1).csv", csv_of(range(4)), connector=orders), orders)

    assert (load["stored"], load["stored_before"]) == (1, 3)
    assert ids_of(depot, orders) == list(range(4))


def test_refused_loads_push_out_no_record_of_rows(depot: Server, etl: Client, orders: str):
    etl.load(etl.send("a.csv", csv_of(range(2)), connector=orders), orders)
    bad = etl.send("bad.csv", b"id,note\nx,n\n", connector=orders)
    assert {etl.load(bad, orders)["state"] for _ in range(KEPT_LOADS + 1)} == {"stopped"}

    assert etl.load(etl.send("a.csv", csv_of(range(3)), connector=orders), orders)["stored"] == 1


@pytest.mark.parametrize("policy", ["replace", "ignore"])
def test_file_of_keys_is_stored_whole_each_time(depot: Server, etl: Client, orders: str, policy: str):
    """The store may have changed since the file was loaded: its rows replaced by another file, or deleted."""
    depot.declare(orders, FIELDS + f"primary_key: [id]\non_conflict: {policy}\n" + ACCESS)
    first = csv_of(range(3), "old")
    etl.load(etl.send("a.csv", first, connector=orders), orders)
    etl.load(etl.send("a.csv", csv_of(range(3), "new"), connector=orders), orders)
    etl.http.delete(f"/{orders}?id=eq.1")

    load = etl.load(etl.send("a.csv", first, connector=orders), orders)

    assert (load["state"], load["stored_before"]) == ("done", 0)
    rows = depot.client.get(f"/{orders}", params={"select": "id,note"}).json()
    assert sorted(row["id"] for row in rows) == [0, 1, 2]
    assert {row["note"] for row in rows} == {"old"}


def test_purged_rows_of_a_file_are_stored_again(depot: Server, etl: Client, admin: Client, orders: str):
    upload = etl.send("a.csv", csv_of(range(3)), connector=orders)
    etl.load(upload, orders)
    (depot.connectors / f"{orders}.yaml").unlink()
    depot.reload()
    eventually(lambda: admin.http.post(f"/-/connectors/{orders}/purge").is_success)
    depot.declare(orders, FIELDS + ACCESS)

    assert etl.load(upload, orders)["stored"] == 3
    assert ids_of(depot, orders) == [0, 1, 2]


def test_rows_of_another_token_are_not_compared(depot: Server, clients, etl: Client, orders: str):
    """Their number would say what the other token has stored."""
    etl.load(etl.send("a.csv", csv_of(range(3)), connector=orders), orders)
    other = clients["loader"]

    assert other.load(other.send("a.csv", csv_of(range(4)), connector=orders), orders)["stored"] == 4


def test_stopped_load_names_rows_of_its_file(etl: Client, orders: str):
    """The response to a batch counts its own rows, and says that nothing was stored."""
    data = csv_of(range(5_000), "x" * 1000) + b"bad,n\n"
    upload = etl.send("a.csv", data, connector=orders)
    load = etl.load(upload, orders)

    etl.http.delete(f"/-/uploads/{upload}")
    problem = load["problem"]
    assert load["stored"] > 0
    assert problem["message"].startswith("row 5,001, line 5,002, field 'id': 'bad' is not an integer")
    assert "correct the file and upload it again" in problem["hint"]
    assert "nothing was stored" not in str(problem)


HOSTILE = {
    "cut.parquet": parquet_of(range(100))[:-20],
    "twice.parquet": parquet_with(["id", "note", "id"], a=[1], b=["n"], c=[2]),
    "junk.parquet": b"PAR1" + bytes(range(256)) * 8,
    "junk.csv": bytes(range(256)) * 8,
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "cut.csv.gz": gzip.compress(csv_of(range(10_000)))[:-100],
    "not.csv.gz": b"id,note\n1,a\n",
    "header.csv": b"id,note\n",
    "blank.ndjson": b"\n\n",
    "page.csv": b"<!doctype html><html>",
    "wide_row.csv.gz": gzip.compress(b"id,note\n1," + b"x" * (80 * 2**20)),
    "open_quote.csv.gz": gzip.compress(b'id,note\n1,"' + b"x\n" * (40 * 2**20)),
    "bomb.csv.gz": gzip.compress(b"id,note\n" + (b"1," + b"a" * 60_000 + b"\n") * 200),
    "bomb.parquet": parquet_bomb(),
    "bomb.xlsx": workbook(
        sheet(
            '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>',
            *['<c r="B2" t="s"><v>2</v></c>'] * 2000,
        ),
        parts={"xl/sharedStrings.xml": texts("<t>id</t>", "<t>note</t>", f"<t>{'x' * 2**20}</t>")},
    ),
    "far.xlsx": workbook(sheet('<c r="A1"><v>1</v></c>', '<c r="XFD1048576"><v>1</v></c>')),
    "nothing.xlsx": workbook(sheet(*["<c/>"] * 10**6)),
    "a.arrow": b"ARROW1\0\0" + bytes(100),
    "cut.xlsx": by_openpyxl(["id", "note"], [1, "n"])[:-30],
    "error.xlsx": by_openpyxl(["id", "note"], [1, "#N/A"]),
    "locked.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "one_value.json.gz": gzip.compress(b'{"a": "' + b"x" * (80 * 2**20) + b'"}'),
}


#: Files whose first batch can be read, each with the code that ends their load.
LATE = {"bomb.csv.gz": "GW114"}


@pytest.mark.parametrize("file", HOSTILE)
def test_hostile_file_is_refused_in_words(depot: Server, admin: Client, orders, file):
    """No file takes more memory than a body may, and none breaks the gateway."""
    upload = admin.send(file, HOSTILE[file])
    draft = admin.http.post(f"/-/uploads/{upload}/draft")
    begun = admin.http.post(f"/-/uploads/{upload}/load", json={"connector": orders})

    for refused in (draft, *([begun] if file not in LATE else [])):
        assert (refused.status_code, refused.json()["code"]) == (422, "GW114"), refused.text
        assert file in refused.json()["message"]
        assert "--" not in refused.json()["message"], "it has the words of the form"
        assert str(depot.data) not in refused.text
    if file in LATE:
        stopped = admin.ended(upload)
        assert (stopped["state"], stopped["problem"]["code"]) == ("stopped", LATE[file])
    assert depot.memory() < 600 * 2**20


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\data\\a.csv", "a.csv"),
        ("<img src=x>.csv", "<img src=x>.csv"),
        ("a\nfields: {x: integer}\n.csv", "a?fields: {x: integer}?.csv"),
        ("a\u202e.csv", "a?.csv"),
        ("n" * 300 + ".csv", "n" * 60 + "….csv"),
    ],
)
def test_file_name_is_shown_and_never_a_path(depot: Server, admin: Client, file, shown):
    upload = admin.begin(file, 12).json()
    assert upload["file"] == shown
    admin.slice(upload["id"], 0, b"id\n1\n2\n3\n44\n")

    text = admin.http.post(f"/-/uploads/{upload['id']}/draft").json()["text"]
    assert text.splitlines()[1:3] == ["fields:", "  id: integer"]
    assert [path.name for path in (depot.data / "uploads" / upload["id"]).iterdir()] in (
        ["rows.csv", "state.json"],
        ["state.json", "rows.csv"],
    )


@pytest.mark.parametrize(
    ("announced", "status", "code"),
    [
        ({"name": "a.xls", "size": 9}, 415, "GW104"),
        ({"name": "a", "size": 9}, 415, "GW104"),
        ({"name": "a.csv", "size": 9, "format": "xml"}, 415, "GW104"),
        ({"name": "a.csv", "size": 0}, 422, "GW114"),
        ({"name": "a.csv", "size": -1}, 400, "PGRST102"),
        ({"name": "a.csv", "size": True}, 400, "PGRST102"),
        ({"name": "a.csv"}, 400, "PGRST102"),
        ({"name": "a.csv", "size": 9, "path": "/x"}, 400, "PGRST102"),
        ([], 400, "PGRST102"),
        ({"name": "a.csv", "size": 9 * 2**20}, 413, "GW117"),
        ({"name": "a.csv", "size": 9, "connector": "nothing"}, 404, "PGRST205"),
    ],
)
def test_wrong_announcement_is_refused(admin: Client, announced, status, code):
    answer = admin.http.post("/-/uploads", json=announced)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
