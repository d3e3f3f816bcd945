"""Programs that fetch over HTTP, as they are installed: wget and aria2c."""

import subprocess
from pathlib import Path

import pytest

FORMATS = ("json", "ndjson", "csv", "parquet", "arrow")
CONNECTOR = (
    "fields: {n: integer, s: {type: string, nullable: true}}\naccess: {read: [public], change: [ops]}\n"
)
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
def test_wget_saves_the_whole_body(server, path, tmp_path, format, query):
    target = f"{path}?format={format}{query}"

    done = ran(tmp_path, "wget", "-O", "saved", f"{server.url}{target}")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "saved").read_bytes() == whole(server, target)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("query", QUERIES)
def test_aria2c_saves_the_whole_body(server, path, tmp_path, format, query):
    target = f"{path}?format={format}{query}"

    done = ran(tmp_path, "aria2c", "--no-conf", "-q", "-o", "saved", f"{server.url}{target}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "saved").read_bytes() == whole(server, target)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("had", [0, 1, 100, None])
def test_wget_completes_a_file_that_it_has_a_part_of(server, path, tmp_path, format, had):
    target = f"{path}?format={format}&limit=200"
    expected = whole(server, target)
    (tmp_path / "saved").write_bytes(expected[:had])

    done = ran(tmp_path, "wget", "-c", "-O", "saved", f"{server.url}{target}")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "saved").read_bytes() == expected


def test_a_long_result_is_saved_whole(server, name, tmp_path):
    path = server.declare(name, CONNECTOR)
    rows = "".join(f"{n},{'x' * 90}\n" for n in range(60_000))
    kind = {"Content-Type": "text/csv"}
    assert server.client.post(path, content=f"n,s\n{rows}", headers=kind).status_code == 201
    target = f"{path}?format=csv&limit=50000"
    expected = whole(server, target)

    for command in (("wget", "-O", "wget"), ("aria2c", "--no-conf", "-q", "-x4", "-k1M", "-o", "aria2c")):
        assert ran(tmp_path, *command, f"{server.url}{target}").returncode == 0
        assert (tmp_path / command[-1]).read_bytes() == expected
