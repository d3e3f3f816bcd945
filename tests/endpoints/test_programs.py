"""Programs that fetch over HTTP, as they are installed: wget, aria2c, curl, DuckDB's httpfs, polars and fsspec.

DuckDB asks for the length with HEAD and holds every part to the ETag of that; polars and fsspec ask for the length too,
and look at no ETag. Each reads twice and more while rows arrive.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.auth.tokens import make_token
from tests.support.growing_table import CONNECTOR, READERS, SCANS, SIZES, DuckDB, growing_table
from tests.support.server import ROOT, Server, put, serving
from tests.support.tested_store import IS_LAKE

FORMATS = ("json", "ndjson", "csv", "parquet", "arrow")
ROWS = [{"n": n, "s": f"row {n}" if n % 7 else None} for n in range(300)]


def ran(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a directory, with no settings but its own defaults."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(directory)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("programs", CONNECTOR)
    assert server.client.post(path, json=ROWS).status_code == 201
    return path


def whole(server, target: str) -> bytes:
    return server.client.get(target, headers={"Accept-Encoding": "identity"}).content


QUERIES = ("", "&limit=100", "&limit=100&offset=50", "&limit=0", "&n=lt.0", "&order=n.desc&limit=299")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("query", QUERIES)
def test_wget_saves_whole_body(server, path, tmp_path, format, query):
    target = f"{path}?format={format}{query}"

    done = ran(tmp_path, "wget", "-O", "saved", f"{server.url}{target}")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "saved").read_bytes() == whole(server, target)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("query", QUERIES)
def test_aria2c_saves_whole_body(server, path, tmp_path, format, query):
    target = f"{path}?format={format}{query}"

    done = ran(tmp_path, "aria2c", "--no-conf", "-q", "-o", "saved", f"{server.url}{target}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "saved").read_bytes() == whole(server, target)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("had", [0, 1, 100, None])
def test_wget_completes_a_partial_file(server, path, tmp_path, format, had):
    target = f"{path}?format={format}&limit=200"
    expected = whole(server, target)
    (tmp_path / "saved").write_bytes(expected[:had])

    done = ran(tmp_path, "wget", "-c", "-O", "saved", f"{server.url}{target}")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "saved").read_bytes() == expected


def test_programs_save_long_result_whole(server, name, tmp_path):
    path = server.declare(name, CONNECTOR)
    rows = "".join(f"{n},{'x' * 290}\n" for n in range(20_000))
    kind = {"Content-Type": "text/csv"}
    assert server.client.post(path, content=f"n,s\n{rows}", headers=kind).status_code == 201
    target = f"{path}?format=csv&limit=18000"
    expected = whole(server, target)

    for command in (("wget", "-O", "wget"), ("aria2c", "--no-conf", "-q", "-x4", "-k1M", "-o", "aria2c")):
        assert ran(tmp_path, *command, f"{server.url}{target}").returncode == 0
        assert (tmp_path / command[-1]).read_bytes() == expected


# -- readers that seek


@pytest.fixture(scope="module")
def duckdb() -> Iterator[DuckDB]:
    duckdb = DuckDB()
    yield duckdb
    duckdb.close()


@pytest.fixture(params=SIZES)
def growing(server, name, request):
    return growing_table(server, name, request.param)


@pytest.mark.parametrize("order", ["", "&order=n.desc"])
@pytest.mark.parametrize("format", READERS)
def test_duckdb_reads_current_rows_each_time(server, duckdb, growing, format, order):
    path, grow = growing
    for _ in range(3):
        count = grow()
        for _ in range(2):
            url = f"{server.url}{path}?format={format}{order}"
            seen = duckdb.rows(f"SELECT count(*), count(DISTINCT s), max(n) FROM {READERS[format]}('{url}')")
            assert seen == [[count, count, count - 1]]


@pytest.mark.parametrize("order", ["", "&order=n.desc"])
@pytest.mark.parametrize("format", SCANS)
def test_polars_scans_current_rows_each_time(server, growing, format, order):
    path, grow = growing
    for _ in range(3):
        count = grow()
        frame = SCANS[format](f"{server.url}{path}?format={format}{order}").collect()
        assert (frame.height, frame["s"].n_unique(), frame["n"].max()) == (count, count, count - 1)


FSSPEC = """
import sys, fsspec, urllib.request

url, into, token = sys.argv[1:]
def store():
    headers = {"Authorization": token, "Content-Type": "text/csv"}
    urllib.request.urlopen(urllib.request.Request(into, b"n,s\\n7,new\\n", headers)).read()

files = fsspec.filesystem("http")
before = files.cat_file(url)
with files.open(url, block_size=65536) as file:
    beginning = file.read(1000)
    store()
    file.seek(len(before) - 50)
    end = file.read()
    file.seek(1000)
    middle = file.read(len(before) - 1050)
    assert beginning + middle + end == before, "blocks of two bodies"
    assert file.size == len(before)
