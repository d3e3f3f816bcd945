"""Names and strings in SQL: quoted identifiers, literals, and the tables of connectors."""

from gateway.connectors.connector import Connector


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def table_of(connector: Connector) -> str:
    """Return the quoted name of the table of a connector's rows."""
    return table_named(connector.name, connector.revision)


def table_named(connector: str, revision: int) -> str:
    """Return the quoted name of the table of a connector's revision.

    Each revision has its own name, so that a statement for an older revision finds no table instead of other columns.
    """
    return f"rows.{quote(f'{connector}@{revision}')}"


#: The end of the name of a connector of rejected rows; no other connector's name ends with it.
REJECTED = ".rejected"


def rejected_table(connector: str) -> str:
    """Return the quoted name of the table of a connector's rejected rows."""
    return table_named(f"{connector}{REJECTED}", 1)
