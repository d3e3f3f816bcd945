"""Decides whether the gateway may write connector files: what the settings say, and whether the directory takes a file."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from gateway.atomic_files import AtomicDirectory
from gateway.settings import Settings

#: The link in a volume of Kubernetes that is replaced with each update of a ConfigMap.
_KUBERNETES_LINK = "..data"


@dataclass(frozen=True, slots=True)
class Mode:
    """The decision whether connector files may be written, and a sentence that says why."""

    can_write: bool
    reason: str


def mode_of(settings: Settings) -> Mode:
    """Decide whether connector files may be written now. It tries to create a file, so it does not run on the event loop."""
    refusal = forbidden_by(settings) or delivery_of(settings.connectors) or _unwritable(settings.connectors)
    if refusal is not None:
        return Mode(can_write=False, reason=refusal)
    return Mode(can_write=True, reason=f"Files are written to {settings.connectors}.")


def forbidden_by(settings: Settings) -> str | None:
    """Return why the settings forbid to write files, None if they allow it.

    Without GATEWAY_CONSOLE only a gateway that others cannot reach may write.
    """
    if settings.console == "write":
        return None
    if settings.console is not None:
        return f"With GATEWAY_CONSOLE={settings.console} the gateway writes no file."
    if settings.hosts or settings.proxies:
        why = "GATEWAY_HOSTS is set" if settings.hosts else "GATEWAY_PROXIES is set"
    elif not is_loopback(settings.bind):
        why = f"the gateway listens at {settings.bind}, which other machines may reach"
    else:
        return None
    return f"The gateway writes no file, because {why}; GATEWAY_CONSOLE=write allows it."


def is_loopback(bind: str) -> bool:
    """Return whether only this machine reaches an address to listen on."""
    host = bind.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def delivery_of(directory: Path) -> str | None:
    """Return why another program delivers a directory, None if none does: a file that is written there would be lost.

    git-sync and Kubernetes switch a symbolic link to the next version. So does a deployment with a link to its release.
    """
    if os.path.lexists(directory / _KUBERNETES_LINK):
        return f"{directory} is a volume of Kubernetes: its next update would undo what is written there."
    place = Path(os.path.abspath(directory))  # noqa: PTH100  # it must keep links
    for part in (place, *place.parents):
        if part.is_symlink():
            return (
                f"{part} is a symbolic link: what is written behind it is lost when the link is changed."
                f" If nothing changes it, name the directory {os.path.realpath(directory)} itself."
            )
        if os.path.ismount(part):
            return None
    return None


def _unwritable(directory: Path) -> str | None:
    """Return why a directory takes no file. A missing one is created with its first file."""
    place = directory if directory.exists() else directory.absolute().parent
    try:
        with AtomicDirectory.opened(place) as opened:
            opened.probe()
    except OSError as error:
        return f"{place} takes no file: {error.strerror}."
    return None
