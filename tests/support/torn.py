"""Processes that die in the middle of a write of a block, by a library that gcc makes of torn.c."""

import functools
import subprocess
import tempfile
from pathlib import Path

import duckdb

from gateway.store.files import blocks

_SOURCE = Path(__file__).with_name("torn.c")


@functools.cache
def library() -> Path:
    target = Path(tempfile.mkdtemp()) / "torn.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", target, _SOURCE], check=True)
    return target


def environment(plan: Path) -> dict[str, str]:
    """What a process needs to have its writes torn as soon as there is a plan."""
    return {"LD_PRELOAD": str(library()), "TORN_PLAN": str(plan)}


def tear_checksum(file: Path) -> int:
    """Leave the file as a kill would in whose write only a part that nobody reads yet had changed; give the place."""
    place = max(blocks.metadata(file))
    blocks.write_checksum(file, place, blocks.checksum_of(blocks.read(file, place)) ^ 1)
    return place


def damage_rows(file: Path, table: str, column: str) -> int:
    """Change bytes of the last block that has values of a column; give its place."""
    with duckdb.connect(str(file), read_only=True) as connection:
        asked = "SELECT max(block_id) FROM pragma_storage_info(?) WHERE column_name = ?"
        place = 12288 + connection.execute(asked, [f'rows."{table}"', column]).fetchall()[0][0] * 262144
    with file.open("r+b") as opened:
        opened.seek(place + 1000)
        opened.write(bytes(100))
    return place


def damage_largest_file(folder: Path) -> None:
    """Change bytes amid the largest data file of a lake."""
    file = max(folder.rglob("*.parquet"), key=lambda each: each.stat().st_size)
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 4)
        opened.write(bytes(4000))
