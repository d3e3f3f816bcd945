"""PreparedInsert: rows that are few, as one text for a statement that is planned once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.store.engine.database import Database
from gateway.store.sql.names import literal, quote

#: How often a statement is run before it is prepared anew: one that was prepared before any table was made or changed
#: is planned each time, and DuckDB does not tell. `Database.changes` does, of nearly all of them.
_USES = 256

#: A number with a point is written in quotes, so that DuckDB's JSON reader does not make a double of it on its way.
_encode = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class TextColumn:
    """How a column's values go through a text.

    Attributes:
        read: SQL for the value; `{}` stands for the text of its JSON, that of a string without its quotes.
        write: What makes JSON of the value; None where it is JSON.
    """

    read: str
    write: Callable[[Any], Any] | None = None


INTEGER = TextColumn("{}::INTEGER")
BIGINT = TextColumn("{}::BIGINT")
VARCHAR = TextColumn("{}")
BLOB = TextColumn("unhex({})", lambda value: value.hex())
TIMESTAMPTZ = TextColumn("{}::TIMESTAMPTZ", lambda value: value.isoformat())


class PreparedInsert:
    """What inserts into one table. It belongs to the writer thread and its transaction.

    DuckDB takes longer to plan an INSERT than to run it. What it plans once is a statement that is prepared, and
    that is given text: so lines go in as one, a JSON array of an array for each of them.
    """

    def __init__(self, database: Database, table: str, columns: Mapping[str, TextColumn]) -> None:
        """Take the quoted name of the table, and the columns that are written, by their names."""
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
        """Have DuckDB forget the statement."""
        if self._uses_left:
            self._database.writer.execute(f"DEALLOCATE {self._name}")
            self._uses_left = 0
