"""`gateway check` and `gateway token` as a team uses them."""

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest
from click.testing import CliRunner

from gateway.auth.tokens_file import parse_tokens
from gateway.cli import main
from tests.support import verbs
from tests.support.server import ROOT, put, serving

GOOD = "fields: {n: integer}\n"


def gateway(*arguments, env=os.environ):
    return verbs.run([*map(str, arguments)], env, ROOT)


def test_check_passes_good_files_and_shows_warnings(tmp_path):
    put(tmp_path / "a.yaml", GOOD)
    put(tmp_path / "b.yml", "fields: {order: integer}\n")

    ran = gateway("check", tmp_path)

    assert ran.returncode == 0
    assert "b.yml:1:10: warning GW509: 'order' is a word of the query dialect" in ran.stdout
    assert ran.stdout.endswith("2 files, 0 refused\n")


def test_check_lists_every_finding_and_fails(tmp_path):
    put(tmp_path / "a.yaml", "feilds: {}\nfields:\n  n: integr\n  n: string\npath: /-/x\n")
    put(tmp_path / "b.yaml", "path: /c\n" + GOOD)
    put(tmp_path / "c.yaml", GOOD)

    ran = gateway("check", tmp_path)

    assert ran.returncode == 1
    assert f"{tmp_path}/a.yaml:4:3: error GW502: the key 'n' stands here again" in ran.stdout
    assert "b.yaml: error GW507: the path '/c' is declared by c.yaml too" in ran.stdout
    assert ran.stdout.endswith("3 files, 3 refused\n")


def test_check_speaks_json_and_github(tmp_path):
    put(tmp_path / "a.yaml", "fields:\n  n: '100%'\n")

    as_json = gateway("check", tmp_path, "--format", "json")
    github = gateway("check", tmp_path, "--format", "github")

    told = json.loads(as_json.stdout)
    assert (as_json.returncode, told["files"], told["refused"]) == (1, 1, ["a.yaml"])
    assert (told["findings"][0]["line"], told["findings"][0]["column"]) == (2, 6)
    assert github.returncode == 1
    assert github.stdout.startswith(f"::error file={tmp_path}/a.yaml,line=2,col=6,title=GW505::")
    assert "100%25" in github.stdout


@pytest.mark.parametrize("directory", ["nowhere", "empty"])
def test_check_fails_where_there_is_nothing_to_check(tmp_path, directory):
    (tmp_path / "empty").mkdir()

    ran = gateway("check", tmp_path / directory)

    assert ran.returncode == 1
    assert directory in ran.stderr


def test_token_works_after_pasting_its_line(tmp_path):
    ran = gateway("token", "etl")
    secret = re.search(r"gw_\S+", ran.stdout)[0]
    line = ran.stdout.strip().splitlines()[-1]
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text(line)

    assert set(parse_tokens(line.encode(), "tokens.yaml")) == {"etl"}
    assert secret not in line
    with serving(tmp_path, GATEWAY_TOKENS=str(tokens)) as server:
        server.declare("a", "fields: {n: integer}\naccess: {ingest: [etl]}\n")
        headers = {"Authorization": f"Bearer {secret}"}
        assert httpx.post(server.url + "/a", json={"n": 1}, headers=headers).status_code == 201


@pytest.mark.parametrize(
    ("expires", "days"), [("90d", 90), ("2999-01-01", None), ("2999-01-01T08:00:00+08:00", None)]
)
def test_a_token_is_made_with_an_end(expires, days):
    line = gateway("token", "etl", "--expires", expires).stdout.strip().splitlines()[-1]

    (digest,) = parse_tokens(line.encode(), "tokens.yaml")["etl"].digests

    left = digest.expires - datetime.now(UTC)
    assert (left.days in (days - 1, days)) if days else digest.expires == datetime(2999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("expires", ["soon", "0d", "2020-01-01", "99999d9", "-1d", "99999999d", ""])
def test_token_rejects_invalid_expiry(expires):
    ran = gateway("token", "etl", "--expires", expires)

    assert ran.returncode == 1
    assert "gw_" not in ran.stdout
    assert "--expires" in ran.stderr


def test_token_rejects_reserved_names():
    assert gateway("token", "public").returncode == 1
    assert gateway("token", "no spaces").returncode == 1


def test_the_shipped_connectors_pass_the_check():
    assert gateway("check").returncode == 0


def test_no_verb_imports_pandas_before_it_is_needed():
    """Check that no verb makes an array of Python values, because pyarrow then imports pandas, which takes longer."""
    script = (
        "import importlib, sys\n"
        "from gateway.cli import VERBS\n"
        "for verb in VERBS:\n"
        "    importlib.import_module(f'gateway.commands.{verb}')\n"
        "sys.exit('pandas' in sys.modules)\n"
    )

    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT)

    assert ran.returncode == 0


