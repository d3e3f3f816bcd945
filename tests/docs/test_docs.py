"""The documentation is true: its tables mirror the code, its YAML loads, its commands run and print what it says."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from gateway import __version__
from gateway.auth.tokens_file import parse_tokens
from gateway.connectors.connector_file import parse_connector
from gateway.docs import pages as shipped
from tests.docs import pages, sessions, tables
from tests.support import shell
from tests.support.server import ROOT, put

YAML = pages.blocks("yaml")
CONSOLES = [path for path in pages.PATHS if pages.has(path, "console")]


@pytest.mark.parametrize("path", pages.PATHS, ids=lambda path: path.stem)
def test_tables_match_the_code(path):
    text = path.read_text()

    assert tables.filled(text) == text, "python -m tests.docs writes them anew"


def test_every_table_is_on_a_page():
    found = {name for path in pages.PATHS for _, name, _ in tables._BLOCK.findall(path.read_text())}

    assert found == set(tables.TABLES)


def test_published_schema_is_also_the_served_one(server):
    assert tables.PUBLISHED_SCHEMA.read_text() == tables.published_schema()
    assert server.client.get("/-/schema/connector.json").json() == tables.FILE_SCHEMA


CONNECTORS = [block.text for block in YAML if "connectors.d/" in block.first]
TOKENS = [block.text for block in YAML if "tokens.yaml" in block.first]
(WORKFLOW,) = (block.text for block in YAML if ".github/" in block.first)
(HOOKS,) = (yaml.safe_load(block.text) for block in YAML if ".pre-commit" in block.first)
ORDERS = next(text for text in CONNECTORS if "connectors.d/orders.yaml" in text)
METRICS = next(text for text in CONNECTORS if "connectors.d/metrics.yaml" in text)


@pytest.mark.parametrize("text", CONNECTORS, ids=lambda text: text.splitlines()[0])
def test_every_connector_on_pages_is_read_without_warnings(text):
    _, warnings = parse_connector(text.encode(), Path(re.search(r"connectors.d/(\S+)", text)[1]).name)

    assert warnings == []


@pytest.mark.parametrize("text", TOKENS)
def test_tokens_files_on_pages_are_read(text):
    assert parse_tokens(text.encode(), "tokens.yaml")


def test_every_yaml_block_on_pages_is_tested():
    assert len(YAML) == len(CONNECTORS) + len(TOKENS) + len(
        [WORKFLOW, HOOKS, "prometheus.yml", "compose.yaml"]
    )


@pytest.fixture
def repository(tmp_path):
    """A team's repository: a connector on main, and a branch that changes it and adds one."""

    def git(*words):
        who = ("-c", "user.name=team", "-c", "user.email=team@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    put(tmp_path / "connectors.d/orders.yaml", ORDERS)
    put(tmp_path / "tokens.yaml", TOKENS[0])
    git("add", ".")
    git("commit", "-qm", "one")
    git("update-ref", "refs/remotes/origin/main", "main")
    git("checkout", "-q", "-b", "branch")
    put(
        tmp_path / "connectors.d/orders.yaml",
        ORDERS.replace("note:", "more: {type: date, nullable: true}\n  note:"),
    )
    put(tmp_path / "connectors.d/metrics.yaml", METRICS)
    return tmp_path


def typed(command: str, directory: Path, **environment: str) -> subprocess.CompletedProcess:
    environment = shell.environment(directory, **environment)
    return subprocess.run(
        ["bash", "-ec", command], cwd=directory, env=environment, capture_output=True, text=True
    )


def test_pull_request_workflow_passes_and_shows_changes(repository):
    """Check also that it fails for a change that loses values."""
    steps = [
        step["run"]
        for step in yaml.load(WORKFLOW, yaml.BaseLoader)["jobs"]["connectors"]["steps"]
        if "run" in step
    ]
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
    put(repository / "connectors.d/orders.yaml", ORDERS.replace("note:", "remark:"))
    ran = typed(steps[-1], repository, GITHUB_BASE_REF="main")
    assert (ran.returncode, "::error file=connectors.d/orders.yaml" in ran.stdout) == (1, True)


def test_hooks_pass_lossless_changes_under_pre_commit(repository):
    """Run the README's example with the real pre-commit; it has the same commands as the repository's list of hooks."""
    published = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    for hook in HOOKS["repos"][0]["hooks"]:
        assert hook["entry"] == published[hook["id"]]["entry"]
    put(repository / ".pre-commit-config.yaml", yaml.safe_dump(HOOKS))

    def run_hooks() -> subprocess.CompletedProcess:
        return typed("git add . && pre-commit run --all-files", repository)

    assert run_hooks().returncode == 0
    put(repository / "connectors.d/orders.yaml", ORDERS.replace("note:", "remark:"))
    refused = run_hooks()
    assert (refused.returncode, "it looks like a rename" in refused.stdout) == (1, True)
    put(repository / "connectors.d/orders.yaml", "fields: [")
    assert run_hooks().returncode == 1


def test_workflow_on_pages_is_written_by_init():
    assert (ROOT / "gateway/project/workflow.yaml").read_text() == WORKFLOW


@pytest.mark.parametrize("path", CONSOLES, ids=lambda path: path.stem)
def test_console_prints_what_the_page_says(path, tmp_path):
    with sessions.gateway_for_pages(tmp_path) as own:
        steps = sessions.run(path, own)

    assert [(command, printed) for command, _, printed in steps] == [
        (command, written.strip("\n")) for command, written, _ in steps
    ], f"python -m tests.docs --sessions {path.stem} writes what they print now"


def test_readme_commands_are_those_of_ci_and_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    serve, test = (
        block.strip()
        for block in [block.text for block in pages.blocks_of(pages.README) if block.language == "sh"][:2]
    )
    assert serve.endswith("gateway serve")
    assert test in (ROOT / ".ci/run").read_text()
    assert "gateway" in project["scripts"]


def test_readme_stores_a_row_on_first_screen():
    """Check also that it has at most 250 lines."""
    lines = pages.README.read_text().splitlines()

    assert len(lines) <= 250
    assert any('{"batch":1,' in line for line in lines[:60])


def test_every_dependency_is_explained_in_the_design():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[a-z0-9-]+", each)[0] for each in project["dependencies"]}
    text = (ROOT / "gateway/docs/design.md").read_text()
    table = text.partition("| dependency |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| ([a-z0-9-]+) \|", table, re.MULTILINE)) == needed


