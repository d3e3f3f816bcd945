"""The place of the connector files in their git repository, and links to its forge."""

import os
from pathlib import Path
from typing import Literal
from urllib.parse import quote

Action = Literal["new", "edit", "delete"]

#: Forges refuse longer URLs: GitHub from about 8 KiB on.
URL_CHARACTERS_MAX = 7000


def path_in_repository(directory: Path) -> str:
    """Return the path of a directory in its git repository; its name alone where no repository is in sight."""
    real = Path(os.path.realpath(directory))
    for parent in (real, *real.parents):
        if (parent / ".git").exists():
            return "" if real == parent else real.relative_to(parent).as_posix()
    return real.name


def forge_link(template: str, file: str, text: str | None = None, action: Action | None = None) -> str:
    """Return the URL of the forge's editor for a file.

    GitHub and Gitea take the text of a new file in the URL, GitLab takes its name alone. A text that is too long for a
    URL is left out.

    Args:
        template: The value of `GATEWAY_FORGE`.
        file: The name of the file.
        text: The text of a new file, None for a file that exists.
        action: What the editor does, if that does not follow from `text`.
    """
    action = action or ("edit" if text is None else "new")
    url = template.replace("{action}", action)
    if action != "new":
        return url.replace("{file}", quote(file, safe=""))
    place = url.partition("{file}")[0].rstrip("/")
    name = "file_name" if "/-/new/" in place else "filename"
    link = f"{place}?{name}={quote(file, safe='')}"
    whole = f"{link}&value={quote(text or '', safe='')}"
    return link if name == "file_name" or not text or len(whole) > URL_CHARACTERS_MAX else whole
