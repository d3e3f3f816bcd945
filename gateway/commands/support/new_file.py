"""Creation of files that do not exist yet."""

import os
from pathlib import Path

import click


def write_new(path: Path, text: str) -> None:
    """Create a file atomically; end the command if it exists."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.link(temporary, path)  # Unlike a rename, a link replaces nothing.
    except FileExistsError as error:
        raise click.ClickException(f"{path} exists already; remove it, or choose another name") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
