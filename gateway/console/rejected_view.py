"""Content of the pages of rejected rows. The thread of the pages computes it while it renders."""

import functools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from gateway.admin.rejected_excerpts import RejectedOne, RejectedPage
from gateway.admin.rejected_rows import MAX_REASON
from gateway.admin.visible_connectors import VisibleConnector
from gateway.connectors.connector import Connector, Field
from gateway.connectors.constraints import show
from gateway.console.connector_urls import CONNECTOR_ROUTE, connector_url
from gateway.console.editable_text import CELL_FORMATS, EditableText, editable_text, indented
from gateway.console.form_outcomes import FormOutcome
from gateway.console.rejected_filter import ANY, OTHER, RejectedFilter
from gateway.console.snippets import quoting
from gateway.console.templates import field_text
from gateway.errors import Code, GatewayError
from gateway.printable import printable
from gateway.store.rejection import STATES, RejectedExcerpt
from gateway.strictjson import Json

#: The codes that an error of a row mostly has.
_CODES = (
    Code.VALUE_INVALID,
    Code.VALUE_MISSING,
    Code.VALUE_REFUSED,
    Code.VALUE_OUT_OF_RANGE,
    Code.FIELD_UNKNOWN,
    Code.BODY_INVALID,
)
_TITLES = {code.code: code.title for code in Code}
#: The most fields and codes of the summary, and the most characters of a name that a link has.
_SUMMARY_MAX, _NAME_CHARACTERS = 20, 200
#: The most lines of the field for the text of a row.
_LINES_MAX = 30
#: The most rows of a filter that a page checks.
CHECKED_MAX = 10_000


@dataclass(frozen=True, kw_only=True)
class _View:
    """The content that both pages have.

    Attributes:
        found: The connector, with what the asker may do.
        filter: The parameters of the page.
        routes: The routes of all pages.
        outcome: What a form did just before, or None.
        error: What was wrong with the request, or None.
        reason_max: The most characters of a reason.
    """

    found: VisibleConnector
    filter: RejectedFilter
    routes: Collection[str]
    outcome: FormOutcome | None = None
    error: GatewayError | None = None
    reason_max: int = MAX_REASON

    @property
    def connector(self) -> Connector:
        """The connector of the rows."""
        return self.found.connector

    def url(self, chosen: RejectedFilter | None = None, id: int | None = None, more: str = "") -> str:
        """Return the URL of the list, or of one row, with a filter; without one with that of the page."""
        page = "rejected" if id is None else f"rejected/{id}"
        query = (chosen or self.filter).query_string() + (f"&{more}" if more else "")
        return f"{connector_url(self.connector.name, page)}?{query}"

    def batch_url(self, batch: int) -> str | None:
        """Return the URL of the rows of a batch, None where the asker may not read them."""
        return self._page("rows", f"_batch=eq.{batch}") if "read" in self.found.sight.verbs else None

    def edit_url(self, name: str | None) -> str | None:
        """Return the URL where the schema of a field of an error is edited, None for those who may not."""
        field = self.connector.find_input(name or "")
        if not self.found.asker.is_admin or (name and field is None):
            return None
        return self._page("edit", f"field={quote(field.name, safe='')}" if field else "")

    @property
    def action(self) -> str:
        """The URL of the list without a filter, to which its forms are sent."""
        return connector_url(self.connector.name, "rejected")

    def of_batch(self, batch: int) -> str:
        """Return the URL of the rejected rows of a batch, in any state."""
        return self.url(RejectedFilter(ANY, others=(("_batch", f"eq.{batch}"),)))

    @property
    def batches_url(self) -> str | None:
        """The URL of the batches with the refused ones, None where the asker sees none."""
        return self._page("batches", "") if self.found.sight.batches != "none" else None

    def _page(self, page: str, query: str) -> str | None:
        if f"{CONNECTOR_ROUTE}/{page}" not in self.routes:
            return None
        return connector_url(self.connector.name, page) + (f"?{query}" if query else "")


