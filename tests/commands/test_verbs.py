"""The verbs as a team uses them: from a file of rows to a connector, its copies, and its end."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import httpx
import pandas
import pytest
import zstandard

from gateway.auth.tokens import make_token
from gateway.commands.support.sparkline import sparkline
from tests.support import verbs
from tests.support.server import ROOT, Server, eventually, put, serving

ORDERS = "# Orders.\nfields:\n  n: integer   # counted\n  s: {type: string, nullable: true}\naccess: {read: [public]}\n"


def gateway(server: Server, *arguments: str, wait: bool = True, **more):
    """Run a verb with the settings of a running gateway."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "GATEWAY_CONNECTORS": str(server.connectors),
        "GATEWAY_DATA": str(server.data),
        "XDG_STATE_HOME": str(server.data.parent / "state"),
        "GATEWAY_BIND": server.url.removeprefix("http://") if hasattr(server, "url") else "127.0.0.1:1",
        **more.pop("environment", {}),
    }
    if wait:
        return verbs.run([*map(str, arguments)], environment, **more)
    return verbs.Verb([*map(str, arguments)], environment)


def rows_file(tmp_path, count: int, name="rows.csv"):
    path = tmp_path / name
    path.write_text("n,s\n" + "".join(f'{n},"row {n}"\n' for n in range(count)))
    return path


def stored(server, path="/orders"):
    return [row["n"] for row in server.client.get(f"{path}?select=n").json()]


# -- ls, duplicate, remove, purge


def test_ls_shows_connectors_with_their_state(cleared):
    cleared.declare("orders", ORDERS)
    cleared.client.post("/orders", json=[{"n": n} for n in range(1234)])
    cleared.declare("sales", "path: /shop/sales\n" + ORDERS)
    cleared.declare("old", ORDERS)
    cleared.client.post("/old", json={"n": 1})
    (cleared.connectors / "old.yaml").unlink()
    put(cleared.connectors / "sales.yaml", "fields: [")
    put(cleared.connectors / "bad.yaml", "fields: [")
    cleared.reload()

    ran = gateway(cleared, "ls")

    assert ran.returncode == 0, ran.stderr
    head, *lines = ran.stdout.splitlines()
    assert head.split() == [
        "NAME",
        "PATH",
        "ROWS",
        "REJECTED",
        "STORED",
        "24H",
        "REFUSED",
        "24H",
        "SERVED",
        "24H",
        "LAST",
        "BATCH",
        "STATE",
    ]
    lines = [re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "WHEN", line).split() for line in lines]
    assert lines == [
        ["kept", "/kept", "0", "0", "0", "0", "0", "-", "live"],
        ["old", "/old", "1", "0", "1", "0", "0", "WHEN", "removed"],
        ["orders", "/orders", "1,234", "0", "1,234", "0", "0", "WHEN", "live"],
        ["sales", "/shop/sales", "0", "0", "0", "0", "0", "-", "last", "good"],
        ["bad.yaml", "-", "-", "-", "-", "-", "-", "-", "refused"],
    ]
    listed = json.loads(gateway(cleared, "ls", "--format", "json").stdout)
    assert [(each["name"], each["rows"]) for each in listed] == [
        ("kept", 0),
        ("old", 1),
        ("orders", 1234),
        ("sales", 0),
        ("bad.yaml", None),
    ]


def test_duplicate_copies_comments_and_rows(cleared):
    cleared.declare("orders", "name: orders\npath: '/shop/orders'   # where it was\n" + ORDERS)
    cleared.client.post("/shop/orders", json=[{"n": n} for n in range(2500)])

    ran = gateway(cleared, "duplicate", "orders", "copy", "--with-rows")

    assert ran.returncode == 0, ran.stderr
    copied = (cleared.connectors / "copy.yaml").read_text()
    assert copied == "name: copy\npath: '/copy'          # where it was\n" + ORDERS
    assert stored(cleared, "/copy") == list(range(2500))
    assert "2,500 rows are copied" in ran.stdout
    again = gateway(cleared, "duplicate", "orders", "copy", "--with-rows")
    assert (again.returncode, "has rows already" in again.stderr) == (1, True)
    assert "exists already" in gateway(cleared, "duplicate", "copy", "orders").stderr


