"""An upload: a file that a client sends in slices, and what is done with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from gateway.rowfile.file_names import SUFFIXES
from gateway.rowfile.source import Source
from gateway.uploads.load_status import LoadProblem, LoadStatus


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of an upload, who alone sees it.

    Attributes:
        token: The name of the token.
        session: The digest of the browser's session; empty for a program, which sends the token itself.
    """

    token: str
    session: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """The options for reading a file of rows, as the options of `gateway load` say it; None leaves it to the file.

    Attributes:
        separator: The separator of CSV cells.
        encoding: The encoding of the text.
        header: The column names of CSV whose first line is a row.
        format: The format of its text, if its bytes say another one than its name.
        sheet: The name or the number of the sheet of a workbook.
    """

    separator: str | None = None
    encoding: str | None = None
    header: str | None = None
    format: str | None = None
    sheet: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """Return the options of a form or a query; an empty value is none."""
        names = ("separator", "encoding", "header", "sheet")
        return cls(**{name: given.get(name, "").strip("\r\n") or None for name in names})

    def words(self) -> tuple[str, ...]:
        """Return the options as arguments of `gateway load`."""
        options = {
            "--separator": self.separator,
            "--encoding": self.encoding,
            "--header": self.header,
            "--sheet": self.sheet,
        }
        return tuple(word for name, value in options.items() if value for word in (name, value))

    def __bool__(self) -> bool:
        return any(asdict(self).values())


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """An upload.

    Attributes:
        id: Its random id.
        owner: Who sees it.
        file: The name of the user's file, made printable. It is shown, and never a path.
        suffix: The suffixes of its format and its compression, from a fixed list.
        size: The size of the whole file.
        modified: The time at which the file was changed, as the client knows it; it tells two files of one name apart.
        connector: The connector that its rows are for; None for a new one.
        began: When it began, in seconds since 1970.
        used: When it was last used.
        received: The bytes that have arrived.
        options: How the file is read.
        load: The status of its load, None before it begins.
    """

    id: str
    owner: Owner
    file: str
    suffix: str
    size: int
    modified: int | None
    connector: str | None
    began: float
    used: float
    received: int = 0
    options: ReadingOptions = ReadingOptions()
    load: LoadStatus | None = None

    @property
    def is_complete(self) -> bool:
        """True if the whole file has arrived."""
        return self.received == self.size

    @property
    def is_loading(self) -> bool:
        """True while its rows are being stored."""
        return self.load is not None and self.load.state == "running"

    @property
    def is_loaded(self) -> bool:
        """True if all of its rows are stored, or kept as rejected rows."""
        return self.load is not None and self.load.state == "done"

    def is_same_file(self, file: str, size: int, modified: int | None) -> bool:
        """Return whether a client that names a file so means this one."""
        return modified is not None and (file, size, modified) == (self.file, self.size, self.modified)

    def is_seen_by(self, owner: Owner) -> bool:
        """Return whether an owner sees it. One from before a restart has no session, as sessions end with the process."""
        return owner.token == self.owner.token and self.owner.session in ("", owner.session)

    def source(self, path: Path, *, held_bytes_max: int, text_bytes_max: int) -> Source:
        """Return the file of rows at a path, with the options.

        Raises:
            ValueError: An option is invalid.
        """
        options = self.options
        source = replace(Source.from_path(path), shown=self.file)
        if options.format:
            source = replace(source, media=SUFFIXES[f".{options.format}"], separator=None, is_workbook=False)
        source = source.with_options(options.separator, options.encoding, options.header, options.sheet)
        return replace(source, held_bytes_max=held_bytes_max, text_bytes_max=text_bytes_max)

    def body(self) -> dict[str, Any]:
        """Return it as JSON for clients."""
        return {
            "id": self.id,
            "file": self.file,
            "size": self.size,
            "received": self.received,
            "connector": self.connector,
            "options": asdict(self.options),
            "load": None if self.load is None else self.load.body(),
        }

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON for the disk. The session is left out: it ends with the process."""
        return {**asdict(self), "owner": {"token": self.owner.token}}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Return the upload that `to_json` wrote; a load that ran then has stopped."""
        load = given["load"] and LoadStatus.from_json(given["load"])
        if load and load.state == "running":
            load = replace(load, state="stopped", waits_for=None, problem=LoadProblem.of_restart())
        return cls(
            **{
                **given,
                "owner": Owner(**given["owner"]),
                "options": ReadingOptions(**given["options"]),
                "load": load,
            }
        )
