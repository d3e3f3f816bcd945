"""What a plan is compared with: a running gateway, a directory, or a revision in git."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from gateway.commands.support.client import connect
from gateway.commands.support.configuration import read_directory
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile
from gateway.connectors.passed_over import is_connector_file
from gateway.connectors.preview import preview
from gateway.store.sql import expression
from gateway.store.tables.empty_tables import EmptyTables


def compare(
    files: Iterable[ConnectorFile], directory: Path, against: str, token_file: Path | None
) -> dict[str, Any]:
    """Tell what files would change, as `preview` does."""
    files = list(files)
    if against.startswith(("http://", "https://")):
        return _with_gateway(files, against, token_file)
    other = Path(against)
    if other.is_dir():
        return _with_files(files, list(read_directory(other).files.values()))
    return _with_files(files, _files_at(directory, against))


def _with_gateway(files: list[ConnectorFile], url: str, token_file: Path | None) -> dict[str, Any]:
    unreadable = [each for each in map(plan.parse_file, files) if each.connector is None]
    broken = {each.file for each in unreadable}
    texts = {file.name: file.text.decode(errors="replace") for file in files if not file.problem}
    answer: dict[str, Any] = connect(url, token_file).post("/-/plan", {"files": texts})
    # What cannot be sent as it is, such as bytes that are not UTF-8, is told by what was found here.
    told = [each for each in answer["connectors"] if each["file"] not in broken]
    local = preview(plan.build_plan(unreadable, {}, {}, EmptyTables()), {})["connectors"]
    verdict = "refused" if local else answer["verdict"]
    return {**answer, "verdict": verdict, "connectors": [*told, *local]}


def _with_files(files: Iterable[ConnectorFile], others: Iterable[ConnectorFile]) -> dict[str, Any]:
    before = {each.name: each for each in _connectors(others)}
    declared = [expression.check(plan.parse_file(file)) for file in files]
    return preview(plan.build_plan(declared, before, before, EmptyTables()), before)


def _connectors(files: Iterable[ConnectorFile]) -> list[Connector]:
    """Give what files declare, but for those that are refused and so were never applied."""
    declared = [expression.check(plan.parse_file(file)) for file in files]
    return list(plan.build_plan(declared, {}, {}, EmptyTables()).served.values())


def _files_at(directory: Path, revision: str) -> list[ConnectorFile]:
    """Read the connector files that a directory had at a revision; needs nothing but git."""

    def git(*words: str, given: bytes = b"") -> bytes:
        return _git(directory, words, given, revision)

    if revision == "HEAD" and not git("rev-list", "--max-count=1", "--all"):
        return []  # Nothing has been committed yet.
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = git(*words).decode().split()[-1]
    blobs: dict[str, str] = {}
    for entry in git("ls-tree", "-z", commit).decode(errors="surrogateescape").split("\0"):
        meta, _, name = entry.partition("\t")
        if meta.startswith("100") and is_connector_file(name):  # A regular file; the last word is its blob.
            blobs[name] = meta.split()[-1]
    told = git("cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs.values()).encode())
    files = []
    for name in blobs:
        head, _, rest = told.partition(b"\n")
        size = int(head.split()[-1])
        files.append(ConnectorFile.of(name, rest[:size]))
        told = rest[size + 1 :]
    return files


def _git(directory: Path, words: Iterable[str], given: bytes, revision: str) -> bytes:
    try:
        command = ["git", "-C", str(directory), *words]
        ran = subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise click.ClickException(f"git cannot be run: {error.strerror}") from error
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip()
        message = f"'{revision}' is no URL, no directory, and no revision of the repository of {directory}"
        way = (
            "; use --against with the URL of a gateway, a directory, or a revision"
            if revision == "HEAD"
            else ""
        )
        raise click.ClickException(f"{message}{f': {said}' if said else ''}{way}")
    return ran.stdout
