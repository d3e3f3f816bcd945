"""Results to the tables of gateway/docs/performance.md."""

import re
from collections.abc import Iterator

from tests.bench.results import Comparison, comparisons
from tests.bench.workloads import WHO
from tests.support.server import ROOT

PAGE = ROOT / "gateway/docs/performance.md"
README = ROOT / "README.md"
_BLOCK = re.compile(
    r"(<!-- (?P<name>speed|speed in short): made by tests/bench -->\n).*?(<!-- end -->)", re.DOTALL
)
#: The workloads that the README shows.
_SHORT = ("W1 orders", "W4", "W8 ndjson", "W10")
_HEAD = ("workload", "gateway", "against", "its figure", "ratio", "target", "met", "peak memory, MiB")


def filled(page: str, results: dict) -> str:
    """Return the page with the results of the benchmark."""
    made = {"speed": section, "speed in short": summary}
    return _BLOCK.sub(lambda found: f"{found[1]}{made[found['name']](results)}\n{found[3]}", page)


def summary(results: dict) -> str:
    """Return four figures, with their date and machine."""
    own = {each.workload.name: each for each in comparisons(results) if each.unit == each.workload.unit}
    dates = sorted({results["workloads"][name]["date"] for name in _SHORT})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return "\n".join(
        [
            f"Measured {when} on {results['machine']}.",
            "",
            "| what | gateway |",
            "|---|---|",
            *(f"| {own[name].workload.what} | {_own(own[name])} |" for name in _SHORT),
        ]
    )


def section(results: dict) -> str:
    """Return when, where, and of what it was measured, and a table of every comparison."""
    runs = results["workloads"].values()
    dates = sorted({each["date"] for each in runs})
    how = sorted({f"{each['rounds']} measurements of {each['seconds']:g} s" for each in runs})
    lines = [
        f"Medians of {' or '.join(how)}, taken in turns, {' to '.join(dict.fromkeys((dates[0], dates[-1])))}.",
        f"Machine: {results['machine']}. Client: {results['client']}.",
        "",
        *(f"- **{name}**: {results['contestants'][name]}" for name in WHO if name in results["contestants"]),
        "",
        "| " + " | ".join(_HEAD) + " |",
        "|" + "---|" * len(_HEAD),
        *(f"| {' | '.join(row)} |" for row in _rows(results)),
    ]
    return "\n".join(lines)


def _rows(results: dict) -> Iterator[tuple[str, ...]]:
    last = None
    for each in comparisons(results):
        workload = each.workload
        is_first, last = workload is not last, workload
        yield (
            f"**{workload.name}** {workload.what}" if is_first else "",
            _own(each) if is_first or each.unit != workload.unit else "",
            each.against,
            f"{number(each.other)} {each.unit}",
            times(each.ratio),
            f"{'≤' if each.less_is_better else '≥'} {times(each.target)}" if each.target else "",
            {True: "yes", False: "**no**", None: ""}[each.is_met],
            " / ".join(f"{size / 2**20:,.0f}" for size in each.bytes),
        )


def _own(comparison: Comparison) -> str:
    worst = "" if comparison.worst is None else f" (at worst {number(comparison.worst)})"
    return f"{number(comparison.figure)} {comparison.unit}{worst}"


def number(value: float) -> str:
    """Write a figure with three digits, or all those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def times(ratio: float) -> str:
    """Write a ratio with two digits, or all those before the point."""
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.2g}×"
