"""The README is true: its tables mirror the code, its YAML loads, its commands run and print what it says."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway import __version__
from gateway.connectors.declaration import declare
from gateway.serve.access import read_tokens
from tests import docs
from tests.rig import ROOT, put

TEXT = docs.README.read_text()
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
CONSOLE = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)


def test_the_tables_are_as_the_code_is():
    assert docs.filled(TEXT) == TEXT, "python -m tests.docs writes them anew"
    assert {found[1] for found in docs._BLOCK.findall(TEXT)} == set(docs.TABLES)


def test_the_published_schema_is_the_one_that_is_served(server):
    assert docs.PUBLISHED_SCHEMA.read_text() == docs.published_schema()
    assert server.client.get("/-/schema/connector.json").json() == docs.FILE_SCHEMA


@pytest.mark.parametrize("text", YAML, ids=lambda text: text.splitlines()[0])
def test_every_yaml_is_one_the_gateway_reads(text):
    if "connectors.d/" in text.splitlines()[0]:
        _, warnings = declare(text.encode(), Path(re.search(r"connectors.d/(\S+)", text)[1]).name)
        assert warnings == []
    else:
        assert read_tokens(text.encode(), "tokens.yaml")


def test_every_command_prints_what_the_readme_says(own):
    """The console blocks are one session, in the directory that the gateway was started in."""
    put(own.connectors / "orders.yaml", next(text for text in YAML if "connectors.d/orders" in text))
    own.reload()
    script, expected = ["set -e"], []
    for line in "".join(CONSOLE).splitlines():
        if line.startswith("$ "):
            script.append(f"{line[2:]}\necho; echo '#'")
            expected.append("")
        else:
            expected[-1] += line + "\n"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
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
    sources = ((ROOT / "gateway/serve" / name).read_text() for name in ("admin.py", "lifecycle.py"))
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
