"""`gateway load` recognizes loaded rows by store, connector, and content, and reports every overlap."""

import gzip
import hashlib
import http.server
import itertools
import json
import shutil
import signal
import threading
import time

import httpx
import pytest

from gateway.rowfile.fingerprint import RowDigest, RowSample, next_mark
from tests.commands.test_verbs import ORDERS, gateway, rows_file, stored
from tests.support import visibility
from tests.support.server import eventually, serving


def load(server, *words, **more):
    ran = gateway(server, "load", "orders", *words, **more)
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def records(server):
    return sorted((server.data.parent / "state/gateway/loads").glob("*/orders/*.ndjson"))


def forget_answers(record, count: int) -> list[dict]:
    """Write a record as if the last batches had been sent and not answered, and return these."""
    lines = [json.loads(line) for line in record.read_text().splitlines() if line]
    told = {each["until"]: each for line in lines for each in line.get("pending", ())}
    pending = [told[until] for until in sorted(told)[len(told) - count :]]
    lost = {each["until"] for each in pending}
    kept = [
        line
        for line in lines
        if "pending" not in line and "whole" not in line and line.get("stored", {}).get("until") not in lost
    ]
    kept += [{"pending": pending}] if pending else []
    record.write_text("\n".join(map(json.dumps, kept)))
    return pending


@pytest.fixture
def orders(cleared):
    cleared.declare("orders", ORDERS)
    return cleared


# -- one target under several names


