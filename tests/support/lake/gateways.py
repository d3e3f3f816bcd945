"""Gateways on a lake, run by the environment of the lake."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.lake.lake_session import PYTHON
from tests.support.lake.seaweedfs import BUCKET, KEEPER, SeaweedFS
from tests.support.server import Server, serving
from tests.support.verbs import run


def lake_settings(url: str, data: Path | str) -> dict[str, str]:
    """The settings of a gateway on the lake of a database and a folder."""
    return {"GATEWAY_STORE": "lake", "GATEWAY_LAKE_CATALOG": url, "GATEWAY_LAKE_DATA": str(data)}


def s3_settings(url: str, seaweedfs: SeaweedFS, prefix: str) -> dict[str, str]:
    """The settings of a gateway on the lake of a database and a prefix of an S3 server, where it may delete nothing."""
    return {
        **lake_settings(url, f"s3://{BUCKET}/{prefix}"),
        "GATEWAY_LAKE_S3_ENDPOINT": f"http://{seaweedfs.endpoint}",
        "GATEWAY_LAKE_S3_KEY_ID": KEEPER.key,
        "GATEWAY_LAKE_S3_SECRET": KEEPER.secret,
    }


def verb_of_lake(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a verb in the environment of the lake, with the environment of the tests besides the settings."""
    return run(words, {**os.environ, **settings}, python=PYTHON)


def gateway_lake(*words: str, **settings: str) -> str:
    """Run `gateway lake`, and give what it prints."""
    done = verb_of_lake("lake", *words, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def serving_lake(directory: Path, *, is_forked: bool = True, **settings: str) -> Iterator[Server]:
    """A gateway on a lake, which is made if it is new, until the end of the block."""
    gateway_lake("init", **settings, GATEWAY_DATA=str(directory / "data"))
    with serving(directory, is_forked=is_forked, python=PYTHON, **settings) as server:
        yield server
