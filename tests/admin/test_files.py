"""Connector files are saved over HTTP: planned, written, and live at once; and nothing else is touched."""

import hashlib
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import duckdb
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.atomic_files import LEFTOVER_SECONDS
from gateway.connectors.name_patterns import NAME
from tests.support.server import Server, free_port, put, serving
from tests.support.small_disk import SmallDisk

GOOD = "# kept\nfields: {n: integer}\naccess: {read: [public]}\n"
MORE = GOOD.replace("{n: integer}", "{n: integer, note: {type: string, nullable: true}}")
NOTHING = {"If-None-Match": "*"}
YAML = {"Content-Type": "text/yaml"}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def matching(text: str) -> dict[str, str]:
    return {"If-Match": f'"{digest(text)}"'}


def save(server: Server, file: str, text: str, condition: dict[str, str]) -> httpx.Response:
    url = f"{server.url}/-/files/{quote(file, safe='')}"
    return server.client.put(url, content=text.encode(), headers={**YAML, **condition})


def delete(server: Server, file: str, old: str) -> httpx.Response:
    return server.client.delete(f"/-/files/{file}", headers=matching(old))


def answer_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def texts_in(directory: Path) -> dict[str, bytes | str]:
    """Every file below a directory with its content, and every link with its target."""
    return {
        str(path): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in directory.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def history(server: Server, name: str) -> list[tuple[str, str | None]]:
    events = server.client.get(f"/-/connectors/{name}/history").json()
    return [(each["action"], each["by"]) for each in events]


def test_saved_file_is_live_at_once(server, name):
    """Check the walk of a connector whose files nobody writes: new, changed, deleted, and new again."""
    file = f"{name}.yaml"
    created = save(server, file, GOOD, NOTHING)
    assert created.status_code == 201, created.text
    assert created.headers["ETag"] == f'"{digest(GOOD)}"'
    said = created.json()
    assert (said["state"], said["path"], said["applied"]) == ("live", f"/{name}", True)
    assert said["plan"]["connectors"][0]["action"] == "create"
    assert server.client.post(f"/{name}", json={"n": 1}).status_code == 201

    changed = save(server, file, MORE, matching(GOOD))
    assert (changed.status_code, changed.json()["state"]) == (200, "live")
    assert server.client.get(f"/{name}").json() == [{"n": 1, "note": None}]
    assert (server.connectors / file).read_text() == MORE

    deleted = delete(server, file, MORE)
    assert (deleted.status_code, deleted.json()["state"], deleted.json()["digest"]) == (200, "removed", None)
    assert server.client.get(f"/{name}").status_code == 410
    assert not (server.connectors / file).exists()

    assert save(server, file, MORE, NOTHING).json()["plan"]["connectors"][0]["action"] == "restore"
    assert server.client.get(f"/{name}").json() == [{"n": 1, "note": None}]
    by = "api, admin"
    assert history(server, name) == [("restored", by), ("removed", by), ("changed", by), ("created", by)]
    log = server.log.read_text()
    assert f"{file} was saved by api, admin: its digest is {digest(MORE)}" in log
    assert "# kept" not in log


@pytest.mark.file_only("a lake applies no earlier text of a file again")
def test_history_names_nobody_for_git(server, name):
    """Check that a text that comes again from elsewhere is not taken for the one that was saved."""
    file = f"{name}.yaml"
    save(server, file, GOOD, NOTHING)
    for text in (MORE, GOOD):
        put(server.connectors / file, text)
        server.reload()

    assert history(server, name) == [("changed", None), ("changed", None), ("created", "api, admin")]


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ({}, (428, "GW517")),
        ({"If-Match": "*"}, (428, "GW517")),
        ({"If-Match": '"a", "b"'}, (428, "GW517")),
        ({"If-None-Match": '"a"'}, (428, "GW517")),
        (NOTHING, (412, "GW516")),
        (matching(MORE), (412, "GW516")),
    ],
)
def test_save_must_name_the_text_it_replaces(server, name, condition, answer):
    file = f"{name}.yaml"
    save(server, file, GOOD, NOTHING)

    refused = save(server, file, f"{GOOD}# new\n", condition)

    assert answer_of(refused) == answer
    assert (server.connectors / file).read_text() == GOOD
    if answer[0] == 412:
        assert refused.headers["ETag"] == f'"{digest(GOOD)}"'
        assert digest(GOOD) in refused.json()["details"]