def test_duplicate_without_rows_needs_no_gateway(tmp_path):
    server = Server(tmp_path, is_forked=True)
    put(server.connectors / "a.yml", "\ufeff" + ORDERS.replace("\n", "\r\n"))

    assert gateway(server, "duplicate", "a", "b").returncode == 0
    assert (server.connectors / "b.yml").read_bytes() == ORDERS.replace("\n", "\r\n").encode()
    assert gateway(server, "duplicate", "a", "B!").returncode == 1
    assert "did you mean 'a'?" in gateway(server, "duplicate", "aa", "c").stderr


def test_removed_connector_returns_or_is_purged(cleared):
    cleared.declare("orders", ORDERS)
    cleared.client.post("/orders", json={"n": 7})
    assert "gateway remove orders comes first" in gateway(cleared, "purge", "orders", "--yes").stderr

    removed = gateway(cleared, "remove", "orders")
    assert "brings them back, gateway purge orders deletes them" in removed.stdout
    eventually(lambda: cleared.client.get("/orders").status_code == 410)
    put(cleared.connectors / "orders.yaml", ORDERS)
    eventually(lambda: cleared.client.get("/orders").status_code == 200)
    assert stored(cleared) == [7]
    gateway(cleared, "remove", "orders")
    eventually(lambda: cleared.client.get("/orders").status_code == 410)

    refused = gateway(cleared, "purge", "orders", input="n\n")
    assert (refused.returncode, "Drop the 1 row of 'orders'?" in refused.stdout) == (1, True)
    assert cleared.client.get("/orders").status_code == 410
    assert gateway(cleared, "purge", "orders", input="y\n").returncode == 0
    assert cleared.client.get("/orders").status_code == 404
    assert "knows no connector 'orders'" in gateway(cleared, "purge", "orders", "--yes").stderr


def test_unreachable_gateway_error_names_url(tmp_path):
    server = Server(tmp_path, is_forked=True)
    ran = gateway(server, "ls", "--url", "http://127.0.0.1:1")

    assert (ran.returncode, "no gateway answers at http://127.0.0.1:1" in ran.stderr) == (1, True)


def test_token_comes_from_file_or_environment(cleared, tmp_path):
    cleared.declare("orders", ORDERS)
    secret = (cleared.data / "admin-token").read_text().strip()
    file = tmp_path / "token"
    file.write_text(secret + "\n")
    nowhere = {"GATEWAY_DATA": str(tmp_path / "nowhere")}

    assert gateway(cleared, "ls", "--token-file", file, environment=nowhere).returncode == 0
    assert (
        gateway(
            cleared, "ls", environment={**nowhere, "GATEWAY_TOKEN": secret, "GATEWAY_URL": cleared.url}
        ).returncode
        == 0
    )
    public = gateway(cleared, "ls", environment=nowhere)
    assert (public.returncode, "the list has public connectors alone" in public.stderr) == (0, True)
    assert "orders" in public.stdout
    refused = gateway(cleared, "status", environment=nowhere)
    assert (refused.returncode, "the admin token, or one with view: true" in refused.stderr) == (1, True)


def test_stats_plots_what_was_stored_and_refused(cleared):
    cleared.declare("orders", ORDERS)
    cleared.client.post("/orders", json=[{"n": n} for n in range(1234)])
    for _ in range(2):
        cleared.client.post("/orders", json=[{"n": 1}, {"n": "secret"}])
    cleared.client.get("/orders")

    ran = gateway(cleared, "stats", "orders", "--since", "3h")

    assert ran.returncode == 0, ran.stderr
    title, head, *plots = ran.stdout.split("\n\n")[0].splitlines()
    assert re.fullmatch(r"orders: [34] periods of 1h since \S+Z", title)
    assert head.split() == ["IN", "EACH", "PERIOD", "TOTAL", "MOST", "PLOT"]
    totals = {each[:16].strip(): each[16:].split() for each in plots}
    assert totals["rows stored"][0] == "1,234"
    assert totals["rows stored"][2][-1] in "▁▂▃▄▅▆▇█·"
    assert (totals["rows served"][0], totals["reads"][0], totals["batches refused"][0]) == ("1,234", "1", "2")
    assert re.search(r"Z +422 +22P02 +POST +admin +2 +2 +row 2, 'n': 22P02", ran.stdout)
    assert "secret" not in ran.stdout
    shown = json.loads(gateway(cleared, "stats", "orders", "--format", "json", "--step", "1m").stdout)
    assert shown["total"]["stored"] == 1234
    assert "step=7m is not a length" in gateway(cleared, "stats", "orders", "--step", "7m").stderr


