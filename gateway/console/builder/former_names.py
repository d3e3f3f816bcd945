"""The former name that a renamed field tells, so that its values stay with it: those stored, or those of a file."""

from collections.abc import Collection

from gateway.console.builder.controls import FIELD_ORDER, placed
from gateway.strictjson import Json

_KEY = "renamed_from"


def source_of(value: Json, was: str, stored: Collection[str]) -> str | None:
    """Return the name that stored rows know a renamed field by, None if they have no values of it.

    In a chain of renames only the last applied name counts: of note → remark → comment, whose second step no gateway has
    seen, stored rows know `note`, and the file says so already.

    Args:
        value: The field as the form has it.
        was: Its name in the file.
        stored: The fields that stored rows have, or the columns of the file that is loaded.
    """
    told = value.get(_KEY) if isinstance(value, dict) else None
    return next((each for each in (was, told) if isinstance(each, str) and each in stored), None)


def former_name(value: Json, name: str, source: str | None) -> Json:
    """Return a renamed field with the name that stored rows know it by as its `renamed_from`.

    Args:
        value: The field as the form has it.
        name: Its new name.
        source: The name that stored rows know it by, or None.
    """
    before = value if isinstance(value, dict) else {"type": value}
    keys = dict(before)
    if source not in (None, name):
        keys[_KEY] = source
    elif source == name or keys.get(_KEY) is not None:
        # Stored rows know it by its name, or not at all; `renamed_from` would only add a second name.
        keys.pop(_KEY, None)
    if keys.keys() == {"type"} and not isinstance(value, dict):
        return value
    return placed(keys, FIELD_ORDER, before)
