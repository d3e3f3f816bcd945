"""Connector files that the gateway itself changes: planned, written, and applied as one step.

The files in the directory stay the only truth. A change begins from the text that its author has read, and a file that
has changed since is never overwritten.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from gateway.auth.credentials import Credentials
from gateway.connectors.directory import ConnectorFile, Directory, DirectoryListing, digest_of
from gateway.connectors.file_patch import git_patch
from gateway.connectors.plan import FileState, Outcome
from gateway.connectors.preview import gravest, preview
from gateway.connectors.repository import Action, forge_link, path_in_repository
from gateway.connectors.write_mode import Mode, mode_of
from gateway.endpoints.live import Live
from gateway.errors import Code, GatewayError
from gateway.reload import file_errors
from gateway.reload.file_changes import FileChanges, write_changes
from gateway.reload.file_errors import SaveRefusedError
from gateway.reload.reload import PlannedFiles, Reload
from gateway.reload.watch import Watch
from gateway.settings import Settings

_log = logging.getLogger(__name__)

#: Seconds between two looks at whether the directory takes files.
MODE_SECONDS = 10.0
#: Seconds that a save waits until its files are live, while other files of the directory keep changing.
LIVE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """The result of a save.

    Attributes:
        plan: What the save changed.
        digests: The digest of each file now, None for a deleted one.
        outcomes: What is served for them now.
        is_applied: Whether that is the result of this save. It is False if another program keeps changing the directory;
            the save is then applied as soon as that ends.
    """

    plan: Mapping[str, Any]
    digests: Mapping[str, str | None]
    outcomes: tuple[Outcome, ...]
    is_applied: bool


class ConnectorFiles:
    """Reads, plans, and saves connector files. Its methods touch the disk, so they do not run on the event loop."""

    def __init__(
        self, settings: Settings, reload: Reload, watch: Watch, live: Live, credentials: Credentials
    ) -> None:
        self._settings = settings
        self._reload = reload
        self._watch = watch
        self._live = live
        self._credentials = credentials
        #: Held by a save until its result is live.
        self._saving = threading.Lock()
        #: Guards the directory.
        self._reading = threading.Lock()
        self._directory = Directory(settings.connectors)
        self._mode, self._looked = mode_of(settings), time.monotonic()

    @property
    def mode(self) -> Mode:
        """Return whether files may be written, as far as is known. This touches no disk."""
        return self._mode

    def list(self) -> Mapping[str, ConnectorFile]:
        """Return all files of the directory, by name."""
        return self._listing().files

    def read(self, file: str) -> ConnectorFile:
        """Return a file with its text and digest.

        Raises:
            GatewayError: 404 if there is no such file, 422 if it cannot be read.
        """
        found = self.list().get(file)
        if found is None:
            raise file_errors.unknown_file(file)
        if found.problem is not None:
            raise file_errors.unreadable(found)
        return found

    def removed_text(self, name: str) -> tuple[str, bytes] | None:
        """Return the file of a removed connector, and its last text; None if no connector of that name was removed."""
        gone = self._live.snapshot.gone.get(name)
        return None if gone is None else (gone.connector.file, gone.connector.text.encode())

    def plan(self, changes: Mapping[str, bytes | None]) -> dict[str, Any]:
        """Return what changes of files would do, as `preview` does; the other files stay as they are.

        Args:
            changes: The new text of each file, None to delete it. Only these files are in the result.

        Raises:
            GatewayError: 400 if a file cannot have its name.
        """
        if time.monotonic() - self._looked >= MODE_SECONDS:
            self._look()
        listing = self._listing()
        _require_names(listing, changes)
        return self._body(self._reload.plan(_changed(listing, changes)), changes)

    def patch(self, changes: Mapping[str, bytes | None]) -> bytes:
        """Return the patch of changes for `git apply` in the root of the repository.

        Raises:
            GatewayError: 400 if a file cannot have its name.
        """
        listing, directory = self._listing(), path_in_repository(self._settings.connectors)
        _require_names(listing, changes)
        return b"".join(
            git_patch(file, _text_of(listing, file), text, directory)
            for file, text in sorted(changes.items())
        )

    def require_unchanged(
        self, changes: Mapping[str, bytes | None], expected: Mapping[str, str | None]
    ) -> None:
        """Check that changes replace the texts that they began from. A file may have its new text already.

        Raises:
            GatewayError: 412 if a file has changed meanwhile.
        """
        _find_new_texts(self._listing(), changes, expected)

    def path_in_repository(self, file: str) -> str:
        """Return the path of a file from the root of its repository, as `patch` has it."""
        return str(PurePosixPath(path_in_repository(self._settings.connectors)) / file)

    def forge_link(self, file: str, text: str | None = None, action: Action | None = None) -> str | None:
        """Return the URL of the forge's editor, see `repository.forge_link`; None without `GATEWAY_FORGE`."""
        template = self._settings.forge
        return None if template is None else forge_link(template, file, text, action)

    def save(
        self, changes: Mapping[str, bytes | None], expected: Mapping[str, str | None], by: str
    ) -> SavedFiles:
        """Write and delete files, and apply them at once. A file that has its new text already is not written.

        Args:
            changes: The new text of each file, None to delete it.
            expected: The digest of the text that each change began from, None for a new file.
            by: Who saves them, see `author_of`.

        Raises:
            SaveRefusedError: The plan of the changes is refused; nothing was written.
            GatewayError: 412 if a file has changed meanwhile, 403 if nothing may be written, 507 if the disk is full.
        """
        with self._saving, self._watch.saving() as apply:
            self._look()
            if not self._mode.can_write:
                raise file_errors.read_only(self._mode.reason)
            listing = self._listing()
            _require_names(listing, changes)
            plan = self._write(listing, changes, expected, by)
            digests = {file: None if text is None else digest_of(text) for file, text in changes.items()}
            is_applied = _applied(apply, digests)
        return SavedFiles(plan, digests, self.outcomes_of(changes), is_applied)

    def outcomes_of(self, files: Mapping[str, object]) -> tuple[Outcome, ...]:
        """Return what is served for files now."""
        return tuple(each for each in self._live.snapshot.outcomes if each.file in files)

    def _look(self) -> None:
        self._mode, self._looked = mode_of(self._settings), time.monotonic()

    def _listing(self) -> DirectoryListing:
        """Read the directory. One that is missing has no file yet."""
        with self._reading:
            listing = self._directory.read()
        if listing.problem is None:
            return listing
        if not self._settings.connectors.exists():
            return replace(listing, problem=None)
        raise GatewayError(Code.FILE_UNREADABLE, f"the connector files cannot be read: {listing.problem}")

    def _write(
        self,
        listing: DirectoryListing,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, str | None],
        by: str,
    ) -> Mapping[str, Any]:
        """Plan changes and write those that differ from the files; return the plan."""
        texts = _find_new_texts(listing, changes, expected)
        files = _changed(listing, changes)
        if not texts:
            return self._accepted_body(self._reload.plan(files), changes)
        body: dict[str, Any] = {}

        def write(planned: PlannedFiles) -> None:
            body.update(self._accepted_body(planned, changes))
            with file_errors.translated(self._settings.connectors):
                write_changes(self._settings.connectors, FileChanges(texts, expected))

        self._reload.save(files, texts, by, write)
        for file, text in texts.items():
            result = "it was deleted" if text is None else f"its digest is {digest_of(text)}"
            _log.info("%s was saved by %s: %s", file, by, result)
        return body

    def _accepted_body(self, planned: PlannedFiles, changes: Mapping[str, bytes | None]) -> Mapping[str, Any]:
        body = self._body(planned, changes)
        if body["verdict"] == "refused":
            raise SaveRefusedError(body)
        return body

    def _body(self, planned: PlannedFiles, changes: Mapping[str, bytes | None]) -> dict[str, Any]:
        """Return the part of a plan that is about the changed files, with the names in `access` that no token has."""
        decided, live = planned
        unknown = {
            each.file: self._credentials.find_unknown_names(each.connector, is_as_written=True)
            for each in decided.outcomes
            if each.file in changes and each.connector is not None and each.state is FileState.LIVE
        }
        entries = [
            {
                **entry,
                "findings": [
                    *entry["findings"],
                    *(finding.body() for finding in unknown.get(entry["file"], ())),
                ],
            }
            for entry in preview(decided, live)["connectors"]
            if entry["file"] in changes
        ]
        return {"verdict": gravest(entries), "connectors": entries}


