"""Settings as text: the value of each, as the process uses it."""

from dataclasses import dataclass
from typing import Any

from gateway.setting_values import Share
from gateway.settings import SETTINGS, Settings

#: The value of a secret.
HIDDEN = "(set)"


@dataclass(frozen=True, slots=True)
class SettingText:
    """The value of one setting.

    Attributes:
        environment: The environment variable that sets it.
        value: Its value, None if it has none. That of a secret is hidden.
        help: What it is.
    """

    environment: str
    value: str | None
    help: str


def setting_texts(settings: Settings) -> list[SettingText]:
    """Return every setting with its value. Of a secret it shows only that there is one."""
    return [
        SettingText(each.environment, HIDDEN if each.is_secret and text else text, each.help)
        for each in SETTINGS
        for text in [_text(getattr(settings, each.attribute or each.name))]
    ]


def _text(value: Any) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Share):
        return f"{value.percent:g}%"
    return f"{value:g}" if isinstance(value, float) else str(value)
