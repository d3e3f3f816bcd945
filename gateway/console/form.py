"""A form that a page sent, as a value."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl


class Form(Mapping[str, str]):
    """The fields of a form. Of several values under one name, `[]` returns the last."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)
        self._last = dict(self._pairs)

    @classmethod
    def of(cls, body: bytes) -> "Form":
        """Decode a URL-encoded form; bytes that are not UTF-8 become U+FFFD."""
        return cls(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))

    def all(self, name: str) -> list[str]:
        """Return all values under a name, as of check boxes."""
        return [value for key, value in self._pairs if key == name]

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)
