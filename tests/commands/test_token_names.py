"""Unknown names in access: the findings of check and plan, with and without a tokens file."""

import json

import pytest

from gateway.auth.tokens import make_token
from tests.commands.test_check import gateway
from tests.support.server import Server, eventually, is_ready, put, serving

CONNECTOR = "fields: {id: integer}\naccess:\n  ingest: [elt]\n  read: [public, admin]\n"


@pytest.fixture
def files(tmp_path):
    """Create a directory with a connector whose access has a typo, and a tokens file."""
    put(tmp_path / "connectors.d" / "orders.yaml", CONNECTOR)
    put(tmp_path / "tokens.yaml", make_token("etl")[1] + "\n")
    return tmp_path


def test_check_finds_unknown_name_at_its_place(files):
    ran = gateway("check", files / "connectors.d", "--tokens", files / "tokens.yaml")

    place = f"{files}/connectors.d/orders.yaml:3:12: error GW510"
    where = f"which {files}/tokens.yaml does not have (did you mean 'etl'?)"
    assert f"{place}: access names 'elt', {where}\n" in ran.stdout
    assert ran.stdout.endswith("1 file, 0 refused; 1 unknown name in access\n")
    assert ran.returncode == 1


def test_check_takes_the_tokens_file_of_the_environment(files, monkeypatch):
    monkeypatch.setenv("GATEWAY_TOKENS", str(files / "tokens.yaml"))
    put(files / "connectors.d" / "orders.yaml", CONNECTOR.replace("elt", "etl"))

    ran = gateway("check", files / "connectors.d")

    assert (ran.returncode, ran.stdout) == (0, "1 file, 0 refused\n")


def test_check_without_tokens_file_notes_unchecked_names(files):
    ran = gateway("check", files / "connectors.d")

    assert ran.returncode == 0
    assert ran.stdout == "1 file, 0 refused; names in access were not looked up: use --tokens FILE\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("etl: [not-a-digest]\n", "the value of the token 'etl' is not a digest"),
        ("etl: [\n", "the [ that opens here is never closed"),
        (
            None,
            "the tokens file cannot be read: No such file or directory (check the file that --tokens FILE or GATEWAY_TOKENS names)",
        ),
    ],
)
def test_check_checks_the_tokens_file_itself(files, text, told):
    path = files / "tokens.yaml"
    path.write_text(text) if text else path.unlink()

    ran = gateway("check", files / "connectors.d", "--tokens", path)

    assert ran.returncode == 1
    assert told in ran.stdout
    assert f"\n{files}/tokens.yaml" in f"\n{ran.stdout}"


def test_plan_takes_names_of_the_gateway(files):
    tokens = files / "tokens.yaml"
    with serving(files / "running", GATEWAY_TOKENS=str(tokens)) as server:
        token = server.admin["Authorization"].removeprefix("Bearer ")
        arguments = ("plan", files / "connectors.d", "--against", server.url)
        environment = {"GATEWAY_TOKEN": token, "PATH": "/usr/bin:/bin"}

        ran = gateway(*arguments, "--format", "json", env=environment)
        text = gateway(*arguments, env=environment)
        put(files / "others.yaml", make_token("elt")[1])
        with_file = gateway(*arguments, "--tokens", files / "others.yaml", env=environment)

    told = json.loads(ran.stdout)
    assert [(each["code"], each["line"], each["hint"]) for each in told["findings"]] == [
        ("GW510", 3, "did you mean 'etl'?")
    ]
    assert "token_names" not in told
    assert (ran.returncode, text.returncode, with_file.returncode) == (1, 1, 2)
    assert "the gateway's tokens file does not have" in text.stdout
    assert text.stdout.endswith("1 to create; 1 error\n")


def test_plan_warns_if_gateway_has_no_tokens(files, own):
    token = own.admin["Authorization"].removeprefix("Bearer ")

    ran = gateway(
        "plan",
        files / "connectors.d",
        "--against",
        own.url,
        env={"GATEWAY_TOKEN": token, "PATH": "/usr/bin:/bin"},
    )

    assert ran.returncode == 0
    assert "warning GW510" in ran.stdout
    assert "but the gateway has no tokens file" in ran.stdout


def test_names_of_tokens_are_for_the_admin_alone(tmp_path):
    secret, line = make_token("etl")
    put(tmp_path / "tokens.yaml", line)
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        answer = server.client.post("/-/plan", json={"files": {}})
        refused = server.client.post(
            "/-/plan", json={"files": {}}, headers={"Authorization": f"Bearer {secret}"}
        )

    assert answer.json()["token_names"] == ["etl"]
    assert refused.status_code == 403
    assert "token_names" not in refused.text


def test_unused_admin_token_is_explained(tmp_path):
    """Check that DATA/admin-token is accepted only while the tokens file has no admin."""
    secret, line = make_token("admin")
    tokens = tmp_path / "tokens.yaml"
    put(tokens, "{}\n")
    with serving(tmp_path, GATEWAY_TOKENS=str(tokens)) as server:
        environment = {"GATEWAY_URL": server.url, "GATEWAY_DATA": str(server.data), "PATH": "/usr/bin:/bin"}
        before = gateway("ls", env=environment)
        put(tokens, line)
        # The rescan may read the file first, and then the token of this request is refused.
        server.client.post("/-/reload")
        eventually(lambda: server.client.get("/-/status").status_code == 401)
        stale = gateway("ls", env=environment)
        set_ = gateway("ls", env={**environment, "GATEWAY_TOKEN": secret})
        stranger = server.client.get("/-/status", headers={"Authorization": "Bearer gw_nobody"}).json()
        put(tokens, "{}\n")
        server.client.post("/-/reload", headers={"Authorization": f"Bearer {secret}"})
        eventually(lambda: server.client.get("/-/status").status_code == 200)
        log = server.log.read_text()

    assert (before.returncode, stale.returncode, set_.returncode) == (0, 1, 0)
    assert stale.stderr == (
        "Error: PGRST301: the tokens file has its own admin, so the token of DATA/admin-token is not in use"
        " (set GATEWAY_TOKEN, or use --token-file)\n"
    )
    assert "admin" not in stranger["message"]
    in_use = f"the admin token is in {server.data}/admin-token"
    not_in_use = f"the admin token is that of the tokens file; {server.data}/admin-token is not in use"
    assert [log.count(in_use), log.count(not_in_use)] == [2, 1]


def test_start_log_names_admin_in_use(tmp_path):
    put(tmp_path / "tokens.yaml", make_token("admin")[1])
    server = Server(tmp_path, is_forked=True, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")).start(wait=False)
    try:
        eventually(lambda: is_ready(server.url), "it did not start")
        log = server.log.read_text()
    finally:
        server.kill()

    assert "admin-token is not in use" in log
    assert "the admin token is in " not in log
