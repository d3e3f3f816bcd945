"""The process of `lake_keeper.py`."""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.store.lake.attach import open_lake
from gateway.store.lake.commit_lock import CommitLock
from gateway.store.lake.compaction import Compaction
from gateway.store.lake.lake_address import LakeAddress, S3Access
from gateway.store.lake.maintenance import Maintenance, Rules
from gateway.store.lake.old_files import Ages, OldFiles
from gateway.store.lake.postgres import PostgreSQL
from tests.support.lake.orders import obey

_STEPS = ("snapshots", "old_files", "orphans", "commits")


def _main(text: str) -> None:
    told: dict[str, Any] = json.loads(text)
    s3 = [S3Access(*each, is_tls=False) if each else None for each in (told["s3"], told["deleting"])]
    made = LakeAddress.of(told["catalog"], told["data"], s3[0], told["name"])
    address = LakeAddress(made.conninfo, made.data, made.s3, made.gateway, s3[1])
    spill = Path(tempfile.mkdtemp())
    postgres, lock = PostgreSQL(address), CommitLock(PostgreSQL(address))
    lake = open_lake(address, memory=2**28, spill_folder=spill, threads=1)
    keeper = Maintenance(
        postgres,
        Compaction(lake, postgres, lock),
        OldFiles(lake, postgres, lock, Ages(*told["ages"]), spill),
        Rules(told["small_files_max"], dict.fromkeys(_STEPS, 0.0)),
    )

    def look() -> dict[str, Any]:
        keeper.work(lambda: False)
        return asdict(keeper.report())

    obey({"look": look})


if __name__ == "__main__":
    _main(sys.argv[1])
