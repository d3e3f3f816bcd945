"""The upkeep of a lake in a process of its own, which looks when the tests say so, and then finds every step due."""

import json
from typing import Any

from tests.support.lake.lake_session import PYTHON
from tests.support.lake.obedient import Obedient
from tests.support.lake.s3_client import Credentials


class LakeKeeper(Obedient):
    """A process that maintains the lake of a database and a folder, or of `s3://`."""

    def __init__(
        self,
        catalog: str,
        data: object,
        *,
        name: str = "keeper",
        ages: tuple[float, float, float] = (86400, 86400, 172800),
        small_files_max: int = 100,
        s3: tuple[str, Credentials, Credentials | None] | None = None,
    ) -> None:
        """`ages` are those of snapshots, old files, and orphans; `s3` is the endpoint, and who gets and who deletes."""
        endpoint, gets, deletes = s3 or ("", None, None)
        told = {
            "catalog": catalog,
            "data": str(data),
            "name": name,
            "ages": ages,
            "small_files_max": small_files_max,
            "s3": gets and [gets.key, gets.secret, endpoint],
            "deleting": deletes and [deletes.key, deletes.secret, endpoint],
        }
        super().__init__("tests.support.lake.upkeep_process", json.dumps(told), python=PYTHON)

    def look(self) -> dict[str, Any]:
        """Perform all steps if no other gateway has the turn, and give the report as it is afterwards."""
        return self.ask("look")
