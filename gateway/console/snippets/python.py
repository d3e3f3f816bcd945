"""Snippets of Python: httpx, pandas, and polars."""

from collections.abc import Iterable, Mapping

from gateway.console.snippets import literals, quoting
from gateway.console.snippets.snippet import CORRECT_ROWS, SEND_AGAIN, TOKEN, EndpointUse, Snippet, Tab
from gateway.strictjson import Json

#: The longest list of parameters on one line.
_LINE = 70
_BEARER = f"""f"Bearer {{os.environ['{TOKEN}']}}\""""
#: `to_json` of pandas keeps 15 digits of a double, and 17 tell all doubles apart; `to_csv` has no way to say null beside "".
_TO_JSON = """rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
body = json.dumps(rows, default=str)"""
_STOP = """if answer.is_error:
    raise SystemExit(f"{answer.status_code}: {answer.text}")"""
_ON_ERROR = "An error ends the program with its JSON: `code`, `message`, and `hint` tell what to change."
_ON_REFUSAL = f"{CORRECT_ROWS} The loop sends the same body again where that is safe."


def httpx(usage: EndpointUse) -> Tab:
    """Build the tab of httpx."""
    snippets = []
    if usage.can_read:
        snippets.append(Snippet("httpx-read", "Read rows", "python", _httpx_read(usage), _ON_ERROR))
    if usage.can_ingest:
        text = _write(usage, "httpx", f"rows = [{_row(usage)}]", "", "json=rows", {})
        snippets.append(Snippet("httpx-write", "Write a row", "python", text, _ON_REFUSAL))
    return Tab("httpx", "Python (httpx)", tuple(snippets), "`pip install httpx`")


def pandas(usage: EndpointUse) -> Tab:
    """Build the tab of pandas."""
    snippets = []
    if usage.can_read:
        snippets.append(Snippet("pandas-read", "Read rows", "python", _pandas_read(usage), _ON_ERROR))
    if usage.can_ingest:
        frame = f"frame = pandas.DataFrame([{_row(usage)}])\n{_TO_JSON}"
        headers = {"Content-Type": "application/json"}
        text = f"import json\n{_write(usage, 'pandas', frame, 'import pandas', 'content=body', headers)}"
        snippets.append(Snippet("pandas-write", "Write a row", "python", text, _ON_REFUSAL))
    return Tab("pandas", "pandas", tuple(snippets), "`pip install pandas pyarrow httpx`")


def polars(usage: EndpointUse) -> Tab:
    """Build the tab of polars."""
    snippets = []
    if usage.can_read and usage.is_public:
        note = "`scan_parquet` reads only the columns that it needs. It hides what an error says: the curl tab shows it."
        snippets.append(Snippet("polars-read", "Read rows", "python", _polars_scan(usage), note))
    elif usage.can_read:
        snippets.append(Snippet("polars-read", "Read rows", "python", _polars_read(usage), _ON_ERROR))
    if usage.can_ingest:
        text = _polars_write(usage)
        snippets.append(Snippet("polars-write", "Write a row", "python", text, _ON_REFUSAL))
    return Tab("polars", "polars", tuple(snippets), "`pip install polars httpx`")


def _httpx_read(usage: EndpointUse) -> str:
    has_decimals = any(_is_decimal(each.type.name) for each in usage.query.select)
    imports = ["import os"] if not usage.is_public else []
    imports += ["from decimal import Decimal"] if has_decimals else []
    arguments = [quoting.double_quoted(usage.url)]
    if usage.parameters:
        arguments.append(f"params={_parameters(usage.parameters)}")
    if not usage.is_public:
        arguments.append(f'headers={{"Authorization": {_BEARER}}}')
    rows = "answer.json(parse_float=Decimal)" if has_decimals else "answer.json()"
    return _lines(
        [*imports, ""] if imports else [],
        ["import httpx", ""],
        _call("answer = httpx.get", [*arguments, "timeout=60"]),
        [_STOP, f"for row in {rows}:", "    print(row)"],
    )


