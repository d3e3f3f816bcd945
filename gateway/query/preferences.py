"""The Prefer header (RFC 7240) to Preferences, in PostgREST's tokens.

https://docs.postgrest.org/en/stable/references/api/preferences.html
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import Code, GatewayError, nearest

#: The supported preferences with their values and meaning, in the order of `Preference-Applied`.
PREFERENCES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "resolution": (
        ("merge-duplicates", "ignore-duplicates"),
        "on POST: a row whose primary key is already stored changes the fields that it names of that row, or is ignored",
    ),
    "missing": (
        ("default", "null"),
        "on POST with `columns`: the value of an absent key; `default` is the field's default",
    ),
    "return": (
        ("representation", "minimal", "headers-only"),
        "on writes: the stored rows, nothing, or a `Location`, instead of the receipt",
    ),
    "count": (
        ("exact", "planned", "estimated"),
        "`Content-Range` with the number of all rows; all three count exactly, because counting is cheap here",
    ),
    "tx": (("commit", "rollback"), "on writes: `rollback` checks and answers, and stores nothing"),
    "handling": (
        ("strict", "lenient"),
        (
            "`strict`: an unsupported preference is an error, and bad rows reject their batch; `lenient`: the good"
            " rows of a POST are stored, if the connector has `on_invalid: on_request`"
        ),
    ),
    "max-affected": (
        ("N",),
        "on PATCH and DELETE: more than N rows are an error, and nothing changes",
    ),
}
_ON_READS = ("count", "handling")
_ON_WRITES = tuple(name for name in PREFERENCES if name != "max-affected")
#: The preferences of each method, for the parser and the documents of the API.
BY_METHOD: Mapping[str, tuple[str, ...]] = {
    "GET": _ON_READS,
    "HEAD": _ON_READS,
    "POST": _ON_WRITES,
    "PUT": tuple(name for name in _ON_WRITES if name != "resolution"),
    "PATCH": ("return", "count", "tx", "handling", "max-affected"),
    "DELETE": ("return", "count", "tx", "handling", "max-affected"),
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences of a request; None for those that it does not send.

    `return_` is PostgREST's `return`.
    """

    resolution: str | None = None
    missing: str | None = None
    return_: str | None = None
    count: str | None = None
    tx: str | None = None
    handling: str | None = None
    max_affected: str | None = None

    @property
    def max_affected_rows(self) -> int | None:
        """The most rows that may be changed; None for any number."""
        return int(self.max_affected) if self.max_affected else None

    def applied(self, *without: str) -> str:
        """Return the `Preference-Applied` header; empty if no preference was applied."""
        return _applied(self, without)


@functools.lru_cache(1024)  # Nearly all requests have the same preferences.
def _applied(preferences: Preferences, without: tuple[str, ...]) -> str:
    values = {name: getattr(preferences, _attribute(name)) for name in PREFERENCES if name not in without}
    return ", ".join(f"{name}={value}" for name, value in values.items() if value)


def parse(header: str | None, method: str) -> Preferences:
    """Parse a Prefer header; the first of two values for one preference counts.

    Raises:
        GatewayError: It has unsupported preferences under `handling=strict`. Also without it, if `max-affected` is not
            a number: a limit that is not understood must not be ignored.
    """
    known: dict[str, str] = {}
    unknown: list[str] = []
    for token in (token.strip() for token in (header or "").split(",") if token.strip()):
        name, value = _name_of(token), token.partition("=")[2].strip().strip('"')
        if not _has(name, value):
            unknown.append(token)
        elif name in BY_METHOD.get(method, _ON_READS):
            known.setdefault(_attribute(name), value)
    preferences = Preferences(**known)
    if preferences.handling == "strict" and unknown:
        raise _invalid(unknown, "Invalid preferences given with handling=strict")
    if limits := [token for token in unknown if _name_of(token) == "max-affected"]:
        raise _invalid(limits, f"'{limits[0][:100]}' is not a number of rows")
    return preferences


def _name_of(token: str) -> str:
    return token.partition("=")[0].strip().strip('"').lower()


def _has(name: str, value: str) -> bool:
    if name == "max-affected":
        return value.isascii() and value.isdigit() and len(value) <= 18
    return value in PREFERENCES.get(name, ((), ""))[0]


def _invalid(unknown: Sequence[str], message: str) -> GatewayError:
    return GatewayError(
        Code.PREFERENCE_INVALID,
        message,
        details=f"Invalid preferences: {', '.join(unknown)[:400]}",
        hint=_hint(unknown[0]),
    )


def _hint(token: str) -> str:
    """Return the hint for an unknown preference: its likely meaning."""
    name = _name_of(token)
    if name in PREFERENCES:
        values = PREFERENCES[name][0]
        return f"write {name}={'|'.join(values)}" + (", a whole number" if values == ("N",) else "")
    if guess := nearest(name, PREFERENCES):
        return f"did you mean {guess}={'|'.join(PREFERENCES[guess][0])}?"
    supported = "; ".join(f"{name}={'|'.join(values)}" for name, (values, _) in PREFERENCES.items())
    return f"use one of {supported}"


def _attribute(name: str) -> str:
    return "return_" if name == "return" else name.replace("-", "_")
