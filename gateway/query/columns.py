"""ColumnNames: the names that a query may use, and the way from a name into its JSON."""

from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.errors import Code, GatewayError, suggest
from gateway.query.query import Column
from gateway.query.scanner import Scanner

#: The hint for whoever asks for rows of another table with those of this one.
ONE_TABLE = "a connector is one table: read the other one by itself, and join the rows where they are used"


class ColumnNames:
    """The names a query may use: the connector's fields, by their former names too, and the gateway's own."""

    def __init__(self, connector: Connector) -> None:
        own = {field.name: field for field in (*connector.fields, *SYSTEM_FIELDS)}
        self.fields = {**connector.aliases, **own}
        self._shown = tuple(own)
        self.all = connector.fields

    def named(self, name: str) -> Field:
        """Find a field by its exact name, or raise with the nearest."""
        if name in self.fields:
            return self.fields[name]
        hint = suggest(name, self._shown, "the columns are")
        raise GatewayError(Code.COLUMN_UNKNOWN, f"there is no column '{name}'", hint=hint)

    def read(self, scanner: Scanner, name: str | None = None) -> Column:
        """Read a column and the way into its JSON."""
        name = scanner.name() if name is None else name
        field = self.named(name)
        path, as_text = scanner.path()
        if path and field.type.name != "json" and not field.type.item:
            message = f"'{field.name}' is {field.type.name}, and has nothing inside that -> could reach"
            raise GatewayError(Code.QUERY_INVALID, message, hint="use -> with json and lists")
        return self.column(name, path, as_text=as_text)

    def column(self, name: str, path: tuple[str | int, ...] = (), *, as_text: bool = False) -> Column:
        """Give the column of a name that is known, or a place inside it."""
        field = self.fields[name]
        return Column(field, path, as_text, None if field.name == name else name)
