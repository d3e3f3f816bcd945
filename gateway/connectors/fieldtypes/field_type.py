"""A field type as a frozen value: its schema, and its forms as text, in Arrow and in SQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from gateway.connectors import literals
from gateway.strictjson import Json

LENGTH_CONSTRAINTS = ("min_length", "max_length", "pattern", "format")
BOUND_CONSTRAINTS = ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")


@dataclass(frozen=True, slots=True)
class TextForm:
    """Text to JSON values of a type.

    Attributes:
        parse: The text of a CSV cell to a JSON value; raises ValueError where it is none.
        query: The same for a value in a query string; None where there is no difference.
        read_strings: A JSON value to the one that the schema describes, with numbers for the strings that spell them;
            None where no string does.
        normalize: A JSON value that satisfies the schema to the spelling that is stored, whose text `sql.from_text`
            reads; None where it is that spelling already.
    """

    parse: Callable[[str], Json]
    query: Callable[[str], Json] | None = None
    read_strings: Callable[[Json], Json] | None = None
    normalize: Callable[[Json], Json] | None = None

    def parse_query(self, text: str) -> Json:
        """Parse a value of a query string; raise ValueError where it is none."""
        return (self.query or self.parse)(text)


@dataclass(frozen=True, slots=True)
class ArrowForm:
    """The Arrow types of a field type, and the way to them.

    Attributes:
        type: The Arrow type that a batch carries.
        build: JSON values that satisfy the schema, or None, to an Arrow array of `type`.
        read_as: The Arrow type for pyarrow's JSON reader; None where that reader changes values.
        cast: An Arrow array of `read_as` that satisfies the schema, except its `not`, to one of `type`. Raises ArrowInvalid
            where a value does not satisfy that.
        parse_strings: An Arrow array of strings that spell numbers plainly to one of `read_as`. Raises ArrowInvalid
            where one does not.
        plain: A pattern of texts that Arrow casts to `read_as` as `TextForm.parse` reads them; None where `read_as` is a
            text.
    """

    type: pa.DataType
    build: Callable[[Sequence[Json]], pa.Array]
    read_as: pa.DataType | None = None
    cast: Callable[[pa.Array], pa.Array] = lambda array: array
    parse_strings: Callable[[pa.Array], pa.Array] | None = None
    plain: str | None = None


@dataclass(frozen=True, slots=True)
class SqlForm:
    """The DuckDB column of a field type, and SQL that reads and writes it.

    Attributes:
        column: The DuckDB type of the column.
        json: SQL for its JSON text; `{}` is replaced by the column.
        csv: SQL for its CSV cell before quoting; `{}` is replaced by the column.
        can_need_quotes: Whether its CSV cell may need quotes.
        pieces: SQL for its stored text, as arguments of `concat`. The stored value satisfies the schema and is not null;
            `{0}` is replaced by the column.
        is_quoted: Whether its JSON is that text in quotes.
        export: SQL for its value in Arrow and Parquet; `{}` is replaced by the column.
        from_text: SQL for the value that is cast to `column`; `{}` is replaced by its JSON text, a string without its quotes.
        placeholder: SQL that casts a parameter to the type of the column; `{}` is replaced by the parameter.
        parameter: A JSON value to the parameter of a filter; raises OverflowError beyond the range of the column.
    """

    column: str
    json: str = "{}::VARCHAR"
    csv: str = "{}::VARCHAR"
    can_need_quotes: bool = False
    pieces: str = "{0}"
    is_quoted: bool = False
    export: str = "{}"
    from_text: str = "{}"
    placeholder: str = "{}"
    parameter: Callable[[Json], Json] = lambda value: value


@dataclass(frozen=True, slots=True)
class FieldType:
    """Everything that the gateway knows of one type.

    Attributes:
        name: Its canonical name in YAML.
        expects: A description of its values, which finishes the sentence "expected …".
        example: A value in a JSON body.
        schema: The JSON Schema of a value that is not null.
        outline: The same for code generators, which copy it into every model: a `format` in place of patterns and bounds
            that only describe what the type can hold. `https://spec.openapis.org/registry/format/` has the formats.
        text: Its values as text.
        arrow: Its values in Arrow.
        sql: Its values in DuckDB.
        constraints: The constraints that a field of it can have in YAML.
        item: The type of an element, for a list.
    """

    name: str
    expects: str
    example: Json
    schema: Mapping[str, Json]
    outline: Mapping[str, Json]
    text: TextForm
    arrow: ArrowForm
    sql: SqlForm
    constraints: tuple[str, ...] = ("enum",)
    item: "FieldType | None" = None

    def with_sql(self, **changed: Any) -> "FieldType":
        """Return the type with other SQL, for a value that is computed."""
        return replace(self, sql=replace(self.sql, **changed))

    def spelled(self, values: Sequence[Json]) -> list[Json]:
        """Add to values of `schema` the spellings that are stored of them, where those are others."""
        stored = (
            [self.text.normalize(value) for value in values]
            if self.text.normalize and self.sql.is_quoted
            else []
        )
        return [*values, *(value for value in dict.fromkeys(stored) if value not in values)]

    def why_not(self, value: Json) -> str | None:
        """Explain why a value has the form of the type but is not one, as the end of a sentence that begins with the value."""
        try:
            if self.sql.is_quoted and isinstance(value, str):
                self.text.parse(value)
        except literals.InvalidLiteralError as error:
            return str(error)
        except ValueError:
            pass
        return None
