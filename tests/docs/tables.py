"""The tables of the documentation, generated from the code that they mirror. `python -m tests.docs` writes them anew."""

import ast
import json
import re
import textwrap
from collections.abc import Iterable

import click

from gateway import strictjson
from gateway.admin.metric_table import METRICS
from gateway.cli import VERBS, main
from gateway.connectors.change import Rule
from gateway.connectors.connector_file import ACCESS_KEYS, CONNECTOR_KEYS
from gateway.connectors.fields import FIELD_KEYS
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.connectors.fieldtypes.type_names import TYPE_NAMES
from gateway.connectors.file_schema import FILE_SCHEMA
from gateway.connectors.lexical_forms import FORMATS
from gateway.docs import pages
from gateway.errors import Code
from gateway.media_types import SERVED
from gateway.query.aggregates import AGGREGATES
from gateway.query.casts import CASTS
from gateway.query.operators import NOT_IMPLEMENTED, OPERATORS
from gateway.query.parameters import READ_PARAMETERS, WRITE_PARAMETERS
from gateway.query.preferences import PREFERENCES
from gateway.settings import CLIENT_ENVIRONMENT, SETTINGS
from gateway.store.sql.expression import FUNCTIONS
from tests.support import visibility
from tests.support.server import ROOT
from tests.test_layers import LAYERS

PUBLISHED_SCHEMA = ROOT / "gateway/connectors/connector.schema.json"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(list(head))]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def connector_keys() -> str:
    return _table(("key", "what it says"), ((f"`{key}`", text) for key, text in CONNECTOR_KEYS.items()))


def field_keys() -> str:
    return _table(("key", "what it says"), ((f"`{key}`", text) for key, text in FIELD_KEYS.items()))


def access_keys() -> str:
    return _table(("key", "who"), ((f"`{key}`", text) for key, text in ACCESS_KEYS.items()))


def changes() -> str:
    return _table(("change", "what happens"), ((each.change, each.becomes) for each in Rule))


def functions() -> str:
    names = ", ".join(name for name in FUNCTIONS if name.isidentifier())
    return f"```text\n{textwrap.fill(names, 110)}\n```"


def page_list() -> str:
    rows = [
        (group, ", ".join(f"[{name}](gateway/docs/{name}.md)" for name in names))
        for group, names in pages.GROUPS.items()
    ]
    return _table(("", "pages"), rows)


def verbs_in_short() -> str:
    commands = {name: main.get_command(click.Context(main), name) for name in VERBS}
    return _table(
        ("command", "what it does"),
        ((f"`gateway {name}`", command.help.splitlines()[0]) for name, command in commands.items()),
    )


def verbs() -> str:
    rows = []
    commands = {name: main.get_command(click.Context(main), name) for name in VERBS}
    for name, group in list(commands.items()):
        if isinstance(group, click.Group):
            del commands[name]
            commands |= {f"{name} {verb}": command for verb, command in group.commands.items()}
    for name, command in commands.items():
        arguments = [each for each in command.params if isinstance(each, click.Argument)]
        words = [each.make_metavar(click.Context(command)) for each in arguments]
        for each in (each for each in command.params if isinstance(each, click.Option)):
            if each.name in ("url", "token_file", "connectors"):
                continue
            value = "" if each.is_flag else f" {each.metavar or each.name.upper()}"
            if isinstance(each.type, click.Choice):
                value = f" {'|'.join(each.type.choices)}"
            words.append(f"{each.opts[0]}{value}" if each.required else f"[{each.opts[0]}{value}]")
        rows.append((f"`gateway {name} {' '.join(words)}`", command.help.splitlines()[0]))
    return _table(("you type", "and it does"), rows)


def client_settings() -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in CLIENT_ENVIRONMENT.items()]
    return _table(("environment", "what it is"), rows)


def types() -> str:
    rows = []
    for name, each in zip(TYPE_NAMES, SCALARS.values(), strict=True):
        expects, column = each.expects, each.sql.column
        if name != each.name:
            expects, column = (
                "a number with at most p - s digits before the point and s after it; p up to 38",
                "DECIMAL(p, s)",
            )
        taken = ", ".join(f"`{key}`" for key in each.constraints) or "none"
        example = strictjson.write(each.example).decode()
        rows.append((f"`{name}`", expects, f"`{example}`", f"`{column}`", taken))
    every = "a list of any of these but `json`; constraints hold for each item"
    rows.append(("`T[]`", every, "`[1,2]`", "`T[]`", "those of T"))
    return _table(("type", "a value is", "for example", "in DuckDB", "constraints"), rows)


def formats() -> str:
    return ", ".join(f"`{name}`" for name in FORMATS)


