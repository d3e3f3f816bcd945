"""The authors of connector files that were saved through the gateway, until the change is in the history."""

from collections.abc import Iterable, Mapping

from gateway.connectors.connector import Connector


def author_of(token: str, place: str) -> str:
    """Return the author in the history: where a file was saved, `console` or `api`, and with which token."""
    return f"{place}, {token}"


class Authors:
    """The authors of saved files. The reload's lock guards them.

    An author counts only for the very text that was saved: a file from git has none.
    """

    def __init__(self) -> None:
        self._saved: dict[str, tuple[str | None, str]] = {}

    def remember(self, changes: Mapping[str, bytes | None], by: str) -> None:
        """Remember who saves files; None deletes one."""
        for file, text in changes.items():
            decoded = None if text is None else text.decode("utf-8-sig", "replace")
            self._saved[file] = (decoded, by)

    def saved(self, connectors: Iterable[Connector]) -> Mapping[str, str]:
        """Return the authors of connectors with these texts, by connector name."""
        return {each.name: by for each in connectors if (by := self._find(each.file, each.text))}

    def deleted(self, connectors: Iterable[Connector]) -> Mapping[str, str]:
        """Return who deleted the files of connectors, by connector name."""
        return {each.name: by for each in connectors if (by := self._find(each.file, None))}

    def forget(self, files: Iterable[str]) -> None:
        """Forget the authors of files whose changes are applied."""
        for file in files:
            self._saved.pop(file, None)

    def _find(self, file: str, text: str | None) -> str | None:
        saved, by = self._saved.get(file, ("", ""))
        return by if by and saved == text else None
