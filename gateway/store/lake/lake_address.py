"""The address of a lake: PostgreSQL with the catalog, the place of the data files, and the credentials for both."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

#: Seconds until an attempt to connect to PostgreSQL fails.
CONNECT_SECONDS = 3


class InvalidAddress(Exception):  # noqa: N818  # the message is for the operator
    """A setting of the lake cannot be used; the message has no secret."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """The credentials for the data files of an S3 server.

    Attributes:
        key_id: The access key; empty if DuckDB finds none to need.
        secret: Its secret.
        endpoint: The host and port of the server, without a scheme; empty for that of AWS.
        region: The region.
        is_tls: Whether the server speaks TLS.
    """

    key_id: str
    secret: str = field(repr=False)
    endpoint: str = ""
    region: str = "us-east-1"
    is_tls: bool = True


@dataclass(frozen=True, slots=True)
class LakeAddress:
    """The address of a lake.

    Attributes:
        conninfo: The connection string of PostgreSQL, with its password.
        data: `s3://BUCKET/PREFIX/` or the absolute path of a folder, with a slash at its end.
        s3: The credentials for `s3://`, or None.
        gateway: The name of this gateway, which commits and figures carry.
        deleting: The credentials that may delete data files on S3, or None.
        keep: The seconds for which files that are no longer needed are kept.
    """

    conninfo: str = field(repr=False)
    data: str
    s3: S3Access | None
    gateway: str
    deleting: S3Access | None = None
    keep: float = 86_400.0

    @classmethod
    def of(cls, catalog: str, data: str, s3: S3Access | None, gateway: str) -> "LakeAddress":
        """Check and complete the settings of a lake.

        Raises:
            InvalidAddress: One of them cannot be used.
        """
        try:
            given = conninfo_to_dict(catalog)
        except psycopg.ProgrammingError:
            message = "the catalog of the lake must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            raise InvalidAddress(message) from None
        defaults = {"connect_timeout": CONNECT_SECONDS, "application_name": f"gateway {gateway}"}
        conninfo = make_conninfo("", **(defaults | given))  # type: ignore[arg-type]  # the values are texts and numbers
        place = data if data.startswith("s3://") else str(Path(data).resolve())
        if found := re.search(r"[*?\[\]]", place):
            # DuckLake looks for files without a commit by such a pattern, and would delete those of other folders.
            message = f"the place of the lake's data may not have '{found[0]}' in its path, for it is a pattern: {place}"
            raise InvalidAddress(message)
        return cls(conninfo, f"{place.rstrip('/')}/", s3, gateway)

    @property
    def folder(self) -> Path | None:
        """The folder of the data files, None if they are on S3."""
        return None if self.data.startswith("s3://") else Path(self.data)

    @property
    def may_delete(self) -> bool:
        """True if this gateway may delete data files."""
        return self.deleting is not None or self.folder is not None

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the connection string, by name."""
        return {name: str(value) for name, value in conninfo_to_dict(self.conninfo).items() if value}

    @property
    def shown(self) -> str:
        """The catalog without its password, for logs and errors."""
        given = self.parameters
        place = f"{given.get('host', 'localhost')}:{given.get('port', '5432')}"
        return f"postgresql://{place}/{given.get('dbname', '')}"
