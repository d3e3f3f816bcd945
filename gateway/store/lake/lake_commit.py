"""The end of a transaction on a lake: its message for the gate, COMMIT, and the outcome if the answer is lost."""

import json
import logging
from collections.abc import Callable
from typing import Any

import duckdb

from gateway.errors import Code, GatewayError
from gateway.store.errors import CommitRefused, FatalError, StoreAway
from gateway.store.lake.attach import CATALOG
from gateway.store.lake.commit_lock import CommitLock, Turn
from gateway.store.lake.data_folder import DataFolder
from gateway.store.lake.lake_errors import lake_error, shown

_log = logging.getLogger(__name__)


class LakeCommit:
    """Commits the transactions of one connection, each in its turn. One thread may call it."""

    def __init__(
        self,
        lock: CommitLock,
        folder: DataFolder | None,
        gateway: str,
        meaning: Callable[[duckdb.Error], GatewayError] = lake_error,
    ) -> None:
        """Commit with the turns of `lock`, for the gateway of this name; `folder` is None on S3.

        `meaning` returns what an error means for a request.
        """
        self._lock = lock
        self._folder = folder
        self._gateway = gateway
        self._meaning = meaning

    def commit(
        self, connection: duckdb.DuckDBPyConnection, turn: Turn, began: float, added: dict[str, Any]
    ) -> None:
        """Commit the open transaction of a connection.

        Args:
            connection: The connection.
            turn: The turn, which is held.
            began: When the transaction began, in seconds since 1970.
            added: The part of the message that PostgreSQL's trigger records.

        Raises:
            CommitRefused: Another commit came first, although it was not its turn.
            GatewayError: PostgreSQL does not answer.
            duckdb.Error: The message could not be set.
        """
        message = {
            "parent": turn.number,
            "nonce": turn.nonce,
            "gateway": self._gateway,
            "at": turn.now.isoformat(),
            **added,
        }
        if self._folder is not None:
            self._folder.protect(turn.nonce, began)
        # PERF: DuckLake takes time quadratic in the number of apostrophes, which JSON can do without.
        text = json.dumps(message, ensure_ascii=False).replace("'", "\\u0027")
        connection.execute(
            f"CALL {CATALOG}.set_commit_message('gateway', 'commit', extra_info => $1)", [text]
        )
        try:
            connection.execute("COMMIT")
        except duckdb.Error as error:
            self._resolve(turn, error)
            return
        # A commit that has changed no table of the lake has called no trigger.
        if added and not self._lock.is_recorded(turn):
            self._lock.record(turn, message)

    def _resolve(self, turn: Turn, error: duckdb.Error) -> None:
        """Return if a commit stands although COMMIT raised an error; raise the reason otherwise."""
        _log.warning("COMMIT failed: %s", shown(error))
        meant = self._meaning(error)
        if self._lock.outcome(turn):
            _log.warning("its answer was lost: the commit stands")
            if self._folder is not None:
                self._folder.restore(turn.nonce)
            return
        is_known = isinstance(meant, CommitRefused | FatalError | StoreAway) or meant.code is Code.DISK_FULL
        raise meant if is_known else CommitRefused()
