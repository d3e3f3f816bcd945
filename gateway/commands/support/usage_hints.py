"""What is probably meant by a verb or an option that does not exist, as a command to type."""

import shlex
from collections.abc import Mapping, Sequence

import click

from gateway.errors import nearest

#: What other programs call the verbs.
_VERBS: Mapping[str, Sequence[str]] = {
    "serve": ("server", "run", "start", "up", "listen", "daemon", "web", "dev", "launch"),
    "check": ("validate", "lint", "verify", "test", "doctor-files"),
    "plan": ("diff", "preview", "dry-run", "changes", "apply", "deploy", "migrate", "sync"),
    "load": ("import", "ingest", "upload", "post", "push", "insert", "append", "send", "copy-from"),
    "ls": ("list", "status", "connectors", "show", "ps", "tables", "info", "get"),
    "new": ("create", "add", "generate", "scaffold", "draft", "infer", "make"),
    "duplicate": ("copy", "cp", "clone"),
    "remove": ("rm", "delete", "del", "uninstall"),
    "purge": ("drop", "truncate", "wipe", "destroy"),
    "backup": ("dump", "export", "save", "snapshot"),
    "restore": ("recover", "import-backup"),
    "doctor": ("repair", "fsck", "examine", "fix", "diagnose"),
    "token": ("tokens", "auth", "login", "key", "keygen", "secret"),
    "rejected": ("rejects", "errors", "quarantine", "replay", "bad"),
}
_VERB_OF = {other: verb for verb, others in _VERBS.items() for other in others}
#: What other programs call the options; the first one that a verb has is meant.
_OPTIONS: Mapping[str, Sequence[str]] = {
    "--listen": ("--bind",),
    "--address": ("--bind", "--url"),
    "--addr": ("--bind", "--url"),
    "-b": ("--bind",),
    "--host": ("--url",),
    "--server": ("--url",),
    "--gateway": ("--url",),
    "-u": ("--url",),
    "--dir": ("--connectors", "--data"),
    "--directory": ("--connectors", "--data"),
    "--config": ("--connectors",),
    "--config-dir": ("--connectors",),
    "--data-dir": ("--data",),
    "--db": ("--data",),
    "--database": ("--data",),
    "--tokens-file": ("--tokens",),
    "--file": ("--from",),
    "--sample": ("--from",),
    "--input": ("--from",),
    "-f": ("--from",),
    "--column": ("--field",),
    "--columns": ("--field", "--header"),
    "--names": ("--header",),
    "--delimiter": ("--separator",),
    "--delim": ("--separator",),
    "--sep": ("--separator",),
    "-d": ("--separator",),
    "--charset": ("--encoding",),
    "--skip": ("--without",),
    "--exclude": ("--without",),
    "--drop": ("--without",),
    "--ignore": ("--without",),
    "--limit": ("--rows",),
    "--batch-size": ("--batch",),
    "--base": ("--against",),
    "--target": ("--against",),
    "--output": ("--format",),
    "-o": ("--format",),
    "--force": ("--again", "--yes"),
    "-y": ("--yes",),
    "--expiry": ("--expires",),
    "--ttl": ("--expires",),
    "--copy-rows": ("--with-rows",),
}
#: What says where to listen elsewhere, in two options.
_PORT, _HOST = ("--port", "-p"), ("--host", "-h", "--hostname", "--interface")


def verb_hint(typed: Sequence[str], verbs: Sequence[str]) -> str:
    """Say that there is no such verb, and which command is probably meant."""
    word, rest = typed[0], list(typed[1:])
    known = f"there is no verb {word!r}"
    if word == "help":
        meant = [each for each in rest[:1] if each in verbs]
        return f"{known}; type: {_command([*meant, '--help'])}"
    if word == "version":
        return f"{known}; type: {_command(['--version'])}"
    verb = _VERB_OF.get(word.lower()) or nearest(word, verbs)
    if verb is None:
        return f"{known}; the verbs are {', '.join(verbs)}"
    words = _with_bind(rest) if verb == "serve" else rest
    return f"{known}; did you mean: {_command([verb, *words])}"


def option_hint(error: click.NoSuchOption, typed: Sequence[str]) -> str:
    """Say that a verb has no such option, and which command is probably meant."""
    option, context = error.option_name, error.ctx
    known = f"{_command(_verb(context))} has no option {option}"
    if option == "--token":
        return f"{known}; set GATEWAY_TOKEN to the token, or name a file that holds it: --token-file FILE"
    has = [name for each in context.command.params for name in each.opts] if context else []
    words = list(typed)
    if "--bind" in has and option in _PORT + _HOST:
        return f"{known}; did you mean: {_command(_with_bind(words))}"
    if option == "--json" and "--format" in has:
        return f"{known}; did you mean: {_command(_replaced(words, option, '--format json'))}"
    other = next((each for each in _OPTIONS.get(option, ()) if each in has), None)
    other = other or nearest(option, [name for name in has if name.startswith("--")])
    if other:
        return f"{known}; did you mean: {_command(_replaced(words, option, other))}"
    return f"{known}; its options are {', '.join(name for name in has if name.startswith('--')) or 'none'}"


def argument_hint(verb: str, typed: Sequence[str]) -> str | None:
    """Say what is probably meant by arguments that a verb does not take; None where nothing is known."""
    if verb == "serve":
        return _of_argument_of_serve(typed)
    if verb == "load":
        return (
            "gateway load takes one NAME and one FILE; load files one by one:"
            ' for file in *.csv; do gateway load NAME "$file"; done'
        )
    return None


def _of_argument_of_serve(typed: Sequence[str]) -> str:
    places = [
        place
        for place, word in enumerate(typed)
        if place and not word.startswith("-") and not typed[place - 1].startswith("-")
    ]
    at = places[0] if places else len(typed) - 1
    word = typed[at]
    port = word.removeprefix(":")
    option = ["--bind", word] if word.rpartition(":")[2].isdecimal() else ["--connectors", word]
    if port.isdecimal():
        option = ["--bind", f"127.0.0.1:{port}"]
    meant = _command([*typed[:at], *option, *typed[at + 1 :]])
    return f"gateway serve takes options alone, and {word!r} is none; did you mean: {meant}"


def _verb(context: click.Context | None) -> list[str]:
    """Return the verb, of one word or two; nothing where the option stands before it."""
    if context is None or context.parent is None:
        return []
    return [*_verb(context.parent), context.info_name or ""]


def _replaced(words: Sequence[str], option: str, other: str) -> list[str]:
    """Write another option in the place of one."""
    found = []
    for word in words:
        name, sign, value = word.partition("=")
        found += [*other.split(" "), *([value] if sign else [])] if name == option else [word]
    return found


def _with_bind(words: Sequence[str]) -> list[str]:
    """Write --bind in the place of options for a host and a port."""
    said: dict[tuple[str, ...], str] = {}
    others: list[str] = []
    rest = iter([part for word in words for part in _split(word)])
    for word in rest:
        names = next((names for names in (_PORT, _HOST) if word in names), None)
        if names is None:
            others.append(word)
        else:
            said[names] = next(rest, "")
    if not said:
        return others
    return [*others, "--bind", f"{said.get(_HOST) or '127.0.0.1'}:{said.get(_PORT) or '8000'}"]


def _split(word: str) -> list[str]:
    name, sign, value = word.partition("=")
    return [name, value] if sign and name in _PORT + _HOST else [word]


def _command(words: Sequence[str]) -> str:
    return shlex.join(["gateway", *words])