@pytest.fixture
def proxy(orders):
    """Start a reverse proxy that serves the gateway below /shop."""

    class Forward(http.server.BaseHTTPRequestHandler):
        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {
                name: self.headers[name]
                for name in ("Authorization", "Content-Type", "Idempotency-Key")
                if name in self.headers
            }
            path = self.path.removeprefix("/shop")
            answer = httpx.request(self.command, orders.url + path, content=body, headers=headers)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = forward  # noqa: N815

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward) as listening:
        threading.Thread(target=listening.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/shop"
        listening.shutdown()


def test_load_knows_its_target_under_every_spelling(orders, proxy, tmp_path):
    file = rows_file(tmp_path, 100)
    port = httpx.URL(orders.url).port
    urls = [orders.url, f"{orders.url}/", f"http://localhost:{port}", f"http://localhost:{port}/", proxy]

    for url, name in zip(urls, ["orders", "/orders", "/orders/", "orders", "/orders"], strict=True):
        ran = gateway(orders, "load", name, file, "--url", url)
        assert ran.returncode == 0, (url, name, ran.stderr)

    assert stored(orders) == list(range(100))


# -- one content under several file names


def test_copy_under_other_name_is_not_stored(orders, tmp_path):
    file = rows_file(tmp_path, 100)
    load(orders, file)
    for name in ("copy.csv", "copy.csv.gz", "windows.csv"):
        copy = tmp_path / name
        text = file.read_bytes()
        copy.write_bytes(text.replace(b"\n", b"\r\n") if name == "windows.csv" else text)
        if name.endswith(".gz"):
            copy.write_bytes(gzip.compress(text))

        code, said = load(orders, copy)

        assert code == 1
        assert f"the 100 rows of {copy} are those of {file}, stored on 20" in said
        assert "nothing was stored. --again stores all rows once more" in said
    assert len(stored(orders)) == 100
    assert load(orders, tmp_path / "copy.csv", "--again")[0] == 0
    assert len(stored(orders)) == 200


@pytest.mark.parametrize("count", [60, 2500, 10_836])
def test_prefix_of_loaded_file_is_not_stored(orders, tmp_path, count):
    file = rows_file(tmp_path, 12_000 if count > 1000 else 100, "rows-2026.csv")
    load(orders, file, "--batch", "60K")
    before = len(stored(orders))

    code, said = load(orders, rows_file(tmp_path, count, "part.csv"))

    assert code == 1, said
    assert "rows-2026.csv, stored on" in said
    assert "nothing was stored" in said
    known = int(said.split(" row")[0].split()[-1].replace(",", ""))
    assert count * 0.999 <= known <= count
    assert len(stored(orders)) == before


def test_longer_copy_is_stored_with_rest_or_again(orders, tmp_path):
    load(orders, rows_file(tmp_path, 100))
    longer = rows_file(tmp_path, 130, "longer.csv")

    code, said = load(orders, longer)
    assert (code, len(stored(orders))) == (1, 100)
    assert f"the first 100 rows of {longer} are those of {tmp_path}/rows.csv, stored on" in said
    assert "--rest stores what follows them, --again stores all rows" in said

    assert load(orders, longer, "--rest")[1].startswith(
        "30 rows are stored at /orders. 100 were stored before"
    )
    assert stored(orders) == list(range(130))
    assert load(orders, longer)[1].startswith("0 rows are stored")
    rows_file(tmp_path, 140, "longer.csv")
    assert load(orders, longer)[1].startswith("10 rows are stored")
    assert stored(orders) == list(range(140))


@pytest.mark.parametrize("name", ["rows.csv", "other.csv"])
def test_change_in_middle_of_file_is_reported(orders, tmp_path, name):
    file = rows_file(tmp_path, 100)
    text = file.read_text()
    load(orders, file)
    changed = tmp_path / name
    changed.write_text(text.replace("\n40,", "\n4000,"))

    code, said = load(orders, changed)

    assert (code, len(stored(orders))) == (1, 100), said
    assert "the first 40 rows" in said
    assert "nothing was stored" in said
    assert ("is not what it was when 100 rows of it were loaded" in said) == (name == "rows.csv")
    code, said = load(orders, changed, "--rest")
    assert (code, len(stored(orders))) == (0, 160), said
    assert load(orders, changed)[1].startswith("0 rows are stored")


def test_shortened_file_is_reported(orders, tmp_path):
    load(orders, rows_file(tmp_path, 100))

    code, said = load(orders, rows_file(tmp_path, 70))

    assert code == 1
    assert "it has only the first 70 rows of them; nothing was stored" in said
    assert len(stored(orders)) == 100


def test_changed_first_row_is_reported(orders, tmp_path):
    file = rows_file(tmp_path, 100)
    load(orders, file)
    file.write_text(file.read_text().replace("\n0,", "\n1000,"))

    code, said = load(orders, file)

    assert (code, len(stored(orders))) == (1, 100)
    assert "its first row is different, and about 99% of its rows are the same" in said


def test_new_rows_under_an_old_name_are_stored(orders, tmp_path):
    file = rows_file(tmp_path, 100)
    load(orders, file)
    file.write_text("n,s\n" + "".join(f"{n},new {n}\n" for n in range(100, 200)))

    assert load(orders, file) == (0, "100 rows are stored at /orders.")
    assert stored(orders) == list(range(200))


def test_overlap_at_end_is_reported(orders, tmp_path):
    load(orders, rows_file(tmp_path, 100))
    other = tmp_path / "other.csv"
    other.write_text("n,s\n" + "".join(f'{n},"row {n}"\n' for n in range(40, 120)))

    code, said = load(orders, other)

    assert code == 0
    assert f"Rows of {other} had been loaded from other files too: about 75% in {tmp_path}/rows.csv" in said


def test_same_file_goes_to_two_connectors(orders, tmp_path):
    path = orders.declare("other", ORDERS)
    file = rows_file(tmp_path, 100)
    load(orders, file)

    assert gateway(orders, "load", "other", file).stdout == "100 rows are stored at /other.\n"
    assert len(stored(orders)) == len(stored(orders, path)) == 100


# -- rows in the store


def test_deleted_rows_are_not_stored_again(orders, tmp_path):
    orders.declare("orders", ORDERS.replace("read: [public]", "read: [public], change: [admin]"))
    file = rows_file(tmp_path, 100)
    load(orders, file)
    assert orders.client.delete("/orders?n=lt.30").status_code < 300

    assert load(orders, file)[1].endswith("30 of all these were deleted, replaced, or changed since.")
    assert orders.client.delete("/orders?n=gte.0").status_code < 300
    code, said = load(orders, file)
    assert code == 1
    assert "the 100 rows were stored before, and all of them were deleted" in said
    assert load(orders, file, "--again")[0] == 0
    assert stored(orders) == list(range(100))


def test_another_token_stores_no_row_twice(tmp_path):
    with visibility.place(tmp_path) as place:
        file = rows_file(tmp_path, 3)
        place.server.declare("loads", ORDERS.replace("read: [public]", "ingest: [etl, loader]"))
        ran = [
            gateway(place.server, "load", "loads", file, environment={"GATEWAY_TOKEN": place.secrets[asker]})
            for asker in ("etl", "loader", "admin")
        ]

        assert [each.returncode for each in ran] == [0, 0, 0], ran
        assert place.ask("auditor", "GET", "/-/connectors/loads").json()["rows"] == 3
        assert all("3 were stored before" in each.stdout + each.stderr for each in ran[1:])


def test_unanswered_batch_belongs_to_its_token(tmp_path):
    with visibility.place(tmp_path) as place:
        file = rows_file(tmp_path, 3000)
        place.server.declare("loads", ORDERS.replace("read: [public]", "ingest: [etl, loader]"))

        def run(asker):
            token = {"GATEWAY_TOKEN": place.secrets[asker]}
            return gateway(place.server, "load", "loads", file, "--batch", "10K", environment=token)

        run("etl")
        (record,) = (place.server.data.parent / "state/gateway/loads").glob("*/loads/*.ndjson")
        forget_answers(record, 2)
        others = [" ".join(run(asker).stderr.split()) for asker in ("loader", "admin")]
        own = run("etl")

        assert [("the token 'etl' sent them" in said, "Use that token" in said) for said in others] == [
            (True, True)
        ] * 2
        assert own.returncode == 0, own.stderr
        assert place.ask("auditor", "GET", "/-/connectors/loads").json()["rows"] == 3000


def test_purged_rows_are_stored_again(orders, tmp_path):
    file = rows_file(tmp_path, 100)
    load(orders, file)
    (orders.connectors / "orders.yaml").unlink()
    orders.reload()
    eventually(lambda: gateway(orders, "purge", "orders", "--yes").returncode == 0)
    orders.declare("orders", ORDERS)

    code, said = load(orders, file)

    assert (code, stored(orders)) == (0, list(range(100)))
    assert "are no longer in this store" in said


def test_rows_lost_by_restore_are_stored_again(own, tmp_path):
    own.declare("orders", ORDERS)
    file = rows_file(tmp_path, 100)
    load(own, file)
    assert gateway(own, "backup", tmp_path / "copy.duckdb").returncode == 0
    rows_file(tmp_path, 150)
    load(own, file)
    own.stop()
    assert gateway(own, "restore", tmp_path / "copy.duckdb", "--move-aside").returncode == 0
    own.start()
    own.client.post("/orders", json={"n": -1})  # It gets the number of the batch that was taken back.

    code, said = load(own, file)

    assert code == 0
    assert "50 rows that were loaded on" in said
    assert stored(own) == [*range(100), -1, *range(100, 150)]
    assert load(own, file)[1].startswith("0 rows are stored")


def test_restored_copy_has_separate_progress(orders, tmp_path):
    file = rows_file(tmp_path, 100)
    load(orders, file)
    assert gateway(orders, "backup", tmp_path / "copy.duckdb").returncode == 0
    (tmp_path / "copy/data").mkdir(parents=True)
    shutil.copytree(orders.connectors, tmp_path / "copy/connectors.d")
    shutil.copy(tmp_path / "copy.duckdb", tmp_path / "copy/data/store.duckdb")
    with serving(tmp_path / "copy") as copy:
        environment = {"XDG_STATE_HOME": str(orders.data.parent / "state")}
        rows_file(tmp_path, 150)
        assert load(orders, file)[1].startswith("50 rows are stored")
        assert "50 rows that were loaded on" in load(copy, file, environment=environment)[1]
        assert load(orders, file)[1].startswith("0 rows are stored")
        assert load(copy, file, environment=environment)[1].startswith("0 rows are stored")
        assert stored(copy) == stored(orders) == list(range(150))


# -- concurrent and unanswered loads


def test_concurrent_loads_store_file_once(orders, tmp_path):
    file = rows_file(tmp_path, 20_000)
    processes = [gateway(orders, "load", "orders", file, "--batch", "20K", wait=False) for _ in range(3)]
    said = [process.communicate()[1] for process in processes]

    codes = sorted(process.returncode for process in processes)
    assert codes[0] == 0, said
    assert stored(orders) == list(range(20_000))
    assert all("is being loaded into 'orders' by another process" in text for text in said if text)


def test_unanswered_batch_is_resent_under_its_key(orders, tmp_path):
    file = rows_file(tmp_path, 3000)
    load(orders, file, "--batch", "10K")
    (record,) = records(orders)
    forget_answers(record, 1)
    record.write_text(record.read_text() + '\n{"stored": {"unt')  # As a kill leaves it.

    code, said = load(orders, file, "--batch", "1M")

    assert code == 0, said
    assert stored(orders) == list(range(3000))


@pytest.mark.parametrize("kind", ["old", "changed"])
def test_pending_batch_is_reported(orders, tmp_path, kind):
    file = rows_file(tmp_path, 3000)
    load(orders, file, "--batch", "10K")
    (record,) = records(orders)
    (sent,) = forget_answers(record, 1)
    if kind == "old":
        sent_at = time.time() - 7 * 24 * 3600
        record.write_text(record.read_text().replace(repr(sent["at"]), repr(sent_at)))
    else:
        file.write_text(file.read_text().replace("\n2999,", "\n3999,"))

    code, said = load(orders, file)

    assert code == 1
    assert "were sent on" in said
    assert "and may be stored" in said
    assert len(stored(orders)) == 3000


# -- progress files of gateway 0.1


def old_record(server, file, url, name="orders", **more):
    """Write the progress file of gateway 0.1 for a file that was loaded in one chunk."""
    body = file.read_bytes()
    digest = hashlib.sha256(f" {url} {name}".encode() + body[: len(body) - 1]).hexdigest()
    kept = {"size": 2**22, "seed": "", "is_whole": True, "pieces": 1, "first": len(body) - 1}
    kept |= {"first_digest": digest, "since": 0, "until": len(body) - 1, "digest": digest, "is_sure": True}
    kept |= {"rows": body.count(b"\n") - 1, "at": time.time() - 90 * 24 * 3600, **more}
    place = server.data.parent / "state/gateway/loads"
    place.mkdir(parents=True)
    called = hashlib.sha256(f"{url} {name}\0{file.resolve()}".encode()).hexdigest()[:32]
    (place / f"{called}.json").write_text(json.dumps(kept))


def test_record_of_an_earlier_version_is_understood(orders, tmp_path):
    file = rows_file(tmp_path, 100)
    orders.client.post("/orders", content=file.read_bytes(), headers={"Content-Type": "text/csv"})
    old_record(orders, file, orders.url)
    rows_file(tmp_path, 120)

    code, said = load(orders, file, "--url", orders.url.replace("127.0.0.1", "localhost"))

    assert code == 0, said
    assert f"The first 100 rows of {file} were loaded by gateway 0.1 on" in said
    assert stored(orders) == list(range(120))
    assert load(orders, file)[1].startswith("0 rows are stored")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"digest": "0" * 64}, "the file does not begin with them now; nothing was stored"),
        ({"is_sure": False}, "a batch behind them was sent without an answer; nothing was stored"),
    ],
)
def test_unusable_legacy_progress_is_reported(orders, tmp_path, more, words):
    file = rows_file(tmp_path, 100)
    old_record(orders, file, orders.url, **more)

    code, said = load(orders, file)

    assert (code, words in said) == (1, True), said
    assert stored(orders) == []
    assert load(orders, file, "--again")[0] == 0


