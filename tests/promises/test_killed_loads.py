"""`gateway load` stores each row once, in order, whenever the command or the gateway is killed."""

import os
import signal
import subprocess

import pytest

from tests.commands.test_verbs import ORDERS, gateway, rows_file, stored
from tests.support.row_files import FORMATS, write_rows
from tests.support.server import Server, eventually, is_ready
from tests.support.verbs import Verb


@pytest.fixture
def orders(own: Server) -> Server:
    own.declare("orders", ORDERS)
    return own


def runs_for(verb: Verb, seconds: float) -> bool:
    """Wait for a verb, and return whether it still runs after some seconds."""
    try:
        verb.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


@pytest.mark.parametrize("format", FORMATS)
def test_killed_load_of_growing_file_resumes(orders, tmp_path, format):
    file = write_rows(tmp_path / f"rows.{format}", range(100))
    for kill in range(8):
        verb = gateway(orders, "load", "orders", file, "--batch", "1K", wait=False)
        runs_for(verb, 0.04 + 0.06 * kill)
        verb.kill()
        verb.communicate()
        write_rows(file, range(100 + 313 * kill))

    assert gateway(orders, "load", "orders", file, "--batch", "100K").returncode == 0
    assert stored(orders) == list(range(100 + 313 * 7))


@pytest.mark.parametrize("format", FORMATS)
def test_killed_load_resumes_without_duplicates(orders, tmp_path, tell, format):
    """End the command with SIGKILL repeatedly, at random moments."""
    file = write_rows(tmp_path / f"rows.{format}", range(60_000))
    kills = 0
    while (verb := gateway(orders, "load", "orders", file, "--batch", "20K", wait=False)) and kills < 6:
        runs_for(verb, 0.08 + 0.08 * kills)
        verb.kill()
        verb.communicate()
        kills += 1
    _, err = verb.communicate()

    assert verb.returncode == 0, err
    tell(f"{kills} kills of gateway load of .{format}: 60,000 rows, each once, in order")
    assert stored(orders) == list(range(60_000))


def test_load_continues_after_gateway_restart(orders, tmp_path, tell):
    file = rows_file(tmp_path, 60_000)
    verb = gateway(orders, "load", "orders", file, "--batch", "20K", wait=False)
    kills = 0
    while runs_for(verb, 0.4) and kills < 6:
        for pid in orders.workers():
            os.kill(pid, signal.SIGKILL)
        kills += 1
        eventually(lambda: is_ready(orders.url))
    _, err = verb.communicate()

    assert verb.returncode == 0, err
    orders.wait_ready()
    tell(f"{kills} kills of the gateway under a load: 60,000 rows, each once, in order")
    assert kills > 0
    assert stored(orders) == list(range(60_000))


def test_killed_repeated_load_is_resumed(orders, tmp_path):
    file = rows_file(tmp_path, 30_000)
    gateway(orders, "load", "orders", file)
    verb = gateway(orders, "load", "orders", file, "--again", "--batch", "10K", wait=False)
    eventually(lambda: len(orders.client.get("/-/connectors/orders/batches").json()) > 3)
    verb.kill()
    verb.communicate()

    again = gateway(orders, "load", "orders", file, "--again")

    assert again.returncode == 0, again.stderr
    assert stored(orders) == [*range(30_000), *range(30_000)]
