"""Snippets of DuckDB's SQL."""

from gateway.connectors.connector import Connector
from gateway.console.snippets import literals, quoting, shell
from gateway.console.snippets.snippet import TOKEN, EndpointUse, Snippet, Tab

_ON_ERROR = (
    "Put filters and `select` in the URL: then the gateway sends fewer rows."
    " DuckDB does not show what an error says: the curl tab does."
)
_WITHOUT_SHELL = (
    " `getenv` is a function of the `duckdb` shell; elsewhere, write the token itself in its place."
)


def duckdb(usage: EndpointUse) -> Tab:
    """Build the tab of DuckDB."""
    snippets = []
    if usage.can_read:
        note = _ON_ERROR if usage.is_public else _ON_ERROR + _WITHOUT_SHELL
        snippets.append(Snippet("duckdb-read", "Read rows", "sql", _read(usage), note))
    if usage.can_ingest:
        snippets.append(Snippet("duckdb-write", "Write a row", "sh", _write(usage), shell.ON_REFUSAL))
    return Tab("duckdb", "DuckDB", tuple(snippets))


def _read(usage: EndpointUse) -> str:
    lines = ["INSTALL httpfs;", "LOAD httpfs;"]
    if not usage.is_public:
        scope = quoting.sql(f"{usage.base}/")
        lines.append(f"CREATE SECRET gateway (TYPE http, BEARER_TOKEN getenv('{TOKEN}'), SCOPE {scope});")
    url = quoting.sql(usage.url_of_rows("parquet"))
    return "\n".join([*lines, f"FROM read_parquet({url});"])


def _write(usage: EndpointUse) -> str:
    """Return a command that posts rows of SQL with curl, because DuckDB sends no POST.

    The rows go through a file. Through a pipe, a query that fails would send an empty body under the key of the batch.
    """
    row = literals.for_doubles(usage.row, usage.connector)
    columns = (
        f"    {_value(usage.connector, name, value)} AS {quoting.sql_name(name)}"
        for name, value in row.items()
    )
    post = shell.write(usage, "duckdb", "application/x-ndjson", "--data-binary @rows.ndjson")
    return "\n".join(
        [
            "duckdb <<'SQL' &&",
            "COPY (SELECT",
            ",\n".join(columns),
            ") TO 'rows.ndjson' (FORMAT json);",
            "SQL",
            post,
        ]
    )


def _value(connector: Connector, name: str, value: object) -> str:
    field = connector.find_field(name)
    is_json = field is not None and field.type.name == "json"
    return f"{quoting.sql(literals.JSON.value(value))}::JSON" if is_json else literals.sql(value)
