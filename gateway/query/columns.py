"""The column names that a query may use, with paths into their JSON."""

from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.errors import Code, GatewayError, suggest
from gateway.query.query import Column
from gateway.query.scanner import Scanner

#: The hint for a query that asks for rows of another table, too.
ONE_TABLE = "a connector is one table: read the other one by itself, and join the rows where they are used"


class ColumnNames:
    """The column names of a connector: its fields, their former names, and the gateway's own fields."""

    def __init__(self, connector: Connector) -> None:
        present = {field.name: field for field in (*connector.fields, *SYSTEM_FIELDS)}
        self.fields = {**connector.aliases, **present}
        self._shown = tuple(present)
        self.all = connector.fields

    def find(self, name: str) -> Field:
        """Return the field of an exact name.

        Raises:
            GatewayError: There is none; the hint has the nearest name.
        """
        if name in self.fields:
            return self.fields[name]
        hint = suggest(name, self._shown, "the columns are")
        raise GatewayError(Code.COLUMN_UNKNOWN, f"there is no column '{name}'", hint=hint)

    def parse(self, scanner: Scanner, name: str | None = None) -> Column:
        """Parse a column and the path into its JSON."""
        name = scanner.name() if name is None else name
        field = self.find(name)
        path, is_text = scanner.path()
        if path and field.type.name != "json" and not field.type.item:
            message = f"'{field.name}' is {field.type.name}, which has nothing inside for ->"
            raise GatewayError(Code.QUERY_INVALID, message, hint="use -> with json and lists")
        return self.column(name, path, is_text=is_text)

    def column(self, name: str, path: tuple[str | int, ...] = (), *, is_text: bool = False) -> Column:
        """Return the column of a known name, or of a path into its JSON."""
        field = self.fields[name]
        return Column(field, path, is_text, None if field.name == name else name)
