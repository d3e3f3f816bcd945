"""The end of a transaction on a lake: its message for the gate, COMMIT, and the outcome if the answer is lost."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import duckdb

from gateway.errors import Code, GatewayError
from gateway.store.errors import CommitRefused, FatalError
from gateway.store.lake.attach import CATALOG
from gateway.store.lake.commit_lock import CommitLock, Turn
from gateway.store.lake.data_folder import DataPlace
from gateway.store.lake.lake_errors import lake_error, shown

_log = logging.getLogger(__name__)


class LakeCommit:
    """Commits the transactions of one connection, each in its turn. One thread may call it."""

    def __init__(
        self,
        lock: CommitLock,
        place: DataPlace,
        gateway: str,
        meaning: Callable[[duckdb.Error], GatewayError] = lake_error,
    ) -> None:
        """Commit with the turns of `lock`, for the gateway of this name.

        `meaning` returns what an error means for a request.
        """
        self._lock = lock
        self._place = place
        self._gateway = gateway
        self._meaning = meaning

    def commit(
        self, connection: duckdb.DuckDBPyConnection, turn: Turn, began: float, added: dict[str, Any]
    ) -> None:
        """Commit the open transaction of a connection.

        Args:
            connection: The connection.
            turn: The turn, which is held.
            began: When the transaction began, by `time.monotonic`.
            added: The part of the message that PostgreSQL's trigger records.

        Raises:
            CommitRefused: Another commit came first, although it was not its turn.
            GatewayError: PostgreSQL does not answer.
            duckdb.Error: The message could not be set.
        """
        message = turn.message(self._gateway, added)
        # Its duration, and not its beginning, for the clock may have been set back since.
        self._place.protect(turn.nonce, time.monotonic() - began)
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
        """Return if a commit stands although COMMIT raised an error; raise the reason otherwise.

        DuckLake has deleted its files. They are restored at once, for if the outcome stays unknown, the commit may stand.
        """
        _log.warning("COMMIT failed: %s", shown(error))
        meant = self._meaning(error)
        self._place.restore(turn.nonce)
        if self._lock.outcome(turn):
            _log.warning("its answer was lost: the commit stands")
            return
        # Files of no commit stay for the orphan sweep: among the links may be one of a machine whose clock is ahead.
        # PostgreSQL has told the outcome, so it is there to commit again.
        is_final = isinstance(meant, FatalError) or meant.code is Code.DISK_FULL
        raise meant if is_final else CommitRefused()
