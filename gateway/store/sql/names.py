"""Names and strings in SQL: quoted identifiers, literals, and the tables of connectors."""

from gateway.connectors.connector import Connector


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def table_of(connector: Connector) -> str:
    """Give the quoted name of the table that holds a connector's rows."""
    return table_named(connector.name, connector.revision)


def table_named(connector: str, revision: int) -> str:
    """Give the quoted name of the table of a connector's revision.

    Every revision has another, so that what was made for an older one finds no table instead of other columns.
    """
    return f"rows.{quote(f'{connector}@{revision}')}"


#: What the name of a connector's rejected rows ends with; no connector's own does.
REJECTED = ".rejected"