def test_weak_etag_of_a_proxy_is_accepted(server, name):
    save(server, f"{name}.yaml", GOOD, NOTHING)

    assert save(server, f"{name}.yaml", MORE, {"If-Match": f'W/"{digest(GOOD)}"'}).status_code == 200


def test_change_of_a_missing_file_is_refused(server, name):
    assert answer_of(save(server, f"{name}.yaml", GOOD, matching(MORE))) == (412, "GW516")
    assert answer_of(delete(server, f"{name}.yaml", GOOD)) == (404, "GW521")
    assert answer_of(server.client.get(f"/-/files/{name}.yaml")) == (404, "GW521")


def test_same_text_again_writes_nothing(server, name):
    """Check the second try of a client that did not see the answer to the first."""
    file = server.connectors / f"{name}.yaml"
    save(server, file.name, GOOD, NOTHING)
    before = file.stat()

    again = save(server, file.name, GOOD, NOTHING)

    assert (again.status_code, again.json()["plan"]["verdict"]) == (201, "none")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_one_of_several_people_saves(server, name):
    """Send different texts at the same time, all from the same one: one is saved, and the others learn of it."""
    file = server.connectors / f"{name}.yaml"
    save(server, file.name, GOOD, NOTHING)
    texts = [f"{GOOD}# {number}\n" for number in range(6)]

    with ThreadPoolExecutor(len(texts)) as pool:
        answers = list(pool.map(lambda text: save(server, file.name, text, matching(GOOD)), texts))

    statuses = [each.status_code for each in answers]
    assert sorted(statuses) == [200, 412, 412, 412, 412, 412]
    assert file.read_text() == texts[statuses.index(200)]
    assert {each.headers["ETag"] for each in answers} == {f'"{digest(file.read_text())}"'}


