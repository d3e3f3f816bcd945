"""The tabs of the API page, in their order."""

from gateway.console.snippets import duckdb_sql, javascript, python, shell, spreadsheets, supabase
from gateway.console.snippets.snippet import EndpointUse, Tab

_TABS = (
    shell.curl,
    python.httpx,
    python.pandas,
    python.polars,
    duckdb_sql.duckdb,
    javascript.javascript,
    javascript.typescript,
    supabase.supabase,
    spreadsheets.spreadsheets,
)


def build(usage: EndpointUse) -> tuple[Tab, ...]:
    """Build the tabs that have a snippet for what the reader of the page may do."""
    tabs = (build_tab(usage) for build_tab in _TABS)
    return tuple(tab for tab in tabs if tab.snippets)
