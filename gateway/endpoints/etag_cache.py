"""ETags, and the answers that were given under them.

An ETag names the rows of one version of a connector, asked for in one way: whoever shows it again needs no
database, and an answer that is kept under it can never be stale, for a commit makes another ETag.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway import __version__
from gateway.query.statement import Statement
from gateway.store.interface import Version


@dataclass(frozen=True, slots=True)
class TaggedResponse:
    """A whole answer.

    Attributes:
        question: What it answers.
        version: The version of the rows in it, None where nobody can say.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    question: bytes = b""
    version: Version | None = None

    @property
    def is_compressed(self) -> bool:
        """Whether the body is compressed."""
        return "Content-Encoding" in self.headers

    @property
    def size(self) -> int:
        """How many bytes it takes to keep, what surrounds it at a guess."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers.items()) + 1024


def fingerprint(statement: Statement, *variants: str | bool | None) -> bytes:
    """Give what tells a question from all others, whatever the rows.

    Args:
        statement: What is asked; two query strings that mean the same make the same statement.
        variants: What else tells two representations apart.
    """
    connector, sql = statement.connector, statement.page
    names = [each.name for each in statement.query.select]
    told = (
        __version__,
        connector.name,
        connector.text,
        connector.revision,
        sql.text,
        sql.parameters,
        names,
        statement.output,
        variants,
    )
    return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).digest()


def etag_of(question: bytes, version: Version, coding: str | None) -> str:
    """Give the strong ETag (RFC 9110 section 8.8.3) of the answer to a question over a version of the rows."""
    told = question + repr((version, coding)).encode()
    return f'"{hashlib.sha256(told).hexdigest()[:32]}"'


class EtagCache:
    """The latest whole answers, bounded in bytes. Belongs to the event loop."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._answers: OrderedDict[str, TaggedResponse] = OrderedDict()
        self.bytes = 0

    def find(self, etag: str | None) -> TaggedResponse | None:
        """Give the answer under an ETag."""
        answer = self._answers.get(etag) if etag else None
        if etag and answer:
            self._answers.move_to_end(etag)
        return answer

    def keep(self, etag: str, answer: TaggedResponse) -> None:
        """Keep an answer, and forget those that nobody has asked for the longest."""
        if etag in self._answers or answer.size > self._most:
            return
        self._answers[etag] = answer
        self.bytes += answer.size
        while self.bytes > self._most:
            _, forgotten = self._answers.popitem(last=False)
            self.bytes -= forgotten.size