def dialect() -> str:
    """The whole dialect in one table."""
    rows = [(f"`{name}=`", meaning) for name, meaning in READ_PARAMETERS.items()]
    rows += [
        ("`FIELD=OPERATOR.VALUE`", "a filter; all of them must hold, a field may have several"),
        (
            "`or=(a.eq.1,and(b.gt.2,c.is.null))`",
            "`and` and `or` of filters, one inside another; `not.and=`, `not.or=`",
        ),
        ("`not.`", "before an operator, or before `and` and `or`: the opposite"),
    ]
    for each in OPERATORS.values():
        name = f"`{each.name}`" + (f" `{each.name}(any)` `{each.name}(all)`" if each.can_quantify else "")
        needs = "" if each.wants == "any column" else f" (needs {each.wants})"
        rows.append((name, each.meaning + needs))
    rows += [
        (
            "`field->key->0->>name`",
            "inside JSON and lists, in `select`, filters and `order`: `->` gives JSON, `->>` text",
        ),
        ("`::TYPE` in `select`", "a cast to " + ", ".join(f"`{name}`" for name in CASTS)),
    ]
    rows += [(f"`.{name}()` in `select`", each.meaning + ", by group") for name, each in AGGREGATES.items()]
    rows += [(f"`{name}=`", meaning) for name, meaning in WRITE_PARAMETERS.items()]
    rows += [
        (f"`Prefer: {name}=" + "|".join(values) + "`", meaning)
        for name, (values, meaning) in PREFERENCES.items()
    ]
    rows.append(("`Range: 0-24`", "as `offset` and `limit`"))
    for media in SERVED:
        names = " ".join(f"`{name}`" for name in (media.media_type, *media.aliases))
        rows.append((f"`Accept:` {names}", f"rows as {media.name}"))
    rows += [
        (
            "`Accept: application/vnd.pgrst.object+json`",
            "the one row as an object; 406 where it is not one row",
        ),
        (
            "`…+json;nulls=stripped`",
            "after `vnd.pgrst.array` or `vnd.pgrst.object`: without the keys that are null",
        ),
        ("`Accept-Profile: public`", "the one schema there is"),
    ]
    left_out: dict[str, list[str]] = {}
    for name, kind in NOT_IMPLEMENTED.items():
        left_out.setdefault(kind, []).append(f"`{name}`")
    rows += [(" ".join(names), f"not here: {kind}; 400 `PGRST127`") for kind, names in left_out.items()]
    rows.append(("`other(…)`, `...other(…)`", "not here: embedding; 400 `PGRST127`"))
    return _table(("you write", "it means"), rows)


def settings() -> str:
    rows = [
        (
            f"`{each.environment}`",
            f"`{each.flag}`" if each.flag else "",
            f"`{each.default}`" if each.default else "none",
            each.help,
        )
        for each in SETTINGS
    ]
    return _table(("environment", "flag", "default", "what it is"), rows)


def errors() -> str:
    return _table(
        ("code", "status", "meaning"), ((f"`{each.code}`", str(each.status), each.title) for each in Code)
    )


def code_map() -> str:
    """The rooms of the package, in the order in which they may be imported: what the first line of each says of it."""
    rooms = dict.fromkeys(module.rpartition(".")[0] for module in LAYERS)
    rows = []
    for room in rooms:
        folder = ROOT / "gateway" / room.replace(".", "/")
        text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
        rows.append((f"`{folder.relative_to(ROOT)}/`", text.splitlines()[0]))
    return _table(("folder", "what it holds"), rows)


def who_sees_what() -> str:
    """The answers of every route to each kind of asker, from a walk over a gateway."""
    return _table(*visibility.matrix_table())


def metrics() -> str:
    rows = [
        (f"`{each.name}`", each.kind, ", ".join(f"`{label}`" for label in each.labels), each.help.rstrip("."))
        for each in METRICS
    ]
    return _table(("metric", "kind", "labels", "what it is"), rows)


TABLES = {
    "who sees what": who_sees_what,
    "connector keys": connector_keys,
    "field keys": field_keys,
    "access keys": access_keys,
    "changes": changes,
    "functions": functions,
    "pages": page_list,
    "verbs": verbs,
    "verbs in short": verbs_in_short,
    "client settings": client_settings,
    "types": types,
    "formats": formats,
    "dialect": dialect,
    "settings": settings,
    "errors": errors,
    "metrics": metrics,
    "code map": code_map,
}
_BLOCK = re.compile(r"(<!-- (?P<name>[a-z ]+): made by tests/docs -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with every table generated anew."""
    return _BLOCK.sub(lambda found: found[1] + TABLES[found["name"]]() + "\n" + found[3], text)


def published_schema() -> str:
    return json.dumps(FILE_SCHEMA, indent=2) + "\n"
