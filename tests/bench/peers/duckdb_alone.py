"""DuckDB in a process, told what to do as in `told.py`: `duckdb_alone.py FILE MEMORY THREADS`.

A statement with `arrow`, the path of an Arrow IPC stream, finds its rows as `arrow_rows`: read anew each time.
"""

import sys
from pathlib import Path

import duckdb
import pyarrow as pa
from told import serve


def main(path: str, memory: str, threads: str) -> None:
    with duckdb.connect(path, config={"memory_limit": f"{memory}B", "threads": threads}) as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def execute(statement: dict) -> list:
            if "arrow" in statement:
                stream = pa.ipc.open_stream(Path(statement["arrow"]).read_bytes())
                connection.register("arrow_rows", stream.read_all())
            return connection.execute(statement["sql"]).fetchall()

        serve(execute)


if __name__ == "__main__":
    main(*sys.argv[1:])