def test_stats_says_which_numbers_are_missing(tmp_path):
    secret, line = make_token("etl")
    put(tmp_path / "tokens.yaml", line)
    put(tmp_path / "connectors.d/orders.yaml", "fields: {n: integer}\naccess: {ingest: [etl]}\n")
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        server.client.post("/orders", json={"n": "bad"})
        own = gateway(server, "stats", "orders", environment={"GATEWAY_TOKEN": secret})
        listed = gateway(server, "stats", "orders")
        server.stop()
        server.start()
        restarted = gateway(server, "stats", "orders")

    assert "-: only the admin token and one with view: true see these." in own.stdout
    assert "LAST REFUSED" in listed.stdout
    assert "since the start" not in listed.stdout
    assert "The list has the last 100 kinds since the start of the gateway" in restarted.stdout
    assert "LAST REFUSED" not in restarted.stdout


@pytest.mark.parametrize(
    ("values", "width", "plot"),
    [
        ([], 9, ""),
        ([0, None, 1, 4, 8, 1000], 9, "· ▁▁▁█"),
        ([1, 2, 3, 4, None, None], 3, "▄█ "),
        ([7], 1, "█"),
        ([0, 0], 9, "··"),
    ],
)
def test_sparkline_fits_its_width(values, width, plot):
    assert sparkline(values, width) == plot


# -- new


def test_drafted_connector_accepts_its_rows(cleared):
    for path in sorted((ROOT / "tests/data/new").iterdir()):
        if path.suffix == ".yaml" or path.name == "every.csv":
            continue
        name = path.suffix[1:]
        assert gateway(cleared, "new", name, "--from", path).returncode == 0
        eventually(lambda: cleared.client.get(f"/{name}").status_code == 200)

        ran = gateway(cleared, "load", name, path)

        assert ran.returncode == 0, ran.stderr
        assert len(cleared.client.get(f"/{name}").json()) == 2
        assert "exists already" in gateway(cleared, "new", name, "--from", path).stderr


def test_new_reports_unreadable_files(tmp_path):
    server = Server(tmp_path, is_forked=True)
    cases = {
        "rows.txt": (b"n\n1\n", "does not have the suffix of a file of rows"),
        "empty.csv": (b"", "is empty: it has no rows"),
        "header.csv": (b"a,b\n", "has no rows to infer types from"),
        "ragged.csv": (b"a,b\n1,2\n1\n", "ragged.csv, line 3: the row has 1 cell, the header 2"),
        "twice.csv": (b"a,a\n1,2\n", "columns 1 and 2 are both named 'a'"),
        "bad.ndjson": (b'{"a":1}\n{"a":\n', "line 2: not JSON"),
        "scalars.json": (b"[1, 2]", "a row is an object"),
        "bad.json": (b'[{"a": 1}', "ends without its ]"),
        "bad.parquet": (b"PAR1 no", "is not Parquet"),
        "bad.csv.gz": (b"not gzip", "cannot be read"),
    }
    for name, (data, words) in cases.items():
        (tmp_path / name).write_bytes(data)
        ran = gateway(server, "new", "x", "--from", tmp_path / name)
        assert (ran.returncode, words in ran.stderr) == (1, True), (name, ran.stderr)
    assert gateway(server, "new", "x", "--from", tmp_path / "nowhere.csv").returncode == 1
    assert list(server.connectors.iterdir()) == []


def test_removed_connector_with_refused_file_is_reported(cleared):
    cleared.declare("orders", ORDERS)
    cleared.client.post("/orders", json={"n": 1})
    file = cleared.connectors / "orders.yaml"
    file.unlink()
    cleared.reload()
    put(file, ORDERS.replace("n: integer", "n: string"))
    cleared.reload()

    _, listed = gateway(cleared, "ls").stdout.splitlines()[1:]
    assert listed.split()[0] == "orders"
    assert listed.split()[-1] == "refused"
    assert "correct orders.yaml; gateway check lists" in cleared.client.get("/orders").json()["hint"]
    ran = gateway(cleared, "load", "orders", rows_file(cleared.data.parent, 1))
    assert "GW511: /orders was removed on" in ran.stderr


