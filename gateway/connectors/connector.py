"""Connector, Field, Access: what a connector file means, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.connectors.policy import DEFAULT_POLICY, Policy
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
    """A named, typed column of a connector, and the place of its name in the file.

    Attributes:
        backfill: What rows that were stored before get where they have no value; ABSENT where nothing is said.
        using: SQL over the field as it was, which makes its values where they cannot be taken as they are.
        renamed_from: What it was called before; rows may still come in, and be asked for, under that name.
        is_new: Whether the file says that it is no other field renamed.
    """

    name: str
    type: FieldType
    nullable: bool = False
    default: Json = ABSENT
    constraints: Mapping[str, Json] = field(default_factory=dict)
    description: str | None = None
    examples: tuple[Json, ...] = ()
    backfill: Json = ABSENT
    using: str | None = None
    renamed_from: str | None = None
    is_new: bool = field(default=False, compare=False)
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

    Attributes:
        file: Its name inside the directory.
        text: The YAML it was read from.
        primary_key: The names of the fields that no two rows have the same values in; empty where there is none.
        policy: How rows are taken and kept.
        key_place: Line and column of the primary key in the file.
        revision: Which version of its table it goes with; every change of what the table holds, or of what
            rows may be, makes another. 0 while the store does not know it.
    """

    name: str
    path: str
    fields: tuple[Field, ...]
    access: Access
    description: str | None
    file: str
    text: str
    primary_key: tuple[str, ...] = ()
    policy: Policy = DEFAULT_POLICY
    key_place: tuple[int | None, int | None] = field(default=(None, None), compare=False)
    revision: int = field(default=0, compare=False)

    def find_field(self, name: str) -> Field | None:
        """Give the field of that exact name."""
        return next((each for each in self.fields if each.name == name), None)

    def find_input(self, name: str) -> Field | None:
        """Give the field that rows and queries mean by a name, which may be what it was called before."""
        return self.find_field(name) or self.aliases.get(name)

    @property
    def aliases(self) -> Mapping[str, Field]:
        """The fields that rows and queries may also name by what they were called before, by that name."""
        return {each.renamed_from: each for each in self.fields if each.renamed_from is not None}


#: The gateway's own columns: on every row, served when `select` names them.
SYSTEM_FIELDS = (
    Field("_id", SCALARS["integer"], description="Grows in commit order and is never reused."),
    Field("_ingested_at", SCALARS["timestamp"], description="When the batch was committed."),
    Field("_batch", SCALARS["integer"], description="The batch of the receipt."),
)
