"""Lines: rows of the gateway's own, of which a few go with every transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gateway.store.database import Database, literal, quote

#: How often a statement is run before it is prepared anew: one that was prepared before any table was made or changed
#: is planned each time, and DuckDB does not tell. `Database.epoch` does, of nearly all of them.
_USES = 256


class Lines:
    """A table of the gateway's own. It belongs to the writer thread and its transaction.

    DuckDB takes longer to plan an INSERT than to run it. What it plans once is a statement that is prepared, and
    that can be given text: so lines go in as one text, in which every string is written in hexadecimal digits, and
    nothing means anything to SQL.
    """

    def __init__(self, database: Database, table: str, columns: Mapping[str, str]) -> None:
        """Take the columns by their names, each with its type in SQL: one of those in `_WRITTEN`, or a number's."""
        self._database = database
        self._name = quote(f"lines of {table}")
        self._writes = [_WRITTEN.get(type, str) for type in columns.values()]
        read = [_READ.get(type, "{}::" + type) for type in columns.values()]
        parts = [each.format(f"nullif(parts[{number}], '')") for number, each in enumerate(read, 1)]
        self._statement = (
            f"PREPARE {self._name} AS INSERT INTO {table} ({', '.join(map(quote, columns))})"
            f" SELECT {', '.join(parts)}"
            " FROM (SELECT string_split(unnest(string_split($1::VARCHAR, ';')), ',') AS parts)"
        )
        self._uses_left = self._epoch = 0

    def insert(self, lines: Iterable[Sequence[Any]]) -> None:
        """Insert lines, each a value or None for every column."""
        written = [
            ",".join(
                [
                    "" if value is None else write(value)
                    for write, value in zip(self._writes, line, strict=True)
                ]
            )
            for line in lines
        ]
        if not written:
            return
        if not self._uses_left or self._epoch != self._database.epoch:
            self._database.writer.execute(self._statement)
            self._uses_left, self._epoch = _USES, self._database.epoch
        self._uses_left -= 1
        text = literal(";".join(written))
        self._database.run_insert(f"EXECUTE {self._name}({text})", len(written))


#: How values are written, and read again; an empty one is NULL, so a string has a letter before its digits.
_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "VARCHAR": lambda value: f"x{value.encode().hex()}",
    "BLOB": lambda value: f"x{value.hex()}",
    "TIMESTAMPTZ": lambda value: value.isoformat(),
}
_READ: Mapping[str, str] = {"VARCHAR": "decode(unhex(substr({}, 2)))", "BLOB": "unhex(substr({}, 2))"}
