"""Console blocks as sessions at a shell, in the directory that a gateway was started in.

The README's blocks are one session. Every other page goes on from where the README ends.
"""

import contextlib
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.docs.pages import README, Block, blocks_of
from tests.support import shell
from tests.support.server import Server, put, serving

#: A session cannot stop its gateway. One that has a tokens file from the start reads it again instead.
_RESTART = "gateway serve --tokens tokens.yaml"
_RELOAD = 'curl -sf -X POST localhost:8000/-/reload -H "Authorization: Bearer $(cat data/admin-token)" > reload.json'
_FILE = re.compile(r"# (connectors\.d/\S+\.yaml)")


@contextlib.contextmanager
def gateway_for_pages(directory: Path) -> Iterator[Server]:
    """Start a gateway in a directory inside of this one, so that a page may write beside it."""
    own = directory / "gateway"
    put(own / "tokens.yaml", "{}")
    with serving(own, GATEWAY_TOKENS=str(own / "tokens.yaml")) as server:
        yield server


def run(page: Path, own: Server) -> list[tuple[str, str, str]]:
    """Run a page, and return each of its commands with the text in the page and what it printed.

    The gateway must have been started for this page alone.
    """
    directory = own.data.parent
    setup = [] if page == README else blocks_of(README)
    steps = [*_steps(setup, directory), *_steps(blocks_of(page), directory)]
    printed = _typed([command for command, _ in steps], own)
    before = len(_steps(setup, directory))
    return [(command, text, out) for (command, text), out in zip(steps, printed, strict=True)][before:]


def rewritten(page: Path, steps: list[tuple[str, str, str]]) -> str:
    """Return a page whose console blocks show what their commands have printed."""
    text, place = page.read_text(), 0
    for command, written, printed in (step for step in steps if f"$ {step[0]}\n" in page.read_text()):
        old = f"$ {command}\n{written}"
        place = text.index(old, place)
        new = f"$ {command}\n{printed}\n" if printed else f"$ {command}\n"
        text = text[:place] + new + text[place + len(old) :]
        place += len(new)
    return text


def _steps(found: Iterable[Block], directory: Path) -> list[tuple[str, str]]:
    """Return commands with what they print; a connector file of a page is a command that writes it."""
    steps: list[tuple[str, str]] = []
    for block in found:
        if block.language == "yaml" and (file := _FILE.match(block.first)):
            steps.append((_written(file[1], block, directory), ""))
        elif block.language == "console":
            steps += _commands(block.text)
    return steps


def _written(file: str, block: Block, directory: Path) -> str:
    put(directory / ".pages" / block.page.stem / file, block.text)
    return f"cp .pages/{block.page.stem}/{file} {file} && {_RELOAD}"


def _commands(text: str) -> list[tuple[str, str]]:
    steps: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        else:
            command, printed = steps[-1]
            is_continued = command.endswith("\\") and not printed
            steps[-1] = (f"{command}\n{line}", "") if is_continued else (command, f"{printed}{line}\n")
    return steps


def _typed(commands: list[str], own: Server) -> list[str]:
    lines = [_RELOAD if command == _RESTART else command for command in commands]
    script = "\n".join(["set -e", *(f"{line}\necho; echo '#'" for line in lines)])
    ran = subprocess.run(
        ["bash", "-c", script.replace("localhost:8000", own.url.removeprefix("http://"))],
        cwd=own.data.parent,
        # The settings of the gateway are the defaults in its directory.
        env=shell.environment(own.data.parents[1], GATEWAY_BIND=own.url.removeprefix("http://")),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-1000:] + ran.stderr
    printed = [part.strip("\n") for part in ran.stdout.split("\n#\n")]
    return [
        each.replace(own.url.removeprefix("http://"), "localhost:8000") for each in printed[: len(commands)]
    ]