def test_every_extra_is_explained_in_the_design():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    table = (ROOT / "gateway/docs/design.md").read_text().partition("| extra |")[2].partition("\n\n")[0]
    explained = re.findall(r"^\| `([a-z]+)` \| ([a-z0-9, -]+) \|", table, re.MULTILINE)

    assert {name: set(needed.split(", ")) for name, needed in explained} == {
        name: {re.match(r"[a-z0-9-]+", each)[0] for each in needed}
        for name, needed in extras.items()
        if name not in ("test", "bench")
    }


def test_newest_entry_of_changes_is_the_version():
    assert re.search(r"^## (\d\S+)", shipped.read("changes").text, re.MULTILINE)[1] == __version__


def test_every_operating_path_is_on_its_page():
    sources = [path.read_text() for path in (ROOT / "gateway").rglob("*.py")]
    routes = {route for text in sources for route in re.findall(r'add_route\(\s*"(/-/[^"]+)"', text)}
    text = shipped.read("operating").text

    names = {"page": "NAME"}
    assert len(routes) > 15
    for route in routes:
        shown = re.sub(r"\{(\w+)(:path)?\}", lambda found: names.get(found[1], found[1].upper()), route)
        assert f"`{shown}" in text


#: What the Python of each page leaves behind, and how many rows that is.
FOUND = {
    "reading": {"frame": 1, "lines": 1, "large": 1, "rows": 1, "new": 0},
    "writing": {"receipts": 8, "rows": 2, "frame": 250},
}
#: How many rows are stored then, the one before included.
STORED = {"reading": 1, "writing": 503}


@pytest.mark.parametrize(
    "path",
    # The client of `openapi` is generated first: its test is with those of clients.
    [path for path in pages.PATHS if pages.has(path, "python") and path.stem != "openapi"],
    ids=lambda path: path.stem,
)
def test_python_on_pages_runs_and_finds_rows(path, own, monkeypatch):
    monkeypatch.chdir(own.data.parent)
    monkeypatch.setenv("ETL_TOKEN", (own.data / "admin-token").read_text().strip())
    own.declare("orders", ORDERS)
    row = {"order_id": 1, "customer": "Ada", "amount": 12.5, "placed_at": "2026-11-23T08:30:00Z"}
    assert own.client.post("/orders", json=row).status_code == 201
    names: dict[str, object] = {}

    for block in pages.blocks_of(path):
        if block.language == "python":
            exec(block.text.replace("http://localhost:8000", own.url), names)

    assert {name: len(names[name]) for name in FOUND[path.stem]} == FOUND[path.stem]
    assert len(own.client.get("/orders").json()) == STORED[path.stem]


# -- pages, links, and the ways to them


def test_every_page_is_in_the_index():
    assert {path.stem for path in pages.PATHS[1:]} == set(shipped.NAMES)
    assert all(f"(docs/{name}.md)" in shipped.index() for name in shipped.NAMES)
    assert {file for file, _ in pages.links(pages.README)} >= {f"gateway/docs/{n}.md" for n in shipped.NAMES}


@pytest.mark.parametrize("path", pages.PATHS, ids=lambda path: path.stem)
def test_links_lead_to_pages_and_headings(path):
    for file, anchor in pages.links(path):
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{path.name} links to {file}"
        assert path == pages.README or target in pages.PATHS, f"{file} is not in the package"
        assert not anchor or anchor in pages.anchors(target), f"{path.name} links to {file}#{anchor}"


@pytest.mark.parametrize("name", shipped.NAMES)
def test_pages_have_a_title_and_a_summary(name):
    page = shipped.read(name)

    assert page.text.startswith(f"# {page.title}\n")
    assert re.fullmatch(r"[A-Z][^\n]+\.", page.summary)
