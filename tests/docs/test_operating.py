"""The unit file, the Containerfile, and the proxy of the operating page name what exists."""

import configparser
import json
import re
import shlex

import click
import httpx
import pytest

from gateway.cli import VERBS, main
from gateway.settings import SETTINGS
from tests.docs import pages
from tests.support.server import ROOT

PAGE = ROOT / "gateway/docs/operating.md"
KNOWN = {setting.environment: setting for setting in SETTINGS}
FILES = {setting.file_environment for setting in SETTINGS if setting.is_secret}


def block(language: str) -> str:
    (text,) = (each.text for each in pages.blocks_of(PAGE) if each.language == language)
    return text


def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(block("ini"))
    return parser


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile, each with its arguments."""
    joined = block("dockerfile").replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def check_command(words: list[str]) -> None:
    """A command of the gateway has a verb that exists, and options that the verb has."""
    _, verb, *rest = words
    assert verb in VERBS
    options = {name for each in main.get_command(click.Context(main), verb).params for name in each.opts}
    assert {word for word in rest if word.startswith("-")} <= options


def check_setting(name: str, value: str) -> None:
    KNOWN[name].parse(value)


def test_unit_file_starts_a_verb_with_settings():
    service = unit()["Service"]

    check_command(shlex.split(service["ExecStart"]))
    for name, value in re.findall(r"^Environment=(\w+)=(.*)$", block("ini"), re.MULTILINE):
        check_setting(name, value)
    assert int(service["TimeoutStopSec"]) > int(KNOWN["GATEWAY_GRACEFUL_TIMEOUT"].default)
    assert {"Unit", "Service", "Install"} == set(unit().sections())


def test_containerfile_starts_a_verb_with_settings():
    found = instructions()

    assert {word for word, _ in found} <= {
        *("FROM", "COPY", "RUN", "USER", "WORKDIR", "ENV", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD")
    }
    assert found[0][0] == "FROM"
    for word, rest in found:
        for setting in shlex.split(rest) if word == "ENV" else ():
            check_setting(*setting.split("=", 1))
    check_command(json.loads(dict(found)["CMD"]))
    settings = dict(each.split("=", 1) for word, rest in found if word == "ENV" for each in shlex.split(rest))
    assert settings["GATEWAY_BIND"].endswith(":" + dict(found)["EXPOSE"])
    assert settings["GATEWAY_DATA"] == dict(found)["VOLUME"]


def test_health_check_of_the_container_passes(server):
    command = json.loads(dict(instructions())["HEALTHCHECK"].removeprefix("CMD "))
    path = re.search(r"127\.0\.0\.1:8000(/[^']+)", command[-1])[1]

    assert httpx.get(server.url + path).status_code == 200
    assert compile(command[-1], "HEALTHCHECK", "exec")


def test_proxy_takes_the_bodies_that_the_gateway_takes():
    text = block("nginx")

    assert text.count("{") == text.count("}")
    assert re.search(r"client_max_body_size (\w+);", text)[1].upper() == KNOWN["GATEWAY_MAX_BODY"].default
    assert int(re.search(r"proxy_read_timeout (\d+)s;", text)[1]) > int(
        KNOWN["GATEWAY_QUERY_TIMEOUT"].default
    )


@pytest.mark.parametrize("path", pages.PATHS, ids=lambda path: path.stem)
def test_settings_that_a_page_names_exist(path):
    clients = {"GATEWAY_URL", "GATEWAY_TOKEN"}

    assert set(re.findall(r"\bGATEWAY_[A-Z_]+[A-Z]\b", path.read_text())) <= {*KNOWN, *FILES, *clients}


@pytest.mark.parametrize("path", pages.PATHS, ids=lambda path: path.stem)
def test_files_that_a_page_names_exist(path):
    for name in re.findall(r"`((?:gateway|tests)/[\w./]+)`", path.read_text()):
        assert (ROOT / name).exists(), name


def test_walks_of_a_request_name_every_folder():
    """Check that they name at least one module of each folder that a request passes."""
    text = (ROOT / "gateway/docs/design.md").read_text()

    for folder in ("server", "endpoints", "ingest", "query", "store", "reload", "connectors"):
        assert f"`gateway/{folder}/" in text