MEANT = {
    "server": "there is no verb 'server'; did you mean: gateway serve",
    "run": "did you mean: gateway serve",
    "server --port=9000 --data x": "did you mean: gateway serve --data x --bind 127.0.0.1:9000",
    "serve --port 9000": "gateway serve has no option --port; did you mean: gateway serve --bind 127.0.0.1:9000",
    "serve --host 0.0.0.0 -p 80": "did you mean: gateway serve --bind 0.0.0.0:80",
    "serve --bnid localhost:1": "did you mean: gateway serve --bind localhost:1",
    "serve 9000": "not '9000'; did you mean: gateway serve --bind 127.0.0.1:9000",
    "serve --data d localhost:9000": "did you mean: gateway serve --data d --bind localhost:9000",
    "serve ./my.d": "did you mean: gateway serve --connectors ./my.d",
    "serve --frobnicate": "has no option --frobnicate; its options are --open, --store, --bind",
    "validate connectors.d": "did you mean: gateway check connectors.d",
    "plna": "did you mean: gateway plan",
    "import orders 'my rows.csv'": "did you mean: gateway load orders 'my rows.csv'",
    "load orders a.csv --sep=;": "did you mean: gateway load orders a.csv --separator ';'",
    "load orders a.csv --token x": "set GATEWAY_TOKEN to the token",
    "load orders a.csv b.csv": "gateway load takes one NAME and one FILE; load files one by one: for file in",
    "check --json": "did you mean: gateway check --format json",
    "new x --file a.csv": "did you mean: gateway new x --from a.csv",
    "ls --host http://x": "did you mean: gateway ls --url http://x",
    "rejected ls x --json": "did you mean: gateway rejected ls x --format json",
    "help serve": "type: gateway serve --help",
    "version": "type: gateway --version",
    "frobnicate": "there is no verb 'frobnicate'; the verbs are init, serve",
}


@pytest.mark.parametrize("typed", MEANT)
def test_unknown_verb_or_option_suggests_command(typed):
    ran = CliRunner().invoke(main, shlex.split(typed))

    assert (ran.exit_code, ran.stdout) == (64, "")
    assert MEANT[typed] in ran.stderr


@pytest.mark.parametrize(
    "verb", ["ls", "load x rows.csv", "purge x --yes", "backup f", "plan --against http://127.0.0.1:1"]
)
def test_unreachable_gateway_error_names_url_settings(tmp_path, verb):
    (tmp_path / "connectors.d").mkdir()
    (tmp_path / "rows.csv").write_text("a\n1\n")
    environment = {"PATH": os.environ["PATH"], "GATEWAY_BIND": "127.0.0.1:1"}

    ran = verbs.run(verb.split(), environment, tmp_path)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no gateway answers at http://127.0.0.1:1" in ran.stderr
    assert "start one with gateway serve, or set GATEWAY_URL or --url to its address" in ran.stderr


@pytest.mark.parametrize(
    "verb", [["new", "My Orders", "--field", "a: integer"], ["duplicate", "airlines", "My Orders"]]
)
def test_invalid_connector_name_suggests_valid_one(verb):
    ran = CliRunner().invoke(main, [*verb, "--connectors", str(ROOT / "connectors.d")])

    assert ran.exit_code == 1
    assert (
        "'My Orders' is not a connector name: a to z, 0 to 9, _ and -, a letter first; my_orders is one"
        in ran.stderr
    )


def test_swapped_arguments_of_load_are_reported(tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n")

    ran = CliRunner().invoke(main, ["load", str(tmp_path / "rows.csv"), "orders"])

    assert f"NAME comes first: gateway load orders {tmp_path}/rows.csv" in ran.stderr
