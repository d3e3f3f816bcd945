"""What a hundred rows by key cost inside DuckDB: each part of their SELECT, and the same over other ways to store the rows.

`python -m tests.bench.read_cost` prints CPU of all threads, and the size of each file. It measures in turns, and takes
of each the time that a quarter of the runs stay below, so that other work on the machine changes little. Where
gateway/docs/performance.md says what would make W5 faster, it has these figures.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.read_request import ReadRequestParser
from gateway.query.sql import Sql
from gateway.store.engine.open_file import STORAGE_VERSION
from gateway.store.sql.names import literal, table_of
from tests.bench.tables import KEYED_ORDERS
from tests.bench.wrk import STRIDE

ROWS, PAGE, TURNS = 1_000_000, 100, 400
TABLE = table_of(KEYED_ORDERS.connector)
REQUESTS = ReadRequestParser(KEYED_ORDERS.connector)
BY_KEY = f"FROM {TABLE} WHERE order_id >= $1 AND order_id < $2"
#: Ways to store the rows and to read them: a setting of DuckDB, and an option of its file.
STORES = {
    "as the gateway stores them": ("threads = 2", ""),
    "with one thread": ("threads = 1", ""),
    "with strings uncompressed": ("disabled_compression_methods = 'dict_fsst'", ""),
    "with blocks of 64 KiB": ("threads = 2", ", BLOCK_SIZE 65536"),
}

Run = Callable[[int], object]


def stored(path: Path, setting: str, option: str) -> duckdb.DuckDBPyConnection:
    """Store the rows in a file, and return a connection to it."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"SET {setting}; SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{path}' AS store (STORAGE_VERSION '{STORAGE_VERSION}'{option})")
    connection.execute("USE store; CREATE SCHEMA rows")
    columns = ", ".join(f'"{name}"::{type} AS "{name}"' for name, type in KEYED_ORDERS.columns.items())
    rows = KEYED_ORDERS.sql.format(first=1, end=ROWS + 1)
    connection.execute(f"CREATE TABLE {TABLE} AS SELECT {columns} FROM ({rows})")
    connection.execute("CHECKPOINT store")
    return connection


def select(connection: duckdb.DuckDBPyConnection, sql: str) -> Run:
    """Return a function that runs a SELECT with the bounds of a page, parsed before."""
    [statement] = connection.extract_statements(sql)

    def run(first: int) -> object:
        return connection.execute(statement, [first, first + PAGE] if "$1" in sql else []).fetchmany(PAGE + 1)

    return run


def sql_of(first: int) -> Sql:
    """Return the SQL of the GET of a page."""
    query = f"order_id=gte.{first}&order_id=lt.{first + PAGE}"
    return REQUESTS.of(RequestHeaders("GET", query, "application/json")).statement.page


def page(connection: duckdb.DuckDBPyConnection) -> Run:
    """Return a function that runs the SELECT of a GET, parsed before."""
    [statement] = connection.extract_statements(sql_of(1).text)

    def run(first: int) -> object:
        return connection.execute(statement, list(sql_of(first).parameters)).fetchmany(PAGE + 1)

    return run


def prepared(connection: duckdb.DuckDBPyConnection) -> Run:
    """Return a function that runs the SELECT of a GET, prepared before."""
    sql = sql_of(1)
    connection.execute(f"PREPARE page AS {sql.text}")
    pieces = ", ".join(map(literal, sql.parameters[2:]))

    def run(first: int) -> object:
        return connection.execute(f"EXECUTE page({first}, {first + PAGE}, {pieces})").fetchmany(PAGE + 1)

    return run


def show(runs: Mapping[str, Run], turns: int = TURNS) -> None:
    """Print what each costs."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns):
        for name, run in runs.items():
            began = time.process_time()
            run(1 + turn * STRIDE % (ROWS - PAGE))
            times[name].append(time.process_time() - began)
    for name, each in times.items():
        print(f"{name}: {statistics.quantiles(each, n=4)[0] * 1000:.2f} ms of CPU", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        stores = {}
        for number, (name, how) in enumerate(STORES.items()):
            path = Path(directory, f"{number}.duckdb")
            stores[name] = stored(path, *how)
            print(f"{name}: {path.stat().st_size / 1e6:.1f} MB")
        plain = next(iter(stores.values()))
        show(
            {
                "SELECT 1": select(plain, "SELECT 1"),
                "one column": select(plain, f"SELECT order_id {BY_KEY}"),
                "all columns": select(plain, f"SELECT * {BY_KEY}"),
                "all columns but the customer": select(plain, f"SELECT * EXCLUDE (customer) {BY_KEY}"),
                "their JSON": page(plain),
                "their JSON, prepared": prepared(plain),
            }
        )
        show({f"their JSON {name}": page(each) for name, each in stores.items()})
        by_string = f"SELECT count(*) FROM {TABLE} WHERE customer = 'customer 8352'"
        show({f"a filter {name}": select(each, by_string) for name, each in stores.items()}, TURNS // 10)


if __name__ == "__main__":
    main()
