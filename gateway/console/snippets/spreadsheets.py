"""Snippets for Excel, Google Sheets, and LibreOffice."""

from gateway.console.snippets import literals, quoting, shell
from gateway.console.snippets.snippet import EndpointUse, Snippet, Tab
from gateway.strictjson import Json

_EXCEL = "Data, Get Data, From Other Sources, Blank Query, Advanced Editor."
_BASIC = " When Excel asks for credentials, choose Basic: any user, and the token as the password."
_SHEETS = "In a cell. The servers of Google need a way to the gateway."
_ONLY_PUBLIC = "Google Sheets sends no token, so it reads only endpoints that are public."
_CALC = "Sheet, External Links: paste the URL."
_CALC_BASIC = " When Calc asks for credentials, give any user, and the token as the password."
_WRITE = (
    "Save the sheet as CSV: File, Save As, CSV UTF-8. The first two lines write such a file. "
    + shell.ON_REFUSAL
)


def spreadsheets(usage: EndpointUse) -> Tab:
    """Build the tab of spreadsheets."""
    snippets = []
    if usage.can_read:
        url = usage.url_of_rows("csv")
        excel, calc = (_EXCEL, _CALC) if usage.is_public else (_EXCEL + _BASIC, _CALC + _CALC_BASIC)
        snippets.append(Snippet("excel-read", "Read rows: Excel", "powerquery", _power_query(url), excel))
        if usage.is_public:
            formula = f"=IMPORTDATA({quoting.formula(url)})"
            snippets.append(Snippet("sheets-read", "Read rows: Google Sheets", "formula", formula, _SHEETS))
        snippets.append(Snippet("calc-read", "Read rows: LibreOffice Calc", "url", url, calc))
    if usage.can_ingest:
        snippets.append(Snippet("csv-write", "Write a row", "sh", _write(usage), _WRITE))
    note = None if usage.is_public or not usage.can_read else _ONLY_PUBLIC
    return Tab("spreadsheets", "Spreadsheets", tuple(snippets), note)


def _power_query(url: str) -> str:
    return f"""let
    Source = Csv.Document(
        Web.Contents({quoting.power_query(url)}),
        [Delimiter = ",", Encoding = 65001, QuoteStyle = QuoteStyle.Csv]
    ),
    Rows = Table.PromoteHeaders(Source, [PromoteAllScalars = true])
in
    Rows"""


def _write(usage: EndpointUse) -> str:
    fields = {field.name: field.type.name for field in usage.connector.fields}
    names = map(quoting.csv_cell, usage.row)
    cells = (_cell(value, is_json=fields[name] == "json") for name, value in usage.row.items())
    lines = (quoting.shell(",".join(each)) for each in (names, cells))
    post = shell.write(usage, "csv", "text/csv", "--data-binary @rows.csv")
    return " \\\n  ".join(["printf '%s\\n'", *lines]) + f" > rows.csv\n{post}"


def _cell(value: Json, *, is_json: bool = False) -> str:
    """Return a cell: null is empty, and lists and JSON are JSON."""
    if value is None:
        return ""
    is_text = isinstance(value, str) and not is_json
    return quoting.csv_cell(value if is_text else literals.JSON.value(value))
