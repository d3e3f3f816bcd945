"""The filter of rejected rows by state, field, and code: from the form of the page to the dialect, and back.

The form is plain HTML, and sends `_state`, `_field`, and `_code`. No column has such a name. A field is its name as JSON,
because an error of a row as a whole has the field null.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.console.snippets import quoting
from gateway.query.parameters import READ_PARAMETERS
from gateway.store.rejection import STATES

STATE, FIELD, CODE = "_state", "_field", "_code"
#: The state of rows in any state, and of rows in those that a filter of another form names.
ANY, OTHER = "any", "other"
_ANY_STATE = f"in.({','.join(STATES)})"
_CONTAINS = re.compile(r"cs\.\s*(\[.*\])", re.DOTALL)
#: The parameters of a page: another filter begins at the first page.
_PAGE = ("cursor", "offset")

_Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RejectedFilter:
    """The parameters of a page of rejected rows.

    Attributes:
        state: One of the states, `any`, or `other`.
        field: The field of an error as JSON, empty for any; `null` is the row as a whole.
        code: The code of an error, empty for any.
        others: All other parameters, except those of a page.
    """

    state: str = "kept"
    field: str = ""
    code: str = ""
    others: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, pairs: _Pairs) -> "RejectedFilter":
        """Return the filter of decoded parameters; kept rows are meant where no filter names the state."""
        found = cls()
        for key, value in pairs:
            if key == "state":
                state = _state_of(value)
                found = replace(found, state=state)
                if state != OTHER:
                    continue
            elif key == "errors" and not (found.field or found.code) and (error := _error_of(value)):
                found = replace(found, field=error[0], code=error[1])
                continue
            if key not in _PAGE:
                found = replace(found, others=(*found.others, (key, value)))
        return found

    def query_string(self) -> str:
        """Return it as a query string of the dialect."""
        pairs = [*self.others]
        if self.state != OTHER:
            pairs.append(("state", _ANY_STATE if self.state == ANY else f"eq.{self.state}"))
        if self.field or self.code:
            error = {"field": json.loads(self.field)} if self.field else {}
            if self.code:
                error["code"] = self.code
            pairs.append(("errors", f"cs.{json.dumps([error], separators=(',', ':'), ensure_ascii=False)}"))
        return quoting.query_string(sorted(pairs, key=lambda pair: pair[0] in READ_PARAMETERS))

    def without(self, number: int) -> "RejectedFilter":
        """Return it without one of the other parameters."""
        kept = (pair for place, pair in enumerate(self.others) if place != number)
        return replace(self, others=tuple(kept))

    def of_error(self, field: str | None, code: str | None) -> "RejectedFilter":
        """Return the filter of the rows with an error of a field and a code."""
        return replace(self, field=json.dumps(field), code=code or "")


def combined(pairs: _Pairs) -> RejectedFilter | None:
    """Return the filter that the parameters of the form stand for, None where they are not those of the form."""
    given = {key: value for key, value in pairs if key in (STATE, FIELD, CODE)}
    if not given:
        return None
    rest = RejectedFilter.of([pair for pair in pairs if pair[0] not in given])
    state, field = given.get(STATE, rest.state), given.get(FIELD, "")
    return replace(
        rest,
        state=state if state in (*STATES, ANY, OTHER) else "kept",
        field=field if _is_field(field) else "",
        code=given.get(CODE, ""),
    )


def _is_field(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return value is None or isinstance(value, str)


def _state_of(value: str) -> str:
    if value == _ANY_STATE:
        return ANY
    state = value.removeprefix("eq.")
    return state if value != state and state in STATES else OTHER


def _error_of(value: str) -> tuple[str, str] | None:
    """Return the field and the code of a filter as `query_string` writes it, None for another one."""
    found = _CONTAINS.fullmatch(value)
    try:
        errors = json.loads(found[1]) if found else None
    except ValueError:
        return None
    if not isinstance(errors, list) or len(errors) != 1 or not isinstance(errors[0], dict) or not errors[0]:
        return None
    error = errors[0]
    field, code = error.get("field"), error.get("code", "")
    if error.keys() - {"field", "code"} or not isinstance(field, str | None) or not isinstance(code, str):
        return None
    return (json.dumps(field) if "field" in error else "", code)
