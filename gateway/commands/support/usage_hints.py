"""Hints for unknown verbs, options, and arguments: the command that the user probably meant."""

import shlex
from collections.abc import Mapping, Sequence

import click

from gateway.errors import nearest

#: Words of other programs for the verbs.
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
#: Words of other programs for the options. The first option that the verb has is suggested.
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
#: Options of other programs for the listening port and host.
_PORT, _HOST = ("--port", "-p"), ("--host", "-h", "--hostname", "--interface")


def verb_hint(typed: Sequence[str], verbs: Sequence[str]) -> str:
    """Return the message about an unknown verb, with the command that was probably meant."""
    word, rest = typed[0], list(typed[1:])
    known = f"there is no verb {word!r}"
    if word == "help":
        meant = [verb for verb in rest[:1] if verb in verbs]
        return f"{known}; type: {_command([*meant, '--help'])}"
    if word == "version":
        return f"{known}; type: {_command(['--version'])}"
    verb = _VERB_OF.get(word.lower()) or nearest(word, verbs)
    if verb is None:
        return f"{known}; the verbs are {', '.join(verbs)}"
    words = _with_bind(rest) if verb == "serve" else rest
    return f"{known}; did you mean: {_command([verb, *words])}"


def option_hint(error: click.NoSuchOption, typed: Sequence[str]) -> str:
    """Return the message about an unknown option, with the command that was probably meant."""
    option, context = error.option_name, error.ctx
    known = f"{_command(_verb(context))} has no option {option}"
    if option == "--token":
        return f"{known}; set GATEWAY_TOKEN to the token, or name a file that holds it: --token-file FILE"
    has = [name for parameter in context.command.params for name in parameter.opts] if context else []
    words = list(typed)
    if "--bind" in has and option in _PORT + _HOST:
        return f"{known}; did you mean: {_command(_with_bind(words))}"
    if option == "--json" and "--format" in has:
        return f"{known}; did you mean: {_command(_replaced(words, option, '--format json'))}"
    other = next((name for name in _OPTIONS.get(option, ()) if name in has), None)
    other = other or nearest(option, [name for name in has if name.startswith("--")])
    if other:
        return f"{known}; did you mean: {_command(_replaced(words, option, other))}"
    return f"{known}; its options are {', '.join(name for name in has if name.startswith('--')) or 'none'}"


def argument_hint(verb: str, typed: Sequence[str]) -> str | None:
    """Return the message about unexpected arguments, with the command that was probably meant; None if unknown."""
    if verb == "serve":
        return _serve_argument_hint(typed)
    if verb == "load":
        return (
            "gateway load takes one NAME and one FILE; load files one by one:"
            ' for file in *.csv; do gateway load NAME "$file"; done'
        )
    return None


def _serve_argument_hint(typed: Sequence[str]) -> str:
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
    return f"gateway serve takes only options, not {word!r}; did you mean: {meant}"


def _verb(context: click.Context | None) -> list[str]:
    """Return the verb of one or two words; empty if the option precedes it."""
    if context is None or context.parent is None:
        return []
    return [*_verb(context.parent), context.info_name or ""]


def _replaced(words: Sequence[str], option: str, other: str) -> list[str]:
    """Return the words with an option replaced by another."""
    result = []
    for word in words:
        name, sign, value = word.partition("=")
        result += [*other.split(" "), *([value] if sign else [])] if name == option else [word]
    return result


def _with_bind(words: Sequence[str]) -> list[str]:
    """Return the words with --bind instead of options for a host and a port."""
    values: dict[tuple[str, ...], str] = {}
    others: list[str] = []
    rest = iter([part for word in words for part in _split(word)])
    for word in rest:
        names = next((names for names in (_PORT, _HOST) if word in names), None)
        if names is None:
            others.append(word)
        else:
            values[names] = next(rest, "")
    if not values:
        return others
    return [*others, "--bind", f"{values.get(_HOST) or '127.0.0.1'}:{values.get(_PORT) or '8000'}"]


def _split(word: str) -> list[str]:
    name, sign, value = word.partition("=")
    return [name, value] if sign and name in _PORT + _HOST else [word]


def _command(words: Sequence[str]) -> str:
    return shlex.join(["gateway", *words])
