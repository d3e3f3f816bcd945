"""Settings as text: the value of each, as the process uses it."""

from dataclasses import dataclass
from typing import Any

from gateway.setting_values import Share
from gateway.settings import SETTINGS, Settings


@dataclass(frozen=True, slots=True)
class SettingText:
    """The value of one setting.

    Attributes:
        environment: The environment variable that sets it.
        value: Its value, None if it has none.
        help: What it is.
    """

    environment: str
    value: str | None
    help: str


def setting_texts(settings: Settings) -> list[SettingText]:
    """Return every setting with its value. None of them is a secret: tokens are in files."""
    return [
        SettingText(each.environment, _text(getattr(settings, each.attribute or each.name)), each.help)
        for each in SETTINGS
    ]


def _text(value: Any) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Share):
        return f"{value.percent:g}%"
    return f"{value:g}" if isinstance(value, float) else str(value)