def _applied(apply: Callable[[Mapping[str, str | None]], bool], digests: Mapping[str, str | None]) -> bool:
    """Apply saved files; return False if the other files do not come to rest."""
    deadline = time.monotonic() + LIVE_SECONDS
    while not (is_applied := apply(digests)) and time.monotonic() < deadline:
        pass
    return is_applied


def _text_of(listing: DirectoryListing, file: str) -> bytes | None:
    return listing.files[file].text if file in listing.files else None


def _find_new_texts(
    listing: DirectoryListing,
    changes: Mapping[str, bytes | None],
    expected: Mapping[str, str | None],
) -> dict[str, bytes | None]:
    """Return the changes that differ from the files; they must replace the texts that they began from."""
    texts = {file: text for file, text in changes.items() if _text_of(listing, file) != text}
    for file in texts:
        present = listing.files.get(file)
        if (present.digest if present else None) != expected[file]:
            raise file_errors.changed(file, present.text if present else None)
    return texts


def _changed(listing: DirectoryListing, changes: Mapping[str, bytes | None]) -> list[ConnectorFile]:
    """Return the files of a directory as they are after changes."""
    new = {file: ConnectorFile.of(file, text) for file, text in changes.items() if text is not None}
    files = {**listing.files, **new}
    return [files[file] for file in sorted(files) if file in new or file not in changes]


def _require_names(listing: DirectoryListing, changes: Mapping[str, bytes | None]) -> None:
    for file, text in changes.items():
        present = listing.files.get(file)
        if present is not None and present.problem is not None:
            raise file_errors.unreadable(present)
        if present is None and text is None:
            raise file_errors.unknown_file(file)
        if present is None:
            file_errors.require_new_name(file)