def test_declared_name_or_path_is_not_reused(cleared, tmp_path):
    put(cleared.connectors / "sales.yaml", "name: orders\n" + ORDERS)
    put(cleared.connectors / "shop.yaml", "path: /shop2\n" + ORDERS)
    file = rows_file(tmp_path, 1)

    for words in (("new", "orders", "--from", file), ("duplicate", "shop", "orders")):
        assert "sales.yaml declares the connector 'orders'" in gateway(cleared, *words).stderr
    assert "shop.yaml declares the path '/shop2'" in gateway(cleared, "new", "shop2", "--from", file).stderr
    put(cleared.connectors / "aaa.yaml", "name: orders\n" + ORDERS)
    assert "is declared by" in gateway(cleared, "remove", "orders").stderr
    assert {path.stem for path in cleared.connectors.iterdir()} == {"kept", "sales", "shop", "aaa"}


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["ls", "--url", "localhost:9"], {}, "write http://localhost:9"),
        (["ls", "--url", "http://[::1"], {}, "write http://HOST:PORT"),
        (["ls"], {"GATEWAY_TOKEN": "grün"}, "characters that are not ASCII"),
        (["ls"], {"GATEWAY_TOKEN": "gw_bad"}, "set GATEWAY_TOKEN, use --token-file"),
        (["load", "", "rows.csv"], {}, "neither the name nor the path of a connector"),
        (["load", "/-/reload", "rows.csv"], {}, "neither the name nor the path of a connector"),
        (["load", "x?y", "rows.csv"], {}, "there is no connector 'x?y'"),
        (["load", "x", "pipe.csv"], {}, "pipe.csv is not a regular file"),
        (["new", "x", "--from", "pipe.csv"], {}, "pipe.csv is not a regular file"),
    ],
    ids=str,
)
def test_command_errors_name_the_fix(server, tmp_path, words, environment, said):
    rows_file(tmp_path, 1)
    os.mkfifo(tmp_path / "pipe.csv")

    ran = gateway(server, *words, environment=environment, cwd=tmp_path)

    assert (ran.returncode, said in ran.stderr) == (1, True), ran.stderr
    assert "Traceback" not in ran.stderr


def test_plan_without_commit_shows_all_as_new(server, tmp_path):
    put(tmp_path / "connectors.d" / "a.yaml", ORDERS)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    ran = gateway(server, "plan", "connectors.d", cwd=tmp_path)

    assert (ran.returncode, "a  is new" in ran.stdout) == (2, True), ran.stdout + ran.stderr
    assert gateway(server, "plan", "--format", "xml", cwd=tmp_path).returncode == 64


# -- load


def test_repeated_load_stores_nothing_twice(cleared, tmp_path):
    cleared.declare("orders", ORDERS)
    file = rows_file(tmp_path, 5000)

    ran = gateway(cleared, "load", "orders", file, "--batch", "10K")

    assert (ran.returncode, ran.stdout) == (0, "5,000 rows are stored at /orders.\n"), ran.stderr
    assert stored(cleared) == list(range(5000))
    assert len(cleared.client.get("/-/connectors/orders/batches").json()) > 5
    again = gateway(cleared, "load", "orders", file, "--batch", "10K")
    assert (
        again.stdout
        == "0 rows are stored at /orders. 5,000 were stored before; --again would store those once more.\n"
    )
    assert len(stored(cleared)) == 5000
    assert gateway(cleared, "load", "orders", file, "--batch", "10K", "--again").returncode == 0
    assert len(stored(cleared)) == 10_000
    assert list(tmp_path.glob("*.loading")) == []
    assert gateway(cleared, "load", "orders", file, "--batch", "1M").stdout.startswith("0 rows")


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
@pytest.mark.parametrize("batch", ["10K", "1M"])
def test_load_of_grown_file_stores_new_rows(server, name, tmp_path, kind, batch):
    path = server.declare(name, "fields: {n: integer}\naccess: {read: [public]}\n")
    file = tmp_path / f"rows.{kind}"

    def write(count, end="\n"):
        values = [f'{{"n": {n}}}' for n in range(count)]
        if kind == "csv":
            values = ["n", *map(str, range(count))]
        file.write_text("[" + ", ".join(values) + "]" if kind == "json" else "\n".join(values) + end)

    for count, end in ((10, ""), (11, "\n"), (11, ""), (5000, ""), (5001, "\n"), (5003, "\n")):
        write(count, end)
        ran = gateway(server, "load", name, file, "--batch", batch)
        assert ran.returncode == 0, ran.stderr
    assert stored(server, path) == list(range(5003))
    assert (
        ran.stdout
        == f"2 rows are stored at {path}. 5,001 were stored before; --again would store those once more.\n"
    )

    file.write_text(file.read_text().replace("4", "5"))
    changed = gateway(server, "load", name, file)
    assert (changed.returncode, "is not what it was when 5,003 rows of it were loaded" in changed.stderr) == (
        1,
        True,
    )
    assert len(stored(server, path)) == 5003


