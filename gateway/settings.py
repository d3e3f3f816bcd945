"""The settings of the gateway, a table: flag, environment variable, and default."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import nearest
from gateway.setting_values import (
    Network,
    Share,
    or_share,
    parse_bind,
    parse_catalog,
    parse_console,
    parse_count,
    parse_endpoint,
    parse_forge,
    parse_hosts,
    parse_keep,
    parse_lake_data,
    parse_log,
    parse_metrics,
    parse_name,
    parse_networks,
    parse_origins,
    parse_seconds,
    parse_size,
    parse_size_or_zero,
    parse_store,
    parse_text,
    parse_title,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `flag` is its option of `gateway serve`, if it has one."""

    name: str
    default: str | None
    parse: Callable[[str], Any]
    help: str
    flag: str | None = None
    metavar: str | None = None
    #: The attribute of `Settings`, where that is not called like the environment variable.
    attribute: str | None = None
    #: A secret is in no error, and may be the content of the file that the variable with `_FILE` at its end names.
    is_secret: bool = False

    @property
    def environment(self) -> str:
        """The environment variable that sets it."""
        return f"GATEWAY_{self.name.upper()}"

    @property
    def file_environment(self) -> str:
        """The environment variable that names a file with its value, if it is a secret."""
        return f"{self.environment}_FILE"

    def text_in(self, environment: Mapping[str, str]) -> str | None:
        """Return its text in an environment, or the default.

        Raises:
            ValueError: The file of a secret cannot be read.
        """
        file = environment.get(self.file_environment) if self.is_secret else None
        if not file:
            return environment.get(self.environment) or self.default
        try:
            return Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{self.file_environment}={file!r} cannot be read: {error}") from error


SETTINGS = (
    Setting("connectors", "connectors.d", Path, "the directory of connector files", "--connectors", "DIR"),
    Setting("data", "data", Path, "the directory of the database and other data", "--data", "DIR"),
    Setting(
        "tokens",
        None,
        Path,
        "the tokens file; none: `tokens.yaml` in the data directory, if there is one",
        "--tokens",
        "FILE",
    ),
    Setting("bind", "127.0.0.1:8000", parse_bind, "the address to listen on", "--bind", "HOST:PORT"),
    Setting("max_body", "64M", parse_size, "the maximum size of a body, decompressed, in bytes"),
    Setting("max_row", "1M", parse_size, "the maximum size of a row, and of the header of CSV, in bytes"),
    Setting(
        "fast",
        "16K",
        parse_size_or_zero,
        "the size in bytes from which JSON and CSV are parsed by column, which affects only the speed; `0`: never",
        attribute="columnar_min_bytes",
    ),
    Setting("queue", "256M", parse_size, "the maximum size of the write queue, in bytes of bodies"),
    Setting("body_timeout", "300", parse_seconds, "the timeout of a body, in seconds"),
    Setting(
        "body_rate",
        "1K",
        parse_size,
        "the minimum rate of a body in bytes per second, on average after 10 seconds",
    ),
    Setting("header_timeout", "10", parse_seconds, "the timeout of the headers of a request, in seconds"),
    Setting("idle_timeout", "15", parse_count, "the timeout of an idle connection, in seconds"),
    Setting(
        "send_timeout",
        "60",
        parse_seconds,
        "the timeout of a client that does not read its response, in seconds",
    ),
    Setting("max_connections", "1000", parse_count, "the maximum number of open connections"),
    Setting("readers", "4", parse_count, "the maximum number of concurrent queries"),
    Setting("query_timeout", "30", parse_seconds, "the timeout of a query until its next rows, in seconds"),
    Setting(
        "read_limit",
        None,
        parse_count,
        "the maximum number of rows in a response to a GET, for every connector; none: no limit",
    ),
    Setting("cache", "64M", parse_size, "the maximum size of the response cache, in bytes"),
    Setting(
        "spool",
        "1G",
        parse_size,
        "the maximum size of results in files for byte ranges, in bytes",
    ),
    Setting(
        "uploads",
        "1G",
        parse_size,
        "the maximum size of all files that are uploaded to the console, in bytes",
    ),
    Setting("cors", "", parse_origins, "the web origins whose pages may use the endpoints; `*`: any"),
    Setting(
        "hosts", "", parse_hosts, "the hosts that requests may name, such as `api.example.com`; none: any"
    ),
    Setting(
        "proxies", "", parse_networks, "the proxies whose `X-Forwarded-*` is trusted: addresses and networks"
    ),
    Setting(
        "console",
        None,
        parse_console,
        "the pages for a browser: `off`, `read`, or `write`, which lets the admin token save connector files;"
        " none: `write` at a loopback address without `GATEWAY_PROXIES` and `GATEWAY_HOSTS`, else `read`",
    ),
    Setting(
        "forge",
        None,
        parse_forge,
        "the URL of a connector file in the editor of your forge, with `{action}` and `{file}`, such as"
        " `https://github.com/OWNER/REPO/{action}/main/connectors.d/{file}`",
    ),
    Setting("title", "gateway", parse_title, "the name of this gateway on its pages"),
    Setting(
        "session_idle", "3600", parse_seconds, "the timeout of an unused session of a browser, in seconds"
    ),
    Setting(
        "session_lifetime",
        "43200",
        parse_seconds,
        "the longest time that a browser stays signed in, in seconds",
    ),
    Setting(
        "log",
        None,
        parse_log,
        "the format of the log on stderr: `json` or `text`; none: `text` on a terminal, else `json`",
    ),
    Setting(
        "retention_interval",
        "60",
        parse_seconds,
        "seconds between two retention runs",
    ),
    Setting(
        "memory",
        "40%",
        or_share(parse_size),
        "the memory limit of DuckDB in bytes, or as a share of the container's memory",
    ),
    Setting(
        "threads",
        "100%",
        or_share(parse_count),
        "the number of threads of DuckDB, or a share of the container's CPUs",
    ),
    Setting(
        "spill",
        "50%",
        or_share(parse_size),
        "the disk space for queries that need more memory, in bytes, or as a share of the space"
        " that is free at the start beyond the reserve",
    ),
    Setting(
        "disk_reserve",
        "1G",
        parse_size,
        "the minimum free space on the disk of the data, in bytes; with less, writes are refused",
    ),
    Setting(
        "metrics",
        "token",
        parse_metrics,
        "the readers of `/-/metrics`: `token` for the admin token and those with `view: true`, `open` for anyone",
    ),
    Setting(
        "store",
        "file",
        parse_store,
        "the place of the rows: `file`, a DuckDB file in the data directory, or `lake`, which several gateways share",
        "--store",
        "STORE",
    ),
    Setting("name", None, parse_name, "the name of this gateway among several; none: the host name"),
    Setting(
        "lake_catalog",
        None,
        parse_catalog,
        "the PostgreSQL database of the lake: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`",
        is_secret=True,
    ),
    Setting(
        "lake_data",
        None,
        parse_lake_data,
        "the place of the lake's data files: `s3://BUCKET/PREFIX`, or a folder that all gateways share",
    ),
    Setting("lake_s3_endpoint", None, parse_endpoint, "the URL of the S3 server; none: that of AWS"),
    Setting("lake_s3_region", "us-east-1", parse_text, "the region of the bucket"),
    Setting(
        "lake_s3_key_id",
        None,
        parse_text,
        "the access key of the gateway, which may get, put, and list objects",
    ),
    Setting("lake_s3_secret", None, parse_text, "the secret of that access key", is_secret=True),
    Setting(
        "lake_delete_key_id",
        None,
        parse_text,
        "the access key of the maintenance, which may delete objects, too; none: another gateway deletes",
    ),
    Setting("lake_delete_secret", None, parse_text, "the secret of that access key", is_secret=True),
    Setting(
        "lake_maintenance",
        "10",
        parse_seconds,
        "the interval between two looks at the lake's upkeep, in seconds",
    ),
    Setting(
        "lake_keep",
        "86400",
        parse_keep,
        "how long the lake keeps files that are no longer needed, in seconds; at least 3600",
    ),
    Setting("graceful_timeout", "20", parse_count, "the maximum duration of a graceful stop, in seconds"),
)


