"""The values of settings: their types, and the functions that parse them."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: A host and perhaps a port, as a Host header has them (RFC 9110 section 7.2).
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{0,5}))?")

LOG_FORMATS = ("json", "text")
#: What the console is: no page at all, pages that change no connector file, or pages that write them.
CONSOLE_MODES = ("off", "read", "write")

#: Where rows are stored: in one file of this machine, or in a lake that several gateways share.
STORES = ("file", "lake")

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def parse_store(text: str) -> str:
    """Read where rows are stored."""
    if text not in STORES:
        raise ValueError("write file or lake")
    return text


def parse_text(text: str) -> str:
    """Read a text as it is."""
    return text


def parse_catalog(text: str) -> str:
    """Read the URL of a PostgreSQL database."""
    form = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    found = re.match(r"postgres(ql)?://([^/]+)", text)
    if not found:
        raise ValueError(f"write {form}")
    if found[2].count("@") > 1 or re.search(r"[#?\s]", found[2]):
        raise ValueError(f"write {form} with %40 for @, %2F for /, %23 for #, and %3F for ? in the password")
    return text


def parse_lake_data(text: str) -> str:
    """Read the place of data files: a folder, or a bucket with a prefix."""
    if re.match(r"[A-Za-z0-9+.-]{2,}:", text) and not re.match(r"s3://[^/]", text):
        raise ValueError("write s3://BUCKET/PREFIX, or a folder that all gateways share")
    return text


def parse_endpoint(text: str) -> str:
    """Read the URL of an S3 server."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+/?", text):
        raise ValueError("write a URL without a path, such as http://127.0.0.1:8333")
    return text.rstrip("/")


def parse_name(text: str) -> str:
    """Read the name of a gateway among several."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", text):
        raise ValueError("write at most 63 letters, digits, dots, hyphens, and underscores")
    return text


def parse_size(text: str) -> int:
    """Read a number of bytes: `65536`, `64M`, `2G`."""
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in _UNITS or not number.isascii() or not number.isdigit() or int(number) == 0:
        raise ValueError("write a number of bytes such as 65536, 64M or 2G")
    return int(number) * _UNITS[unit]


def parse_size_or_zero(text: str) -> int:
    """Read a number of bytes, or `0`."""
    return 0 if text == "0" else parse_size(text)


def parse_seconds(text: str) -> float:
    """Read a number of seconds above zero."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 10**6:
        raise ValueError("write a number of seconds above 0")
    return seconds


def parse_keep(text: str) -> float:
    """Read a number of seconds of at least an hour: a commit, and a long read, end before that."""
    seconds = parse_seconds(text)
    if seconds < 3600:
        raise ValueError("write at least 3600 seconds")
    return seconds


def parse_count(text: str) -> int:
    """Read a whole number above zero."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("write a whole number above 0")
    return int(text)


def parse_origins(text: str) -> tuple[str, ...]:
    """Read a list of web origins: `https://app.example.com https://admin.example.com`, or `*` for any."""
    origins = tuple(text.replace(",", " ").split())
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[a-z0-9.\[\]:-]+", origin):
            raise ValueError("write origins such as https://app.example.com, with spaces between, or *")
    return origins


def parse_hosts(text: str) -> tuple[str, ...]:
    """Read a list of hosts, each with or without a port: `api.example.com localhost:8000 [::1]`."""
    hosts = tuple(text.lower().replace(",", " ").split())
    for host in hosts:
        if not HOST.fullmatch(host):
            raise ValueError("write hosts such as api.example.com or localhost:8000, with spaces between")
    return hosts


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read a list of addresses and networks: `10.0.0.0/8 127.0.0.1`."""
    try:
        return tuple(ipaddress.ip_network(each) for each in text.replace(",", " ").split())
    except ValueError as error:
        raise ValueError(
            "write addresses and networks such as 127.0.0.1 10.0.0.0/8, with spaces between"
        ) from error


def parse_bind(text: str) -> str:
    """Read the address to listen on: `HOST:PORT`, `:PORT` for all addresses, or `[IPv6]:PORT`.

    gunicorn also accepts `unix:PATH`, and `fd://N` for an open socket. A host alone gets the port 8000.
    """
    if text.startswith(("unix:", "fd://")):
        return text
    found = HOST.fullmatch(text if not text.startswith(":") else f"0.0.0.0{text}")  # noqa: S104  # it is asked for
    if not found or found["name"].isdigit():
        raise ValueError("write HOST:PORT, such as 127.0.0.1:9000")
    port = found["port"] or "8000"
    if int(port) > 65535:
        raise ValueError(f"{port} is not a port; write HOST:PORT with a port of at most 65535")
    return f"{found['name']}:{port}"


def parse_log(text: str) -> str:
    """Read the format of the log."""
    if text not in LOG_FORMATS:
        raise ValueError(f"write {' or '.join(LOG_FORMATS)}")
    return text


def parse_metrics(text: str) -> str:
    """Read the readers of the metrics."""
    if text not in ("token", "open"):
        raise ValueError("write token or open")
    return text


def parse_console(text: str) -> str:
    """Read what the console is: `off`, `read`, or `write`."""
    if text not in CONSOLE_MODES:
        raise ValueError("write off, read, or write")
    return text


def parse_forge(text: str) -> str:
    """Read the URL of a file in a forge's editor: one of http or https, with `{action}` and `{file}` in its path."""
    url = re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~%@!$&'()*+,;=:/{}-]*)", text)
    if not url or sorted(re.findall(r"\{.*?\}", url[1])) != ["{action}", "{file}"]:
        raise ValueError(
            "write a URL such as https://github.com/OWNER/REPO/{action}/main/connectors.d/{file}"
        )
    return text


def parse_title(text: str) -> str:
    """Read the name of an instance: up to 60 printable characters."""
    if len(text) > 60 or not text.isprintable():
        raise ValueError("write up to 60 printable characters")
    return text


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a total, in percent."""

    percent: float

    def of(self, whole: int) -> int:
        """Return that share of `whole`, rounded down."""
        return int(whole * self.percent / 100)


def or_share(parse: Callable[[str], int]) -> Callable[[str], int | Share]:
    """Build a parser of the values of `parse`, and of shares such as `40%`."""

    def parse_either(text: str) -> int | Share:
        if not text.endswith("%"):
            try:
                return parse(text)
            except ValueError as error:
                raise ValueError(f"{error}, or a share such as 40%") from error
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?%", text) or not 0 < float(text[:-1]) <= 100:
            raise ValueError("write a share above 0% and up to 100%")
        return Share(float(text[:-1]))

    return parse_either
