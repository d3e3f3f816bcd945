"""The commands that bring a change of connector files into a repository."""

import shlex
from collections.abc import Mapping


def git_commands(paths: Mapping[str, bool], subject: str, patch: str | None = None) -> tuple[str, ...]:
    """Return the commands for a shell in the root of the repository.

    Args:
        paths: The paths of the files, and whether each of them is there after the change.
        subject: The subject of the commit.
        patch: The file of the patch, None where the files are changed already.
    """
    apply = [] if patch is None else [("git", "apply", patch)]
    verb = ("rm",) if not any(paths.values()) else ("add",) if all(paths.values()) else ("add", "--all")
    commands = [*apply, ("git", *verb, *sorted(paths)), ("git", "commit", "-m", subject)]
    return tuple(map(shlex.join, commands))