def test_bad_rows_are_named_by_file_line(cleared, tmp_path):
    cleared.declare("orders", ORDERS)
    file = rows_file(tmp_path, 5000)
    text = file.read_text().replace("\n4000,", "\nx,").replace("\n4001,", "\n,")
    file.write_text(text)

    ran = gateway(cleared, "load", "orders", file, "--batch", "10K")

    assert ran.returncode == 1
    assert "row 4,001, line 4,002, field 'n': 'x' is not an integer" in ran.stderr
    assert "row 4,002, line 4,003, field 'n': a value is required" in ran.stderr
    before = len(stored(cleared))
    assert f"the first {before:,} rows are stored" in ran.stderr
    assert 0 < before < 4000
    file.write_text(text.replace("\nx,", "\n4000,").replace("\n,", "\n4001,"))
    assert gateway(cleared, "load", "orders", file, "--batch", "10K").returncode == 0
    assert stored(cleared) == list(range(5000))


def test_load_of_changed_file_is_not_resumed(cleared, tmp_path):
    cleared.declare("orders", ORDERS)
    file = rows_file(tmp_path, 5000)
    file.write_text(file.read_text().replace("\n4000,", "\nx,"))
    gateway(cleared, "load", "orders", file, "--batch", "10K")

    file.write_text(file.read_text().replace("\n1,", "\n11111,").replace("\nx,", "\n4000,"))
    ran = gateway(cleared, "load", "orders", file, "--batch", "10K")

    assert (ran.returncode, "is not what it was when" in ran.stderr) == (1, True)
    assert len(stored(cleared)) < 4000


def test_load_into_new_store_sends_whole_file(own, tmp_path, monkeypatch):
    own.declare("orders", ORDERS)
    file = rows_file(tmp_path, 5000)
    good = file.read_text()
    file.write_text(good.replace("\n4000,", "\nx,"))
    gateway(own, "load", "orders", file, "--batch", "10K")
    own.stop()
    shutil.rmtree(own.data)
    port = httpx.URL(own.url).port
    monkeypatch.setattr("tests.support.server.free_port", lambda: port)
    own.start()
    file.write_text(good)

    ran = gateway(own, "load", "orders", file, "--batch", "10K")

    assert ran.returncode == 0, ran.stderr
    assert stored(own) == list(range(5000))


def test_load_needs_only_ingest_token(tmp_path):
    tokens = tmp_path / "tokens.yaml"
    made = gateway(Server(tmp_path), "token", "etl").stdout
    tokens.write_text(made.strip().splitlines()[-1])
    with serving(tmp_path, GATEWAY_TOKENS=str(tokens)) as server:
        server.declare("orders", "path: /shop/orders\n" + ORDERS.replace("read: [public]", "ingest: [etl]"))
        token = {"GATEWAY_TOKEN": re.search(r"gw_\S+", made)[0]}
        file = rows_file(tmp_path, 10)

        assert gateway(server, "load", "/shop/orders", file, environment=token).returncode == 0
        again = gateway(server, "load", "orders", file, environment=token)
        assert (again.returncode, again.stdout[:21]) == (0, "0 rows are stored at "), again.stderr
        refused = gateway(server, "load", "other", file, environment=token)
        assert "there is no connector 'other' (there are orders)" in refused.stderr


