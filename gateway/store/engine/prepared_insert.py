"""An INSERT of a small number of rows: one text for a statement that is planned once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.store.engine.interface import Database
from gateway.store.sql.names import literal, quote

#: The number of runs before a statement is prepared again. After a change of tables DuckDB plans an older statement at
#: every run, and does not report it. `Database.changes` counts nearly all of these changes.
_USES = 256

#: A decimal number is written in quotes, because DuckDB's JSON reader would convert it to a double.
_encode = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class TextColumn:
    """The way of a column's values through a text.

    Attributes:
        read: SQL for the value; `{}` stands for the text of its JSON, that of a string without its quotes.
        write: Converts the value to JSON; None if it is JSON.
    """

    read: str
    write: Callable[[Any], Any] | None = None


INTEGER = TextColumn("{}::INTEGER")
BIGINT = TextColumn("{}::BIGINT")
VARCHAR = TextColumn("{}")
BLOB = TextColumn("unhex({})", lambda value: value.hex())
TIMESTAMPTZ = TextColumn("{}::TIMESTAMPTZ", lambda value: value.isoformat())


class PreparedInsert:
    """A prepared INSERT into one table. It belongs to the writer thread and its transaction.

    PERF: DuckDB takes longer to plan an INSERT than to run it. It plans a prepared statement with a text parameter only
    once. So lines are passed as one text: a JSON array with an array for each line.
    """

    def __init__(self, database: Database, table: str, columns: Mapping[str, TextColumn]) -> None:
        """Build the statement for a quoted table name, and the columns to write, by name."""
        self._database = database
        self._name = quote(f"lines of {table}")
        self._written = [(at, each.write) for at, each in enumerate(columns.values()) if each.write]
        read = ", ".join(each.read.format(f"line[{at}]") for at, each in enumerate(columns.values(), 1))
        self._statement = (
            f"PREPARE {self._name} AS INSERT INTO {table} ({', '.join(map(quote, columns))}) SELECT {read}"
            """ FROM (SELECT unnest(from_json($1::VARCHAR, '[["VARCHAR"]]')) AS line)"""
        )
        self._uses_left = self._epoch = 0

    def insert(self, lines: Iterable[Sequence[Any]]) -> None:
        """Insert lines, each a value or None for every column."""
        written = [list(line) for line in lines]
        if not written:
            return
        for at, write in self._written:
            for line in written:
                if line[at] is not None:
                    line[at] = write(line[at])
        if not self._uses_left or self._epoch != self._database.changes():
            self._database.writer.execute(self._statement)
            self._uses_left, self._epoch = _USES, self._database.changes()
        self._uses_left -= 1
        text = literal(_encode(written).decode())
        self._database.run_insert(f"EXECUTE {self._name}({text})", len(written))

    def forget(self) -> None:
        """Drop the prepared statement."""
        if self._uses_left:
            self._database.writer.execute(f"DEALLOCATE {self._name}")
            self._uses_left = 0
