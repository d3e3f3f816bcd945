"""Tables on stdout: colored and folded to the width of a terminal, or with complete values for a program."""

from collections.abc import Iterable, Sequence

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gateway.commands.support import terminal


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], numbers: Sequence[str] = ()
) -> None:
    """Print rows under their columns on stdout.

    Args:
        columns: The column names.
        rows: The cells of each row; text is printed without interpreting markup.
        numbers: The columns to align to the right.
    """
    console = terminal.console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # A program reads one row per line; a terminal shows a long value in several lines.
        table.add_column(
            column,
            justify="right" if column in numbers else "left",
            no_wrap=not console.is_terminal,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    if not console.is_terminal:
        # rich cuts what is wider than its console, and assumes that a pipe is 80 columns wide.
        unbounded = console.options.update(width=1_000_000)
        console.width = max(1, Measurement.get(console, unbounded, table).maximum)
    console.print(table)
