"""The README is true: its tables mirror the code, its YAML loads, its commands run and print what it says."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from gateway import __version__
from gateway.connectors.connector_file import declare
from gateway.serve.tokens import read_tokens
from tests.docs import tables
from tests.support.server import ROOT, put

TEXT = tables.README.read_text()
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
CONSOLE = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)


def test_the_tables_are_as_the_code_is():
    assert tables.filled(TEXT) == TEXT, "python -m tests.docs writes them anew"
    assert {found[1] for found in tables._BLOCK.findall(TEXT)} == set(tables.TABLES)


def test_the_published_schema_is_the_one_that_is_served(server):
    assert tables.PUBLISHED_SCHEMA.read_text() == tables.published_schema()
    assert server.client.get("/-/schema/connector.json").json() == tables.FILE_SCHEMA


CONNECTORS = [text for text in YAML if "connectors.d/" in text.splitlines()[0]]
(TOKENS,) = (text for text in YAML if "tokens.yaml" in text.splitlines()[0])
(WORKFLOW,) = (yaml.load(text, yaml.BaseLoader) for text in YAML if ".github/" in text.splitlines()[0])
(HOOKS,) = (yaml.safe_load(text) for text in YAML if ".pre-commit" in text.splitlines()[0])


@pytest.mark.parametrize("text", CONNECTORS, ids=lambda text: text.splitlines()[0])
def test_every_connector_is_one_the_gateway_reads(text):
    _, warnings = declare(text.encode(), Path(re.search(r"connectors.d/(\S+)", text)[1]).name)

    assert warnings == []


def test_the_tokens_are_ones_the_gateway_reads():
    assert read_tokens(TOKENS.encode(), "tokens.yaml")


def test_every_yaml_is_tested():
    assert len(YAML) == len(CONNECTORS) + 3


@pytest.fixture
def repository(tmp_path):
    """A team's repository: a connector on main, and a branch that changes it and adds one."""

    def git(*words):
        who = ("-c", "user.name=team", "-c", "user.email=team@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    put(tmp_path / "connectors.d/orders.yaml", CONNECTORS[0])
    put(tmp_path / "tokens.yaml", TOKENS)
    git("add", ".")
    git("commit", "-qm", "one")
    git("update-ref", "refs/remotes/origin/main", "main")
    git("checkout", "-q", "-b", "branch")
    put(
        tmp_path / "connectors.d/orders.yaml",
        CONNECTORS[0].replace("note:", "more: {type: date, nullable: true}\n  note:"),
    )
    put(tmp_path / "connectors.d/metrics.yaml", CONNECTORS[1])
    return tmp_path


def typed(command: str, directory: Path, **environment: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(directory), **environment}
    return subprocess.run(
        ["bash", "-ec", command], cwd=directory, env=environment, capture_output=True, text=True
    )


def test_the_workflow_for_pull_requests_passes_and_shows_what_changes(repository):
    steps = [step["run"] for step in WORKFLOW["jobs"]["connectors"]["steps"] if "run" in step]
    summary = repository / "summary.md"

    told = ""
    for step in steps[1:]:  # The first installs the gateway.
        ran = typed(step, repository, GITHUB_BASE_REF="main", GITHUB_STEP_SUMMARY=str(summary))
        assert ran.returncode == 0, ran.stderr
        told += ran.stdout

    assert steps[0].startswith("pip install")
    assert "### gateway plan: 1 to create, 1 to change" in summary.read_text()
    assert "::notice file=connectors.d/orders.yaml,line=" in told
    assert "adds the field 'more'" in told
    put(repository / "connectors.d/orders.yaml", CONNECTORS[0].replace("note:", "remark:"))
    ran = typed(steps[-1], repository, GITHUB_BASE_REF="main")
    assert (ran.returncode, "::error file=connectors.d/orders.yaml" in ran.stdout) == (1, True)


def test_the_hooks_pass_what_loses_nothing_under_pre_commit(repository):
    """The real pre-commit runs the README's example, which calls the hooks as the repository's own list has them."""
    published = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    for hook in HOOKS["repos"][0]["hooks"]:
        assert hook["entry"] == published[hook["id"]]["entry"]
    put(repository / ".pre-commit-config.yaml", yaml.safe_dump(HOOKS))

    def run_hooks() -> subprocess.CompletedProcess:
        return typed("git add . && pre-commit run --all-files", repository)

    assert run_hooks().returncode == 0
    put(repository / "connectors.d/orders.yaml", CONNECTORS[0].replace("note:", "remark:"))
    refused = run_hooks()
    assert (refused.returncode, "it looks like a rename" in refused.stdout) == (1, True)
    put(repository / "connectors.d/orders.yaml", "fields: [")
    assert run_hooks().returncode == 1


def test_the_workflow_is_the_one_that_init_writes():
    assert f"```yaml\n{(ROOT / 'gateway/project/workflow.yaml').read_text()}```" in TEXT


def test_every_command_prints_what_the_readme_says(own):
    """The console blocks are one session, in the directory that the gateway was started in."""
    for name in ("orders", "stock"):
        put(own.connectors / f"{name}.yaml", next(text for text in YAML if f"connectors.d/{name}" in text))
    own.reload()
    script, expected = ["set -e"], []
    for line in "".join(CONSOLE).splitlines():
        if line.startswith("$ "):
            script.append(f"{line[2:]}\necho; echo '#'")
            expected.append("")
        else:
            expected[-1] += line + "\n"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    home = {"XDG_STATE_HOME": str(own.data.parent / "state")}
    environment = {**os.environ, **home, "PATH": path, "PYTHONPATH": str(ROOT)}
    text = "\n".join(script).replace("localhost:8000", own.url.removeprefix("http://"))

    ran = subprocess.run(
        ["bash", "-c", text], cwd=own.data.parent, env=environment, capture_output=True, text=True
    )

    assert ran.returncode == 0, ran.stderr
    printed = [part.strip("\n") for part in ran.stdout.split("\n#\n")]
    assert printed[: len(expected)] == [each.strip("\n") for each in expected]


def test_the_two_commands_are_those_that_ci_and_the_machine_know():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    serve, test = (block.strip() for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)[:2])
    assert serve.endswith("gateway serve")
    assert test in (ROOT / ".ci/run").read_text()
    assert "gateway" in project["scripts"]


def test_every_dependency_earns_its_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[a-z0-9-]+", each)[0] for each in project["dependencies"]}
    table = TEXT.partition("| dependency |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| ([a-z0-9-]+) \|", table, re.MULTILINE)) == needed


def test_the_newest_change_is_the_version():
    assert re.search(r"^## Changes\n\n### (\S+)", TEXT, re.MULTILINE)[1] == __version__


def test_every_operating_path_is_in_the_readme():
    sources = (path.read_text() for path in (ROOT / "gateway/admin").glob("*.py"))
    routes = [route for text in sources for route in re.findall(r'add_route\("(/-/[^"]+)"', text)]

    for route in routes:
        assert f"`{route.replace('{name}', 'NAME')}`" in TEXT


def test_every_line_of_python_runs(own):
    put(own.connectors / "orders.yaml", next(text for text in YAML if "connectors.d/orders" in text))
    own.reload()
    row = {"order_id": 1, "customer": "Ada", "amount": 12.5, "placed_at": "2026-11-23T08:30:00Z"}
    assert own.client.post("/orders", json=row).status_code == 201
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        names: dict[str, object] = {}
        exec(block.replace("http://localhost:8000", own.url), names)
        assert [len(names[name]) for name in ("frame", "lines", "large", "rows")] == [1, 1, 1, 1]