# -- fingerprints


def test_marks_become_sparse_after_first_rows():
    places, place = [], 0
    while place < 200_000:
        place = next_mark(place)
        places.append(place)

    assert places[:2048] == list(range(1, 2049))
    assert all(after - before <= after / 1000 for before, after in itertools.pairwise(places[2047:]))


def test_marks_do_not_depend_on_chunks():
    rows = [str(n).encode() for n in range(5000)]
    whole = RowDigest(b"h\n").add(rows, [4999])
    chain, marks = RowDigest(b"h"), {}
    for place in range(0, 5000, 37):
        marks |= chain.add(rows[place : place + 37], [4999])

    assert marks == whole
    assert 4999 in marks


def test_samples_estimate_share_of_common_rows():
    rows = [b"row %d" % n for n in range(20_000)]
    sample = RowSample().with_rows(rows)

    assert RowSample().with_rows(reversed(rows)) == sample
    assert sample.share_in(sample) == 1
    assert 0.4 < sample.share_in(RowSample().with_rows(rows[:10_000])) < 0.6
    assert RowSample().with_rows(b"other %d" % n for n in range(20_000)).share_in(sample) < 0.01


def test_interrupted_load_reports_its_progress(orders, tmp_path):
    file = rows_file(tmp_path, 200_000)
    process = gateway(orders, "load", "orders", file, "--batch", "20K", wait=False)
    eventually(lambda: len(orders.client.get("/-/connectors/orders/batches").json()) > 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()

    assert (process.returncode, "rows are stored, and the same command continues after them" in said) == (
        1,
        True,
    ), said
