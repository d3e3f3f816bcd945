"""The benchmark on a lake: the same workloads by 1, 2, and 4 gateways, beside the file's, as a table of a page.

`python -m tests.bench.lake` measures it by hand: it is no part of the other results.
"""

import datetime
import json
import re
import statistics
from dataclasses import replace
from pathlib import Path

import click

from tests.bench import report, surroundings
from tests.bench.contestants.gateway import Gateway
from tests.bench.contestants.lake_gateway import FourLakeGateways, LakeGateway, TwoLakeGateways
from tests.bench.rounds import Grounds, run
from tests.bench.workload import Workload
from tests.bench.workloads import WORKLOADS
from tests.support.server import ROOT

PATH = Path(__file__).with_name("lake.json")
PAGE = ROOT / "gateway/docs/lake.md"
_BLOCK = re.compile(r"(<!-- speed on a lake: made by tests/bench -->\n).*?(<!-- end -->)", re.DOTALL)
#: The workloads of the table.
NAMES = ("W1 orders", "W3", "W4", "W5", "W7", "W9")
#: Who is measured in turns.
LANES = {
    "file": Gateway,
    "lake, 1 gateway": LakeGateway,
    "lake, 2 gateways": TwoLakeGateways,
    "lake, 4 gateways": FourLakeGateways,
}


def read() -> dict:
    """Return the results of the last run."""
    return json.loads(PATH.read_text())


def filled(page: str, results: dict) -> str:
    """Return the page with the table."""
    return _BLOCK.sub(lambda found: f"{found[1]}{table(results)}\n{found[2]}", page)


def table(results: dict) -> str:
    """Return when and where it was measured, and the table of all figures."""
    lines = [
        f"Medians of {results['rounds']} measurements of {results['seconds']:g} s, taken in turns, {results['date']}.",
        f"Machine: {results['machine']}. PostgreSQL, the data files, and all gateways share it.",
        "",
        f"| workload | {' | '.join(LANES)} |",
        "|" + "---|" * (len(LANES) + 1),
    ]
    for each in (workload for workload in WORKLOADS if workload.name in results["workloads"]):
        figures = results["workloads"][each.name]
        shown = [f"{report.number(figures[lane])} {each.unit}" for lane in LANES]
        lines.append(f"| **{each.name}** {each.what} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _on_all(workload: Workload) -> Workload:
    lane = workload.lanes[0]
    lanes = tuple(replace(lane, label=label, contestant=kind) for label, kind in LANES.items())
    return replace(workload, lanes=lanes, targets=())


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each figure is measured.")
@click.option("--seconds", default=3.0, show_default=True, help="How long a measurement takes.")
@click.option("--only", default=",".join(NAMES), metavar="W1 orders,W3", help="The workloads.")
def main(rounds: int, seconds: float, only: str) -> None:
    """Measure gateways on a lake beside one with a file, and write the table."""
    results = json.loads(PATH.read_text()) if PATH.exists() else {"workloads": {}}
    results |= {"rounds": rounds, "seconds": seconds, "machine": surroundings.machine()}
    results["date"] = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    with Grounds() as grounds:
        for workload in (each for each in WORKLOADS if each.name in only.split(",")):
            lanes = run(_on_all(workload), grounds, rounds, seconds, lambda text: click.echo(text, err=True))
            results["workloads"][workload.name] = {
                label: statistics.median(lane["samples"]) for label, lane in lanes.items()
            }
            PATH.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(filled(PAGE.read_text(), results))
    click.echo(table(results))


if __name__ == "__main__":
    main()