def _pandas_read(usage: EndpointUse) -> str:
    arguments = [quoting.double_quoted(usage.url_of_rows("parquet"))]
    if not usage.is_public:
        arguments.append(f'storage_options={{"Authorization": {_BEARER}}}')
    return _lines(
        [] if usage.is_public else ["import os"],
        ["from urllib.error import HTTPError", "", "import pandas", "", "try:"],
        (f"    {line}" for line in _call("rows = pandas.read_parquet", arguments)),
        [
            "except HTTPError as error:",
            "    raise SystemExit(error.read().decode()) from error",
            "print(rows)",
        ],
    )


def _polars_scan(usage: EndpointUse) -> str:
    url = quoting.double_quoted(usage.url_of_rows("parquet"))
    return f"import polars\n\nrows = polars.scan_parquet({url}).collect()\nprint(rows)"


def _polars_read(usage: EndpointUse) -> str:
    headers = f'headers={{"Authorization": {_BEARER}}}'
    url = quoting.double_quoted(usage.url_of_rows("parquet"))
    return _lines(
        ["import os", "", "import httpx", "import polars", ""],
        _call("answer = httpx.get", [url, headers, "timeout=60"]),
        [_STOP, "rows = polars.read_parquet(answer.content)", "print(rows)"],
    )


def _polars_write(usage: EndpointUse) -> str:
    """Return a program that sends NDJSON; CSV where a field is json, because a column of polars has one shape."""
    types = {field.name: field.type.name for field in usage.connector.fields}
    if any(types[name] == "json" for name in usage.row):
        numbers = literals.for_doubles(usage.row, usage.connector)
        cells = {
            name: literals.JSON.value(value) if _is_nested(value, types[name]) else numbers[name]
            for name, value in usage.row.items()
        }
        frame = f"frame = polars.DataFrame([{literals.PYTHON.row(cells)}])\nbody = frame.write_csv()"
        headers = {"Content-Type": "text/csv"}
    else:
        frame = f"frame = polars.DataFrame([{_row(usage)}])\nbody = frame.write_ndjson()"
        headers = {"Content-Type": "application/x-ndjson"}
    return _write(usage, "polars", frame, "import polars", "content=body", headers)


def _is_nested(value: Json, type_name: str) -> bool:
    """Return whether a value is JSON in its cell of CSV."""
    return isinstance(value, list) or (type_name == "json" and value is not None)


def _row(usage: EndpointUse) -> str:
    return literals.PYTHON.row(literals.for_doubles(usage.row, usage.connector))


def _write(
    usage: EndpointUse, tool: str, body: str, imported: str, argument: str, headers: Mapping[str, str]
) -> str:
    named = {"Authorization": _BEARER} | {
        name: quoting.double_quoted(value)
        for name, value in {**headers, "Idempotency-Key": usage.key(tool)}.items()
    }
    return _lines(
        ["import os", "import time", "", "import httpx"],
        [imported] if imported else [],
        ["", body, "headers = {"],
        (f'    "{name}": {value},' for name, value in named.items()),
        ["}", "for attempt in range(5):"],
        [
            f"    answer = httpx.post({quoting.double_quoted(usage.url)}, {argument}, headers=headers, timeout=60)"
        ],
        [f"    if answer.status_code not in {SEND_AGAIN}:", "        break"],
        [
            '    time.sleep(float(answer.headers.get("Retry-After", 2**attempt)))',
            _STOP,
            "print(answer.json())",
        ],
    )


def _parameters(parameters: tuple[tuple[str, str], ...]) -> str:
    """Return decoded parameters as a dict, or as a list of pairs if one name comes twice."""
    pairs = [(quoting.double_quoted(key), quoting.double_quoted(value)) for key, value in parameters]
    is_dict = len(dict(pairs)) == len(pairs)
    begin, end = "{}" if is_dict else "[]"
    items = [f"{key}: {value}" if is_dict else f"({key}, {value})" for key, value in pairs]
    line = begin + ", ".join(items) + end
    if len(line) <= _LINE:
        return line
    return f"{begin}\n" + "".join(f"        {item},\n" for item in items) + f"    {end}"


def _call(function: str, arguments: Iterable[str]) -> list[str]:
    return [f"{function}(", *(f"    {each}," for each in arguments), ")"]


def _is_decimal(type_name: str) -> bool:
    return type_name.startswith("decimal")


def _lines(*parts: Iterable[str]) -> str:
    return "\n".join(line for part in parts for line in part)
