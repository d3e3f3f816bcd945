"""The services that apply and change connector files, for the resources under `/-/` and for pages."""

from dataclasses import dataclass

from gateway.auth.token_maker import TokenMaker
from gateway.reload.connector_files import ConnectorFiles
from gateway.reload.reload import Reload
from gateway.reload.watch import Watch


@dataclass(frozen=True, slots=True)
class FileServices:
    """The connector files: what applies them, watches them, and writes them; and what makes tokens."""

    reload: Reload
    watch: Watch
    files: ConnectorFiles
    tokens: TokenMaker
