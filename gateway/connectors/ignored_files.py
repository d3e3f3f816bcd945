"""Files of a directory that look like connector files, but are ignored because of their names."""

import contextlib
import os
import re
from collections.abc import Iterable

from gateway.connectors.finding import Finding
from gateway.errors import Code

SUFFIXES = (".yaml", ".yml")
#: How many sub-directories are looked into; a directory of connectors has none.
MAX_DIRECTORIES = 20

_YAML = re.compile(r".*\.ya?ml", re.IGNORECASE | re.DOTALL)
#: The name of a connector file with a suffix, as backups have it.
_BEHIND = re.compile(r"(?P<name>.+\.ya?ml)(?P<rest>~|[\s._-].*|\s+)", re.IGNORECASE | re.DOTALL)
#: Temporary files, and files that programs write beside an open one.
_MOMENTARY = re.compile(
    r"\.(?:sw[a-z]|tmp|temp|part|partial|lock|crdownload|kate-swp)$|___jb_|\.tmp[._-]", re.IGNORECASE
)
#: Hidden files that belong to other programs.
_OF_PROGRAMS = re.compile(
    r"\.(?:#|pre-commit|yamllint|gitlab-ci|travis|codecov|golangci|[a-z-]*(?:rc|lint|config)\.ya?ml$)"
)
_JSON_OF_PROGRAMS = re.compile(r"(?:package|package-lock|tsconfig|renovate|.*\.schema)\.json")


def is_connector_file(name: str) -> bool:
    """Return whether a file of that name is a connector file; hidden files and those of editors are not."""
    return name.endswith(SUFFIXES) and not name.startswith((".", "#", "~"))


def find_ignored_files(entries: Iterable[os.DirEntry[str]]) -> tuple[Finding, ...]:
    """Return a warning for each entry of a directory that looks like a connector file but is not one."""
    found: list[Finding] = []
    directories = 0
    for entry in sorted(entries, key=lambda each: each.name):
        if is_connector_file(entry.name):
            continue
        if not entry.name.startswith(".") and _is_directory(entry):
            directories += 1
            if directories <= MAX_DIRECTORIES:
                found += _directory(entry)
        elif why := _why(entry.name):
            found.append(
                _finding(entry.name, f"the file '{_shown(entry.name)}' is not read: {why[0]}", why[1])
            )
    return tuple(found)


def _why(name: str) -> tuple[str, str] | None:
    """Explain why a file is not read, and what to do; None if the file needs no warning."""
    if _MOMENTARY.search(name) or _OF_PROGRAMS.match(name) or name.startswith("#"):
        return None
    wanted = re.sub(
        r"\.(ya?ml)$", lambda suffix: suffix[0].lower(), name.lstrip(".#~"), flags=re.IGNORECASE
    ).lower()
    if name.startswith((".", "~")) and _YAML.fullmatch(name):
        return (
            f"its name begins with '{name[0]}', which hides it",
            f"rename it to {_shown(wanted)}, or delete it",
        )
    if _YAML.fullmatch(name):
        return f"its name ends in {_shown(name[name.rfind('.') :])}", f"rename it to {_shown(wanted)}"
    if (found := _BEHIND.fullmatch(name)) and not name.startswith("."):
        why = f"its name has '{_shown(found['rest'])}' behind {_shown(found['name'][found['name'].rfind('.') :])}"
        return why, f"rename it to {_shown(found['name'])} if it is a connector, or delete it"
    if name.lower().endswith((".json", ".jsonc", ".json5")) and not _JSON_OF_PROGRAMS.fullmatch(name):
        stem = name.rpartition(".")[0]
        return (
            "connector files end in .yaml or .yml",
            f"if it is a connector, rename it to {_shown(stem)}.yaml",
        )
    return None


def _directory(entry: os.DirEntry[str]) -> list[Finding]:
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(entry.path) as inner:
        names = sorted(each.name for each in inner if is_connector_file(each.name))
    if not names:
        return []
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    message = f"the directory '{_shown(entry.name)}' is not read: it has {_shown(names[0])}{more}"
    return [
        _finding(
            entry.name, message, "move connector files up, next to the others; sub-directories are not read"
        )
    ]


def _is_directory(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        return entry.is_dir(follow_symlinks=False)
    return False


def _shown(name: str) -> str:
    return os.fsencode(name).decode(errors="replace")


def _finding(name: str, message: str, hint: str) -> Finding:
    return Finding(_shown(name), None, None, Code.FILE_PASSED_OVER, message, hint, is_warning=True)
