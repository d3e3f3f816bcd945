"""The gateways that are connected to a lake at this moment."""

import time

import psycopg

from gateway.store.lake.moved_tables import MoveFailed
from gateway.store.lake.postgres import PostgreSQL, fetch

#: Seconds in which PostgreSQL notices that a gateway has ended.
_NOTICED_SECONDS = 5.0
_GATEWAYS = (
    "SELECT DISTINCT substr(application_name, 9) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'gateway %%' AND application_name <> %s ORDER BY 1"
)


def require_no_gateways(postgres: PostgreSQL) -> None:
    """Check that no gateway is connected to a lake.

    Raises:
        MoveFailed: One is; the message names it.
    """
    deadline = time.monotonic() + _NOTICED_SECONDS
    own = postgres.address.parameters.get("application_name", "")
    try:
        with postgres.connect() as connection:
            while found := fetch(connection, _GATEWAYS, [own]):
                if time.monotonic() >= deadline:
                    names = ", ".join(str(name) for (name,) in found)
                    raise MoveFailed(
                        f"these gateways are connected to the lake: {names}; stop them, and try again"
                    )
                time.sleep(0.2)
    except psycopg.Error as error:
        raise MoveFailed(f"{postgres.address.shown} cannot be asked: {type(error).__name__}") from error
