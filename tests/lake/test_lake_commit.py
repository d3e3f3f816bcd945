"""The end of a transaction on a lake whose COMMIT has failed."""

import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import duckdb
import pytest

from gateway.store.errors import CommitRefused
from gateway.store.lake.commit_lock import CommitLock, Turn
from gateway.store.lake.data_folder import DataFolder
from gateway.store.lake.lake_commit import LakeCommit


def refusing(statement: str, *_: object) -> None:
    if statement == "COMMIT":
        raise duckdb.TransactionException("Failed to commit: server closed the connection unexpectedly")


def test_refused_commit_deletes_no_file_of_another_machine(tmp_path: Path):
    """The clock of the other machine is ahead, so its file seems to be written in this transaction."""
    file = tmp_path / "main/orders@1/ducklake-ffffffff-ffff-7000-8000-000000000000-delete.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PAR1")
    lock = cast(CommitLock, SimpleNamespace(outcome=lambda _: False))
    connection = cast(duckdb.DuckDBPyConnection, SimpleNamespace(execute=refusing))
    commit = LakeCommit(lock, DataFolder(tmp_path), "a")

    with pytest.raises(CommitRefused):
        commit.commit(connection, Turn("nonce", 1, 1, datetime.now(UTC)), time.monotonic(), {})

    assert file.exists()
