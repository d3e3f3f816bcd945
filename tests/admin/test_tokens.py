"""Tokens are made over HTTP: valid at once where the tokens file may be written, and shown only once."""

from pathlib import Path

import httpx
import pytest

from gateway.atomic_files import AtomicDirectory
from gateway.auth.credentials import Credentials
from gateway.auth.token_maker import TokenMaker
from gateway.auth.tokens import make_token
from gateway.auth.tokens_file import parse_tokens
from gateway.errors import GatewayError
from gateway.settings import Settings

ONLY_ETL = "fields: {n: integer}\naccess: {ingest: [made]}\n"
OLD = make_token("old")[1]


def make(server, name, **more):
    return server.client.post("/-/tokens", json={"name": name, **more})


def maker(directory: Path, **environment: str) -> TokenMaker:
    data = directory / "data"
    data.mkdir()
    settings = Settings.read({"GATEWAY_DATA": str(data), "GATEWAY_CONSOLE": "write", **environment})
    return TokenMaker(settings, Credentials(data, settings.tokens))


def test_made_token_is_valid_at_once(server, name):
    path = server.declare(name, ONLY_ETL.replace("made", f"made-{name}"))

    made = make(server, f"made-{name}")

    assert (made.status_code, made.json()["written"], made.json()["reason"]) == (201, True, None)
    assert made.headers["Cache-Control"] == "no-store"
    bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert httpx.post(server.url + path, json={"n": 1}, headers=bearer).status_code == 201
    assert make(server, f"made-{name}").status_code == 409
    assert made.json()["secret"] not in server.log.read_text()
    assert f"the token 'made-{name}' was added to" in server.log.read_text()


def test_viewing_token_sees_the_state(server, name):
    made = make(server, f"view-{name}", view=True).json()

    assert httpx.get(
        f"{server.url}/-/status", headers={"Authorization": f"Bearer {made['secret']}"}
    ).is_success


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "admin"}, "GW605"),
        ({"name": "public"}, "GW605"),
        ({"name": "gw_secret"}, "GW605"),
        ({"name": "two words"}, "GW605"),
        ({"name": "a: [x]\nb"}, "GW605"),
        ({"name": "x" * 64}, "GW605"),
        ({"name": 1}, "PGRST102"),
        ({"name": "x", "view": "yes"}, "PGRST102"),
        (["x"], "PGRST102"),
    ],
)
def test_invalid_request_makes_no_token(server, body, code):
    answer = server.client.post("/-/tokens", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


#: The text of a tokens file, and the text with the line of the token `new` in the place of `+`.
TEXTS = {
    "missing": (None, "+\n"),
    "empty": ("", "+\n"),
    "comment alone": ("# who\n", "# who\n+\n"),
    "no token": ("# none\n{}\n", "# none\n+\n"),
    "entries and comments": (f"# a\n{OLD}  # b\n# c\n", f"# a\n{OLD}  # b\n# c\n+\n"),
    "no line end at the end": (OLD, f"{OLD}\n+\n"),
    "CRLF": (f"# a\r\n{OLD}\r\n", f"# a\r\n{OLD}\r\n+\r\n"),
    "BOM": (f"\ufeff{OLD}\n", f"\ufeff{OLD}\n+\n"),
    "document mark": (f"---\n{OLD}\n", f"---\n{OLD}\n+\n"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_line_is_added_and_no_byte_is_changed(tmp_path, case):
    old, new = TEXTS[case]
    file = tmp_path / "tokens.yaml"
    if old is not None:
        file.write_bytes(old.encode())
        file.chmod(0o640)

    made = maker(tmp_path, GATEWAY_TOKENS=str(file) if old is not None else "").make("new")

    written = file if old is not None else tmp_path / "data/tokens.yaml"
    assert made.is_written, made.reason
    assert written.read_bytes() == new.replace("+", made.line).encode()
    assert "new" in parse_tokens(written.read_bytes(), "tokens.yaml")
    assert old is None or written.stat().st_mode & 0o777 == 0o640


def linked(file: Path) -> dict[str, str]:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")
    return {}


def below_a_link(file: Path) -> dict[str, str]:
    (file.parent / "versions").mkdir()
    file.rename(file.parent / "versions" / file.name)
    (file.parent / "current").symlink_to("versions")
    return {"GATEWAY_TOKENS": str(file.parent / "current" / file.name)}


def with_text(text: str):
    def write(file: Path) -> dict[str, str]:
        file.write_text(text)
        return {}

    return write


UNWRITABLE = {
    "a link": (linked, "is a symbolic link"),
    "below a link": (below_a_link, "is a symbolic link"),
    "read-only console": (lambda _: {"GATEWAY_CONSOLE": "read"}, "GATEWAY_CONSOLE=read"),
    "one-line mapping": (with_text(f"{{{OLD}}}\n"), "not a plain list"),
    "indented": (with_text(f"  {OLD}\n"), "not a plain list"),
    "end mark": (with_text(f"{OLD}\n...\n"), "not a plain list"),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_line_is_shown_where_nothing_is_written(tmp_path, case):
    arrange, reason = UNWRITABLE[case]
    file = tmp_path / "tokens.yaml"
    file.write_text(f"{OLD}\n")
    environment = arrange(file)
    tokens = maker(tmp_path, **{"GATEWAY_TOKENS": str(file), **environment})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    made = tokens.make("new")

    assert not made.is_written
    assert reason in made.reason
    assert parse_tokens(made.line.encode(), "line").keys() == {"new"}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_line_of_another_program_is_kept(tmp_path, monkeypatch):
    """Add a line while the new text is staged, as a person with an editor does."""
    tokens, stage = maker(tmp_path), AtomicDirectory.stage
    file, line = tmp_path / "data/tokens.yaml", f"{make_token('theirs')[1]}\n"
    file.write_text(f"{OLD}\n")

    def interfering(*values):
        staged = stage(*values)
        file.write_text(f"{OLD}\n{line}")
        return staged

    monkeypatch.setattr(AtomicDirectory, "stage", interfering)
    made = tokens.make("etl")

    assert (made.is_written, made.reason) == (False, f"{file} has changed meanwhile.")
    assert file.read_text() == f"{OLD}\n{line}"
    assert sorted(each.name for each in file.parent.iterdir()) == ["admin-token", "tokens.yaml"]


def test_name_in_use_is_found_in_file(tmp_path):
    file = tmp_path / "tokens.yaml"
    file.write_text("{}\n")
    tokens = maker(tmp_path, GATEWAY_TOKENS=str(file))
    file.write_text(f"{OLD}\n")

    with pytest.raises(GatewayError, match="there is a token 'old'"):
        tokens.make("old")
