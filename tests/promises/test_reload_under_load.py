"""A directory that changes in every way while one of its connectors is used."""

import shutil
from pathlib import Path

import pytest

from tests.support.clients import Load
from tests.support.server import Server, eventually, put

GOOD = "fields: {n: integer}\naccess: {read: [public]}\n"
WITH_FIELD = "fields: {n: integer, s: {type: string, default: new}, t: {type: date, nullable: true}}\naccess: {read: [public]}\n"
BROKEN = "fields: {n: integr}\n"


def _flip(server: Server, directory: Path, files: dict[str, str], generation: int) -> None:
    """Deliver a whole directory as git-sync does: a new one beside it, then the link is flipped."""
    target = directory / f"rev{generation}"
    target.mkdir()
    for name, text in files.items():
        (target / name).write_text(text)
    link = directory / "next"
    link.symlink_to(target)
    link.rename(server.connectors)
    shutil.rmtree(directory / f"rev{generation - 1}", ignore_errors=True)


@pytest.mark.parametrize("reloads", [30, pytest.param(200, marks=pytest.mark.torture)])
def test_reloads_fail_no_request_on_other_connectors(tmp_path, tell, reloads):
    """Add, change, break, correct, and remove connectors under load; by rename, in-place write, and symlink flip. Print the counts."""
    server = Server(tmp_path / "server", is_forked=True)
    server.connectors.rmdir()
    files = {"steady.yaml": GOOD}
    _flip(server, tmp_path, files, 0)
    server.start()
    steps = [
        ("add", GOOD),
        ("change", WITH_FIELD),
        ("break", BROKEN),
        ("correct", WITH_FIELD),
        ("remove", None),
    ]
    expected = {"add": "live", "change": "live", "break": "last good", "correct": "live", "remove": "removed"}
    flips = done = 0
    try:
        with Load(server, "/steady") as load:
            for done in range(reloads):
                step, text = steps[done % 5]
                name = f"t{done // 5}.yaml"
                if text is None:
                    files.pop(name)
                else:
                    files[name] = text
                how = ("rename", "in place", "flip")[(done + done // 5) % 3]
                if how == "flip":
                    flips += 1
                    _flip(server, tmp_path, files, flips)
                elif text is None:
                    (server.connectors / name).unlink()
                elif how == "rename":
                    put(server.connectors / name, text)
                else:
                    (server.connectors / name).write_text(text)
                eventually(
                    lambda: server.status().get(name, {}).get("state") == expected[step],
                    f"{step} {name} by {how}",
                )
        tell(f"reloads: {done + 1}, requests: {load.requests}, failed: {len(load.failures)}")
        assert load.failures == []
        assert load.requests > reloads
        stored = [row["n"] for row in server.client.get("/steady").json()]
        assert sorted(stored) == sorted(load.acknowledged)
    finally:
        server.stop()
