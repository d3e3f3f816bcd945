"""`gateway init`: a directory that works as it is, and existing files that stay unchanged."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.commands import init
from tests.support import shell
from tests.support.server import ROOT, eventually, free_port, is_ready


def run(command: str, directory: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a command of a shell, whose `gateway` is forked from a warm process."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=shell.environment(directory, **environment),
        capture_output=True,
        text=True,
    )


def run_installed(command: str, directory: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a command of a shell, whose `gateway` is the program that pip has installed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return run(command, directory, PATH=path, **environment)


@pytest.mark.parametrize(
    "command", [("-m", "gateway", "serve", "--tokens", "tokens.yaml"), ("-m", "gunicorn")]
)
def test_new_directory_is_served_as_printed(tmp_path, command):
    bind = f"127.0.0.1:{free_port()}"
    printed = run("gateway init shop", tmp_path, GATEWAY_BIND=bind).stdout
    next_steps = [line.strip() for line in printed.splitlines() if line.startswith("  ")]
    environment = {**os.environ, "GATEWAY_BIND": bind, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=tmp_path / "shop", env=environment, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: is_ready(f"http://{bind}"))
        answers = [json.loads(run(step, tmp_path).stdout) for step in next_steps[1:]]
    finally:
        process.terminate()
        process.wait()

    assert next_steps[0] == "cd shop && gateway serve --tokens tokens.yaml"
    receipt, rows = answers
    assert receipt["stored"] == 1
    assert rows[0] | {"order_id": 1, "amount": 12.5, "paid": False, "note": None} == rows[0]
    ignored = run("git init -q . && git status --porcelain -uall", tmp_path / "shop").stdout
    assert "admin-token" not in ignored


def test_new_directory_passes_its_own_check(tmp_path):
    run("gateway init", tmp_path)
    workflow = yaml.safe_load((tmp_path / ".github/workflows/connectors.yaml").read_text())
    git = "git -c user.name=team -c user.email=team@example.com -c commit.gpgsign=false"

    run(
        f"git init -q -b main && git add . && {git} commit -qm one && git update-ref refs/remotes/origin/main main",
        tmp_path,
    )
    steps = [step["run"] for step in workflow["jobs"]["connectors"]["steps"] if "run" in step]
    for step in steps[1:]:
        ran = run(step, tmp_path, GITHUB_BASE_REF="main", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
        assert ran.returncode == 0, ran.stderr + ran.stdout

    assert steps[0].startswith("pip install")


def test_next_command_works_without_gateway_on_path(tmp_path):
    program = Path(sys.executable).parent / "gateway"

    printed = run_installed(f"PATH=/usr/bin:/bin {program} init shop", tmp_path).stdout

    assert f"  cd shop && {program} serve --tokens tokens.yaml" in printed.splitlines()


def test_existing_files_are_not_changed(tmp_path):
    (tmp_path / "tokens.yaml").write_text("{}\n")

    first = run("gateway init", tmp_path)
    second = run("gateway init", tmp_path)

    assert (tmp_path / "tokens.yaml").read_text() == "{}\n"
    assert "tokens.yaml exists already, and is not changed." in first.stdout
    assert "secret" not in first.stdout, "the tokens file has no line for it"
    assert second.stdout.count("exists already") == len(init.FILES)
    assert (first.returncode, second.returncode) == (0, 0)


def test_secret_is_printed_and_not_written(tmp_path):
    printed = run("gateway init", tmp_path).stdout

    (secret,) = set(re.findall(r"gw_[\w-]+", printed))
    assert all(secret not in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_unwritable_directory_is_one_line_error(tmp_path):
    (tmp_path / "connectors.d").write_text("a file")

    ran = run("gateway init", tmp_path)

    assert ran.returncode == 1
    assert ran.stderr == "Error: connectors.d/orders.yaml cannot be written: File exists\n"


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (
            {"url": "https://git.example.com/data/gateway", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "gateway @ git+https://git.example.com/data/gateway@ab12",
        ),
        ({"url": "file:///home/ada/gateway", "dir_info": {"editable": True}}, "OWNER"),
        ({"url": "file:///srv/gateway.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}}, "OWNER"),
        ({}, "OWNER"),
    ],
)
def test_workflow_installs_from_same_repository(tmp_path, monkeypatch, origin, requirement):
    """Install a distribution beside the code of the gateway, as pip does."""
    version = importlib.metadata.version("gateway")
    made = tmp_path / f"site/gateway-{version}.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gateway\nVersion: {version}\n")
    (made / "direct_url.json").write_text(json.dumps(origin))

    monkeypatch.syspath_prepend(tmp_path / "site")

    ran = CliRunner().invoke(main, ["init", str(tmp_path / "shop")])

    assert requirement in (tmp_path / "shop/.github/workflows/connectors.yaml").read_text()
    assert ("OWNER" in ran.output) == (requirement == "OWNER")


def test_closed_pipe_leaves_no_file_out(tmp_path):
    """Check that all files are written before the first line is printed, so that `gateway init | head -n 1` is whole."""
    run_installed("gateway init shop | head -c 1", tmp_path)

    assert [name for name in init.FILES if not (tmp_path / "shop" / name).exists()] == []
