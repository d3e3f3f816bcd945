"""Snippets of a page as programs: each is run as its reader would run it, and what it prints is returned."""

import base64
import contextlib
import csv
import io
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.support.server import ROOT

NODE_PACKAGES = ROOT / "tests/clients/snippets/node_modules"
DUCKDB = ROOT / ".venv-duckdb/bin"
_TSC = ("--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--types", "node")


_SUFFIXES = {"typescript": "mts", "javascript": "mjs", "sql": "sql", "sh": "sh"}


class Snippet(NamedTuple):
    """A snippet as the page shows it."""

    id: str
    language: str
    text: str


class Outcome(NamedTuple):
    """What a program printed, and whether it ended well."""

    is_success: bool
    printed: str


class Workshop:
    """A directory with the tools that snippets need, and no setting but the token."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "node_modules").symlink_to(NODE_PACKAGES)
        (extension,) = DUCKDB.parent.rglob("duckdb_extension_httpfs/**/httpfs.duckdb_extension")
        # The snippet installs it from the network; here it is installed already, which is then enough.
        self._run("duckdb", "-c", f"INSTALL '{extension}'", token=None)

    def run(self, snippet: Snippet, token: str | None) -> Outcome:
        """Run a snippet with a token in its environment."""
        name = f"{snippet.id}.{ {'typescript': 'mts', 'javascript': 'mjs', 'sql': 'sql'}.get(snippet.language, 'txt') }"
        (self.directory / name).write_text(snippet.text)
        match snippet.language:
            case "sh":
                return self._run("bash", name, token=token)
            case "sql":
                return self._run("duckdb", "-bail", "-f", name, token=token)
            case "python":
                return _python(snippet.text, token)
            case "typescript":
                return self._run("node", f"{snippet.id}.mjs", token=token)
            case "javascript":
                return self._run("node", name, token=token)
            case "powerquery" | "formula" | "url":
                return _fetched(_url_in(snippet), token)
        raise AssertionError(f"nothing runs {snippet.language}")

    def compile(self, snippets: list[Snippet]) -> Outcome:
        """Compile programs of TypeScript as strictly as can be, all at once."""
        for each in snippets:
            (self.directory / f"{each.id}.mts").write_text(each.text)
        return self._run("node_modules/.bin/tsc", *_TSC, *(f"{each.id}.mts" for each in snippets), token=None)

    def _run(self, *command: str, token: str | None) -> Outcome:
        environment = {"PATH": f"{DUCKDB}:{os.environ['PATH']}", "HOME": str(self.directory)}
        environment |= {} if token is None else {"GATEWAY_TOKEN": token}
        ran = subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True)
        return Outcome(ran.returncode == 0, ran.stdout + ran.stderr)


def _python(text: str, token: str | None) -> Outcome:
    """Run a program of Python in this process, which has its libraries already."""
    before = os.environ.pop("GATEWAY_TOKEN", None)
    os.environ.update({} if token is None else {"GATEWAY_TOKEN": token})
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(text, "snippet", "exec"), {})
    except SystemExit as end:
        return Outcome(False, printed.getvalue() + str(end))
    finally:
        os.environ.pop("GATEWAY_TOKEN", None)
        os.environ.update({} if before is None else {"GATEWAY_TOKEN": before})
    return Outcome(True, printed.getvalue())


def _url_in(snippet: Snippet) -> str:
    """Return the URL that a spreadsheet reads from its formula."""
    if snippet.language == "url":
        return snippet.text
    call = {"powerquery": "Web.Contents", "formula": "=IMPORTDATA"}[snippet.language]
    found = re.search(rf'{re.escape(call)}\("((?:[^"]|"")*)"\)', snippet.text)
    assert found, snippet.text
    return found[1].replace('""', '"')


def _fetched(url: str, token: str | None) -> Outcome:
    """Fetch a URL as Excel and Calc do: with any user, and the token as the password."""
    basic = base64.b64encode(f"any:{token}".encode()).decode()
    headers = {} if token is None else {"Authorization": f"Basic {basic}"}
    answer = httpx.get(url, headers=headers)
    assert not answer.is_success or answer.headers["Content-Type"].startswith("text/csv")
    return Outcome(answer.is_success, "\n".join(map(str, csv.reader(answer.text.splitlines()))))
