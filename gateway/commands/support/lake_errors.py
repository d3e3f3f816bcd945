"""The errors of a lake as the end of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from gateway.lake_extra import MissingExtra, require_lake_extra
from gateway.store.files import lock


class _Ended(click.ClickException):
    """The error of a lake, with the exit code of a command."""

    def __init__(self, error: Exception, exit_code: int) -> None:
        super().__init__(str(error))
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it of the instance


@contextmanager
def errors_of_lake(exit_code: int = 1) -> Iterator[None]:
    """End a command with the errors of a lake, or with that of a missing extra, before the block begins."""
    try:
        require_lake_extra()
    except MissingExtra as error:
        raise _Ended(error, exit_code) from error
    from gateway.store.lake.lake_address import InvalidAddress  # noqa: PLC0415
    from gateway.store.lake.lake_init import UnsoundLake  # noqa: PLC0415
    from gateway.store.lake.moved_tables import MoveFailed  # noqa: PLC0415

    try:
        yield
    except (InvalidAddress, UnsoundLake, MoveFailed, lock.Locked) as error:
        raise _Ended(error, exit_code) from error
