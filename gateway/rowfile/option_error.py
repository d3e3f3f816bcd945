"""The error of a file that is read with another option."""

from typing import Literal

#: Formats of text that the first bytes tell apart.
FileFormat = Literal["json", "ndjson"]
FileOption = Literal["separator", "encoding", "header", "format"]


class FileOptionError(ValueError):
    """A file does not fit its options, and another value of one of them probably fits.

    Attributes:
        option: The option.
        value: Its value that probably fits.
    """

    def __init__(self, message: str, option: FileOption, value: str) -> None:
        super().__init__(message)
        self.option = option
        self.value = value