@pytest.mark.parametrize("kind", ["parquet", "json", "ndjson.gz", "csv.zst"])
def test_every_kind_of_file_is_loaded(server, name, tmp_path, kind):
    server.declare(name, ORDERS)
    frame = pandas.DataFrame({"n": range(3000), "s": [f"row {n}" for n in range(3000)]})
    path = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "json":
        frame.to_json(path, orient="records")
    elif kind == "ndjson.gz":
        path.write_bytes(gzip.compress(frame.to_json(orient="records", lines=True).encode()))
    else:
        path.write_bytes(zstandard.compress(frame.to_csv(index=False).encode()))

    ran = gateway(server, "load", name, path, "--batch", "20K")

    assert ran.returncode == 0, ran.stderr
    assert server.client.get(f"/{name}").json() == frame.to_dict("records")


# -- plan against a gateway and git


def test_a_plan_against_a_gateway_asks_its_rows(cleared, tmp_path):
    cleared.declare("orders", ORDERS)
    rows = [{"n": n, "s": "x" * n} for n in range(10)]
    first = cleared.client.post("/orders", json=rows).json()["first_id"]
    new = tmp_path / "new"
    shutil.copytree(cleared.connectors, new)
    put(
        new / "orders.yaml",
        ORDERS.replace("nullable: true", "nullable: true, max_length: 5"),
    )

    ran = gateway(cleared, "plan", new, "--against", cleared.url)

    assert ran.returncode == 1
    assert f"4 of 10 stored rows do not satisfy it (_id {first + 6}, {first + 7}, {first + 8})" in ran.stdout
    assert f'_id {first + 6}: "xxxxxx"' in ran.stdout
    put(
        new / "orders.yaml",
        ORDERS.replace("nullable: true", "nullable: true, max_length: 9"),
    )
    assert gateway(cleared, "plan", new, "--against", cleared.url).returncode == 2
    put(new / "odd.yaml", "fields: [")
    (new / "bytes.yaml").write_bytes(b"\xff\xfe")
    refused = json.loads(gateway(cleared, "plan", new, "--against", cleared.url, "--format", "json").stdout)
    assert {each["file"]: each["action"] for each in refused["connectors"]} == {
        "orders.yaml": "change",
        "kept.yaml": "none",
        "odd.yaml": "refuse",
        "bytes.yaml": "refuse",
    }
    assert gateway(cleared, "plan", cleared.connectors, "--against", cleared.url).returncode == 0
    assert cleared.status()["orders.yaml"]["state"] == "live"


def test_plan_against_revision_needs_no_secret(tmp_path):
    server = Server(tmp_path, is_forked=True)
    repository = tmp_path / "repository"
    connectors = repository / "deep" / "connectors.d"
    put(connectors / "orders.yaml", ORDERS)
    put(connectors / "gone.yaml", ORDERS)
    put(connectors / "caf\u00e9 1.yaml", "name: cafe\n" + ORDERS)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "one")

    assert gateway(server, "plan", connectors).returncode == 0
    put(connectors / "orders.yaml", ORDERS + "description: more\n")
    (connectors / "gone.yaml").unlink()
    put(connectors / "new.yaml", ORDERS)
    ran = gateway(server, "plan", connectors, "--format", "json")
    assert ran.returncode == 2
    assert {each["connector"]: each["action"] for each in json.loads(ran.stdout)["connectors"]} == {
        "orders": "change",
        "gone": "remove",
        "new": "create",
        "cafe": "none",
    }
    assert gateway(server, "plan", connectors, "--changes-ok").returncode == 0
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    git(repository, "tag", "v2")
    assert gateway(server, "plan", connectors, "--against", "v2").returncode == 0
    assert gateway(server, "plan", connectors, "--against", "HEAD~1").returncode == 2
    assert gateway(server, "plan", connectors, "--against", "nowhere").returncode == 1
    assert "no revision of the repository" in gateway(server, "plan", tmp_path, "--against", "HEAD").stderr


