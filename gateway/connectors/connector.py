"""A connector with its fields and access, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.connectors.policy import DEFAULT_POLICY, Policy
from gateway.strictjson import Json


class _Absent:
    """The default of a field without one; None is the default null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()

PUBLIC = "public"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Field:
    """A named, typed column of a connector, and the place of its name in the file.

    Attributes:
        backfill: The value of stored rows that have none; ABSENT if the file does not say.
        using: SQL over the old field that computes the values that do not fit.
        renamed_from: Its former name; rows and queries may still use it.
        is_new: The file says that it is not a renamed field.
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
        """Every row must have it."""
        return not self.nullable and self.default is ABSENT

    @property
    def absent_value(self) -> Json:
        """The value that is stored for a row without it."""
        return None if self.default is ABSENT else self.default


@dataclass(frozen=True, slots=True)
class Access:
    """Permissions: token names for each verb, `public` for anyone. The admin token may do everything."""

    ingest: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    change: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector: its name, path, fields, and permissions.

    Attributes:
        file: The name of its file in the directory.
        text: The YAML of its file.
        primary_key: The names of the fields that identify a row; empty if there is no key.
        policy: The rules for conflicts, bad rows, retention, and limits.
        key_place: Line and column of the primary key in the file.
        revision: The version of its table. Each change of the table, or of the rows that are accepted, has another one.
            0 while the store does not know it.
        is_stored_in_order: Whether a scan of its table returns the rows in the order of their `_id`s; the store knows it.
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
    is_stored_in_order: bool = field(default=False, compare=False)

    def find_field(self, name: str) -> Field | None:
        """Return the field of that exact name."""
        return next((each for each in self.fields if each.name == name), None)

    def find_input(self, name: str) -> Field | None:
        """Return the field of a name in rows and queries, which may be its former name."""
        return self.find_field(name) or self.aliases.get(name)

    @property
    def aliases(self) -> Mapping[str, Field]:
        """The renamed fields, by their former names."""
        return {each.renamed_from: each for each in self.fields if each.renamed_from is not None}


#: The gateway's own columns: on every row, served when `select` names them.
SYSTEM_FIELDS = (
    Field("_id", SCALARS["integer"], description="Grows in commit order and is never reused."),
    Field("_ingested_at", SCALARS["timestamp"], description="When the batch was committed."),
    Field("_batch", SCALARS["integer"], description="The batch of the receipt."),
)
