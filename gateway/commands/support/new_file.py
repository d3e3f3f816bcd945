"""Writing a file that is not there yet."""

import os
from pathlib import Path

import click


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        os.link(aside, path)  # Unlike a rename, it replaces nothing.
    except FileExistsError as error:
        raise click.ClickException(f"{path} is there already; remove it, or choose another name") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)
