"""Inputs that once failed: each folder of tests/data/cases holds files and the transcript of a session with them.

A transcript, `steps.console`, has commands behind `$ ` and below each what it prints, both streams together; `[rc N]`
ends that of a command that fails. A gateway serves the connector files of the folder that it can read, and the commands
run in a copy of it, with `$URL`, `$TOKEN` and `gateway` at hand.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.connectors.connector_file import parse_connector
from gateway.connectors.finding import InvalidFileError
from tests.support import shell
from tests.support.server import ROOT, Server, put

CASES = sorted((ROOT / "tests/data/cases").glob("*/steps.console"))


def steps_of(transcript: str) -> list[tuple[str, str]]:
    """Return the commands of a transcript, each with what it prints."""
    steps: list[tuple[str, str]] = []
    for line in transcript.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        elif line or steps:
            command, printed = steps[-1]
            steps[-1] = (command, f"{printed}{line}\n")
    return steps


def printed_by(command: str, directory: Path, server: Server) -> str:
    """Run one command as a user would, and return what a terminal would show."""
    environment = {
        **shell.environment(directory),
        "XDG_STATE_HOME": str(directory / "state"),
        "COLUMNS": "200",
        "URL": server.url,
        "TOKEN": server.admin["Authorization"].removeprefix("Bearer "),
        "GATEWAY_URL": server.url,
        "GATEWAY_TOKEN": server.admin["Authorization"].removeprefix("Bearer "),
    }
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return f"{ran.stdout.rstrip()}\n" + (f"[rc {ran.returncode}]\n" if ran.returncode else "")


def serve_valid_files(server: Server, directory: Path) -> None:
    for path in sorted(directory.glob("*.yaml")):
        try:
            parse_connector(path.read_bytes(), path.name)
        except InvalidFileError:
            continue
        put(server.connectors / path.name, path.read_text())
    assert all(state["state"] == "live" for state in server.reload().values())


@pytest.mark.parametrize("transcript", CASES, ids=lambda path: path.parent.name)
def test_case_prints_what_its_transcript_says(transcript, own, tmp_path):
    directory = tmp_path / "case"
    shutil.copytree(transcript.parent, directory)
    serve_valid_files(own, directory)
    steps = steps_of(transcript.read_text())
    assert steps

    for command, expected in steps:
        assert printed_by(command, directory, own).strip() == expected.strip(), command
