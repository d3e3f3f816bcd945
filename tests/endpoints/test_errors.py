"""Every error there is, provoked once, in the one shape."""

import errno
import json
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.auth import login_throttle
from gateway.auth.tokens import make_token
from gateway.endpoints import batch_order
from gateway.errors import Code
from gateway.store.engine.open_database import OpenDatabase
from gateway.store.engine.open_file import FILE
from tests.support.in_process import body, inside
from tests.support.lake.gateways import lake_settings, serving_lake
from tests.support.lake.proxy import COMMIT, NEW_SNAPSHOT, proxying_postgres
from tests.support.server import Server, eventually, put, serving
from tests.support.tested_store import IS_LAKE, small_insert
from tests.support.torn import damage_largest_file, damage_rows

CONNECTOR = (
    "fields: {n: integer, s: {type: string, nullable: true, max_length: 3}}\naccess: {read: [public]}\n"
)
_PROVOKE: dict[Code, Callable] = {}


def provokes(*codes: Code):
    def register(function):
        _PROVOKE.update(dict.fromkeys(codes, function))
        return function

    return register


class Place:
    """What a provocation may use; servers are started only by those that need settings which suit no other."""

    def __init__(self, server, path, directory, monkeypatch, request):
        self.server, self.path, self.directory, self.monkeypatch = server, path, directory, monkeypatch
        self._request = request

    def shared(self, fixture):
        """Give a gateway of this module, and start it if this is the first provocation that needs it."""
        return self._request.getfixturevalue(fixture)

    def post(self, content, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.client.post(self.path, content=content, headers=headers)

    def get(self, query):
        return self.server.client.get(f"{self.path}?{query}")


def check_shape(status: int, headers, text: bytes) -> dict:
    error = json.loads(text)
    assert list(error)[:4] == ["code", "message", "details", "hint"]
    assert list(error)[4:] in ([], ["errors", "error_count", "rows"], ["plan"])
    assert error["details"] is None or isinstance(error["details"], str)
    assert isinstance(error["code"], str)
    assert isinstance(error["message"], str)
    assert error["hint"] is None or isinstance(error["hint"], str)
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["proxy-status"] == f"PostgREST; error={error['code']}"
    known = next(code for code in Code if code.code == error["code"])
    assert status == known.status or (status == 422 and "errors" in error)
    if status in (429, 503):
        assert "retry-after" in headers
    return error


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A gateway that waits for no client."""
    settings = {"GATEWAY_HEADER_TIMEOUT": "0.3", "GATEWAY_BODY_TIMEOUT": "0.3"}
    with serving(tmp_path_factory.mktemp("impatient"), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A gateway with next to no spool, one host, and the tokens `reader` and `etl`, of which the second has expired.

    The secrets are in `secrets`.
    """
    directory = tmp_path_factory.mktemp("narrow")
    tokens = directory / "tokens.yaml"
    reader, reader_line = make_token("reader")
    etl, etl_line = make_token("etl", datetime.now(UTC) - timedelta(days=1))
    tokens.write_text(f"{reader_line}\n{etl_line}")
    settings = {"GATEWAY_SPOOL": "100", "GATEWAY_HOSTS": "127.0.0.1", "GATEWAY_TOKENS": str(tokens)}
    with serving(directory, **settings) as server:
        yield SimpleNamespace(server=server, secrets={"reader": reader, "etl": etl})


def _codes() -> list:
    of_backups = (Code.BACKUP_RUNNING, Code.BACKUP_NO_ROOM, Code.BACKUP_FAILED)
    mark = pytest.mark.file_only("a lake has no file to download")
    return [pytest.param(code, marks=mark if code in of_backups else (), id=code.name) for code in Code]


@pytest.mark.parametrize("code", _codes())
def test_every_error_occurs_and_has_one_shape(code, server, name, tmp_path, monkeypatch, request):
    """Check that every error of the catalog can be provoked, and all have one shape."""
    path = server.declare(name, CONNECTOR)

    answer = _PROVOKE[code](Place(server, path, tmp_path, monkeypatch, request), code)

    if isinstance(answer, httpx.Response):
        answer = (answer.status_code, answer.headers, answer.content)
    status, headers, text = answer
    headers = {key.lower(): value for key, value in dict(headers).items()}
    error = check_shape(status, headers, text)
    codes = {error["code"]}
    codes |= {each["code"] for each in error.get("errors", ())}
    assert code.code in codes


def test_error_codes_are_unique():
    assert len({code.code for code in Code}) == len(Code)


# -- body


@provokes(Code.BODY_INVALID)
def _(place, code):
    return place.post(b"[1,", content_type="application/json")


@provokes(Code.BODY_TRUNCATED)
def _(place, code):
    with inside(place.directory, {"c": CONNECTOR}) as gateway:
        answer = gateway.request("POST", "/c", body(b'{"n":1}\n', more=True), {"type": "http.disconnect"})
        assert gateway.request("GET", "/c")[2] == b"[]"
        return answer


@provokes(Code.BODY_TOO_LARGE)
def _(place, code):
    return place.post(b" " * (64 * 2**20 + 1))


@provokes(Code.MEDIA_TYPE_UNSUPPORTED)
def _(place, code):
    return place.post(b"<a/>", content_type="application/xml")


@provokes(Code.ENCODING_UNSUPPORTED)
def _(place, code):
    return place.post(b"x", content_encoding="br")


@provokes(Code.ENCODING_INVALID)
def _(place, code):
    return place.post(b"x", content_encoding="gzip")


def raw(server: Server, text: bytes) -> tuple[int, dict, bytes]:
    """Send bytes as they are, and read the answer until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(text)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), rest


@provokes(Code.REQUEST_MALFORMED)
def _(place, code):
    return raw(place.server, b"NOT HTTP AT ALL\r\n\r\n")


@provokes(Code.URI_TOO_LONG)
def _(place, code):
    return raw(place.server, b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")


@provokes(Code.HEADERS_TOO_LARGE)
def _(place, code):
    return raw(place.server, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n")


@provokes(Code.HEADERS_TOO_SLOW)
def _(place, code):
    return raw(place.shared("impatient"), b"GET / HTTP/1.1\r\nHos")


@provokes(Code.BODY_TOO_SLOW)
def _(place, code):
    server = place.shared("impatient")
    server.declare("c", CONNECTOR)
    head = f"POST /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\nAuthorization: {server.admin['Authorization']}"
    return raw(server, head.encode() + b"\r\n\r\n{")


# -- rows and queries


@provokes(Code.ROWS_INVALID, Code.VALUE_MISSING, Code.VALUE_REFUSED, Code.VALUE_OUT_OF_RANGE)
def _(place, code):
    return place.post(b'[{"s":"long"},{"n":9223372036854775808}]')


@provokes(Code.FIELD_UNKNOWN)
def _(place, code):
    return place.post(b"n,t\n", content_type="text/csv")


@provokes(Code.COLUMN_UNFIT)
def _(place, code):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": [True]}), sink)
    return place.post(sink.getvalue().to_pybytes(), content_type="application/vnd.apache.parquet")


_QUERIES = {
    Code.VALUE_INVALID: "n=eq.x",
    Code.QUERY_INVALID: "n=x",
    Code.COLUMN_UNKNOWN: "m=eq.1",
    Code.NOT_IMPLEMENTED: "s=fts.word",
    Code.OPERATOR_UNDEFINED: "n=like.1*",
    Code.TYPE_UNKNOWN: "select=n::nothing",
    Code.CAST_IMPOSSIBLE: "select=n::date",
    Code.PATTERN_INVALID: "s=like.x\\",
    Code.REGEX_INVALID: "s=match.(",
    Code.RANGE_INVALID: "offset=-1",
}


@provokes(*_QUERIES)
def _(place, code):
    return place.get(_QUERIES[code])


@provokes(Code.NOT_ACCEPTABLE)
def _(place, code):
    return place.server.client.get(place.path, headers={"Accept": "image/png"})


@provokes(Code.PRECONDITION_FAILED)
def _(place, code):
    return place.server.client.get(place.path, headers={"If-Match": '"another"'})


@provokes(Code.METHOD_NOT_ALLOWED)
def _(place, code):
    return place.server.client.delete(place.path)


def fill(server: Server, path: str, rows: int) -> None:
    lines = "".join(f'{{"n":{number},"s":"abc"}}\n' for number in range(rows)).encode()
    assert (
        server.client.post(path, content=lines, headers={"Content-Type": "application/x-ndjson"}).status_code
        == 201
    )


@provokes(Code.PROFILE_UNKNOWN, Code.NOT_ONE_ROW, Code.PREFERENCE_INVALID)
def _(place, code):
    headers = {
        Code.PROFILE_UNKNOWN: {"Accept-Profile": "private"},
        Code.NOT_ONE_ROW: {"Accept": "application/vnd.pgrst.object+json"},
        Code.PREFERENCE_INVALID: {"Prefer": "handling=strict, count=some"},
    }
    return place.server.client.get(place.path, headers=headers[code])


@provokes(Code.QUERY_TIMEOUT)
def _(place, code):
    with serving(place.directory, GATEWAY_QUERY_TIMEOUT="0.001") as server:
        fill(server, server.declare("c", CONNECTOR), 100_000)
        return server.client.get("/c?order=s.desc,n.desc")


@provokes(Code.KEY_INVALID)
def _(place, code):
    return place.post(b'{"n":1}', Idempotency_Key="k" * 300)


@provokes(Code.KEY_REUSED)
def _(place, code):
    place.post(b'{"n":1}', Idempotency_Key="k")
    return place.post(b'{"n":2}', Idempotency_Key="k")


@provokes(Code.KEY_REQUIRED)
def _(place, code):
    place.server.declare(place.path.strip("/"), CONNECTOR + "idempotency: required\n")
    return place.post(b'{"n":1}')


@provokes(Code.KEY_RUNNING)
def _(place, code):
    with (
        inside(place.directory, {"c": CONNECTOR}) as gateway,
        gateway.gateway.services.intake.in_flight.hold("c", "admin", "k"),
    ):
        return gateway.request("POST", "/c", body(b'{"n":1}'), headers={"Idempotency-Key": "k"})


@provokes(Code.BATCH_AWAITED)
def _(place, code):
    place.monkeypatch.setattr(batch_order, "PREVIOUS_SECONDS", 0)
    with inside(place.directory, {"c": CONNECTOR}) as gateway:
        return gateway.request("POST", "/c", body(b'{"n":1}'), headers={"Idempotency-After": "k"})


@provokes(Code.KEY_CONFLICT)
def _(place, code):
    place.server.declare(place.path.strip("/"), CONNECTOR + "primary_key: [n]\n")
    return place.post(b'[{"n":1},{"n":1}]')


@provokes(Code.KEY_UNKNOWN_COLUMNS)
def _(place, code):
    return place.post(b'{"n":1}', Prefer="resolution=merge-duplicates")


@provokes(Code.REJECTED_CHANGED)
def _(place, code):
    return place.server.client.post(f"/-/connectors{place.path}/rejected/replay", json=[{"_id": 1, "n": 1}])


@provokes(Code.UNFILTERED, Code.TOO_MANY_AFFECTED)
def _(place, code):
    place.server.declare(place.path.strip("/"), CONNECTOR.replace("{read", "{change: [admin], read"))
    place.post(b'[{"n":1},{"n":1}]')
    query = "" if code is Code.UNFILTERED else "?n=eq.1"
    headers = {"Prefer": "handling=strict, max-affected=1"}
    return place.server.client.delete(f"{place.path}{query}", headers=headers)


@provokes(Code.LIMIT_EXCEEDED)
def _(place, code):
    name = place.path.removeprefix("/")
    place.server.declare(name, CONNECTOR + "limits: {requests_per_second: 0.01}\n")
    place.get("")
    return place.get("")


# -- the store


@provokes(Code.QUEUE_FULL)
def _(place, code):
    with serving(place.directory, GATEWAY_QUEUE="1K") as server:
        server.declare("c", CONNECTOR)
        host, port = server.url.removeprefix("http://").split(":")
        head = f"POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAuthorization: {server.admin['Authorization']}"

        def refused():
            with socket.create_connection((host, int(port))) as slow:
                slow.sendall(head.encode() + b"\r\n\r\n" + b" " * 900)
                answers = [server.client.post("/c", content=b'{"n":1}' + b" " * 200) for _ in range(3)]
            return next((answer for answer in answers if answer.status_code != 201), None)

        return eventually(refused)


@provokes(Code.READERS_BUSY)
def _(place, code):
    with serving(place.directory, GATEWAY_READERS="1") as server:
        # More than the buffers of a connection take, so that the reader is held until the client reads.
        path = server.declare("c", "fields: {s: string}\naccess: {read: [public]}\n")
        lines = b'{"s":"%s"}\n' % (b"x" * 200) * 100_000
        kind = {"Content-Type": "application/x-ndjson"}
        assert server.client.post(path, content=lines, headers=kind).status_code == 201
        plain = {"Accept-Encoding": "identity"}
        limits = httpx.Limits(max_connections=None)
        with httpx.Client(base_url=server.url, headers=plain, limits=limits) as client:

            def refused():
                # All at once, for one that stalls loses its place in time.
                with ThreadPoolExecutor(24) as threads:
                    ask = lambda _: client.send(client.build_request("GET", "/c"), stream=True)  # noqa: E731
                    answers = list(threads.map(ask, range(24)))
                found = next((each for each in answers if each.status_code != 200), None)
                if found:
                    found.read()
                for each in answers:
                    each.close()
                return found

            return eventually(refused)


@provokes(Code.NOT_READY)
def _(place, code):
    with inside(place.directory, {"c": CONNECTOR}) as gateway:
        gateway.lifespan.application = None
        return gateway.request("GET", "/c")


def failing_insert(place, error: Exception):
    def insert(*_):
        raise error

    with inside(place.directory, {"c": CONNECTOR}) as gateway:
        with place.monkeypatch.context() as patch:
            patch.setattr(*small_insert(), insert)
            answer = gateway.request("POST", "/c", body(b'{"n":1}'))
        assert gateway.request("GET", "/c")[2] == b"[]"
        assert gateway.request("POST", "/c", body(b'{"n":1}'))[0] == 201
        return answer


@provokes(Code.STORE_FAILED)
def _(place, code):
    return failing_insert(place, duckdb.IOException("Could not write"))


@provokes(Code.OUTCOME_UNKNOWN)
def _(place, code):
    """The answer to COMMIT is lost, and so are those to the questions about it."""
    postgres = place.shared("postgres")
    with proxying_postgres(postgres.port) as proxy:
        address = lake_settings(postgres.database(), place.directory / "lake")
        through_proxy = {**address, "GATEWAY_LAKE_CATALOG": proxy.url(address["GATEWAY_LAKE_CATALOG"])}
        with serving_lake(place.directory, **through_proxy) as server:
            path = server.declare("c", CONNECTOR)
            marks, struck = rf"{NEW_SNAPSHOT}|gw\.gate", rf"{COMMIT}|FOR UPDATE"
            proxy.lose_answers(1000, mark=marks, at=struck)
            return server.client.post(path, json=[{"n": 1, "s": "a"}])


@provokes(Code.SPOOL_FULL)
def _(place, code):
    server = place.shared("narrow").server
    fill(server, server.declare("filled", CONNECTOR), 1000)
    return server.client.get("/filled?format=parquet", headers={"Range": "bytes=-8"})


@provokes(Code.READ_FAILED)
def _(place, code):
    def fail(*_):
        raise duckdb.OutOfMemoryException("failed to pin block")

    with inside(place.directory, {"c": CONNECTOR}) as gateway:
        with place.monkeypatch.context() as patch:
            patch.setattr("gateway.store.engine.read_transaction.Stream", fail)
            answer = gateway.request("GET", "/c")
        assert gateway.request("GET", "/c")[0] == 200
        return answer


@provokes(Code.FILE_DAMAGED)
def _(place, code):
    with serving(place.directory) as server:
        path = server.declare("c", CONNECTOR)
        rows = [{"n": n, "s": str(n * 7919 % 1000)} for n in range(50_000)]
        assert server.client.post(path, json=rows).status_code == 201
        server.stop()
        if IS_LAKE:
            damage_largest_file(place.directory / "lake")
        else:
            damage_rows(server.data / FILE, "c@1", "s")
        server.start()
        assert server.client.get("/-/ready").status_code == 200
        answer = server.client.get(path)
        assert ("Failed to read file" if IS_LAKE else "Corrupt database file") in server.log.read_text()
        return answer


@provokes(Code.BACKUP_RUNNING)
def _(place, code):
    with inside(place.directory, {"c": CONNECTOR}) as gateway, gateway.store._database._backup._turn:
        return gateway.request("GET", "/-/backup")


@provokes(Code.BACKUP_NO_ROOM)
def _(place, code):
    usage = shutil.disk_usage(place.directory)
    with inside(place.directory, {"c": CONNECTOR}) as gateway, place.monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**20))
        return gateway.request("GET", "/-/backup")


@provokes(Code.BACKUP_FAILED)
def _(place, code):
    def fail(*_):
        raise duckdb.OutOfMemoryException("failed to pin block")

    with inside(place.directory, {"c": CONNECTOR}) as gateway:
        with place.monkeypatch.context() as patch:
            patch.setattr(gateway.store._database._backup, "_copy", fail)
            answer = gateway.request("GET", "/-/backup")
        assert gateway.request("GET", "/-/backup")[0] == 200
        return answer


@provokes(Code.DISK_FULL)
def _(place, code):
    text = "Could not write: No space left on device"
    error = duckdb.IOException(text) if IS_LAKE else duckdb.TransactionException(f"Failed to commit: {text}")
    return failing_insert(place, error)


@provokes(Code.INTERNAL)
def _(place, code):
    status, headers, text = failing_insert(place, RuntimeError("row value: secret"))
    assert b"secret" not in text
    assert json.loads(text)["details"].startswith("The id of the request is ")
    return status, headers, text


# -- connectors, whose findings carry the codes


def find(place, code, *texts: str):
    """Put files in place, one after another, and take what is said about the last of them."""
    names = [f"x{place.path.removeprefix('/')}{number}.yaml" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        put(place.server.connectors / name, text)
    return found_in(place.server, names, code)


def found_in(server, names, code):
    findings = server.reload()[names[-1]]["findings"]
    for name in names:
        (server.connectors / name).unlink(missing_ok=True)
    server.reload()
    return shown_by(findings, code)


def shown_by(findings, code):
    (found,) = [each for each in findings if each["code"] == code.code]
    assert list(found) == ["file", "line", "column", "level", "code", "message", "hint"]
    error = {"code": found["code"], "message": found["message"], "details": None, "hint": found["hint"]}
    headers = {
        "content-type": "application/json; charset=utf-8",
        "proxy-status": f"PostgREST; error={code.code}",
    }
    return code.status, headers, json.dumps(error).encode()


_FILES = {
    Code.YAML_INVALID: "fields: [",
    Code.KEY_UNKNOWN: "feilds: {n: integer}",
    Code.KEY_MISSING: "description: x",
    Code.DECLARATION_INVALID: "fields: {n: strnig}",
    Code.NAME_RESERVED: "fields: {select: integer}",
    Code.TOKEN_UNKNOWN: "fields: {n: integer}\naccess: {ingest: [nobody]}",
}


@provokes(*_FILES)
def _(place, code):
    return find(place, code, _FILES[code])


@provokes(Code.FILE_UNREADABLE)
def _(place, code):
    name = f"link{place.path.removeprefix('/')}.yaml"
    (place.server.connectors / name).symlink_to("/etc/hostname")
    return found_in(place.server, [name], code)


@provokes(Code.FILE_PASSED_OVER)
def _(place, code):
    name = f"{place.path.removeprefix('/')}.YAML"
    put(place.server.connectors / name, CONNECTOR)
    place.server.reload()
    findings = place.server.client.get("/-/status").json()["passed_over"]
    (place.server.connectors / name).unlink()
    return shown_by([each for each in findings if each["file"] == name], code)


@provokes(Code.FILE_SUPERSEDED)
def _(place, code):
    settings = lake_settings(place.shared("postgres").database(), place.directory / "lake")
    with serving_lake(place.directory, **settings) as server:
        for text in (CONNECTOR, f"# newer\n{CONNECTOR}"):
            server.declare("c", text)
        put(server.connectors / "c.yaml", CONNECTOR)
        return found_in(server, ["c.yaml"], code)


@provokes(Code.CONNECTOR_REMOVED)
def _(place, code):
    name = f"{place.path.removeprefix('/')}.yaml"
    place.server.declare("remaining", CONNECTOR)  # That a directory is empty is not believed at once.
    (place.server.connectors / name).unlink()
    found_in(place.server, [name], code)
    return place.server.client.get(place.path)


@provokes(Code.CONNECTOR_MOVED)
def _(place, code):
    place.server.declare(place.path.removeprefix("/"), f"path: /moved{place.path}\n{CONNECTOR}")
    return place.server.client.get(place.path)


@provokes(Code.CONNECTOR_CLASH)
def _(place, code):
    return find(place, code, "path: /x\nfields: {n: integer}", "path: /x\nfields: {n: integer}")


@provokes(Code.CHANGE_REFUSED)
def _(place, code):
    name = place.path.removeprefix("/")
    place.post(b'{"n":1}')
    put(place.server.connectors / f"{name}.yaml", CONNECTOR.replace("integer", "string"))
    return found_in(place.server, [f"{name}.yaml"], code)


@provokes(Code.CONNECTOR_LIVE)
def _(place, code):
    return place.server.client.post(f"/-/connectors{place.path}/purge")


@provokes(Code.COPY_REFUSED)
def _(place, code):
    place.post(b'{"n":1}')
    return place.server.client.post(f"/-/connectors{place.path}/copy", json={"to": place.path[1:]})


# -- connector files and tokens that the gateway writes


def save(place, file: str, text: str, **headers: str) -> httpx.Response:
    """Save a file as a new one, unless a header says which text it replaces."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()} or {"If-None-Match": "*"}
    return place.server.client.put(f"/-/files/{file}", content=text, headers=sent)


@provokes(Code.FILE_CHANGED, Code.FILE_DIGEST_REQUIRED, Code.SAVE_REFUSED)
def _(place, code):
    file = f"{place.path[1:]}.yaml"
    if code is Code.FILE_DIGEST_REQUIRED:
        return save(place, file, CONNECTOR, If_Match="*")
    digest = place.server.client.get(f"/-/files/{file}").json()["digest"]
    is_stale = code is Code.FILE_CHANGED
    text = f"description: x\n{CONNECTOR}" if is_stale else "fields: {n: strnig}"
    return save(place, file, text, If_Match='"another"' if is_stale else f'"{digest}"')


@provokes(Code.FILE_NAME_INVALID)
def _(place, code):
    return save(place, "Orders.yaml", CONNECTOR)


@provokes(Code.FILE_UNKNOWN)
def _(place, code):
    return place.server.client.get("/-/files/nothing.yaml")


@provokes(Code.FILE_BUSY)
def _(place, code):
    file = f"{place.path[1:]}.yaml"
    digest = place.server.client.get(f"/-/files/{file}").json()["digest"]
    with (place.server.connectors / file).open("r+b"):
        return save(place, file, f"description: x\n{CONNECTOR}", If_Match=f'"{digest}"')


@provokes(Code.FILES_READ_ONLY)
def _(place, code):
    with serving(place.directory, GATEWAY_CONSOLE="read") as server:
        return server.client.put("/-/files/c.yaml", content=CONNECTOR, headers={"If-None-Match": "*"})


@provokes(Code.FILE_NOT_WRITTEN)
def _(place, code):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    with inside(place.directory, {"c": CONNECTOR}) as gateway, place.monkeypatch.context() as patch:
        patch.setattr("gateway.reload.connector_files.write_changes", fail)
        return gateway.request(
            "PUT", "/-/files/d.yaml", body(CONNECTOR.encode()), headers={"If-None-Match": "*"}
        )


@provokes(Code.TOKEN_NAME_INVALID, Code.TOKEN_EXISTS)
def _(place, code):
    name = "no name" if code is Code.TOKEN_NAME_INVALID else place.path[1:]
    ask = lambda: place.server.client.post("/-/tokens", json={"name": name})  # noqa: E731
    return ask() if code is Code.TOKEN_NAME_INVALID else (ask(), ask())[1]


@provokes(Code.SIGN_IN_LINK_INVALID)
def _(place, code):
    return httpx.get(f"{place.server.url}/-/open?code=none", headers={"Sec-Purpose": "prefetch"})


# -- uploads


def upload(place, data: bytes) -> str:
    """Upload a file of rows, and return its path."""
    begun = place.server.client.post("/-/uploads", json={"name": "rows.csv", "size": len(data)})
    path = begun.headers["Location"]
    assert place.server.client.put(path, params={"at": 0}, content=data).status_code == 200
    return path


@provokes(Code.ROWS_FILE_INVALID, Code.UPLOADS_FULL)
def _(place, code):
    size = 0 if code is Code.ROWS_FILE_INVALID else 10**15
    return place.server.client.post("/-/uploads", json={"name": "rows.csv", "size": size})


@provokes(Code.UPLOAD_OFFSET)
def _(place, code):
    path = upload(place, b"n\n1\n")
    return place.server.client.put(path, params={"at": 3}, content=b"x")


@provokes(Code.UPLOAD_UNKNOWN)
def _(place, code):
    return place.server.client.get("/-/uploads/nothing")


@provokes(Code.UPLOAD_RUNNING)
def _(place, code):
    path = upload(place, b"n\n" + b"%d\n" * 400_000 % tuple(range(400_000)))
    load = lambda: place.server.client.post(f"{path}/load", json={"connector": place.path[1:]})  # noqa: E731
    assert load().status_code == 202
    answer = load()
    assert place.server.client.post(f"{path}/cancel").is_success
    return answer


# -- access


@provokes(Code.ENDPOINT_UNKNOWN)
def _(place, code):
    return place.server.client.get("/nowhere")


@provokes(Code.TOKEN_INVALID)
def _(place, code):
    return place.server.client.get(place.path, headers={"Authorization": "Bearer gw_wrong"})


@provokes(Code.TOKEN_REQUIRED)
def _(place, code):
    return httpx.post(place.server.url + place.path, json={"n": 1})


@provokes(Code.ACCESS_DENIED)
def _(place, code):
    narrow = place.shared("narrow")
    narrow.server.declare("read", "fields: {n: integer}\naccess: {read: [reader]}")
    headers = {"Authorization": f"Bearer {narrow.secrets['reader']}"}
    return httpx.post(f"{narrow.server.url}/read", json={"n": 1}, headers=headers)


@provokes(Code.TOKEN_EXPIRES)
def _(place, code):
    return shown_by(place.shared("narrow").server.client.get("/-/status").json()["tokens"], code)


@provokes(Code.TOKEN_EXPIRED)
def _(place, code):
    narrow = place.shared("narrow")
    headers = {"Authorization": f"Bearer {narrow.secrets['etl']}"}
    return httpx.get(f"{narrow.server.url}/c", headers=headers)


@provokes(Code.TOO_MANY_FAILURES)
def _(place, code):
    with (
        serving(place.directory) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": "Bearer gw_wrong"}) as client,
    ):
        answers = [client.get("/c") for _ in range(login_throttle.FAILURES_BURST + 9)]
        return answers[-1]


@provokes(Code.CROSS_SITE)
def _(place, code):
    return place.server.client.post("/-/sign-in", headers={"Sec-Fetch-Site": "cross-site"})


@provokes(Code.HOST_UNKNOWN)
def _(place, code):
    server = place.shared("narrow").server
    return httpx.get(f"{server.url}/-/healthy", headers={"Host": "evil.example"})


def _numbers_of(rows) -> list[int]:
    """The values of a field of the rows that are inserted, as the method of `small_insert` takes them."""
    if isinstance(rows, pa.Table):
        return rows["n"].to_pylist()
    return [value["n"] for _, few in rows for value in few.values]


def test_failing_batch_of_group_fails_alone(tmp_path, monkeypatch):
    """Group commit: the group is rolled back and its members are committed one by one."""
    insert = getattr(*small_insert())

    def poisoned(store, table, rows, *others):
        if 13 in _numbers_of(rows):
            raise duckdb.ConstraintException("thirteen")
        insert(store, table, rows, *others)

    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        monkeypatch.setattr(*small_insert(), poisoned)
        with ThreadPoolExecutor(8) as threads:
            numbers = range(40)
            answers = list(
                threads.map(lambda n: gateway.request("POST", "/c", body(b'{"n":%d}' % n)), numbers)
            )
        stored = json.loads(gateway.request("GET", "/c")[2])

    assert [status for status, _, _ in answers] == [500 if n == 13 else 201 for n in numbers]
    assert sorted(row["n"] for row in stored) == [n for n in numbers if n != 13]


def test_fatal_database_error_answers_503_and_stops(tmp_path, monkeypatch):
    """Check that a fatal error of the database answers 503 and ends the process."""

    def fatal(*_):
        raise duckdb.FatalException("database has been invalidated")

    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        monkeypatch.setattr(*small_insert(), fatal)
        status, _, text = gateway.request("POST", "/c", body(b'{"n":1}'))
        after = gateway.request("POST", "/c", body(b'{"n":1}'))

    assert (status, json.loads(text)["code"]) == (503, "GW404")
    assert (after[0], gateway.fatal) == (503, [True])


def test_writer_with_dead_database_stops_the_process(tmp_path, monkeypatch):
    """Check that a writer that finds the database dead already ends the process, too."""

    class Dead:
        def execute(self, *_):
            raise duckdb.FatalException("database has been invalidated because of a previous fatal error")

    with inside(tmp_path, {"c": CONNECTOR}) as gateway, monkeypatch.context() as patch:
        patch.setattr(gateway.store._database, "writer", Dead())
        status, _, text = gateway.request("POST", "/c", body(b'{"n":1}'))

    assert (status, json.loads(text)["code"]) == (503, "GW404")
    assert gateway.fatal == [True]


@pytest.mark.parametrize("path", ["/c", "/-/connectors"])
def test_reader_with_dead_database_stops_the_process(tmp_path, monkeypatch, path):
    """Whatever killed it, nobody may be served by it for as long as no row comes in."""

    def dead(*_):
        raise duckdb.FatalException("database has been invalidated because of a previous fatal error")

    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        with monkeypatch.context() as patch:
            patch.setattr(OpenDatabase, "borrow", dead)
            statuses = [gateway.request("GET", path)[0] for _ in range(2)]
        after = gateway.request("POST", "/c", body(b'{"n":1}'))

    assert statuses == [503, 503]
    assert gateway.fatal == [True]
    assert (after[0], json.loads(after[2])["code"]) == (503, "GW402")


def test_safe_commit_is_acknowledged_despite_failed_checkpoint(tmp_path, monkeypatch):
    """Check that a commit that is safe is acknowledged even though the checkpoint after it failed."""

    class Writer:
        """The connection, but for a COMMIT that fails after the fact, in DuckDB's own words."""

        def __init__(self, real):
            self.real = real

        def __getattr__(self, name):
            return getattr(self.real, name)

        def execute(self, sql, *more):
            result = self.real.execute(sql, *more)
            if sql == "COMMIT":
                raise duckdb.FatalException(
                    "Transaction COMMIT succeeded and is durable, but the autocheckpoint failed."
                )
            return result

    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        database = gateway.store._database
        with monkeypatch.context() as patch:
            patch.setattr(database, "writer", Writer(database.writer))
            status, _, text = gateway.request("POST", "/c", body(b'{"n":1}'))

    assert (status, json.loads(text)["stored"], gateway.fatal) == (201, 1, [True])


def test_failed_checkpoint_after_commit_duplicates_no_rows(tmp_path, monkeypatch):
    """Check that a checkpoint that fails after a commit does not make the gateway store its rows twice."""
    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        store = gateway.store
        store._database.request_maintenance()
        monkeypatch.setattr(store._database, "writer", _Failing(store._database.writer, "CHECKPOINT"))
        answers = [gateway.request("POST", "/c", body(b'{"n":%d}' % n))[0] for n in range(3)]
        monkeypatch.undo()
        stored = json.loads(gateway.request("GET", "/c")[2])

    assert answers == [201] * 3
    assert [row["n"] for row in stored] == [0, 1, 2]


class _Failing:
    """A connection on which one statement fails."""

    def __init__(self, real, statement):
        self._real, self._statement = real, statement

    def __getattr__(self, name):
        return getattr(self._real, name)

    def execute(self, sql, *more):
        if sql == self._statement:
            raise duckdb.IOException("Could not write")
        return self._real.execute(sql, *more)
