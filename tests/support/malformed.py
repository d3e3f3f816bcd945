"""Malformed requests: a seed and a number to the bytes of one request, the same every time."""

import functools
import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import zstandard

from tests.support.arrow_bodies import FILE, PARQUET, STREAM, feather, parquet, stream

#: What `of` writes to: every type, so that every reader of values meets what is spoiled.
CONNECTOR = """
fields:
  i: {type: integer, nullable: true}
  s: {type: string, nullable: true}
  d: {type: "decimal(12, 2)", nullable: true}
  f: {type: number, nullable: true}
  t: {type: timestamp, nullable: true}
  u: {type: uuid, nullable: true}
  j: {type: json, nullable: true}
  l: {type: "integer[]", nullable: true}
access: {read: [public]}
"""
FIELDS = "isdftujl"
KINDS = {
    "json": b"application/json",
    "ndjson": b"application/x-ndjson",
    "csv": b"text/csv",
    "parquet": PARQUET.encode(),
    "arrow": STREAM.encode(),
    "feather": FILE.encode(),
}
CODINGS = ("identity", "gzip", "zstd")

_ROW = (
    b'{"i":1,"s":"a\\u00e9\\"","d":1.25,"f":1e3,"t":"2026-01-01T00:00:00Z",'
    b'"u":"0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d","j":{"k":[1,null]},"l":[1,2]}'
)
_TABLE = pa.table(
    {
        "i": pa.array([1, None, 3], pa.int32()),
        "s": pa.array(['aé"', "", None]).dictionary_encode(),
        "d": pa.array([Decimal("1.25"), None, Decimal(0)], pa.decimal128(9, 2)),
        "f": [1e3, None, -0.5],
        "t": pa.array([0, None, 10**15], pa.timestamp("us", "UTC")),
        "u": pa.array([bytes(16), None, bytes(range(16))], pa.uuid()),
        "j": [{"k": [1, None]}, None, {"k": []}],
        "l": [[1, 2], None, []],
    }
)
VALID = {
    "parquet": parquet(_TABLE),
    "arrow": stream(_TABLE, "zstd"),
    "feather": feather(_TABLE),
    "json": b"[" + b",".join([_ROW] * 3) + b"]",
    "ndjson": (_ROW + b"\n") * 3,
    "csv": b'i,s,d,f,t,j,l\n1,"a ""b"" ,\nc",1.25,1e3,2026-01-01T00:00:00Z,"{""k"": 1}","[1,2]"\n,,,,,,\n',
}
#: What stands where a value should: numbers beyond every column, depth, doubled keys, text that is none.
TRAPS = (
    *(b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1e-400", b"1e999999999"),
    *(
        b"9223372036854775808",
        b"18446744073709551616",
        b"-18446744073709551617",
        b"9" * 400,
        b"-" + b"9" * 400,
    ),
    *(b"0." + b"1" * 400, b"01", b".5", b"1.", b"+1", b"0x10", b"1_000", b"1e", b"--1", b"-"),
    *(b"[" * 65, b"[" * 1025, b"[" * 65 + b"]" * 65, b'{"a":' * 1025, b'{"a":' * 65 + b"1" + b"}" * 65),
    *(b'1,"i":2', b'1,"I":2', b'{"k":1,"k":2}', b'1,"":2', b'1,"_id":2', b'1,"nobody":2'),
    *(rb'"\ud800"', rb'"\udc00x"', rb'"\ud800\ud800"', rb'"\u0000"', rb'"\u00"', rb'"\x"', rb'"\u{1F600}"'),
    *(
        b'"\x00"',
        b"\x00",
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
        b'"\xf4\x90\x80\x80"',
        b'"\x1f"',
        b'"\n"',
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf1",
        b"\xff\xfe1\x00",
        b'"open',
        b"'x'",
        b"nul",
        b"True",
        b"undefined",
        b"",
    ),
    *(
        b"1}{",
        b"]",
        b"}",
        b",",
        b":",
        b"/*x*/1",
        b"//x\n1",
        b"=cmd()",
        b'"\xe2\x80\xa8"',
        b'""""',
        b'a"b',
        b"\r",
    ),
)


@dataclass(frozen=True)
class Malformed:
    """One request.

    Attributes:
        what: What was done to it, for people.
        request: All that is sent.
        is_whole: Whether a server can tell where it ends, so that the connection may serve another.
        breaks_off: Whether the client ends its side before the body is complete.
    """

    what: str
    request: bytes
    is_whole: bool = True
    breaks_off: bool = False


def of(seed: int, number: int, path: str, token: str) -> Malformed:
    """Make the request of that number."""
    chance = random.Random(f"{seed} {number}")
    kind, coding = chance.choice(list(KINDS)), chance.choice(CODINGS)
    (spoil,) = chance.choices([*_SPOILS, _bomb, _mislabelled], [30, 20, 10, 30, 2, 4])
    head = f"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: {token}\r\n".encode()
    if spoil is _bomb:
        kind, coding, body = chance.choice(_bombs())
    elif spoil is _mislabelled:
        body = pack(VALID[kind], chance.choice(CODINGS))
        kind = chance.choice(list(KINDS))
    elif chance.random() < 0.5:
        body = pack(spoil(chance, VALID[kind], kind), coding)
    else:
        body = spoil(chance, pack(VALID[kind] * 20, coding), kind)
    head += b"Content-Type: " + KINDS[kind] + b"\r\n"
    head += b"" if coding == "identity" else f"Content-Encoding: {coding}\r\n".encode()
    what = f"number {number}: {kind} {coding} {spoil.__name__.strip('_')}"
    if chance.random() < 0.1:
        framing, rest, breaks_off = chance.choice(_FRAMINGS)(chance, body)
        return Malformed(f"{what}, framed as {framing}", head + rest, is_whole=False, breaks_off=breaks_off)
    if chance.random() < 0.2:
        return Malformed(f"{what} in chunks", head + _chunked(chance, body))
    return Malformed(what, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def pack(body: bytes, coding: str) -> bytes:
    if coding == "gzip":
        return gzip.compress(body, 1, mtime=0)
    return zstandard.compress(body) if coding == "zstd" else body


# -- what is done to a body


def _flipped(chance: random.Random, body: bytes, kind: str) -> bytes:
    spoiled = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
    return bytes(spoiled)


def _cut(chance: random.Random, body: bytes, kind: str) -> bytes:
    return body[: chance.randrange(len(body))]


def _spliced(chance: random.Random, body: bytes, kind: str) -> bytes:
    """Put a piece of it, or of noise, somewhere else in it."""
    start, at = chance.randrange(len(body)), chance.randrange(len(body))
    piece = chance.choice(
        [body[start : start + chance.randint(1, 64)], chance.randbytes(chance.randint(1, 64))]
    )
    return body[:at] + piece * chance.randint(1, 3) + body[at + chance.randint(0, 8) :]


def _trapped(chance: random.Random, body: bytes, kind: str) -> bytes:
    field, trap = chance.choice(FIELDS).encode(), chance.choice(TRAPS)
    if kind in ("parquet", "arrow", "feather"):
        return _spliced(chance, body[:4] + trap + body[4:], kind)
    if kind == "csv":
        return field + b"\n" + trap + b"\n"
    row = b'{"' + field + b'":' + trap + b"}"
    return (
        row + b"\n" + row if kind == "ndjson" else chance.choice([row, b"[" + row + b"]", trap, trap + row])
    )


_SPOILS: tuple[Callable[[random.Random, bytes, str], bytes], ...] = (_flipped, _cut, _spliced, _trapped)


def _bomb() -> None:
    """Names the bombs among the spoils; they are made at once."""


def _mislabelled() -> None:
    """Names the bodies that are not what their headers say."""


@functools.cache
def _bombs() -> list[tuple[str, str, bytes]]:
    """Small on the wire and large to unpack, or small to send and large to parse."""
    zeros = bytes(2**24)
    return [
        ("json", "gzip", gzip.compress(zeros, mtime=0)),
        ("ndjson", "gzip", gzip.compress(gzip.compress(zeros, mtime=0), mtime=0)),
        ("ndjson", "zstd", zstandard.compress(zeros * 12)),
        ("csv", "zstd", zstandard.compress(b"i\n" + b"1\n" * 2**22)),
        ("csv", "zstd", zstandard.ZstdCompressor(22).compress(zeros * 2)),
        ("json", "identity", b"[" * 500_000),
        ("json", "gzip", gzip.compress(b'{"j":' + b"[" * 900_000, mtime=0)),
        ("json", "identity", b'{"j":' + b'{"":' * 100_000),
        ("json", "identity", b'{"j":"' + b"\\u0041" * 150_000),
        ("json", "identity", b'{"i":1' + b"0" * 500_000 + b"}"),
        ("json", "identity", b"[" + b'{"i":1,"i":2},' * 30_000 + b"{}]"),
        ("json", "identity", b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}"),
        ("ndjson", "identity", b"{\n" * 200_000),
        ("ndjson", "identity", b'"' * 500_000),
        ("csv", "identity", b"i,s\n1," + b'"' * 500_001),
        ("csv", "identity", b"i,s\n1," + b'"' + b"a\n" * 200_000),
        ("csv", "identity", b"i,s\n" + b'1,""""""""""\n' * 40_000 + b'1,"'),
        ("csv", "identity", b"i,s\n" + b"," * 500_000),
        ("csv", "identity", b"i,s\n" + b"1,x\r" * 100_000),
        ("csv", "identity", b"i,l\n" + b'1,"[1]}\n{""v"":[2]"\n' * 20_000),
        ("csv", "gzip", gzip.compress(b"s\n" + b"\n" * 2**20 + b'"', mtime=0)),
    ]


# -- what is done to the way it is sent: its name, the rest of the request, and whether the client ends first

Framed = tuple[str, bytes, bool]


def _longer(chance: random.Random, body: bytes) -> Framed:
    length = len(body) + chance.choice([1, 10, 10**5])
    return "longer than it is", b"Content-Length: %d\r\n\r\n" % length + body, True


def _stalled(chance: random.Random, body: bytes) -> Framed:
    return "longer than it is, and silent", b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body, False


def _shorter(chance: random.Random, body: bytes) -> Framed:
    length = chance.randrange(len(body) + 1)
    return "shorter than it is", b"Content-Length: %d\r\n\r\n" % length + body, False


def _no_length(chance: random.Random, body: bytes) -> Framed:
    length = chance.choice(
        [
            b"-1",
            b"+5",
            b"abc",
            b"1e3",
            b"0x10",
            b"",
            b"5, 5",
            b"5 5",
            b"9" * 30,
            b"5\r\nContent-Length: 6",
            b"\xb2",
        ]
    )
    return "a length that is none", b"Content-Length: " + length + b"\r\n\r\n" + body, False


def _both(chance: random.Random, body: bytes) -> Framed:
    return "both ways at once", b"Content-Length: 5\r\n" + _chunked(chance, body), False


def _odd_coding(chance: random.Random, body: bytes) -> Framed:
    coding = chance.choice(
        [b"gzip", b"chunked, chunked", b"xchunked", b"chunked, identity", b"", b"chunked\x00"]
    )
    rest = _chunked(chance, body).partition(b"\r\n\r\n")[2]
    return "a transfer coding that is none", b"Transfer-Encoding: " + coding + b"\r\n\r\n" + rest, False


def _odd_chunk(chance: random.Random, body: bytes) -> Framed:
    chunk = chance.choice(
        [
            b"zz\r\n{}\r\n",
            b"-2\r\n{}\r\n",
            b"\r\n{}\r\n",
            b"5\r\n{}\r\n0\r\n\r\n",
            b"2{}\r\n",
            b"2\r\n{}",
            b"2\n{}\n0\n\n",
            b"f" * 40 + b"\r\n{}",
            b"2;" + b"x" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
            b"0x2\r\n{}\r\n0\r\n\r\n",
            b"2\r\n{}\r\n0\r\nNo trailer\r\n\r\n",
            b"2\r\n{}\r\n0\r\n" + b"T: x\r\n" * 5000 + b"\r\n",
        ]
    )
    return "a chunk that is none", b"Transfer-Encoding: chunked\r\n\r\n" + chunk, False


def _cut_chunks(chance: random.Random, body: bytes) -> Framed:
    whole = _chunked(chance, body)
    start = whole.index(b"\r\n\r\n") + 4
    return "chunks without an end", whole[: chance.randrange(start, len(whole) - 1)], True


_FRAMINGS = (_longer, _stalled, _shorter, _no_length, _both, _odd_coding, _odd_chunk, _cut_chunks)


def _chunked(chance: random.Random, body: bytes) -> bytes:
    size = max(1, len(body) // chance.randint(1, 20))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
