"""The verb `gateway backup`."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from gateway.commands.support import integrity_text, terminal
from gateway.commands.support.client import GatewayClient, add_gateway_options, error_text
from gateway.commands.support.configuration import read_settings
from gateway.resources import memory_of
from gateway.store.files import saved_files
from gateway.store.files.checksum_repair import Unopenable
from gateway.store.files.integrity_check import IntegrityReport, examine_file

#: For how long the gateway may copy its store before it sends the first byte.
SECONDS = 24 * 3600.0


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--quick", is_flag=True, help="Count the rows of the copy, but do not read them.")
@add_gateway_options
def command(file: Path, gateway: GatewayClient, *, force: bool, quick: bool) -> None:
    """Write a backup of the store of a running gateway to FILE, and check it; gateway restore reads it.

    FILE appears only when the backup is complete and sound.
    """
    if file.exists() and not force:
        raise click.ClickException(f"{file} exists already; --force replaces it")
    part = file.with_name(f"{file.name}.part")
    try:
        _receive(gateway, part)
        found = _checked(part, is_thorough=not quick)
        part.replace(file)
        saved_files.sync(file.resolve().parent)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    size = file.stat().st_size
    click.echo(f"{file} has {size:,} bytes. {integrity_text.sentence(found)}.")


def _receive(gateway: GatewayClient, part: Path) -> None:
    """Write the backup that the gateway sends to a file, and sync it to disk."""
    with _answer(gateway) as answer, open(part, "wb", opener=_private) as file:
        size = int(answer.headers["Content-Length"])
        file.writelines(_downloaded(answer, size))
        file.flush()
        os.fsync(file.fileno())
        if file.tell() != size:
            raise click.ClickException(f"{file.tell():,} of {size:,} bytes were received; try again")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _answer(gateway: GatewayClient) -> Iterator[httpx.Response]:
    try:
        timeout = httpx.Timeout(60.0, read=SECONDS)
        with gateway.client.stream("GET", "/-/backup", timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                raise click.ClickException(error_text(answer))
            yield answer
    except httpx.ConnectError as error:
        raise click.ClickException(gateway.unreachable_text(error)) from error
    except httpx.HTTPError as error:
        message = f"the gateway at {gateway.url} closed the connection: {error or type(error).__name__}"
        raise click.ClickException(f"{message}; check that it runs, and try again") from error


def _downloaded(answer: httpx.Response, size: int) -> Iterator[bytes]:
    console = terminal.console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("backup", total=size)
        for chunk in answer.iter_raw():
            yield chunk
            progress.advance(task, len(chunk))


def _checked(part: Path, *, is_thorough: bool) -> IntegrityReport:
    try:
        found = examine_file(part, memory=memory_of(read_settings()), is_thorough=is_thorough, repair_in=None)
    except Unopenable as error:
        raise click.ClickException(f"the copy is not sound, and was removed: {error}") from error
    if not found.is_sound:
        flaws = "; ".join(f"{each.about}: {each.message}" for each in found.flaws)
        raise click.ClickException(f"the copy is not sound, and was removed: {flaws}")
    return found
