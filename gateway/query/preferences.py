"""The Prefer header (RFC 7240) to Preferences, in PostgREST's tokens.

https://docs.postgrest.org/en/stable/references/api/preferences.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import Code, GatewayError

#: The preferences there are, with their values, in the order of `Preference-Applied`; and what each asks.
PREFERENCES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "missing": (
        ("default", "null"),
        "on POST with `columns`: what an absent key means; `default` is the field's default",
    ),
    "return": (
        ("representation", "minimal", "headers-only"),
        "on POST: the stored rows, nothing, or a `Location`, instead of the receipt",
    ),
    "count": (
        ("exact", "planned", "estimated"),
        "`Content-Range` with the number of all rows; all three are counted, for counting is cheap here",
    ),
    "tx": (("commit", "rollback"), "on POST: `rollback` checks and answers, and stores nothing"),
    "handling": (("strict", "lenient"), "`strict`: a preference that is not here is an error"),
}
_ON_READS = ("count", "handling")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a request prefers, None where it says nothing.

    `return_` is PostgREST's `return`.
    """

    missing: str | None = None
    return_: str | None = None
    count: str | None = None
    tx: str | None = None
    handling: str | None = None

    def applied(self, *without: str) -> str:
        """Give the `Preference-Applied` header, empty where nothing is to be said."""
        values = {name: getattr(self, _attribute(name)) for name in PREFERENCES if name not in without}
        return ", ".join(f"{name}={value}" for name, value in values.items() if value)


def parse(header: str | None, *, reads: bool) -> Preferences:
    """Read a Prefer header; of two values for one preference the first counts.

    Raises:
        GatewayError: Under `handling=strict`, naming the preferences that are not here; and for one that
            would change what is stored.
    """
    known: dict[str, str] = {}
    unknown: list[str] = []
    for token in (each.strip() for each in (header or "").split(",") if each.strip()):
        name, _, value = (part.strip() for part in token.partition("="))
        if name == "resolution" and not reads:
            raise GatewayError(
                Code.NOT_IMPLEMENTED, f"the preference '{token}' is not supported", details=token
            )
        if value.strip('"') not in PREFERENCES.get(name, ((), ""))[0]:
            unknown.append(token)
        elif not reads or name in _ON_READS:
            known.setdefault(_attribute(name), value.strip('"'))
    preferences = Preferences(**known)
    if preferences.handling == "strict" and unknown:
        raise _invalid(unknown)
    return preferences


def _invalid(unknown: Sequence[str]) -> GatewayError:
    there_are = "; ".join(f"{name}={'|'.join(values)}" for name, (values, _) in PREFERENCES.items())
    return GatewayError(
        Code.PREFERENCE_INVALID,
        "Invalid preferences given with handling=strict",
        details=f"Invalid preferences: {', '.join(unknown)}",
        hint=f"there are {there_are}",
    )


def _attribute(name: str) -> str:
    return "return_" if name == "return" else name
