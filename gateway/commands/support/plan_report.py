"""Reports of a plan: colored text, Markdown for a comment, and annotations for GitHub."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.text import Text

from gateway.commands.support import github
from gateway.plurals import counted

#: The mark, the color, and the words in the summary for each action.
_ACTIONS = {
    "create": ("+", "green", "to create"),
    "change": ("~", "yellow", "to change"),
    "restore": ("+", "green", "to bring back"),
    "remove": ("-", "red", "to remove"),
    "refuse": ("!", "bold red", "refused"),
}
_VERDICTS = {"applied": ("•", "green"), "conditional": ("?", "yellow"), "refused": ("!", "bold red")}
_LEVELS = {"refused": "error", "conditional": "warning", "applied": "notice"}

Preview = dict[str, Any]
Entry = dict[str, Any]


def text_lines(preview: Preview, directory: Path) -> Iterator[Text]:
    """Yield the lines for a terminal."""
    for entry in _changed(preview):
        mark, color, _ = _ACTIONS[entry["action"]]
        yield Text.assemble(
            (f"{mark} {_title(entry)}", color), f"  {_what(entry)}  ({directory}/{entry['file']})"
        )
        for change in entry["changes"]:
            mark, color = _VERDICTS[change["verdict"]]
            yield Text.assemble(f"    {mark} ", (_sentence(change), color))
            for row in change["rows"]:
                yield Text(f"        _id {row['_id']}: {row['value'] or 'null'}")
            if change["hint"] and change["verdict"] == "refused":
                yield Text(f"        {change['hint']}")
        for finding in _other_findings(entry):
            yield finding_line("    ", finding, "")
    for finding, path in _findings(preview, directory):
        yield finding_line("", finding, f" {path}")
    yield Text(_summary(preview))


def finding_line(indent: str, finding: dict[str, Any], path: str) -> Text:
    """Return the line of a finding in its JSON form; `path` begins with a space, or is empty."""
    place = "".join(f":{finding[part]}" for part in ("line", "column") if finding[part] is not None)
    hint = f" ({finding['hint']})" if finding["hint"] else ""
    color = "bold red" if finding["level"] == "error" else "yellow"
    label = (f"{finding['level']} {finding['code']}", color)
    return Text.assemble(indent, label, f"{path}{place}: {finding['message']}{hint}")


def markdown_lines(preview: Preview, directory: Path) -> Iterator[str]:
    """Yield the lines of a comment on a pull request."""
    yield f"### gateway plan: {_summary(preview)}"
    for entry in _changed(preview):
        yield ""
        yield f"**{_ACTIONS[entry['action']][0]} `{_title(entry)}`** {_what(entry)} (`{directory}/{entry['file']}`)"
        if entry["changes"] or _other_findings(entry):
            yield ""
            yield "| | change | verdict |"
            yield "|---|---|---|"
        for change in entry["changes"]:
            mark, _ = _VERDICTS[change["verdict"]]
            hint = f"<br>{_cell(change['hint'])}" if change["verdict"] == "refused" and change["hint"] else ""
            yield f"| {mark} | {_cell(_sentence(change))}{hint} | {change['verdict']} |"
        for finding in _other_findings(entry):
            hint = f"<br>{_cell(finding['hint'])}" if finding["hint"] else ""
            yield f"| ! | {_cell(finding['message'])}{hint} | {finding['level']} {finding['code']} |"
    findings = list(_findings(preview, directory))
    if findings:
        yield ""
    for finding, path in findings:
        hint = f" ({_cell(finding['hint'])})" if finding["hint"] else ""
        yield f"- {finding['level']} {finding['code']} `{path}`: {_cell(finding['message'])}{hint}"


def github_lines(preview: Preview, directory: Path) -> Iterator[str]:
    """Yield an annotation for each change and finding, at its line."""
    for entry in _changed(preview):
        path = f"{directory}/{entry['file']}"
        title = f"{_title(entry)} {_what(entry)}"
        for change in entry["changes"]:
            hint = f" ({change['hint']})" if change["verdict"] == "refused" and change["hint"] else ""
            place = {"line": change["line"], "column": change["column"]}
            yield github.annotation(
                _LEVELS[change["verdict"]], path, f"{_sentence(change)}{hint}", title=title, **place
            )
        for finding in _other_findings(entry):
            yield github.finding_annotation(directory, finding)
        if not entry["changes"] and not entry["findings"]:
            yield github.annotation("notice", path, _what(entry), line=None, column=None, title=_title(entry))
    for finding in preview["findings"]:
        yield github.finding_annotation(directory, finding)
    for finding in preview["token_findings"]:
        yield github.finding_annotation(None, finding)
    yield _summary(preview)


def _findings(preview: Preview, directory: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the findings that are not about a change, each with the path of its file."""
    for finding in preview["findings"]:
        yield finding, f"{directory}/{finding['file']}"
    for finding in preview["token_findings"]:
        yield finding, finding["file"]


def _changed(preview: Preview) -> list[Entry]:
    return [entry for entry in preview["connectors"] if entry["action"] != "none"]


def _title(entry: Entry) -> str:
    return str(entry["connector"] or entry["file"])


def _what(entry: Entry) -> str:
    path = entry["path"]
    if entry.get("heir"):
        return f"is removed, and the rows are kept; {path} goes to {entry['heir']}"
    return {
        "create": f"is new, at {path}",
        "change": f"changes, at {path}",
        "restore": f"comes back, at {path}, with the rows it had",
        "remove": f"is removed: {path} answers 410, and the rows are kept",
        "refuse": "is refused, and not applied",
    }[str(entry["action"])]


def _sentence(change: dict[str, Any]) -> str:
    reason = f": {change['reason']}" if change["reason"] else ""
    return f"{change['sentence']}{reason}"


def _other_findings(entry: Entry) -> list[dict[str, Any]]:
    """Return the findings without those of refused changes."""
    return [finding for finding in entry["findings"] if finding["code"] != "GW508"]


def _summary(preview: Preview) -> str:
    counts = Counter(entry["action"] for entry in _changed(preview))
    findings = [*preview["findings"], *preview["token_findings"]]
    errors = sum(finding["level"] == "error" for finding in findings)
    actions = _action_counts(counts, preview)
    return f"{actions}; {counted(errors, 'error')}" if errors else actions


def _action_counts(counts: Counter[str], preview: Preview) -> str:
    if not counts:
        return "nothing changes"
    actions = ", ".join(
        f"{counts[action]} {words}" for action, (*_, words) in _ACTIONS.items() if counts[action]
    )
    if preview["verdict"] == "conditional":
        actions += (
            "; changes marked ? depend on the stored rows, which the gateway checks when it applies them"
        )
    return actions


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
