"""DuckDB with its extension httpfs: SQL in lines of JSON on standard input, rows or an error in lines of JSON out."""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_extension_httpfs

(extension,) = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
connection = duckdb.connect(config={"allow_unsigned_extensions": True})
connection.execute(f"LOAD '{extension}'")
for line in sys.stdin:
    try:
        answer = {"rows": connection.execute(json.loads(line)).fetchall()}
    except (duckdb.Error, UnicodeDecodeError) as error:  # A message may hold bytes of a Parquet file.
        answer = {"error": str(error)}
    print(json.dumps(answer, default=str), flush=True)
