"""Who comes again for another part of a body goes on in that body, and who begins anew sees what is stored now."""

import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.endpoints.range_header import ByteRange
from gateway.endpoints.range_sessions import (
    SESSION_BYTES_PER_SECOND,
    SESSION_SECONDS,
    RangeClient,
    RangeSessions,
)
from gateway.endpoints.request_cache import RequestCacheMiddleware
from gateway.endpoints.spooled_body import SpooledBody
from gateway.store.batch import Batch
from tests.support.in_process import inside
from tests.support.server import serving

CONNECTOR = "fields: {n: integer}\naccess: {read: [public], change: [ops]}\n"
FORMATS = ("json", "ndjson", "csv", "parquet", "arrow")
IDENTITY = {"Accept-Encoding": "identity"}


@pytest.fixture
def path(server, name):
    path = server.declare(name, CONNECTOR)
    store(server, path, 100)
    return path


def store(server, path, rows):
    assert server.client.post(path, json=[{"n": n} for n in range(rows)]).status_code == 201


def part(server, url, bytes, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.client.get(url, headers={"Range": f"bytes={bytes}", **IDENTITY, **headers})


def whole(server, url):
    return server.client.get(url, headers=IDENTITY)


# -- HEAD and GET


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("query", ["", "&limit=3", "&n=lt.0"])
def test_head_and_get_agree(server, path, format, coding, query):
    url, headers = f"{path}?format={format}{query}", {"Accept-Encoding": coding}

    head, answer = server.client.head(url, headers=headers), server.client.get(url, headers=headers)

    told = ("ETag", "Content-Type", "Content-Length", "Accept-Ranges", "Content-Encoding", "Vary", "Link")
    assert {name: head.headers.get(name) for name in told} == {
        name: answer.headers.get(name) for name in told
    }
    assert ("Accept-Ranges" in head.headers) == ("Content-Encoding" not in head.headers)
    if "Accept-Ranges" in head.headers and answer.content:
        first = part(server, url, "0-1", **{"Accept-Encoding": coding})
        assert first.headers["ETag"] == head.headers["ETag"]
        assert first.headers["Content-Range"] == f"bytes 0-1/{head.headers['Content-Length']}"


def test_head_of_long_result_has_length(server, name):
    path = server.declare(name, "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    lines = "".join(f"{n},{'x' * 190}\n" for n in range(20_000))
    kind = {"Content-Type": "text/csv"}
    assert server.client.post(path, content=f"n,s\n{lines}", headers=kind).status_code == 201

    for format in FORMATS:
        url = f"{path}?format={format}"
        before = whole(server, url)
        head = server.client.head(url, headers=IDENTITY)
        assert int(head.headers["Content-Length"]) == len(before.content)
        after = whole(server, url)
        assert (after.headers["ETag"], after.content) == (head.headers["ETag"], before.content)
        assert after.headers["Content-Length"] == head.headers["Content-Length"]


def test_head_of_unspooled_body_has_no_length(tmp_path):
    with serving(tmp_path, GATEWAY_SPOOL="10K") as server:
        path = server.declare("c", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
        rows = "n,s\n" + "".join(f"{n},{'x' * 190}\n" for n in range(20_000))
        kind = {"Content-Type": "text/csv"}
        assert server.client.post(path, content=rows, headers=kind).status_code == 201
        for _ in range(2):
            head = server.client.head(f"{path}?format=csv", headers=IDENTITY)
            assert (head.status_code, "Content-Length" in head.headers) == (200, False)
        assert part(server, f"{path}?format=csv", "0-9").status_code == 507
        short = server.client.head(f"{path}?format=csv&select=n&n=lt.9", headers=IDENTITY)
        assert int(short.headers["Content-Length"]) == 2 * 10


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_etag_is_stable_during_commit(tmp_path, coding):
    """Two who ask amid a commit for what is there before it are told of one body."""
    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        connector = gateway.layer(RequestCacheMiddleware)._request_cache_at("/c").connector

        def etags():
            for format in FORMATS:
                for method, part in (("HEAD", {}), ("GET", {"Range": "bytes=0-"}), ("GET", {})):
                    headers = {"Accept-Encoding": coding, **part}
                    status, told, _ = gateway.request(method, "/c", query=f"format={format}", headers=headers)
                    assert status in (200, 206)
                    yield format, method, told.get("etag")

        rows = Batch(connector, pa.table({"n": range(2000)}))
        gateway.store.append([rows])
        before, amid = list(etags()), []
        gateway.store.append_and_show(rows, lambda *_: amid.extend(etags()))
        after = list(etags())

        assert amid == before
        assert not {etag for _, _, etag in before} & {etag for _, _, etag in after}
        version = gateway.store.version("c")
        assert version == gateway.store.version_in(gateway.store.read(), "c") != (0, 0)
        assert gateway.store.version("d") == gateway.store.version_in(gateway.store.read(), "d") == (0, 0)


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_head_spools_one_file_per_version(own, coding):
    path = own.declare("c", CONNECTOR)
    store(own, path, 20)

    def kept():
        for format in FORMATS:
            own.client.head(f"{path}?format={format}", headers={"Accept-Encoding": coding})
        return {each.name for each in (own.data / "parts").iterdir()}

    first = kept()
    assert len(first) == len(FORMATS)
    assert kept() == first
    store(own, path, 1)
    assert len(kept() - first) == len(FORMATS)


# -- which body a part is cut from


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "parquet"])
def test_ranges_after_head_come_from_its_body(server, path, format):
    url = f"{path}?format={format}&order=_id.desc"
    before = whole(server, url).content
    head = server.client.head(url, headers=IDENTITY)
    store(server, path, 500)

    size = len(before)
    ranges = ["0-3", "0-9", f"10-{size // 2}", f"{size // 2 + 1}-", f"0-{size - 1}"]
    answers = [part(server, url, each) for each in ranges]

    assert {answer.headers["ETag"] for answer in answers} == {head.headers["ETag"]}
    assert b"".join(answer.content for answer in answers[1:4]) == answers[4].content == before


def test_range_from_first_byte_sees_new_rows(server, path):
    url = f"{path}?format=csv"
    for asked in ("0-", "0-9", "-9"):
        rows = len(whole(server, url).content.splitlines())
        for _ in range(3):
            answer = part(server, url, asked)
            size = int(answer.headers["Content-Range"].rpartition("/")[2])
            assert size == len(whole(server, url).content)
            assert answer.headers["ETag"] == whole(server, url).headers["ETag"]
            store(server, path, 5)
            rows += 5
        server.client.head(url, headers=IDENTITY)
        first = part(server, url, asked)
        store(server, path, 1)
        again = part(server, url, asked)
        assert again.headers["ETag"] == whole(server, url).headers["ETag"] != first.headers["ETag"]


def test_curl_polls_new_rows(server, path):
    url = f"{server.url}{path}?format=ndjson"
    for rows in (100, 105, 110):
        shown = subprocess.run(["curl", "-s", "-r", "0-", url], capture_output=True).stdout
        assert len(shown.splitlines()) == rows
        store(server, path, 5)


def test_head_describes_current_rows(server, path):
    url = f"{path}?format=csv"
    for rows in (100, 105, 110):
        head = server.client.head(url, headers=IDENTITY)
        size = int(head.headers["Content-Length"])
        answer = part(server, url, f"0-{size - 1}")
        assert len(answer.content.splitlines()) == rows + 1
        assert answer.headers["ETag"] == head.headers["ETag"]
        store(server, path, 5)


def test_interrupted_get_resumes_in_same_body(server, path):
    url = f"{path}?format=csv&order=_id.desc"
    before = whole(server, url).content
    store(server, path, 5)

    rest = part(server, url, "100-")

    assert rest.content == before[100:]
    assert part(server, url, f"{len(before)}-").status_code == 416


def test_lost_body_answers_412(tmp_path):
    with serving(tmp_path, GATEWAY_CACHE="1") as server:
        path = server.declare("c", CONNECTOR)
        store(server, path, 100)
        url = f"{path}?format=csv&order=_id.desc"
        whole(server, url)
        store(server, path, 5)

        gone = part(server, url, "100-")
        assert (gone.status_code, gone.json()["code"]) == (412, "GW301")
        assert "from the beginning" in gone.json()["hint"]
        assert part(server, url, "0-").headers["ETag"] == whole(server, url).headers["ETag"]


# -- conditions


def test_part_requests_honor_conditions(server, path):
    url = f"{path}?format=csv&order=_id.desc"
    before = whole(server, url)
    old = before.headers["ETag"]
    first = part(server, url, "0-49", If_Range=old)
    assert (first.status_code, first.content) == (206, before.content[:50])
    assert part(server, url, "0-49", If_Match=old).status_code == 206
    assert part(server, url, "0-49", If_Match="*").status_code == 206
    assert part(server, url, "0-49", If_None_Match=old).status_code == 304
    assert part(server, url, "0-49", If_Match='"x"').status_code == 412
    assert part(server, url, "0-49", If_Match=f"W/{old}").status_code == 412
    store(server, path, 5)
    now = whole(server, url)

    # Who names the body goes on in it, as long as it is kept; else the whole of the present one comes, or nothing.
    assert part(server, url, "50-", If_Range=old).content == before.content[50:]
    assert part(server, url, "50-", If_Match=old).content == before.content[50:]
    for name in ('"x"', f"W/{now.headers['ETag']}", "Sun, 29 Nov 2026 00:00:00 GMT"):
        answer = part(server, url, "50-", If_Range=name)
        assert (answer.status_code, answer.content) == (200, now.content)
    again = part(server, url, "0-49", If_Range=old)
    assert (again.status_code, again.content) == (200, now.content)
    assert part(server, url, "50-", If_Match='"x"').status_code == 412


def test_whole_body_requests_honor_conditions(server, path):
    etag = whole(server, path).headers["ETag"]
    for method in ("GET", "HEAD"):

        def status(**headers):
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            return server.client.request(method, path, headers={**IDENTITY, **headers}).status_code

        assert status(If_Match=etag) == status(If_Match="*") == status(If_Match=f'"x", {etag}') == 200
        assert status(If_Match='"x"') == status(If_Match=f"W/{etag}") == 412
        assert status(If_None_Match=etag) == status(If_None_Match=f"W/{etag}") == 304
        assert status(If_Match='"x"', If_None_Match=etag) == 412
        assert status(If_None_Match='"x"', If_Range=etag) == 200


def test_etag_opens_no_other_connector(server, name, path):
    secret = server.declare(f"{name}s", "fields: {n: integer}\n")
    store(server, secret, 3)
    etag = part(server, f"{secret}?format=csv", "0-3").headers["ETag"]

    for condition in ("If_Match", "If_Range"):
        answer = part(server, f"{path}?format=csv", "2-3", **{condition: etag})
        assert answer.headers.get("ETag") != etag
        assert answer.status_code == (412 if condition == "If_Match" else 200)


# -- who goes on in what

ONE = RangeClient("10.0.0.1", "duckdb", 0, b"q")
OTHER = ONE._replace(agent="polars")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def body(etag, size, *boundaries):
    return SpooledBody(Path("body"), size, b"q", 200, {"ETag": etag}, frozenset(boundaries))


def begun(*, size=1000, part=None, connection=1, clock=None, boundaries=()):
    sessions = RangeSessions(clock or Clock())
    sessions.begin(ONE, connection, body("old", size, *boundaries), part)
    return sessions


def going_on(sessions, part, client=ONE, connection=1):
    session = sessions.find_continued(client, connection, part)
    if session:
        session.record_range(part, connection)
    return session.etag if session else None


@pytest.mark.parametrize(
    ("begins_with", "parts", "goes_on"),
    [
        (None, [ByteRange(0, 999)], True),
        (None, [ByteRange(0, None)], True),
        (None, [ByteRange(None, 8)], True),
        (None, [ByteRange(500, None)], True),
        (None, [ByteRange(0, 3), ByteRange(0, 65), ByteRange(66, 999)], True),
        (None, [ByteRange(None, 8), ByteRange(None, 500)], True),
        (None, [ByteRange(0, 999), ByteRange(0, 999)], False),
        (None, [ByteRange(0, 3), ByteRange(0, None)], False),
        (None, [ByteRange(None, 8), ByteRange(None, 8)], False),
        (ByteRange(None, 8), [ByteRange(0, 99)], True),
        (ByteRange(None, 8), [ByteRange(None, 500)], True),
        (ByteRange(None, 8), [ByteRange(None, 8)], False),
        (ByteRange(None, 8), [ByteRange(0, None)], False),
        (ByteRange(0, 9), [ByteRange(10, 19), ByteRange(10, 19)], True),
        (ByteRange(0, 9), [ByteRange(0, 9)], False),
        (ByteRange(0, 9), [ByteRange(0, 19)], False),
        (ByteRange(0, 9), [ByteRange(None, 8)], False),
        (ByteRange(4, 9), [ByteRange(0, 9)], False),
    ],
)
def test_range_begins_or_continues_a_session(begins_with, parts, goes_on):
    sessions = begun(part=begins_with)

    *before, last = [going_on(sessions, each) for each in parts]

    assert before == ["old"] * len(before)
    assert last == ("old" if goes_on else None)


def test_session_lasts_for_slow_client():
    clock = Clock()
    sessions = begun(size=100 * SESSION_BYTES_PER_SECOND, clock=clock)
    clock.now = SESSION_SECONDS + 99
    assert going_on(sessions, ByteRange(0, 9)) == "old"
    assert not sessions.has_expired(sessions.find_continued(ONE, 1, ByteRange(500, 600)))
    clock.now = SESSION_SECONDS + 101
    assert going_on(sessions, ByteRange(0, 19)) is None
    assert sessions.has_expired(sessions.find_continued(ONE, 1, ByteRange(600, 700)))
    assert sessions.etags_in_use() == set()


def test_clients_are_distinguished():
    sessions = begun()

    assert going_on(sessions, ByteRange(10, 19), OTHER) is None
    for other in (
        ONE._replace(address="10.0.0.2"),
        ONE._replace(authorization_hash=1),
        ONE._replace(fingerprint=b"r"),
    ):
        assert going_on(sessions, ByteRange(10, 19), other) is None


def test_latest_session_continues_on_any_connection():
    sessions = begun(connection=1)
    assert going_on(sessions, ByteRange(0, 99), connection=2) == "old"
    assert going_on(sessions, ByteRange(100, 999), connection=1) == "old"
    sessions.begin(ONE, 1, body("new", 1100), None)

    assert going_on(sessions, ByteRange(0, 99), connection=2) == "new"
    assert going_on(sessions, ByteRange(100, 1099), connection=2) == "new"


def test_equal_agents_continue_by_connection_and_size():
    sessions = begun(connection=1)
    assert going_on(sessions, ByteRange(0, 99), connection=1) == "old"
    sessions.begin(ONE, 2, body("new", 1100), None)

    assert going_on(sessions, ByteRange(100, 199), connection=1) == "old"
    assert going_on(sessions, ByteRange(0, 99), connection=2) == "new"
    assert going_on(sessions, ByteRange(200, 299), connection=1) == "old"
    assert going_on(sessions, ByteRange(100, 199), connection=2) == "new"
    assert going_on(sessions, ByteRange(300, 999), connection=3) == "old"
    assert going_on(sessions, ByteRange(200, 1099), connection=4) == "new"


@pytest.mark.parametrize(
    "tail", [(ByteRange(900, 999), ByteRange(1050, 1099)), (ByteRange(None, 100), ByteRange(None, 50))]
)
def test_range_before_tail_uses_body_of_tail(tail):
    sessions = begun(boundaries=(4, 950))
    assert going_on(sessions, tail[0], connection=1) == "old"
    sessions.begin(ONE, 2, body("new", 1100, 4, 1080), None)

    assert going_on(sessions, ByteRange(4, 899), connection=3) == "old"
    assert going_on(sessions, tail[1], connection=2) == "new"
    assert going_on(sessions, ByteRange(4, 899), connection=4) == "old"
    assert going_on(sessions, ByteRange(0, 1049), connection=5) == "new"


def test_column_chunks_come_from_matching_parquet_file():
    """Two processes read row groups, columns and what stands before the metadata, on connections of their own."""
    sessions = begun(boundaries=(4, 300, 600, 900))
    assert going_on(sessions, ByteRange(900, 999), connection=1) == "old"
    sessions.begin(ONE, 2, body("new", 1100, 4, 350, 700, 980), None)
    assert going_on(sessions, ByteRange(980, 1099), connection=2) == "new"

    asked = [
        ByteRange(4, 299),
        ByteRange(4, 349),
        ByteRange(300, 899),
        ByteRange(0, 899),
        ByteRange(350, 699),
        ByteRange(0, 979),
    ]
    cut_from = [going_on(sessions, each, connection=3 + port) for port, each in enumerate(asked)]

    assert cut_from == ["old", "new", "old", "old", "new", "new"]


def test_bodies_of_equal_size_alternate_latest_first():
    sessions = begun(boundaries=(4, 980))
    assert going_on(sessions, ByteRange(900, 999), connection=1) == "old"
    sessions.begin(ONE, 2, body("new", 1000, 4, 980), None)
    assert going_on(sessions, ByteRange(900, 999), connection=2) == "new"

    asked = [going_on(sessions, ByteRange(4, 899), connection=port) for port in (3, 4, 5)]

    assert asked == ["new", "old", "new"]


def test_first_range_uses_body_of_head_on_connection():
    """Two processes ask for the length one after the other, then each for its whole body; the bodies have one length."""
    for size in (1000, 1100):
        sessions = begun(connection=1)
        sessions.begin(ONE, 2, body("new", size), None)

        assert going_on(sessions, ByteRange(0, 999), connection=1) == "old"
        assert going_on(sessions, ByteRange(0, size - 1), connection=2) == "new"
        assert going_on(sessions, ByteRange(0, size - 1), connection=2) is None


def test_two_sessions_get_one_body_once_each():
    """A proxy has other ports for each request; whoever asks a third time begins anew."""
    sessions = begun(connection=1)
    sessions.begin(ONE, 2, body("old", 1000), None)

    asked = [going_on(sessions, ByteRange(0, 999), connection=port) for port in (3, 4, 5)]

    assert asked == ["old", "old", None]


def test_repeated_range_gets_no_older_body():
    """Only the second length counts on a connection; and what it has had of that is not had again of an older body."""
    sessions = begun(connection=1)
    sessions.begin(ONE, 1, body("new", 1000), None)
    assert going_on(sessions, ByteRange(0, 999), connection=1) == "new"
    assert going_on(sessions, ByteRange(0, 999), connection=2) is None

    sessions = begun(connection=1)
    sessions.begin(ONE, 2, body("new", 1000), None)
    assert going_on(sessions, ByteRange(0, 999), connection=2) == "new"
    assert going_on(sessions, ByteRange(0, 999), connection=2) is None
    assert going_on(sessions, ByteRange(500, 999), connection=2) == "new"
    assert going_on(sessions, ByteRange(500, 999), connection=2) == "new"


def test_block_readers_continue_on_their_connections():
    sessions = begun(connection=1)
    sessions.begin(ONE, 2, body("new", 1100), None)
    blocks = [ByteRange(first, first + 99) for first in range(0, 900, 100)]

    for block in blocks:
        assert going_on(sessions, block, connection=1) == "old"
        assert going_on(sessions, block, connection=2) == "new"


def test_block_reader_ignores_tail_offset_of_other_body():
    blocks = [ByteRange(0, 399), ByteRange(400, 799)]
    sessions = begun()
    for block in (*blocks, ByteRange(800, 999)):
        assert going_on(sessions, block) == "old"
    sessions.begin(ONE, 1, body("new", 1100), None)

    for block in (blocks[1], blocks[0], blocks[1], ByteRange(800, 1099)):
        assert going_on(sessions, block, connection=2) == "new"


def test_sessions_are_bounded():
    sessions = RangeSessions(Clock())
    for number in range(3000):
        sessions.begin(ONE._replace(fingerprint=b"%d" % number), 1, body(f"{number}", 10), None)
        sessions.record_whole_body(ONE._replace(fingerprint=b"%d" % number), f"{number}")
        sessions.begin(ONE, 1, body(f"{number}", 10), None)

    assert len(sessions.etags_in_use()) <= 1000 + 8
    session = sessions.find_continued(ONE, 1, ByteRange(0, 5))
    for number in range(5000):
        session.record_range(ByteRange(number * 2 + 1, number * 2 + 2), 1)
    assert len(session.last_bytes) <= 1000
