"""Errors of DuckDB on a lake mean for a request what has happened."""

import duckdb
import pytest

from gateway.store.errors import StoreAway
from gateway.store.lake.lake_errors import lake_error

_CUT = "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally"


@pytest.mark.parametrize(
    "error",
    [
        duckdb.Error(f"Failed to get global stats information from DuckLake: Failed to prepare COPY: {_CUT}"),
        duckdb.BinderException(
            f"Binder Error: Failed to query most recent snapshot for DuckLake: Failed to prepare query: {_CUT}"
        ),
        duckdb.BinderException(
            "Binder Error: Failed to get data file list from DuckLake: Failed to describe prepared statement: no connection"
        ),
        duckdb.InvalidInputException(
            "Invalid Input Error: Attempting to fetch from an unsuccessful query result\nError: Invalid Error: …"
        ),
    ],
)
def test_lost_connection_means_server_away(error: duckdb.Error):
    assert isinstance(lake_error(error), StoreAway)


def test_missing_column_is_no_lost_connection():
    error = duckdb.BinderException(
        'Binder Error: Referenced column "from DuckLake: " not found in FROM clause!'
    )
    assert not isinstance(lake_error(error), StoreAway)
