"""The journal of a file and that of a lake, table by table: the SELECTs that copy one into the other and compare them.

Instants are copied into the lake as text, because Python has no instant outside of the years 1 to 9999.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.figures import FIGURES

#: The catalog that a file is attached as, and the schema of the tables beside those of DuckLake.
FILE_CATALOG, SIDE_SCHEMA = "moved", "__ducklake_metadata_rows.gw"

#: The receipt of a key; an earlier gateway stored none, and it is that of the batch.
_RECEIPT = f"""coalesce(receipt, (
    SELECT json_object('batch', b.batch, 'received', b.rows, 'stored', b.rows, 'rejected', 0, 'duplicates', 0,
        'first_id', b.first_id, 'last_id', b.last_id)::VARCHAR
    FROM {FILE_CATALOG}.gateway.batches b WHERE b.batch = k.batch AND b.connector = k.connector))"""
#: A digest as PostgreSQL reads it.
_DIGEST = r"'\x' || lower(hex(digest))"


@dataclass(frozen=True, slots=True)
class JournalCopy:
    """One table of the journal, in both places.

    Attributes:
        table: Its name in both.
        columns: The SQL of each of its columns of the lake, in the file.
        rows: The end of the SELECT from the file: its groups, or its order.
        text: The SQL of columns in the lake that agrees with that in the file, where it is not the column.
        restored: The SQL of columns of the file, in the lake, where it is not the column.
        order: The order in which the rows are written into the file.
    """

    table: str
    columns: Mapping[str, str]
    rows: str = ""
    text: Mapping[str, str] = field(default_factory=dict)
    restored: Mapping[str, str] = field(default_factory=dict)
    order: str = ""

    @property
    def file_texts(self) -> str:
        """Select the rows from the file, each column as text."""
        columns = ", ".join(f"CAST({sql} AS VARCHAR) AS {name}" for name, sql in self.columns.items())
        return f"SELECT {columns} FROM {FILE_CATALOG}.gateway.{self.table} AS k {self.rows}"

    @property
    def lake_texts(self) -> str:
        """Select the same texts from the lake."""
        columns = ", ".join(
            f"CAST({self.text.get(name, name)} AS VARCHAR) AS {name}" for name in self.columns
        )
        return f"SELECT {columns} FROM {SIDE_SCHEMA}.{self.table}"

    @property
    def restoring(self) -> str:
        """Insert the rows of the lake into the file."""
        columns = {name: name for name in self.columns} | dict(self.restored)
        return (
            f"INSERT INTO {FILE_CATALOG}.gateway.{self.table} ({', '.join(columns)})"
            f" SELECT {', '.join(columns.values())} FROM {SIDE_SCHEMA}.{self.table} AS k {self.order}"
        )


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


#: All tables, in an order in which they can be copied.
COPIES: Sequence[JournalCopy] = (
    JournalCopy(
        "batches",
        {
            **_same("batch", "connector", "committed_at"),
            "action": "coalesce(action, 'post')",
            "received": "coalesce(received, rows)",
            "rows": "rows",
            **{name: f"coalesce({name}, 0)" for name in ("rejected", "duplicates", "deleted", "bytes")},
            **_same("token", "first_id", "last_id"),
        },
        "ORDER BY batch",
        order="ORDER BY batch",
    ),
    JournalCopy(
        "keys",
        {
            "connector": "connector",
            "token": "coalesce(token, '')",
            "key": "key",
            "digest": _DIGEST,
            **_same("batch", "kept_at"),
            "status": "coalesce(status, 201)",
            "receipt": _RECEIPT,
        },
        "QUALIFY row_number() OVER (PARTITION BY connector, token, key ORDER BY kept_at DESC) = 1",
        text={"digest": _DIGEST},
        restored={"token": "nullif(token, '')"},
        order="ORDER BY kept_at",
    ),
    JournalCopy("connectors", _same("name", "file", "text", "applied_at", "removed_at", "revision")),
    JournalCopy(
        "history",
        _same(
            *("connector", "happened_at", "action", "file", "revision"),
            *("changes", "old_text", "new_text", "author"),
        ),
        "ORDER BY happened_at, revision, rowid",
        order="ORDER BY event",
    ),
    JournalCopy(
        "purged",
        _same("connector", "purged_at", "revision"),
        restored={
            "last_id": f"(SELECT last_id FROM {SIDE_SCHEMA}.sequences AS s WHERE s.connector = k.connector)",
            "last_batch": f"(SELECT batch FROM {SIDE_SCHEMA}.gate)",
        },
    ),
    JournalCopy(
        "activity",
        {**_same("connector", "hour"), **{name: f"coalesce(sum({name}), 0)::BIGINT" for name in FIGURES}},
        "GROUP BY connector, hour",
    ),
)
