"""Snippets of JavaScript, TypeScript, and supabase-js's client."""

from collections.abc import Iterable

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.console.snippets import literals, quoting
from gateway.console.snippets.literals import MAX_SAFE_INTEGER
from gateway.console.snippets.snippet import CORRECT_ROWS, SEND_AGAIN, TOKEN, EndpointUse, Snippet, Tab
from gateway.query.query import Selected

_BEARER = f"`Bearer ${{process.env.{TOKEN}}}`"
_DIGITS = (
    " JavaScript reads numbers as doubles, which lose digits of integers beyond 2^53 and of long decimals:"
    " `select={name}::text` keeps them."
)
ON_ERROR = "An error ends the program: `code`, `message`, and `hint` tell what to change."
ON_REFUSAL = (
    f"{CORRECT_ROWS} After {', '.join(map(str, SEND_AGAIN))}, send the same body again under the same key."
)
_THROW = "if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);"


def javascript(usage: EndpointUse) -> Tab:
    """Build the tab of JavaScript."""
    snippets = []
    if usage.can_read:
        text = _lines(_fetch(usage), [_THROW, "for (const row of await answer.json()) console.log(row);"])
        snippets.append(Snippet("js-read", "Read rows", "javascript", text, ON_ERROR + note_on_digits(usage)))
    if usage.can_ingest:
        text = _lines([f"const rows = [{row(usage)}];"], _post(usage, "js"), [_THROW, _PRINT])
        snippets.append(Snippet("js-write", "Write a row", "javascript", text, ON_REFUSAL))
    return Tab("js", "JavaScript", tuple(snippets), "Node.js 20 or later, as a module: `node FILE.mjs`")


def typescript(usage: EndpointUse) -> Tab:
    """Build the tab of TypeScript."""
    snippets = []
    if usage.can_read:
        members = (f"  {_member(each)}" for each in usage.query.select)
        text = _lines(
            ["interface Row {", *members, "}", ""],
            _fetch(usage),
            [
                _THROW,
                "const rows = (await answer.json()) as Row[];",
                "for (const row of rows) console.log(row);",
            ],
        )
        snippets.append(Snippet("ts-read", "Read rows", "typescript", text, ON_ERROR + note_on_digits(usage)))
    if usage.can_ingest:
        text = _lines(
            ["interface NewRow {", *(f"  {each}" for each in _input_members(usage)), "}", ""],
            [f"const rows: NewRow[] = [{row(usage)}];"],
            _post(usage, "ts"),
            [_THROW, _PRINT],
        )
        snippets.append(Snippet("ts-write", "Write a row", "typescript", text, ON_REFUSAL))
    return Tab(
        "ts", "TypeScript", tuple(snippets), "`npm install typescript @types/node`, and `tsc --strict`"
    )


_PRINT = "console.log(await answer.json());"


def row(usage: EndpointUse, indent: str = "") -> str:
    """Return the example row as an object."""
    written = literals.for_doubles(usage.row, usage.connector, MAX_SAFE_INTEGER)
    return literals.JAVASCRIPT.row(written, indent)


def note_on_digits(usage: EndpointUse) -> str:
    """Return the sentence about numbers that doubles cannot hold, empty where there are none."""
    names = [each.name for each in usage.query.select if _can_lose_digits(each.type)]
    return _DIGITS.format(name=quoting.dialect_name(names[0])) if names else ""


def _can_lose_digits(type: FieldType) -> bool:
    return type.name == "integer" or type.name.startswith("decimal")


def _fetch(usage: EndpointUse) -> list[str]:
    url = quoting.double_quoted(usage.url_of_rows())
    if usage.is_public:
        return [f"const answer = await fetch({url});"]
    return [f"const answer = await fetch({url}, {{", f"  headers: {{ Authorization: {_BEARER} }},", "});"]


def _post(usage: EndpointUse, tool: str) -> list[str]:
    return [
        f"const answer = await fetch({quoting.double_quoted(usage.url)}, {{",
        '  method: "POST",',
        "  headers: {",
        f"    Authorization: {_BEARER},",
        '    "Content-Type": "application/json",',
        f'    "Idempotency-Key": "{usage.key(tool)}",',
        "  },",
        "  body: JSON.stringify(rows),",
        "});",
    ]


def _member(selected: Selected) -> str:
    can_be_null = selected.column is None or selected.column.field.nullable or bool(selected.column.path)
    is_count = selected.aggregate == "count"
    null = " | null" if (can_be_null or selected.aggregate) and not is_count else ""
    return f"{_property(selected.name)}: {_type(selected.type)}{null};"


def _input_members(usage: EndpointUse) -> Iterable[str]:
    written = literals.for_doubles(usage.row, usage.connector, MAX_SAFE_INTEGER)
    for field in usage.connector.fields:
        is_text = isinstance(written.get(field.name), str)
        type = "string" if is_text and field.type.name != "json" else _type(field.type, can_be_text=True)
        null = " | null" if field.nullable else ""
        yield f"{_property(field.name)}{'' if field.required else '?'}: {type}{null};"


def _type(type: FieldType, *, can_be_text: bool = False) -> str:
    if type.item:
        item = _type(type.item, can_be_text=can_be_text)
        return f"({item})[]" if "|" in item else f"{item}[]"
    if type.name in ("boolean", "json"):
        return {"boolean": "boolean", "json": "unknown"}[type.name]
    if _can_lose_digits(type) and can_be_text:
        return "number | string"
    is_number = type.name in ("integer", "number") or type.name.startswith("decimal")
    return "number" if is_number else "string"


def _property(name: str) -> str:
    return name if literals.BARE_KEY.fullmatch(name) else quoting.double_quoted(name)


def _lines(*parts: Iterable[str]) -> str:
    return "\n".join(line for part in parts for line in part)
