"""Names in access that no token proves: what check and plan say of them, with a tokens file and without."""

import json

import pytest

from gateway.serve.tokens import make_token
from tests.rig import put, serving
from tests.test_cli import gateway

CONNECTOR = "fields: {id: integer}\naccess:\n  ingest: [elt]\n  read: [public, admin]\n"


@pytest.fixture
def files(tmp_path):
    """A directory with a connector whose access has a typo, and a tokens file."""
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


def test_check_without_tokens_file_passes_and_says_what_it_left_open(files):
    ran = gateway("check", files / "connectors.d")

    assert ran.returncode == 0
    assert ran.stdout == "1 file, 0 refused; names in access were not looked up: say --tokens FILE\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("etl: [not-a-digest]\n", "what stands for the token 'etl' is not a digest"),
        ("etl: [\n", "what stands here is not shown"),
        (None, "the tokens file cannot be read: No such file or directory (say --tokens FILE)"),
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


def test_plan_warns_where_the_gateway_has_no_tokens_file(files, own):
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
    assert "no token can prove: the gateway has no tokens file" in ran.stdout


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
