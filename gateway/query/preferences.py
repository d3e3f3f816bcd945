"""The Prefer header (RFC 7240) to Preferences, in PostgREST's tokens.

https://docs.postgrest.org/en/stable/references/api/preferences.html
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import Code, GatewayError, nearest

#: The preferences there are, with their values, in the order of `Preference-Applied`; and what each asks.
PREFERENCES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "resolution": (
        ("merge-duplicates", "ignore-duplicates"),
        "on POST: a row whose primary key is there already changes the fields that it names of the other, or is passed over",
    ),
    "missing": (
        ("default", "null"),
        "on POST with `columns`: what an absent key means; `default` is the field's default",
    ),
    "return": (
        ("representation", "minimal", "headers-only"),
        "on writes: the stored rows, nothing, or a `Location`, instead of the receipt",
    ),
    "count": (
        ("exact", "planned", "estimated"),
        "`Content-Range` with the number of all rows; all three are counted, for counting is cheap here",
    ),
    "tx": (("commit", "rollback"), "on writes: `rollback` checks and answers, and stores nothing"),
    "handling": (
        ("strict", "lenient"),
        (
            "`strict`: a preference that is not here is an error, and bad rows refuse their batch; `lenient`: the good"
            " rows of a POST are stored, where the connector says `on_invalid: on_request`"
        ),
    ),
    "max-affected": (
        ("N",),
        "on PATCH and DELETE: more than N rows are an error, and nothing is done",
    ),
}
_ON_READS = ("count", "handling")
_ON_WRITES = tuple(name for name in PREFERENCES if name != "max-affected")
#: What each method listens to.
_HEARD: Mapping[str, tuple[str, ...]] = {
    "POST": _ON_WRITES,
    "PUT": tuple(name for name in _ON_WRITES if name != "resolution"),
    "PATCH": ("return", "count", "tx", "handling", "max-affected"),
    "DELETE": ("return", "count", "tx", "handling", "max-affected"),
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a request prefers, None where it says nothing.

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
    def most_affected(self) -> int | None:
        """How many rows may be changed, None for any number."""
        return int(self.max_affected) if self.max_affected else None

    def applied(self, *without: str) -> str:
        """Give the `Preference-Applied` header, empty where nothing is to be said."""
        return _applied(self, without)


@functools.lru_cache(1024)  # Nearly all requests prefer the same.
def _applied(preferences: Preferences, without: tuple[str, ...]) -> str:
    values = {name: getattr(preferences, _attribute(name)) for name in PREFERENCES if name not in without}
    return ", ".join(f"{name}={value}" for name, value in values.items() if value)


def parse(header: str | None, method: str) -> Preferences:
    """Read a Prefer header; of two values for one preference the first counts.

    Raises:
        GatewayError: Under `handling=strict`, naming the preferences that are not here; without it, too, for a
            `max-affected` that is no number: a limit that is not understood must not be passed over.
    """
    known: dict[str, str] = {}
    unknown: list[str] = []
    for token in (each.strip() for each in (header or "").split(",") if each.strip()):
        name, value = _name_of(token), token.partition("=")[2].strip().strip('"')
        if not _has(name, value):
            unknown.append(token)
        elif name in _HEARD.get(method, _ON_READS):
            known.setdefault(_attribute(name), value)
    preferences = Preferences(**known)
    if preferences.handling == "strict" and unknown:
        raise _invalid(unknown, "Invalid preferences given with handling=strict")
    if limits := [each for each in unknown if _name_of(each) == "max-affected"]:
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
    """Say what a preference most likely means."""
    name = _name_of(token)
    if name in PREFERENCES:
        values = PREFERENCES[name][0]
        return f"write {name}={'|'.join(values)}" + (", a whole number" if values == ("N",) else "")
    if guess := nearest(name, PREFERENCES):
        return f"did you mean {guess}={'|'.join(PREFERENCES[guess][0])}?"
    there_are = "; ".join(f"{each}={'|'.join(values)}" for each, (values, _) in PREFERENCES.items())
    return f"there are {there_are}"


def _attribute(name: str) -> str:
    return "return_" if name == "return" else name.replace("-", "_")