def git(repository, *words):
    who = ["-c", "user.name=team", "-c", "user.email=team@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(repository), *who, *words], check=True, capture_output=True)


# -- idempotency keys of batches


def test_batch_resent_under_key_is_stored_once(own):
    own.declare("orders", ORDERS)
    other = own.declare("other", ORDERS)
    post = lambda path, body, key: own.client.post(path, content=body, headers={"Idempotency-Key": key})  # noqa: E731

    first = post("/orders", b'[{"n":1},{"n":2}]', '"k 1"')
    again = post("/orders", b'[{"n":1},{"n":2}]', "k 1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stored(own) == [1, 2]
    shown = own.client.post(
        "/orders",
        content=b'[{"n":1},{"n":2}]',
        headers={"Idempotency-Key": "k 1", "Prefer": "return=representation"},
    )
    assert [row["n"] for row in shown.json()] == [1, 2]
    assert post(other, b'[{"n":1},{"n":2}]', "k 1").headers.get("Idempotent-Replayed") is None
    own.stop(signal.SIGTERM)
    own.start()
    assert post("/orders", b'[{"n":1},{"n":2}]', "k 1").json() == first.json()
    assert post("/orders", b'[{"n":1}]', "k 1").json()["code"] == "GW202"
    assert post("/orders", b'[{"n":1}]', "").json()["code"] == "GW111"
    assert stored(own) == [1, 2]


def test_key_outlives_change_of_schema(cleared):
    cleared.declare("orders", ORDERS)
    body, key = b'{"n":1,"s":"x"}', {"Idempotency-Key": "k"}
    receipt = cleared.client.post("/orders", content=body, headers=key).json()
    cleared.declare("orders", "fields: {n: integer}\n")

    assert cleared.client.post("/orders", content=body).status_code == 422
    assert cleared.client.post("/orders", content=body, headers=key).json() == receipt


def test_batch_sent_concurrently_is_stored_once(cleared):
    cleared.declare("orders", ORDERS)
    answers = []

    def send():
        with httpx.Client(base_url=cleared.url, headers=cleared.admin) as client:
            for number in range(20):
                key = {"Idempotency-Key": f"k{number}"}
                answers.append((number, client.post("/orders", json={"n": number}, headers=key)))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for _, answer in answers} <= {201, 409}
    stored_as = {(key, answer.json()["first_id"]) for key, answer in answers if answer.status_code == 201}
    assert len(stored_as) == len({key for key, _ in stored_as}) == 20
    assert sorted(stored(cleared)) == list(range(20))


def test_duplicate_names_the_version_it_copies(cleared):
    """Check a file whose change is refused: the rows of its last good version do not fit the file."""
    cleared.declare("orders", "fields: {n: integer}\n")
    cleared.client.post("/orders", json={"n": 1})
    put(cleared.connectors / "orders.yaml", "fields: {n: string}\n")
    assert cleared.reload()["orders.yaml"]["state"] == "last good"

    with_rows = gateway(cleared, "duplicate", "orders", "copy", "--with-rows")
    file_alone = gateway(cleared, "duplicate", "orders", "copy")

    told = f"the gateway serves the last good version of 'orders', because {cleared.connectors}/orders.yaml is not applied"
    assert (with_rows.returncode, told in with_rows.stderr) == (1, True)
    assert "omit --with-rows" in with_rows.stderr
    assert (file_alone.returncode, f"Note: {told}" in file_alone.stderr) == (0, True)
    assert (cleared.connectors / "copy.yaml").read_text() == "fields: {n: string}\n"
    refused = cleared.client.post("/-/connectors/orders/copy", json={"to": "orders"})
    assert refused.status_code == 409


def test_duplicate_of_a_broken_file_names_its_fault(cleared):
    cleared.declare("orders", "fields: {n: integer}\n")
    put(cleared.connectors / "orders.yaml", "fields:\n\tn: integer\n")
    cleared.reload()

    ran = gateway(cleared, "duplicate", "orders", "copy")

    assert ran.returncode == 1
    assert "line 2 begins with a tab" in ran.stderr
    assert "The gateway serves the last good version of 'orders', which differs from the file" in ran.stderr
    assert not (cleared.connectors / "copy.yaml").exists()


def test_copy_into_changed_fields_names_served_version(cleared):
    cleared.declare("orders", "fields: {n: integer}\n")
    cleared.client.post("/orders", json={"n": 1})
    cleared.declare("copy", "fields: {n: string}\n")
    put(cleared.connectors / "orders.yaml", "fields: {n: string}\n")
    cleared.reload()

    answer = cleared.client.post("/-/connectors/orders/copy", json={"to": "copy"})

    assert answer.status_code == 409
    assert answer.json()["message"] == (
        "'copy' does not have the fields of 'orders', whose last good version is served: orders.yaml is not applied"
    )
    assert answer.json()["hint"] == "correct orders.yaml first"
