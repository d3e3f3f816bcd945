"""Golden files of the output of `gateway check`, `plan` and `new`. A new case is a new file or directory.

`python -m tests.commands.test_golden` updates the expected output; review it before the commit.
"""

import contextlib
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.connectors import plan
from gateway.connectors.directory import ConnectorFile
from tests.support.server import ROOT

DATA = ROOT / "tests/data"


def tokens(case: Path) -> list[str]:
    return ["--tokens", "tokens.yaml"] if (case / "tokens.yaml").exists() else []


CHECKS = sorted(path for path in (DATA / "check").iterdir() if path.is_dir())
PLANS = sorted(path for path in (DATA / "plan").iterdir() if path.is_dir())
NEWS = sorted(path for path in (DATA / "new").iterdir() if path.suffix != ".yaml")
CASES = [
    *(
        (["check", "connectors.d", *tokens(case), "--format", style], case, case / f"expected.{style}")
        for case in CHECKS
        for style in ("text", "json", "github")
    ),
    *(
        (
            ["plan", "after", "--against", "before", *tokens(case), "--format", style],
            case,
            case / f"expected.{style}",
        )
        for case in PLANS
        for style in ("text", "json", "markdown", "github")
    ),
    *(
        (
            ["new", "drafted", "--from", case.name, "--stdout"],
            DATA / "new",
            case.with_name(f"{case.name}.yaml"),
        )
        for case in NEWS
    ),
]


def printed(arguments: list[str], directory: Path) -> str:
    unset = dict.fromkeys(os.environ.keys() - {"PATH"})
    with contextlib.chdir(directory):
        ran = CliRunner(env=unset).invoke(main, arguments)
    if arguments[0] == "new" and not ran.exit_code:
        return ran.stdout  # The notes of `new` are for people, and are tested by themselves.
    return f"{ran.stdout}{ran.stderr}\n(exit {ran.exit_code})\n"


@pytest.mark.parametrize(
    ("arguments", "directory", "expected"), CASES, ids=[str(case[2].relative_to(DATA)) for case in CASES]
)
def test_output_matches_golden_file(arguments, directory, expected):
    assert printed(arguments, directory) == expected.read_text()


@pytest.mark.parametrize("case", NEWS, ids=lambda path: path.name)
def test_a_drafted_file_is_a_connector_without_errors(case):
    text = case.with_name(f"{case.name}.yaml").read_bytes()

    assert plan.parse_file(ConnectorFile.of("drafted.yaml", text)).connector is not None


if __name__ == "__main__":
    for each, place, golden in CASES:
        golden.write_text(printed(each, place))
