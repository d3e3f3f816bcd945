"""The baseline of a plan: a running gateway, a directory, or a revision in git."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from gateway.commands.support.client import connect
from gateway.commands.support.connector_listing import read_directory
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile
from gateway.connectors.ignored_files import is_connector_file
from gateway.connectors.preview import preview
from gateway.store.sql import expression
from gateway.store.tables.empty_tables import EmptyTables


def compare(
    files: Iterable[ConnectorFile], directory: Path, against: str, token_file: Path | None
) -> dict[str, Any]:
    """Return what the files would change compared with the baseline, in the form of `preview`."""
    files = list(files)
    if against.startswith(("http://", "https://")):
        return _compare_with_gateway(files, against, token_file)
    baseline = Path(against)
    if baseline.is_dir():
        return _compare_with_files(files, list(read_directory(baseline).files.values()))
    return _compare_with_files(files, _files_at(directory, against))


def _compare_with_gateway(files: list[ConnectorFile], url: str, token_file: Path | None) -> dict[str, Any]:
    invalid = [parsed for parsed in map(plan.parse_file, files) if parsed.connector is None]
    invalid_names = {parsed.file for parsed in invalid}
    texts = {file.name: file.text.decode(errors="replace") for file in files if not file.problem}
    answer: dict[str, Any] = connect(url, token_file).post("/-/plan", {"files": texts})
    # Bytes that are not UTF-8 cannot be sent, so the findings of this process replace those of the gateway.
    remote = [entry for entry in answer["connectors"] if entry["file"] not in invalid_names]
    local = preview(plan.build_plan(invalid, {}, {}, EmptyTables()), {})["connectors"]
    verdict = "refused" if local else answer["verdict"]
    return {**answer, "verdict": verdict, "connectors": [*remote, *local]}


def _compare_with_files(files: Iterable[ConnectorFile], others: Iterable[ConnectorFile]) -> dict[str, Any]:
    before = {connector.name: connector for connector in _connectors(others)}
    declared = [expression.check(plan.parse_file(file)) for file in files]
    return preview(plan.build_plan(declared, before, before, EmptyTables()), before)


def _connectors(files: Iterable[ConnectorFile]) -> list[Connector]:
    """Return the connectors that the files declare, without those that a gateway would refuse."""
    declared = [expression.check(plan.parse_file(file)) for file in files]
    return list(plan.build_plan(declared, {}, {}, EmptyTables()).served.values())


def _files_at(directory: Path, revision: str) -> list[ConnectorFile]:
    """Return the connector files of a directory at a revision, read with git alone."""

    def git(*words: str, stdin: bytes = b"") -> bytes:
        return _git(directory, words, stdin, revision)

    if revision == "HEAD" and not git("rev-list", "--max-count=1", "--all"):
        return []  # The repository has no commit yet.
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = git(*words).decode().split()[-1]
    blobs: dict[str, str] = {}
    for entry in git("ls-tree", "-z", commit).decode(errors="surrogateescape").split("\0"):
        meta, _, name = entry.partition("\t")
        if meta.startswith("100") and is_connector_file(name):  # A regular file; its last word is the blob.
            blobs[name] = meta.split()[-1]
    output = git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs.values()).encode())
    files = []
    for name in blobs:
        head, _, rest = output.partition(b"\n")
        size = int(head.split()[-1])
        files.append(ConnectorFile.of(name, rest[:size]))
        output = rest[size + 1 :]
    return files


def _git(directory: Path, words: Iterable[str], stdin: bytes, revision: str) -> bytes:
    try:
        command = ["git", "-C", str(directory), *words]
        ran = subprocess.run(command, input=stdin, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise click.ClickException(f"git cannot be run: {error.strerror}") from error
    if ran.returncode:
        reason = ran.stderr.decode(errors="replace").strip()
        message = f"'{revision}' is no URL, no directory, and no revision of the repository of {directory}"
        hint = "; use --against with the URL of a gateway, a directory, or a revision" * (revision == "HEAD")
        raise click.ClickException(f"{message}{f': {reason}' if reason else ''}{hint}")
    return ran.stdout
