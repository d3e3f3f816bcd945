"""No verb writes control characters of a file, an argument, or a response to the terminal."""

import ast
import json
import os
import pty
import re

import pytest

from gateway.connectors import plan
from gateway.connectors.directory import ConnectorFile
from gateway.printable import printable
from tests.support import verbs
from tests.support.forked import ROOT, fork
from tests.support.server import put
from tests.test_layers import MODULES, PACKAGE

#: Rings the bell, clears the screen, sets the title and colors, and reverses the direction of writing.
HOSTILE = '"a\\a\\e[2J\\e]0;title\\a\\e[31mred\\u202e\\x9b1m"'
RAW = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(arguments: list[str], **environment: str) -> str:
    """Run a verb on a terminal and return what it writes there."""
    ours, theirs = pty.openpty()
    ran = fork(arguments, {"PATH": os.environ["PATH"], "TERM": "xterm", **environment}, ROOT, [theirs] * 3)
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # The other end is closed.
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    ran.wait()
    return written.decode()


def piped(arguments: list[str], **environment: str) -> str:
    ran = verbs.run(arguments, {"PATH": os.environ["PATH"], **environment}, ROOT)
    return ran.stdout + ran.stderr


@pytest.fixture
def hostile(tmp_path):
    """Create a directory whose files have control characters in keys, values, and names."""
    put(tmp_path / "c" / "a.yaml", f"{HOSTILE}: 1\nfields:\n  {HOSTILE}: integer\n  b: {HOSTILE}\n")
    put(tmp_path / "c" / "b.yaml", f"fields: {{n: integer}}\ndescription: {HOSTILE}\n")
    put(tmp_path / "c" / "x\x1b[31mred.yaml", "fields: [")
    put(tmp_path / "c" / "y\x1b[31mred.YAML", "")
    (tmp_path / "before").mkdir()
    (tmp_path / "t\x1b[31mred.csv").write_text("a\x1b[31mred,a\x1b[31mred\n1,2\n")
    return tmp_path


VERBS = {
    "check": ["check", "{}/c"],
    "check github": ["check", "{}/c", "--format", "github"],
    "check json": ["check", "{}/c", "--format", "json"],
    "check tokens": ["check", "{}/c", "--tokens", "{}/t\x1b[31mred.csv"],
    "plan": ["plan", "{}/c", "--against", "{}/before"],
    "plan markdown": ["plan", "{}/c", "--against", "{}/before", "--format", "markdown"],
    "plan github": ["plan", "{}/c", "--against", "{}/before", "--format", "github"],
    "plan json": ["plan", "{}/c", "--against", "{}/before", "--format", "json"],
    "an unknown verb": ["\x1b[31mred"],
    "an unknown option": ["check", "--\x1b[31mred"],
    "a directory": ["check", "{}/\x1b[31mred"],
    "new": ["new", "x", "--from", "{}/\x1b[31mred.csv", "--stdout"],
    "a name": ["remove", "\x1b[31mred", "--connectors", "{}/c"],
    "a URL": ["ls", "--url", "http://\x1b[31mred"],
}


@pytest.mark.parametrize(("verb", "run"), [*((verb, on_terminal) for verb in VERBS), ("check", piped)])
def test_verb_writes_no_control_character_of_others(verb, run, hostile):
    told = run([each.replace("{}", str(hostile)) for each in VERBS[verb]])

    assert "red" in told
    assert "\x1b[31mred" not in told
    assert not RAW.search(COLOR.sub("", told))


def test_json_of_a_hostile_file_stays_json(hostile):
    told = json.loads(
        piped(["plan", str(hostile / "c"), "--against", str(hostile / "before"), "--format", "json"])
    )

    assert any("\x1b" in finding["message"] for each in told["connectors"] for finding in each["findings"])


def test_colors_of_the_gateway_itself_reach_the_terminal(tmp_path):
    put(tmp_path / "c" / "b.yaml", "fields: {n: integer}\n")
    (tmp_path / "before").mkdir()

    told = on_terminal(["plan", str(tmp_path / "c"), "--against", str(tmp_path / "before")])

    assert COLOR.search(told)
    assert COLOR.sub("", told).startswith("+ b  is new, at /b")


def test_answers_of_a_gateway_are_made_printable(cleared, hostile):
    """Check the states of files with hostile names, and rejected rows with control characters."""
    cleared.declare("rows", "fields: {n: integer}\non_invalid: keep\n")
    cleared.client.post("/rows", json=[{"n": "\x1b[31mred"}])
    put(cleared.connectors / "x\x1b[31mred.yaml", "fields: [")
    cleared.reload()
    environment = {
        "GATEWAY_URL": cleared.url,
        "GATEWAY_TOKEN": cleared.admin["Authorization"].removeprefix("Bearer "),
    }

    for arguments in (["ls"], ["rejected", "rows"]):
        told = on_terminal(arguments, **environment)
        assert "rows" in told
        assert not RAW.search(COLOR.sub("", told)), told


def test_one_finding_is_one_line():
    """Check that a line break in a key does not forge a second line."""

    (found, *_) = plan.parse_file(
        ConnectorFile.of("a.yaml", b'"a\\nb.yaml: fine": 1\nfields: {n: integer}\n')
    ).findings

    assert "\n" not in str(found)
    assert "\n" not in found.message


@pytest.mark.parametrize("module", MODULES)
def test_consoles_are_made_in_one_place(module):
    """Check that no other module makes a console, which would write control characters of files."""
    names = {
        node.id if isinstance(node, ast.Name) else node.attr
        for call in ast.walk(ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text()))
        if isinstance(call, ast.Call) and isinstance(node := call.func, ast.Name | ast.Attribute)
    }

    assert "Console" not in names or module == "commands.terminal"


def test_printable_keeps_harmless_text():
    text = "Zoë\t\u00a0“x” 👩\u200d👩\n"

    assert printable(text) == text
    assert (
        printable("\x07\x1b\x7f\x9b\u202e\ud800\r\0")
        == "\\u0007\\u001b\\u007f\\u009b\\u202e\\ud800\\u000d\\u0000"
    )