@dataclass(frozen=True, kw_only=True)
class RejectedListView(_View):
    """The content of the list.

    Attributes:
        page: The rows and their numbers; None if the query is wrong.
        chosen: The rows that were chosen in a form that failed.
        reason: The reason in it.
    """

    page: RejectedPage | None
    chosen: Collection[int] = ()
    reason: str = ""

    @property
    def states(self) -> list[tuple[str, str, bool]]:
        """The options for the state: value, text, and whether it is chosen."""
        texts: dict[str, str] = {state: state for state in STATES}
        texts[ANY] = "any state"
        if self.filter.state == OTHER:
            texts[OTHER] = "as the filter says"
        return _options(texts, self.filter.state)

    @property
    def fields(self) -> list[tuple[str, str, bool]]:
        """The options for the field."""
        names: list[str | None] = [
            each["field"] for each in self.summary if len(each["field"] or "") <= _NAME_CHARACTERS
        ]
        names += [field.name for field in self.connector.fields]
        chosen = [json.loads(self.filter.field)] if self.filter.field else []
        options = [(json.dumps(name), field_text(name)) for name in [*chosen, *names]]
        return _options({"": "any field", **dict(options)}, self.filter.field)

    @property
    def codes(self) -> list[tuple[str, str, bool]]:
        """The options for the code."""
        codes = [each["code"] for each in self.summary if each["code"]]
        known = [*codes, *([self.filter.code] if self.filter.code else []), *(each.code for each in _CODES)]
        return _options({"": "any code", **{code: code for code in known}}, self.filter.code)

    @property
    def kept(self) -> str:
        """The other parameters as a query string, which the form of the filter sends along."""
        return query_of(self.filter.others)

    @property
    def others(self) -> list[tuple[str, str, str]]:
        """The other filters, each with the URL of the list without it."""
        return [
            (key, value, self.url(self.filter.without(number)))
            for number, (key, value) in enumerate(self.filter.others)
            if key != "order"
        ]

    @property
    def is_descending(self) -> bool:
        """True if the latest rows come first."""
        return not dict(self.filter.others).get("order", "").startswith("_id") or dict(self.filter.others)[
            "order"
        ].endswith(".desc")

    @property
    def reordered(self) -> str:
        """The URL of the list in the other order."""
        others = tuple(pair for pair in self.filter.others if pair[0] != "order")
        if self.is_descending:
            others = (*others, ("order", "_id"))
        return self.url(replace(self.filter, others=others))

    def of_state(self, state: str) -> str:
        """Return the URL of all rows in a state."""
        return self.url(RejectedFilter(state))

    def of_error(self, error: Mapping[str, Any]) -> str:
        """Return the URL of the rows with an error of a field and a code, empty for those who may not filter by it."""
        has_texts = self.page is not None and self.page.has_texts
        if not has_texts or len(error["field"] or "") > _NAME_CHARACTERS:
            return ""
        return self.url(self.filter.of_error(error["field"], error["code"]))

    @property
    def summary(self) -> Sequence[Mapping[str, Any]]:
        """The most frequent fields and codes."""
        return self.page.errors[:_SUMMARY_MAX] if self.page else ()

    @staticmethod
    def title_of(code: str | None) -> str:
        """Return the title of a code."""
        return _TITLES.get(code or "", "")

    @staticmethod
    def is_cut(row: RejectedExcerpt) -> bool:
        """Return whether a row has more text than the list shows."""
        return len(row.text.encode()) < row.text_bytes

    def is_mine(self, row: RejectedExcerpt) -> bool:
        """Return whether the asker may settle a row now."""
        settles = self.found.sight.settles
        is_own = row.token == self.found.asker.token
        return row.state == "kept" and (settles == "all" or (settles == "own" and is_own))

    def page_url(self, cursor: int) -> str:
        """Return the URL of another page of the same filter; 0 is the first page."""
        return self.url(more=f"cursor={cursor}" if cursor else "")

    @property
    def checked(self) -> int:
        """The number of rows that a check of the filter is about."""
        return min(self.page.can_settle, CHECKED_MAX) if self.page else 0


@dataclass(frozen=True, kw_only=True)
class RejectedRowView(_View):
    """The content of the page of one row.

    Attributes:
        one: The row.
        edited: The text that was sent, None for that of the row.
        errors: The errors of the text that was sent; None if it was not checked.
        reason: The reason for a discard that was sent.
    """

    one: RejectedOne
    edited: str | None = None
    errors: Sequence[Mapping[str, Any]] | None = None
    reason: str = ""

    @property
    def row(self) -> RejectedExcerpt:
        """The row."""
        return self.one.excerpt

    @property
    def is_whole(self) -> bool:
        """True if the page has the whole text."""
        return len(self.row.text.encode()) == self.row.text_bytes

    @property
    def raw(self) -> str:
        """The text of the row as it came; JSON with a line for each member."""
        text = indented(self.row.text) if self._is_json and self.is_whole else None
        return printable(text or self.row.text)

    @property
    def header(self) -> str | None:
        """The header of its CSV."""
        header = self.row.decoding.get("header")
        return printable(header) if header else None

    @property
    def _is_json(self) -> bool:
        return self.row.decoding.get("media") not in CELL_FORMATS

    @functools.cached_property
    def _initial(self) -> EditableText:
        return editable_text(self.row, self.connector)

    @property
    def text(self) -> str:
        """The text to edit."""
        return self._initial.text if self.edited is None else self.edited

    @property
    def problem(self) -> str:
        """The reason why the row cannot be read as it came; empty if it can, or if the text was edited."""
        return self._initial.problem if self.edited is None else ""

    @property
    def is_editable(self) -> bool:
        """True if the text is small enough for a page."""
        return self.is_whole

    @property
    def lines(self) -> int:
        """The number of lines of the field for the text."""
        return min(max(self.text.count("\n") + 2, 5), _LINES_MAX)

    @property
    def check_url(self) -> str:
        """The URL at which the script checks the text."""
        return connector_url(self.connector.name, f"rejected/{self.row.id}/check")

    @property
    def text_url(self) -> str:
        """The URL of the whole text."""
        return connector_url(self.connector.name, f"rejected/{self.row.id}/text")

    @property
    def shown_errors(self) -> Sequence[Mapping[str, Any]]:
        """The errors of the text that was sent, else those that are stored."""
        return self.row.errors if self.errors is None else self.errors

    @property
    def fields(self) -> list[Field]:
        """The fields of these errors as the connector has them now; a name may be a former one."""
        found = [
            self.connector.find_input(each["field"] or "") for each in (*self.row.errors, *self.shown_errors)
        ]
        return [field for field in self.connector.fields if field in found]

    @staticmethod
    def rules(field: Field) -> list[str]:
        """Return the constraints of a field."""
        return [f"{name} {_shown(value)}" for name, value in field.constraints.items()]


def _options(texts: Mapping[str, str], chosen: str) -> list[tuple[str, str, bool]]:
    return [(value, text, value == chosen) for value, text in texts.items()]


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else show(value)


def query_of(pairs: Sequence[tuple[str, str]]) -> str:
    """Return decoded parameters as a query string."""
    return quoting.query_string(pairs)