REFUSED = {
    "not YAML": "fields: {n: integer\n",
    "unknown type": "fields: {n: integr}\n",
    "loses values": "fields: {n: date}\n",
    "path of another": f"path: /other-NAME\n{GOOD}",
    "name of another": f"name: other-NAME\n{GOOD}",
    "too large": f"{GOOD}#{'x' * 256 * 1024}\n",
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_plan_writes_nothing(server, name, case):
    file = f"{name}.yaml"
    save(server, f"other-{name}.yaml", GOOD, NOTHING)
    save(server, file, GOOD, NOTHING)
    server.client.post(f"/{name}", json={"n": 1})
    text = REFUSED[case].replace("NAME", name)
    before = texts_in(server.connectors)

    planned = server.client.post(f"/-/files/{file}/plan", content=text.encode(), headers=YAML).json()
    refused = save(server, file, text, matching(GOOD))

    assert answer_of(refused) == (422, "GW519")
    [entry] = refused.json()["plan"]["connectors"]
    assert (entry["file"], entry["action"], entry["verdict"]) == (file, "refuse", "refused")
    assert refused.json()["message"] == entry["findings"][0]["message"]
    assert planned["connectors"] == [entry]
    assert texts_in(server.connectors) == before
    assert server.status()[file]["state"] == "live"


def test_refused_file_is_no_save_of_its_text(server, name):
    """Break a file outside of the gateway, and save the text that it has then."""
    file, text = f"{name}.yaml", "fields: {n: integr}\n"
    put(server.connectors / file, text)
    server.reload()
    assert answer_of(save(server, file, text, matching(text))) == (422, "GW519")


def test_plan_of_one_file_has_its_patch(server, name, tmp_path):
    """Apply the patch with git to a repository that has the files."""
    file = f"{name}.yaml"
    save(server, file, GOOD, NOTHING)
    new = MORE.replace("[public]", "[public, nobody]")
    repository = tmp_path / "connectors.d"
    repository.mkdir()
    (repository / file).write_text(GOOD)
    git(tmp_path, "init", "-q")

    planned = server.client.post(f"/-/files/{file}/plan", json={"text": new}).json()
    git(tmp_path, "apply", "-", text=planned["patch"])

    assert (planned["verdict"], planned["digest"], planned["new_digest"]) == (
        "applied",
        digest(GOOD),
        digest(new),
    )
    [entry] = planned["connectors"]
    assert [change["rule"] for change in entry["changes"]] == ["access changed", "field added"]
    assert [finding["code"] for finding in entry["findings"]] == ["GW510"]
    assert planned["forge"] is None
    assert (repository / file).read_text() == new
    assert (server.connectors / file).read_text() == GOOD

    removal = server.client.post(f"/-/files/{file}/plan", json={"text": None}).json()
    (repository / file).write_text(GOOD)
    git(tmp_path, "apply", "-", text=removal["patch"])
    assert removal["connectors"][0]["action"] == "remove"
    assert removal["new_digest"] is None
    assert not (repository / file).exists()


def git(directory: Path, *words: str, text: str = "") -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    ran = subprocess.run(
        ["git", *identity, *words], cwd=directory, input=text.encode(), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode()


@pytest.mark.parametrize(
    "text",
    [GOOD.replace("\n", "\r\n"), f"\ufeff{GOOD}", GOOD.rstrip("\n"), f"{GOOD}# é 漢 😀 \u2028\n"],
    ids=["CRLF", "BOM", "no line end", "other scripts"],
)
def test_text_comes_back_byte_by_byte(server, name, text):
    file = f"{name}.yaml"
    assert save(server, file, text, NOTHING).status_code == 201

    as_json = server.client.get(f"/-/files/{file}")
    as_yaml = server.client.get(f"/-/files/{file}", headers={"Accept": "application/yaml"})

    assert (server.connectors / file).read_bytes() == as_yaml.content == text.encode()
    assert as_json.json()["text"] == text
    assert as_json.headers["ETag"] == as_yaml.headers["ETag"] == f'"{digest(text)}"'


def test_list_has_every_file_with_its_digest(server, name):
    save(server, f"{name}.yaml", GOOD, NOTHING)
    (server.connectors / f"{name}-bad.yml").write_bytes(b"fields: \xff\n")
    server.reload()

    listed = server.client.get("/-/files").json()
    found = {each["file"]: each for each in listed["files"]}

    assert (listed["can_write"], listed["reason"]) == (True, f"Files are written to {server.connectors}.")
    assert found[f"{name}.yaml"] == {
        "file": f"{name}.yaml",
        "connector": name,
        "state": "live",
        "digest": digest(GOOD),
    }
    assert found[f"{name}-bad.yml"]["state"] == "refused"
    assert server.client.get(f"/-/files/{name}-bad.yml").json()["text"] is None
    answer = save(server, f"{name}-bad.yml", GOOD, {"If-Match": found[f"{name}-bad.yml"]["digest"]})
    assert answer.json()["connector"] == f"{name}-bad", "a file of another suffix may be changed"


# -- names, links, and other programs


NAMES = [
    "../out.yaml", "..", ".", "../../etc/passwd", "..%2fout.yaml", "%2e%2e%2fout.yaml", "/etc/out.yaml", "a/b.yaml",
    ".hidden.yaml", "-a.yaml", "_a.yaml", "1.yaml", "A.yaml", "CON.yaml", "a.yml", "a.YAML", "a.yaml.yaml", "a.yaml ",
    " a.yaml", "a .yaml", "a\n.yaml", "a.yaml\n", "a\0.yaml", "a.yaml\0", "a:b.yaml", "a\\b.yaml", "\\\\host\\a.yaml",
    "é.yaml", "ａ.yaml", "a\u202e.yaml", "~a.yaml", "#a.yaml", "a.yaml~", "a", ".yaml", "", "a" * 64 + ".yaml",
    "a" * 5000 + ".yaml", ".gateway-0123456789abcdef.tmp",
]  # fmt: skip


@pytest.mark.parametrize("file", NAMES)
def test_no_file_is_made_under_another_name(server, file):
    before = texts_in(server.connectors.parent)

    answer = save(server, file, GOOD, NOTHING)

    assert answer.status_code in (400, 404, 405), answer.text
    assert texts_in(server.connectors).keys() == {key for key in before if "connectors.d" in key}
    if answer.status_code == 400:
        assert answer.json()["code"] in ("GW520", "GW107")


@settings(max_examples=60)
@given(
    st.text(max_size=40)
    | st.from_regex(r"[./a\\%2eF~\x00-]{1,20}", fullmatch=True)
    | st.from_regex(r"zz[a-z0-9_-]{0,70}", fullmatch=True)
)
def test_every_possible_name_stays_in_the_directory(server, stem):
    file = f"{stem}.yaml"
    before = texts_in(server.connectors).keys()

    answer = save(server, file, "fields: {n: integer}\n", NOTHING)

    if NAME.fullmatch(stem):
        assert answer.status_code == 201, answer.text
        assert texts_in(server.connectors).keys() == before | {str(server.connectors / file)}
        delete(server, file, "fields: {n: integer}\n")
    else:
        assert answer.status_code in (400, 404, 405), answer.text
    assert texts_in(server.connectors).keys() == before


def test_symbolic_links_are_never_followed(server, name, tmp_path):
    inside, outside = server.connectors / f"{name}.yaml", tmp_path / "outside.yaml"
    inside.write_text(GOOD)
    outside.write_text(GOOD)
    for link, target in ((f"{name}-in.yaml", inside.name), (f"{name}-out.yaml", outside)):
        (server.connectors / link).symlink_to(target)
    before = {**texts_in(server.connectors), **texts_in(tmp_path)}

    answers = {
        answer_of(answer)
        for link in (f"{name}-in.yaml", f"{name}-out.yaml")
        for answer in (save(server, link, MORE, matching(GOOD)), delete(server, link, GOOD))
    }

    assert answers <= {(403, "GW518"), (422, "GW501"), (422, "GW519")}
    assert {**texts_in(server.connectors), **texts_in(tmp_path)} == before
    for link in (f"{name}-in.yaml", f"{name}-out.yaml"):
        (server.connectors / link).unlink()


def test_mode_and_owner_of_a_file_stay(server, name):
    file = server.connectors / f"{name}.yaml"
    save(server, file.name, GOOD, NOTHING)
    assert file.stat().st_mode & 0o777 == 0o666 & ~umask()
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    before = file.stat()

    assert save(server, file.name, MORE, matching(GOOD)).status_code == 200

    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def umask() -> int:
    return int(re.search(r"^Umask:\s*(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)[1], 8)


def test_file_that_a_program_writes_is_left_alone(server, name):
    file = server.connectors / f"{name}.yaml"
    save(server, file.name, GOOD, NOTHING)

    with file.open("r+b") as opened:
        answers = [
            answer_of(save(server, file.name, MORE, matching(GOOD))),
            answer_of(delete(server, file.name, GOOD)),
        ]
        opened.write(GOOD.encode())

    assert answers == [(409, "GW522")] * 2
    assert file.read_text() == GOOD
    assert save(server, file.name, MORE, matching(GOOD)).status_code == 200


def test_leftovers_of_a_killed_save_are_deleted(server, name):
    old, young = (server.connectors / f".gateway-{digit * 16}.tmp" for digit in "ab")
    for each in (old, young):
        each.write_text(GOOD)
    then = time.time() - LEFTOVER_SECONDS - 1
    os.utime(old, (then, then))

    save(server, f"{name}.yaml", GOOD, NOTHING)

    assert (old.exists(), young.exists()) == (False, True)
    young.unlink()
    assert not [
        each for each in server.client.get("/-/status").json()["passed_over"] if "gateway-" in str(each)
    ]


def test_pull_and_save_do_not_overwrite_each_other(tmp_path):
    """Save while git pulls, in a clone that the gateway serves: each sees what the other has written."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    git(theirs, "init", "-q")
    for file in ("a.yaml", "b.yaml"):
        (theirs / file).write_text(GOOD)
    git(theirs, "add", ".")
    git(theirs, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", "theirs", "connectors.d")
    with serving(tmp_path) as server, ThreadPoolExecutor(1) as puller:
        for number in range(8):
            mine, upstream = server.connectors / "a.yaml", f"{GOOD}# upstream {number}\n"
            before = mine.read_text()
            (theirs / "a.yaml").write_text(upstream)
            (theirs / "b.yaml").write_text(upstream)
            git(theirs, "commit", "-qam", "next")
            pulled = puller.submit(
                subprocess.run, ["git", "pull", "-q", "--ff-only"], cwd=server.connectors, capture_output=True
            )
            answer = save(server, mine.name, f"{before}# mine {number}\n", matching(before))
            has_pulled = pulled.result().returncode == 0

            saved = mine.read_text() == f"{before}# mine {number}\n"
            # git looks at a file before it writes it: a save in between is complete, and then git replaces its text.
            is_replaced = answer.status_code == 200 and not saved and has_pulled
            assert is_replaced or answer.status_code in ((200,) if saved else (409, 412)), answer.text
            assert saved or mine.read_text() == upstream
            assert has_pulled or "would be overwritten" in pulled.result().stderr.decode()
            git(server.connectors, "fetch", "-q")
            git(server.connectors, "reset", "-q", "--hard", "origin/main")
        assert set(server.reload()) == {"a.yaml", "b.yaml"}
        assert {each["state"] for each in server.status().values()} == {"live"}


# -- where files may be written


def test_first_and_last_file_of_a_directory(tmp_path):
    """Begin without the directory and without a token, and end without a connector."""
    (tmp_path / "connectors.d").mkdir()
    server = Server(tmp_path, is_forked=True)
    server.connectors.rmdir()
    server.start()
    try:
        assert server.client.get("/-/files").json()["files"] == []
        text = GOOD.replace("read: [public]", "ingest: [etl]")
        assert save(server, "first.yaml", text, NOTHING).json()["state"] == "live"
        secret = server.client.post("/-/tokens", json={"name": "etl"}).json()["secret"]
        bearer = {"Authorization": f"Bearer {secret}"}
        assert httpx.post(f"{server.url}/first", json={"n": 1}, headers=bearer).status_code == 201
        assert delete(server, "first.yaml", text).json()["state"] == "removed"
        assert server.client.get("/first").status_code == 410
    finally:
        server.client.close()
        server.kill()


def test_full_and_read_only_disks_lose_nothing(tmp_path):
    disk = SmallDisk(tmp_path / "small", "64k")
    server = Server(tmp_path, prefix=disk.prefix, GATEWAY_CONNECTORS=str(disk.inside))
    server.connectors = disk.outside
    try:
        server.start()
        save(server, "a.yaml", GOOD, NOTHING)
        (disk.outside / "ballast").write_bytes(bytes(40 * 1024))
        long = f"{MORE}#{'x' * 30_000}\n"
        full = [save(server, "a.yaml", long, matching(GOOD)), save(server, "b.yaml", long, NOTHING)]
        (disk.outside / "ballast").unlink()
        disk.make_read_only()
        read_only = save(server, "a.yaml", MORE, matching(GOOD))

        assert [answer_of(each) for each in full] == [(507, "53100")] * 2
        assert answer_of(read_only) == (403, "GW518")
        assert read_only.json()["message"] == f"{disk.inside} takes no file: Read-only file system."
        assert answer_of(delete(server, "a.yaml", GOOD)) == (403, "GW518")
        listed = server.client.get("/-/files").json()
        assert (listed["can_write"], listed["reason"]) == (False, read_only.json()["message"])
        assert texts_in(disk.outside) == {str(disk.outside / "a.yaml"): GOOD.encode()}
        assert server.client.get("/a").status_code == 200
    finally:
        server.client.close()
        server.kill()
        disk.close()


def test_address_of_gunicorn_decides_the_default(tmp_path):
    """Check the address that gunicorn was told: that of the setting would be a loopback address."""
    port = free_port()
    server = Server(tmp_path, ("-m", "gunicorn", "--bind", f"0.0.0.0:{port}")).start(wait=False)
    server.url = f"http://127.0.0.1:{port}"
    try:
        server.wait_ready()
        refused = save(server, "a.yaml", GOOD, NOTHING)
    finally:
        server.client.close()
        server.kill()

    assert answer_of(refused) == (403, "GW518")
    assert f"the gateway listens at 0.0.0.0:{port}" in refused.json()["message"]
    assert list(server.connectors.iterdir()) == []


@pytest.mark.file_only("there is no lake of an earlier version")
def test_history_of_an_older_store_gets_authors(tmp_path):
    put(tmp_path / "connectors.d/a.yaml", GOOD)
    with serving(tmp_path) as server:
        server.stop()
    with duckdb.connect(str(tmp_path / "data/store.duckdb")) as store:
        store.execute("ALTER TABLE gateway.history DROP COLUMN author")

    with serving(tmp_path) as server:
        save(server, "a.yaml", MORE, matching(GOOD))

        assert history(server, "a") == [("changed", "api, admin"), ("created", None)]
