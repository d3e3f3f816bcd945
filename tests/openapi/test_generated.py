"""Programs of strangers, made from the document or driven by it, talk to a real gateway.

What a tool needs is installed by `tests/clients/install`; where it is missing, the test fails.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import strictjson
from gateway.openapi import document
from tests.openapi.samples import SCHEMATHESIS, connectors
from tests.support.server import ROOT
from tests.support.sizes import is_full_size

TYPESCRIPT = ROOT / "tests/support/openapi_fetch"
PYTHON = ROOT / "tests/support/openapi_python_client/program.py"
BIN = Path(sys.executable).parent


def run(words, cwd, **environment):
    """Run a program of the environment, or one of npm, and give what it printed."""
    path = f"{BIN}:{TYPESCRIPT / 'node_modules/.bin'}:{os.environ['PATH']}"
    ran = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout + ran.stderr


def secret(server):
    return server.admin["Authorization"].removeprefix("Bearer ")


@pytest.fixture(scope="session")
def orders(shop):
    """The document of one connector."""
    return shop.client.get("/-/connectors/orders/openapi.json").content


@pytest.fixture(scope="session")
def compiled(orders, tmp_path_factory):
    """A directory with compiled programs, and what the compiler said of each; it reads the types of every sample, too."""
    directory = tmp_path_factory.mktemp("typescript")
    every = document.build([(each, document.EVERY_VERB) for each in connectors()], "/")
    (directory / "openapi.json").write_bytes(orders)
    (directory / "every.json").write_bytes(strictjson.write(every))
    (directory / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    for name in ("package.json", "tsconfig.json", "program.ts", "wrong.ts"):
        shutil.copy(TYPESCRIPT / name, directory)
    for source, types in (("openapi.json", "schema.d.ts"), ("every.json", "every.d.ts")):
        code, said = run(["openapi-typescript", source, "-o", types], directory)
        assert code == 0, said
    _, said = run(["tsc", "-p", "."], directory)
    return directory, re.findall(r"^(\S+)\((\d+),\d+\): error (TS\d+)", said, re.MULTILINE), said


def test_typescript_refuses_what_is_not_in_the_document(compiled):
    _, errors, said = compiled
    wrong = [
        number
        for number, line in enumerate((TYPESCRIPT / "wrong.ts").read_text().splitlines(), 1)
        if "custmer" in line or (line.startswith("export const") and "POST" not in line)
    ]

    assert [(file, int(line)) for file, line, _ in errors] == [("wrong.ts", line) for line in wrong], said
    assert len(wrong) == 6


def test_typescript_client_writes_and_reads_rows(shop, compiled):
    directory, _, _ = compiled
    shop.emptied("/orders")

    code, said = run(["node", "build/program.js", shop.url, secret(shop)], directory)

    assert code == 0, said
    told = json.loads(said)
    assert told.pop("batch") > 0
    assert told == {
        "customers": ["Ada", "Grace"],
        "some": [{"order_id": 2, "paid": False}],
        "paid": False,
        "count": "0-1/2",
        "statuses": [204, 204],
        "left": [{"order_id": 1, "paid": True}],
        "refused": ["23514", "customer"],
    }


def example(shop, heading):
    """Return the program below a heading of the page, for this gateway."""
    text = (
        (ROOT / "gateway/docs/openapi.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    )
    (found,) = re.findall(r"^```(?:ts|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found.replace("http://localhost:8000", shop.url), text


def test_typescript_of_the_page_compiles_and_runs(shop, tmp_path):
    program, text = example(shop, "TypeScript")
    (tmp_path / "orders.mts").write_text(program)
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    (command,) = re.findall(r"^npx (tsc .*)$", text, re.MULTILINE)
    shop.emptied("/orders")
    row = {"order_id": 1, "customer": "Ada", "amount": 12.5, "placed_at": "2026-11-23T08:30:00Z"}
    assert shop.client.post("/orders", json=row).status_code == 201

    made = run(["openapi-typescript", f"{shop.url}/-/openapi.json", "-o", "schema.d.ts"], tmp_path)
    code, said = run(["bash", "-c", command], tmp_path)

    assert made[0] == 0, made[1]
    assert (code, said.strip()) == (0, "[ 'Ada' ]")


def test_python_of_the_page_stores_and_reads(shop, orders, tmp_path):
    program, text = example(shop, "Python")
    (tmp_path / "openapi.json").write_bytes(orders)
    (tmp_path / "program.py").write_text(f"{program}print([order.customer for order in orders])\n")
    (command,) = re.findall(r"^openapi-python-client .*$", text, re.MULTILINE)
    shop.emptied("/orders")

    made = [run(command.split(), tmp_path) for _ in range(2)]
    ran = run([sys.executable, "program.py"], tmp_path, GATEWAY_TOKEN=secret(shop))

    assert [code for code, _ in made] == [0, 0], made
    assert ran == (0, "['Lin']\n")


def test_python_client_writes_and_reads_rows(shop, orders, tmp_path):
    (tmp_path / "openapi.json").write_bytes(orders)
    shop.emptied("/orders")

    made = run(
        [
            "openapi-python-client",
            "generate",
            "--path",
            "openapi.json",
            "--output-path",
            "shop",
            "--meta",
            "none",
        ],
        tmp_path,
    )
    code, said = run([sys.executable, PYTHON, shop.url, secret(shop)], tmp_path, PYTHONPATH=str(tmp_path))

    assert made[0] == 0, made[1]
    assert code == 0, said
    told = json.loads(said)
    assert told.pop("batch") > 0
    assert told == {
        "stored": [2, 1],
        "customers": ["Ada", "Grace", "Lin"],
        "placed": ["2026-11-23T07:30:00+00:00"],
        "some": [{"order_id": 1}],
        "renamed": [{"total": 16.75}],
        "count": "0-2/3",
        "statuses": [204, 204],
        "left": [{"order_id": 1, "paid": True}],
        "refused": ["23514", "customer"],
        "misread": ["42703", "did you mean 'customer'?"],
    }


def test_python_client_is_made_without_lost_schemas(shop, tmp_path):
    """Text bodies are the only thing that this generator leaves out, and it says so."""
    (tmp_path / "openapi.json").write_bytes(shop.client.get("/-/openapi.json").content)
    code, said = run(
        [
            "openapi-python-client",
            "generate",
            "--path",
            "openapi.json",
            "--output-path",
            "all",
            "--meta",
            "none",
        ],
        tmp_path,
    )

    warned = set(re.findall(r"WARNING parsing (\w+ \S+) within", said))
    assert code == 0, said
    assert {warning.split()[0] for warning in warned} <= {"POST", "PUT"}
    assert "will not be generated" not in said
    for name in ("orders", "every_type", "every_rule", "queries"):
        assert len(list((tmp_path / "all/api" / name).glob("[a-z]*.py"))) == 6


def schemathesis(shop, tmp_path, *options):
    """Run schemathesis on the served document, and give what it printed; its hooks write what OpenAPI cannot say.

    A usual run has always the same seed, so that what it finds was changed by a commit; a full one has any.
    """
    code, said = run(
        [
            ROOT / ".venv-schemathesis/bin/schemathesis",
            "--config-file",
            ROOT / "tests/openapi/schemathesis.toml",
            "run",
            f"{shop.url}/-/openapi.json",
            "--url",
            shop.url,
            "--header",
            f"Authorization: {shop.admin['Authorization']}",
            *([] if is_full_size() else ["--seed", "20261130"]),
            *options,
        ],
        tmp_path,
        PYTHONPATH=str(ROOT),
    )
    assert code == 0, said
    return said


@pytest.mark.long
@pytest.mark.scaled
def test_schemathesis_finds_nothing(shop, tmp_path, tell):
    """Run the examples and random requests of every operation."""
    said = schemathesis(shop, tmp_path, "--phases", "examples,fuzzing")

    tell(re.search(r"\d+ generated.*", said)[0])
    assert re.search(r"Tested: +24", said), said


@pytest.mark.scaled
@pytest.mark.parametrize("path", SCHEMATHESIS)
def test_schemathesis_follows_links(shop, tmp_path, tell, path):
    """Run chains of requests; in those of one connector alone, a link from a receipt to its rows is sure to be met."""
    said = schemathesis(shop, tmp_path, "--phases", "stateful", "--include-path", f"/{path}")

    tell(re.search(r"\d+ generated.*", said)[0])
    assert re.search(r"API Links: +1 covered", said), said