#: The environment variables of the verbs that go to a running gateway, each with its meaning.
CLIENT_ENVIRONMENT = {
    "GATEWAY_URL": "the URL of the gateway; default: `GATEWAY_BIND` on this machine",
    "GATEWAY_TOKEN": "the token; default: the content of `DATA/admin-token`",
}

#: Variables that Kubernetes sets in every container if a Service is called `gateway`
#: (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
_OF_KUBERNETES = re.compile(r"GATEWAY_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\w+)?)")


def unknown_variables(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield a warning for every variable `GATEWAY_…` that the gateway does not read."""
    known = [*(setting.environment for setting in SETTINGS), *CLIENT_ENVIRONMENT]
    known += [setting.file_environment for setting in SETTINGS if setting.is_secret]
    for name in sorted(environment):
        if name.startswith("GATEWAY_") and name not in known and not _OF_KUBERNETES.fullmatch(name):
            guess = nearest(name, known)
            hint = f"did you mean {guess}?" if guess else "`gateway docs settings` lists them"
            yield f"{name} is not a setting of the gateway and has no effect; {hint}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process, as `SETTINGS` describes them."""

    connectors: Path
    data: Path
    tokens: Path | None
    bind: str
    max_body: int
    max_row: int
    columnar_min_bytes: int
    queue: int
    body_timeout: float
    body_rate: int
    header_timeout: float
    idle_timeout: int
    send_timeout: float
    max_connections: int
    readers: int
    query_timeout: float
    read_limit: int | None
    cache: int
    spool: int
    uploads: int
    cors: tuple[str, ...]
    hosts: tuple[str, ...]
    proxies: tuple[Network, ...]
    console: str | None
    forge: str | None
    title: str
    session_idle: float
    session_lifetime: float
    log: str | None
    memory: int | Share
    threads: int | Share
    spill: int | Share
    disk_reserve: int
    retention_interval: float
    metrics: str
    store: str
    name: str | None
    lake_catalog: str | None
    lake_data: str | None
    lake_s3_endpoint: str | None
    lake_s3_region: str
    lake_s3_key_id: str | None
    lake_s3_secret: str | None
    lake_delete_key_id: str | None
    lake_delete_secret: str | None
    lake_maintenance: float
    lake_keep: float
    graceful_timeout: int

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read them from `GATEWAY_*`.

        Raises:
            ValueError: A value is invalid; the message names the variable, its value, and the expected form.
        """
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            text = setting.text_in(environment)
            try:
                values[setting.attribute or setting.name] = None if text is None else setting.parse(text)
            except ValueError as error:
                shown = "…" if setting.is_secret else repr(text)
                raise ValueError(f"{setting.environment}={shown}: {error}") from error
        return cls(**values)

    @property
    def local_url(self) -> str:
        """The URL of the gateway for a client on this machine."""
        host, _, port = self.bind.rpartition(":")
        # A client cannot connect to the address that stands for all addresses.
        return f"http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{port}"  # noqa: S104  # it is not bound
