"""Connector, Field, Access: what a connector file means, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.connectors.fieldtypes import SCALARS, FieldType
from gateway.strictjson import Json


class _Absent:
    """The default of a field that has none; None would be the default null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()

PUBLIC = "public"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Field:
    """A named, typed column of a connector, and the place of its name in the file."""

    name: str
    type: FieldType
    nullable: bool = False
    default: Json = ABSENT
    constraints: Mapping[str, Json] = field(default_factory=dict)
    description: str | None = None
    examples: tuple[Json, ...] = ()
    line: int | None = field(default=None, compare=False)
    column: int | None = field(default=None, compare=False)

    @property
    def required(self) -> bool:
        """Whether every row must name it."""
        return not self.nullable and self.default is ABSENT

    @property
    def absent_value(self) -> Json:
        """What is stored for a row that leaves it out."""
        return None if self.default is ABSENT else self.default


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what: token names, `public` for anyone. The admin token may do everything."""

    ingest: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    change: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector file: a name, a path, fields, and who may use it.

    `file` is its name inside the directory and `text` the YAML it was read from.
    """

    name: str
    path: str
    fields: tuple[Field, ...]
    access: Access
    description: str | None
    file: str
    text: str

    def find_field(self, name: str) -> Field | None:
        """Give the field of that exact name."""
        return next((each for each in self.fields if each.name == name), None)


#: The gateway's own columns: on every row, served when `select` names them.
SYSTEM_FIELDS = (
    Field("_id", SCALARS["integer"], description="Grows in commit order and is never reused."),
    Field("_ingested_at", SCALARS["timestamp"], description="When the batch was committed."),
    Field("_batch", SCALARS["integer"], description="The batch of the receipt."),
)
