"""The former name that a renamed field tells, so that its values stay with it: those stored, or those of a file."""

from collections.abc import Collection

from gateway.console.builder.controls import FIELD_ORDER, placed
from gateway.strictjson import Json

_KEY = "renamed_from"


def former_name(value: Json, was: str, name: str, stored: Collection[str]) -> Json:
    """Return a renamed field with the name that stored rows know it by as its `renamed_from`.

    In a chain of renames only the last applied name counts: of note → remark → comment, whose second step no gateway has
    seen, stored rows know `note`, and the file says so already.

    Args:
        value: The field as the form has it.
        was: Its name in the file.
        name: Its new name.
        stored: The fields that stored rows have, or the columns of the file that is loaded.
    """
    keys = dict(value) if isinstance(value, dict) else {"type": value}
    told = keys.get(_KEY)
    if name in stored:
        # A field that stored rows have takes its own values up; `renamed_from` would only add a second name.
        keys.pop(_KEY, None)
    elif was in stored:
        keys[_KEY] = was
    elif told is not None and told not in stored:
        keys.pop(_KEY, None)
    if keys.keys() == {"type"} and not isinstance(value, dict):
        return value
    before = value if isinstance(value, dict) else {"type": value}
    return placed(keys, FIELD_ORDER, before)
