"""Content of the API page: one endpoint for one reader. The thread of the pages computes it while it renders."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.auth.permissions import VERBS, Asker, Sight, sight_of
from gateway.connectors import example_row
from gateway.connectors.connector import PUBLIC, SYSTEM_FIELDS, Connector, Field
from gateway.connectors.policy import BadRowLimit
from gateway.console import endpoint_errors, filter_form
from gateway.console.field_texts import default_text, rule_texts
from gateway.console.filter_form import ActiveParameter
from gateway.console.snippets import quoting, tabs
from gateway.console.snippets.literals import JSON
from gateway.console.snippets.snippet import EndpointUse, Tab
from gateway.errors import Code, GatewayError
from gateway.media_types import RECEIVED, SERVED, Media
from gateway.openapi.filters import operators_of
from gateway.query.operators import Operator
from gateway.query.parameters import READ_PARAMETERS
from gateway.query.query import Query
from gateway.settings import Settings
from gateway.strictjson import Json

#: The most fields of an example row, beside those that are required.
_EXAMPLE_FIELDS = 20
#: The names of formats that are no abbreviations.
_MEDIA_TITLES = {Media.PARQUET: "Parquet", Media.ARROW: "Arrow", Media.FORM: "Form"}


@dataclass(frozen=True, slots=True)
class TypeOperators:
    """The operators of one type among the fields of a connector.

    Attributes:
        type: The name of the type.
        fields: The first fields of it.
        others: How many more there are.
        operators: The operators that it has.
    """

    type: str
    fields: tuple[str, ...]
    others: int
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class ApiDescription:
    """The content of the page; everything that is computed is a property.

    Attributes:
        connector: The connector.
        sight: What the reader may see and do.
        settings: The settings of the gateway.
        base: The URL of the gateway as far as the request tells, without a slash at its end.
        pairs: The decoded parameters of the page's query, valid or not.
        query: The parsed query; that of no parameters if they are invalid.
        error: Why they are invalid, or None.
    """

    connector: Connector
    sight: Sight
    settings: Settings
    base: str
    pairs: Sequence[tuple[str, str]]
    query: Query
    error: GatewayError | None

    @property
    def can_read(self) -> bool:
        """True if the reader may GET rows."""
        return "read" in self.sight.verbs

    @property
    def can_ingest(self) -> bool:
        """True if the reader may POST rows."""
        return "ingest" in self.sight.verbs

    @property
    def can_change(self) -> bool:
        """True if the reader may PUT, PATCH, and DELETE rows."""
        return "change" in self.sight.verbs

    @property
    def is_public(self) -> bool:
        """True if anyone may GET rows."""
        return PUBLIC in self.connector.access.read

    @property
    def is_open(self) -> bool:
        """True if anyone sees the connector, so that a link to its JSON works without a token."""
        return sight_of(Asker(), self.connector.access).is_visible

    @property
    def permitted(self) -> str:
        """The permissions of the reader in words."""
        can = {"read": self.can_read, "write": self.can_ingest, "change": self.can_change}
        *words, last = [word for word, is_allowed in can.items() if is_allowed] or ["see no"]
        return f"{', '.join(words)} and {last}" if words else last

    @property
    def url(self) -> str:
        """The URL of the endpoint."""
        return self.base + self.connector.path

    @property
    def access(self) -> Mapping[str, Sequence[str]]:
        """The names of `access` by verb, for readers who may see them."""
        return {verb: sorted(getattr(self.connector.access, verb)) for verb in VERBS}

    # -- snippets and the form

    @functools.cached_property
    def tabs(self) -> tuple[Tab, ...]:
        """The tabs of snippets."""
        return tabs.build(self.usage)

    @functools.cached_property
    def usage(self) -> EndpointUse:
        """The use of the endpoint that snippets are written for: the query of the page, if it is valid."""
        valid = () if self.error else tuple(self.pairs)
        return EndpointUse(
            self.connector,
            self.base,
            filter_form.without_format(valid, self.connector),
            self.query,
            self.can_read,
            self.can_ingest,
            self.is_public,
            self._example[0],
        )

    @property
    def rows_query(self) -> str:
        """The query string of the rows, as the page of rows takes it."""
        return quoting.query_string(self.usage.parameters)

    @property
    def preview(self) -> str:
        """The query string of the preview: the rows as JSON, a few of them where the query names no number."""
        pairs = [*self.usage.parameters, *([] if self.query.limit is not None else [("limit", "20")])]
        return quoting.query_string([*pairs, ("format", "json")])

    @functools.cached_property
    def active(self) -> list[ActiveParameter]:
        """The parameters of the page's query."""
        return filter_form.active(self.pairs, self.connector)

    @property
    def kept(self) -> str:
        """The filters as a query string, which the form sends along."""
        return quoting.query_string((each.name, each.value) for each in self.active if each.is_filter)

    @property
    def given(self) -> Mapping[str, str]:
        """The values of the parameters that the form has a field for."""
        given = {each.name: each.value for each in reversed(self.active) if not each.is_filter}
        return {name: given.get(name, "") for name in filter_form.FORM_PARAMETERS}

    @property
    def filterable(self) -> list[str]:
        """The names that a filter may have."""
        return list(filter_form.filterable(self.connector))

    @property
    def operators(self) -> list[Operator]:
        """The operators that a field of the connector has, or one of the gateway's own fields."""
        return filter_form.operators_of(self.connector)

    @property
    def operators_by_type(self) -> list[TypeOperators]:
        """The operators of each type among the fields."""
        fields: dict[str, list[Field]] = {}
        for field in self.connector.fields:
            fields.setdefault(field.type.name, []).append(field)
        return [_operators(name, found) for name, found in fields.items()]

    # -- rows

    @functools.cached_property
    def _example(self) -> tuple[dict[str, Json], list[str]]:
        """An example row, and the names of the fields for which no valid value was found."""
        row, missing = example_row.build(self.connector)
        shown: dict[str, Json] = {}
        for number, field in enumerate(self.connector.fields):
            if field.name in missing:
                shown[field.name] = field.type.example
            elif field.name in row and (field.required or number < _EXAMPLE_FIELDS):
                shown[field.name] = row[field.name]
        return shown, missing

    @property
    def example(self) -> str:
        """An example row as JSON."""
        return JSON.row(self._example[0])

    @property
    def doubtful(self) -> list[str]:
        """The fields whose value in the example row does not satisfy their rules."""
        return self._example[1]

    @property
    def system_fields(self) -> Sequence[Field]:
        """The gateway's own fields."""
        return SYSTEM_FIELDS

    @property
    def read_parameters(self) -> Mapping[str, str]:
        """The parameters of a read that are not filters, with their meaning."""
        return READ_PARAMETERS

    @property
    def outcome(self) -> Mapping[str, str]:
        """The paths at which a sender sees what became of its rows, with what they answer."""
        below = f"/-/connectors/{self.connector.name}"
        whose = "all" if self.sight.batches == "all" else "your"
        found = {
            f"{below}/batches": f"{whose} batches, latest first",
            f"{below}/activity": f"what was stored by period, and {whose} last refused batches",
            f"{below}/schema": "the JSON Schema of a row, to check rows before you send them",
        }
        if self.connector.policy.on_invalid != "reject":
            rejected = f"{below}/rejected"
            found[rejected] = f"{whose} rejected rows, each with its text and its errors"
            found[f"{rejected}/replay"] = (
                "`POST` corrected rows, each with the `_id` of its rejected row: they are stored"
            )
            found[f"{rejected}/discard?_id=eq.7"] = (
                '`POST {"reason": "..."}`: the row is marked, and not listed as kept'
            )
        return found

    @property
    def received(self) -> Sequence[Media]:
        """The formats of a POST."""
        return RECEIVED

    @property
    def served(self) -> Sequence[Media]:
        """The formats of a GET."""
        return SERVED

    @staticmethod
    def title_of(media: Media) -> str:
        """Return the name of a format as people write it."""
        return _MEDIA_TITLES.get(media, media.name)

    # -- rules

    @property
    def errors(self) -> list[Code]:
        """The codes that the endpoint can answer to this reader."""
        return endpoint_errors.codes(self.connector, self.sight.verbs)

    @property
    def read_limit(self) -> int | None:
        """The most rows of a response."""
        return self.connector.policy.read_limit_below(self.settings.read_limit)

    @property
    def limits(self) -> Mapping[str, str]:
        """The limits of requests by what they limit."""
        policy, settings = self.connector.policy, self.settings
        rates, keep = policy.limits, policy.keep_at_most
        found: dict[str, str] = {}
        if self.can_read:
            found["Rows of a response"] = _number(self.read_limit) if self.read_limit else "no limit"
            found["Time of a query"] = f"{settings.query_timeout:g} s until its next rows"
        if self.can_ingest or self.can_change:
            found["Size of a body"] = f"{_size(settings.max_body)}, decompressed"
            found["Size of a row"] = _size(settings.max_row)
        if self.can_ingest and policy.on_invalid != "reject" and keep != BadRowLimit():
            found["Bad rows of a batch"] = f"{keep}; with more of them the batch is refused"
        if rates.requests_per_second is not None:
            found["Requests of a token"] = f"{rates.requests_per_second:g} in a second, on average"
        if rates.rows_per_second is not None and self.can_ingest:
            found["Rows of a token"] = f"{rates.rows_per_second:g} in a second, on average"
        if policy.retention.days is not None:
            found["Age of rows"] = f"rows are deleted after {policy.retention.days:g} days"
        if policy.retention.rows is not None:
            found["Number of rows"] = f"the latest {_number(policy.retention.rows)} are kept"
        return found

    @staticmethod
    def default(field: Field) -> str:
        """Return the default of a field as JSON, empty if it has none."""
        return default_text(field)

    @staticmethod
    def rules(field: Field) -> list[str]:
        """Return the constraints of a field."""
        return rule_texts(field)


def _number(value: int) -> str:
    return f"{value:,}"


def _size(bytes: int) -> str:
    """Return a number of bytes in the largest unit that it is a whole number of."""
    units = {2**30: "GiB", 2**20: "MiB", 2**10: "KiB"}
    unit = next((each for each in units if bytes >= each and bytes % each == 0), 1)
    return f"{bytes // unit:,} {units.get(unit, 'bytes')}"


def _operators(type_name: str, fields: Sequence[Field]) -> TypeOperators:
    names = tuple(field.name for field in fields[:3])
    operators = operators_of(fields[0].type)
    return TypeOperators(type_name, names, len(fields) - len(names), operators)