after = files.cat_file(url)
assert after != before
size = len(after)
assert files.cat_file(url, start=0, end=10) + files.cat_file(url, start=10, end=size) == after
store()
assert files.cat_file(url, start=0, end=30) == files.cat_file(url)[:30] != after[:30]
"""


@pytest.mark.parametrize("format", ["json", "csv", "ndjson"])
def test_fsspec_reads_blocks_of_one_body(server, growing, format, tmp_path):
    path, _ = growing
    url = f"{server.url}{path}"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            FSSPEC,
            f"{url}?format={format}&order=_id.desc",
            url,
            server.admin["Authorization"],
        ],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_curl_reads_parts_and_completes_a_file(server, growing, tmp_path):
    path, grow = growing
    url = f"{server.url}{path}?format=csv&order=n.desc"
    before = whole(server, f"{path}?format=csv&order=n.desc")
    assert ran(tmp_path, "curl", "-sf", "-r", "0-99", "-o", "a", url).returncode == 0
    assert ran(tmp_path, "curl", "-sf", "-r", "100-", "-o", "b", url).returncode == 0
    assert (tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes() == before

    assert ran(tmp_path, "curl", "-sf", "-o", "c", url).returncode == 0
    whole_file = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(whole_file[:1000])
    grow()
    done = ran(tmp_path, "curl", "-sf", "-C", "-", "-o", "c", url)
    # Either the rest of the same body, or a clean end: never parts of two.
    assert (tmp_path / "c").read_bytes() == (whole_file if done.returncode == 0 else whole_file[:1000])
    assert ran(tmp_path, "curl", "-sf", "-r", "0-", "-o", "d", url).returncode == 0
    assert (tmp_path / "d").read_bytes() == whole(server, f"{path}?format=csv&order=n.desc") != whole_file


# -- the token as a password


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[tuple[Server, str]]:
    """A gateway whose connector /rows only the token `etl` may use, and /told anybody may know of."""
    directory = tmp_path_factory.mktemp("guarded")
    secret, line = make_token("etl")
    put(directory / "tokens.yaml", line)
    with serving(directory, GATEWAY_TOKENS=str(directory / "tokens.yaml")) as server:
        server.declare("rows", "fields: {n: integer}\naccess: {ingest: [etl], read: [etl]}\n")
        server.declare("told", "fields: {n: integer}\naccess: {ingest: [etl], read: [public]}\n")
        assert server.client.post("/rows", json={"n": 1}).status_code == 201
        yield server, secret


READS = {
    "curl -u": ("curl", "-sf", "-u", "etl:{secret}", "{url}/rows"),
    "curl -u without a name": ("curl", "-sf", "-u", ":{secret}", "{url}/rows"),
    "curl with the URL": ("curl", "-sf", "http://etl:{secret}@{host}/rows"),
    "curl, when it is asked": ("curl", "-sf", "--anyauth", "-u", "etl:{secret}", "{url}/told", "-d", '{{"n":1}}'),
    "wget": ("wget", "-qO-", "--auth-no-challenge", "--user=etl", "--password={secret}", "{url}/rows"),
    "wget, when it is asked": ("wget", "-qO-", "--user=etl", "--password={secret}", '--post-data={{"n":1}}', "{url}/told"),
    "httpie": ("{bin}/http", "--ignore-stdin", "--check-status", "-a", "etl:{secret}", "{url}/rows"),
    "httpie with the URL": ("{bin}/http", "--ignore-stdin", "--check-status", "http://etl:{secret}@{host}/rows"),
}  # fmt: skip


@pytest.mark.parametrize("program", READS)
def test_programs_send_token_as_password(guarded, tmp_path, program):
    server, secret = guarded
    values = {
        "secret": secret,
        "url": server.url,
        "host": server.url.removeprefix("http://"),
        "bin": str(ROOT / ".venv/bin" if IS_LAKE else Path(sys.executable).parent),
    }
    done = ran(tmp_path, *(word.format(**values) for word in READS[program]))

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)
    assert secret not in server.log.read_text()


def test_httpx_sends_token_as_password(guarded):
    server, secret = guarded
    host = server.url.removeprefix("http://")

    assert httpx.get(f"{server.url}/rows", auth=httpx.BasicAuth("etl", secret)).json() == [{"n": 1}]
    assert httpx.get(f"http://etl:{secret}@{host}/rows").json() == [{"n": 1}]
    assert httpx.post(f"{server.url}/told", json={"n": 2}, auth=("", secret)).status_code == 201


def test_curl_posts_with_token_as_password(guarded, tmp_path):
    server, secret = guarded
    target = f"{server.url}/told"
    wrong = ran(tmp_path, "curl", "-s", "-u", f"{secret}:", target, "-d", '{"n": 1}')
    right = ran(tmp_path, "curl", "-s", "-u", f"spreadsheet:{secret}", target, "-d", '{"n": 1}')

    assert json.loads(wrong.stdout)["hint"].startswith("send the token as the password, after the colon")
    assert json.loads(right.stdout)["stored"] == 1
