"""The names of the columns of a body: the field of each, and the errors of unknown, repeated, and missing names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError, RowErrors, nearest
from gateway.ingest.excerpts import shorten, shown

#: How many names a message shows, and how many an error lists.
_SHOWN_NAMES, _LISTED_NAMES = 10, 100


@dataclass(frozen=True, slots=True)
class NameSource:
    """The part of a body that names its columns, for messages.

    Attributes:
        name: What it is, with the article.
        line: The line of a text that it is; None for other bodies.
        odd_names: How names begin that are surely no field, each with the hint for such a name.
        may_be_row: Whether it may be a row, because the names were left out.
    """

    name: str
    line: int | None = None
    odd_names: Mapping[str, str] = field(default_factory=dict)
    may_be_row: bool = False

    def fields_of(
        self, names: Sequence[str], connector: Connector, columns: Sequence[Field] | None
    ) -> list[Field | None]:
        """Return the field of each column; None for a column that is skipped, and for a blank name.

        Args:
            names: The names of the columns.
            connector: The connector whose fields they name.
            columns: The fields that are taken, while other columns are skipped; None takes all columns.

        Raises:
            GatewayError: It lists every name that is not a field, and the missing fields.
        """
        fields = [connector.find_input(name) if name.strip() else None for name in names]
        unknown = [name for name, known in zip(names, fields, strict=True) if known is None and name.strip()]
        if columns is not None:
            fields = [known if known in columns else None for known in fields]
        taken = [name for name, known in zip(names, fields, strict=True) if known]
        missing = [known.name for known in connector.fields if known.required and known not in fields]
        if unknown and columns is None:
            raise self._unknown(unknown, taken, missing, connector)
        self._require_once(names, fields)
        self._require_all(taken, missing, connector, columns)
        return fields

    def _require_once(self, names: Sequence[str], fields: Sequence[Field | None]) -> None:
        seen: dict[str, str] = {}
        for name, known in zip(names, fields, strict=True):
            if known is None:
                continue
            if known.name in seen:
                repeated = f"{shorten(name)} twice" if seen[known.name] == name else ""
                both = repeated or f"{shorten(seen[known.name])} and {shorten(name)}, which are one field"
                message = f"{self.name} names {both}"
                raise GatewayError(Code.BODY_INVALID, message, hint="name every field once")
            seen[known.name] = name

    def _require_all(
        self,
        taken: Sequence[str],
        missing: Sequence[str],
        connector: Connector,
        columns: Sequence[Field] | None,
    ) -> None:
        fields = ", ".join(known.name for known in connector.fields)
        if not taken:
            sought = f"none of the columns {', '.join(known.name for known in columns)}" if columns else ""
            message = f"{self.name} names {sought or 'no field'}"
            raise GatewayError(Code.BODY_INVALID, message, hint=f"the fields are {fields}")
        if missing:
            message = f"{self.name} lacks the required {', '.join(missing)}"
            raise GatewayError(Code.VALUE_MISSING, message, hint=f"the fields are {fields}")

    def _unknown(
        self, names: Sequence[str], taken: Sequence[str], missing: Sequence[str], connector: Connector
    ) -> GatewayError:
        """Return the error for names that are not fields, each with its likely meaning."""
        known = [each.name for each in connector.fields]
        guesses = {name: nearest(name, known) for name in names[:_LISTED_NAMES]}
        listed = [
            self._listed(name, Code.FIELD_UNKNOWN, _message_for(name, guess))
            for name, guess in guesses.items()
        ]
        listed += [
            self._listed(name, Code.VALUE_MISSING, "a value is required, and no column has this name")
            for name in missing[: _LISTED_NAMES - len(listed)]
        ]
        listing = [shorten(name) + _suggestion(guess) for name, guess in [*guesses.items()][:_SHOWN_NAMES]]
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        if len(names) == 1:
            message = f"{self.name} names {shorten(names[0])}, which is not a field"
        else:
            message = (
                f"{self.name} names {len(names)} columns that are not fields: {', '.join(listing)}{more}"
            )
        return GatewayError(
            Code.FIELD_UNKNOWN,
            message,
            details=f"{self._short_name} lacks the required {', '.join(missing)}" if missing else None,
            hint=or_columns(self._way_out(names, taken, guesses, known), [] if missing else taken),
            row_errors=RowErrors(listed, len(names) + len(missing), 0, 0),
        )

    @property
    def _short_name(self) -> str:
        return f"the {self.name.rsplit(' ', 1)[-1]}"

    def _way_out(
        self,
        names: Sequence[str],
        taken: Sequence[str],
        guesses: Mapping[str, str | None],
        known: Sequence[str],
    ) -> str:
        for prefix, hint in self.odd_names.items():
            if any(name.startswith(prefix) for name in names):
                return hint
        looks_like_row = self.may_be_row and any(_is_value(name) for name in names[:_SHOWN_NAMES])
        if looks_like_row and not taken and not any(guesses.values()):
            return f"the first line looks like a row; the names of the columns belong before it: {','.join(known)}"
        if len(names) == 1 and guesses[names[0]]:
            return f"did you mean '{guesses[names[0]]}'?"
        return f"the fields are {', '.join(known)}"

    def _listed(self, name: str, code: Code, message: str) -> dict[str, object]:
        return {
            "row": None,
            "line": self.line,
            "field": shown(name),
            "code": code.code,
            "message": message,
            "value": None,
        }


def _is_value(name: str) -> bool:
    """Return whether a name looks like a value, as in a file without a header."""
    return name[:1].isdigit() or name[:1] in "-+." or name.lower() in ("true", "false", "null")


def or_columns(hint: str, taken: Sequence[str]) -> str:
    """Add the way to skip other columns to a hint, if no required field is missing."""
    if not taken:
        return hint
    joined = f"{hint} Or" if hint.endswith("?") else f"{hint}; or"
    return f"{joined} ignore other columns with ?columns={','.join(taken)}"


def first_names(names: Sequence[str]) -> str:
    """Return the first names as a list in words, with the number of the others."""
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more


def _message_for(name: str, guess: str | None) -> str:
    return f"{shorten(name)} is not a field" + (f"; did you mean '{guess}'?" if guess else "")


def _suggestion(guess: str | None) -> str:
    return f" (did you mean '{guess}'?)" if guess else ""
