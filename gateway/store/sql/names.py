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
    """Return the quoted name of the table of a connector's revision."""
    return f"rows.{quote(table_name(connector, revision))}"


def table_name(connector: str, revision: int) -> str:
    """Return the name of the table of a connector's revision in the schema `rows`.

    Each revision has its own name, so that a statement for an older revision finds no table instead of other columns.
    """
    return f"{connector}@{revision}"


def table_in(quoted: str) -> str:
    """Return the name of a table in the schema `rows` from its quoted name."""
    return quoted.removeprefix("rows.")[1:-1].replace('""', '"')


#: The end of the name of a connector of rejected rows; no other connector's name ends with it.
_REJECTED = ".rejected"


def rejected_name(connector: str) -> str:
    """Return the name of the connector of a connector's rejected rows."""
    return f"{connector}{_REJECTED}"


def rejected_table_name(connector: str) -> str:
    """Return the name of the table of a connector's rejected rows in the schema `rows`."""
    return table_name(rejected_name(connector), 1)


def rejected_table(connector: str) -> str:
    """Return the quoted name of the table of a connector's rejected rows."""
    return table_named(rejected_name(connector), 1)


def connector_of_rejected(table: str) -> str | None:
    """Return the connector whose rejected rows a table in the schema `rows` holds, or None for another table."""
    name, _, _ = table.rpartition("@")
    return name.removesuffix(_REJECTED) if name.endswith(_REJECTED) else None
