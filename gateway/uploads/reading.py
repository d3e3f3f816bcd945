"""Reading the file of an upload: its source within the limits of the gateway, and errors in the words of its user."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.rowfile.compression import BROKEN
from gateway.rowfile.option_error import FileOptionError
from gateway.rowfile.source import Source
from gateway.uploads.upload import ReadingOptions, UploadedFile

_T = TypeVar("_T")

#: What the fields of a form call the options of the command line.
_LABELS = {
    "--separator": "Separator",
    "--encoding": "Encoding",
    "--header": "Column names",
    "--sheet": "Sheet",
}
_OPTION = re.compile("|".join(_LABELS))


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """The limits of reading a file.

    Attributes:
        row_bytes: The most bytes of a row, and of a JSON value that is no array.
        text_bytes: The most bytes of decompressed text.
    """

    row_bytes: int
    text_bytes: int


class RowsFileError(GatewayError):
    """The file of an upload cannot be read.

    Attributes:
        option: An option that probably has another value, with that value; or None.
    """

    def __init__(self, message: str, option: tuple[str, str] | None = None) -> None:
        hint = None if option else "correct the file, and upload it again"
        super().__init__(Code.ROWS_FILE_INVALID, message, hint=hint)
        self.option = option


def read_detecting(
    upload: UploadedFile, path: Path, limits: ReadingLimits, read: Callable[[Source], _T]
) -> tuple[_T, ReadingOptions]:
    """Read a file; a separator or an encoding that its own bytes say is used, where the user has not chosen one.

    Returns:
        What `read` returned, and the options with which it did.

    Raises:
        RowsFileError: The file cannot be read.
    """
    while True:
        try:
            with in_words_of_user(upload, path):
                return read(source_of(upload, path, limits)), upload.options
        except RowsFileError as error:
            option, value = error.option or ("header", "")
            if option == "header" or getattr(upload.options, option) is not None:
                raise
            upload = replace(upload, options=replace(upload.options, **{option: value}))


def source_of(upload: UploadedFile, path: Path, limits: ReadingLimits) -> Source:
    """Return the rows of an upload.

    Raises:
        ValueError: An option is invalid.
    """
    return upload.source(path, held_bytes_max=limits.row_bytes, text_bytes_max=limits.text_bytes)


@contextmanager
def in_words_of_user(upload: UploadedFile, path: Path) -> Iterator[None]:
    """Raise the errors of reading a file with the name that its user knows, and the labels of the form.

    Raises:
        RowsFileError: The file cannot be read.
    """
    try:
        yield
    except FileOptionError as error:
        raise RowsFileError(_said(error, upload, path), (error.option, error.value)) from error
    except (*BROKEN, pa.ArrowException) as error:
        raise RowsFileError(f"{upload.file} cannot be read: {_said(error, upload, path)}") from error
    except ValueError as error:
        raise RowsFileError(_said(error, upload, path)) from error


def _said(error: Exception, upload: UploadedFile, path: Path) -> str:
    text = str(error) or type(error).__name__
    for ours in (str(path), path.name):
        text = text.replace(ours, upload.file)
    return in_words_of_form(text)


def in_words_of_form(text: str) -> str:
    """Return a text with the labels of the form instead of options of the command line."""
    return _OPTION.sub(lambda found: _LABELS[found[0]], text)
