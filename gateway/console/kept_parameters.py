"""The parameters that a form keeps from the query of its page, in one hidden field with a query string.

A browser writes each line break of a field as CRLF. A query string has no line break: its values are percent-encoded.
"""

from collections.abc import Sequence

from gateway.connectors.connector import Connector
from gateway.console import filter_form
from gateway.console.snippets import quoting
from gateway.query.parameters import parameters_of

#: The name of the hidden field. No column has such a name.
KEPT = "_kept"

_Pairs = Sequence[tuple[str, str]]


def unfolded(pairs: _Pairs) -> tuple[tuple[str, str], ...]:
    """Return the parameters of a page, with those that a form keeps in the place of their field.

    Raises:
        GatewayError: The field has no query string.
    """
    return tuple(
        each for key, value in pairs for each in (parameters_of(value) if key == KEPT else [(key, value)])
    )


def combined(pairs: _Pairs, connector: Connector) -> str | None:
    """Return the query string that the parameters of a form about rows stand for, None where no form sent them.

    Raises:
        GatewayError: As `unfolded`.
    """
    whole = unfolded(pairs)
    found = filter_form.combined(whole, connector)
    return quoting.query_string(whole) if found is None and whole != tuple(pairs) else found
