"""Former paths of connectors, and the resources that answer there now."""

from collections.abc import Mapping, Sequence

from gateway.auth.credentials import Credentials
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile
from gateway.endpoints.removed import MovedConnector, RemovedConnector
from gateway.store.definition import Move


class FormerPaths:
    """Former paths, each parsed once from the connector file of that time. The reload's lock guards them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._paths: dict[Move, str] = {}

    def update(self, moves: Sequence[Move]) -> None:
        """Replace the moves; those that were known are not parsed again."""
        known = self._paths
        self._paths = {move: known[move] if move in known else _path_before(move) for move in moves}

    def resources(
        self, live: Mapping[str, Connector], removed: Mapping[str, RemovedConnector]
    ) -> tuple[MovedConnector | RemovedConnector, ...]:
        """Return the resources at former paths; that of a removed connector reports the removal."""
        found: list[MovedConnector | RemovedConnector] = []
        for move, path in self._paths.items():
            gone = removed.get(move.name)
            connector = gone.connector if gone else live.get(move.name)
            if connector is not None and path and path != connector.path:
                moved = MovedConnector(path, connector, move.at, self._credentials)
                found.append(gone.at_former(moved) if gone else moved)
        return tuple(found)


def _path_before(move: Move) -> str:
    """Return the path of a connector before it moved, or an empty text if its former file is not valid any more."""
    declared = plan.parse_file(ConnectorFile.of(f"{move.name}.yaml", move.text.encode()))
    return declared.connector.path if declared.connector else ""
