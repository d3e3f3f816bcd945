"""The page about lakes leads to three gateways: its commands are typed as they stand."""

import json
import os
import re
import signal
import subprocess

import httpx
import pytest
import yaml

from tests.docs import pages
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.seaweedfs import BUCKET, access_of_servers
from tests.support.server import DEADLINE, ROOT, eventually, free_port, is_ready, put

PAGE = ROOT / "gateway/docs/lake.md"
BLOCKS = {
    language: [each.text for each in pages.blocks_of(PAGE) if each.language == language]
    for language in ("sh", "yaml", "json")
}
SETTINGS, START, USE = BLOCKS["sh"][1:4]
CONNECTOR = next(text for text in BLOCKS["yaml"] if "connectors.d/" in text)
COMPOSE = next(text for text in BLOCKS["yaml"] if "compose.yaml" in text)


@pytest.fixture
def places(postgres, seaweedfs, tmp_path):
    """The directory of the walk, and the text of a block with the addresses of this machine."""
    ports = {f"800{number}": str(free_port()) for number in (1, 2, 3)}
    url = postgres.database()

    def adapted(text: str) -> str:
        text = re.sub(r"postgresql://\S+/gateway", url, text)
        text = text.replace("http://127.0.0.1:8333", f"http://127.0.0.1:{seaweedfs.port}")
        text = text.replace("800$number", "${!port}").replace("do\n", "do port=PORT_$number\n")
        for shown, real in ports.items():
            text = text.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{real}")
        return text

    program = tmp_path / "bin/gateway"
    put(program, f'#!/bin/sh\nexec {PYTHON} -m gateway "$@"\n')
    program.chmod(0o755)
    exports = "".join(f"export PORT_{shown[-1]}={real}\n" for shown, real in ports.items())
    return tmp_path, adapted, exports, list(ports.values())


def test_page_leads_to_three_gateways(places):
    directory, adapted, exports, ports = places
    put(directory / "connectors.d/visits.yaml", CONNECTOR)
    script = f"set -e\n{exports}{adapted(SETTINGS)}\n{adapted(START)}\necho $ADMIN > secret\nwait\n"
    environment = {
        "PATH": f"{directory}/bin:{os.environ['PATH']}",
        "HOME": str(directory),
        "PYTHONPATH": str(ROOT),
    }
    with (directory / "log").open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=directory,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        for port in ports:
            eventually(
                lambda port=port: is_ready(f"http://127.0.0.1:{port}"), (directory / "log").read_text()
            )
        secret = eventually(lambda: (directory / "secret").read_text().strip())
        eventually(lambda: httpx.get(f"http://127.0.0.1:{ports[2]}/visits").status_code == 200)

        done = subprocess.run(
            ["bash", "-ec", adapted(USE)],
            env={**environment, "ADMIN": secret},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()

    assert done.returncode == 0, done.stderr
    receipt, rows = done.stdout.split("}", 1)
    assert json.loads(f"{receipt}}}")["stored"] == 1
    assert json.loads(rows) == [{"page": "/home", "seconds": 1.5}]


def test_files_for_servers_are_those_of_tests():
    services = yaml.safe_load(COMPOSE)["services"]
    access = json.loads(BLOCKS["json"][0])

    assert set(services) == {"postgres", "s3"}
    ours = access_of_servers()
    ours["identities"] = [each for each in ours["identities"] if each["name"] != "owner"]
    assert access == ours
    assert f"s3://{BUCKET}/" in SETTINGS
