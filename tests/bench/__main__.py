"""`python -m tests.bench` measures the gateway and its peers, and writes it down: in JSON, in the documentation, as a picture."""

import datetime
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import click

from tests.bench import plot, report, results, surroundings, versions, wrk
from tests.bench.rounds import Grounds, run
from tests.bench.workload import Workload
from tests.bench.workloads import GATEWAY, WHO, WORKLOADS
from tests.support.server import ROOT


@click.command()
@click.option("--rounds", default=5, show_default=True, help="How often each figure is measured.")
@click.option("--seconds", default=3.0, show_default=True, help="How long a measurement takes.")
@click.option(
    "--only", default="", metavar="W1,W3", help="Workloads, by the words that their names begin with."
)
@click.option("--quick", is_flag=True, help="Measure twice for one second, print it, and write nothing.")
@click.option("--again", is_flag=True, help="Measure nothing: write anew what follows from results.json.")
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="CHECKOUT",
    help="Measure the gateway alone, in turns with the version in another checkout, print it, and write nothing.",
)
def main(rounds: int, seconds: float, only: str, quick: bool, again: bool, against: Path | None) -> None:
    """Measure the gateway and its peers in turns. Results of workloads that are left out stay as they were."""
    if again:
        _write(results.read())
        return
    if quick:
        rounds, seconds = 2, 1.0
    wanted = [each for each in WORKLOADS if not only or each.begins_with(only.split(","))]
    if against:
        _compare([versions.with_other_version(each, against) for each in wanted], rounds, seconds)
        return
    labels = {GATEWAY, *(lane.label for each in wanted for lane in each.lanes)}
    fresh = {
        "machine": surroundings.machine(),
        "client": wrk.version(),
        "contestants": {label: kind.about() for label, kind in WHO.items() if label in labels},
        "workloads": {},
    }
    failed = []
    # Whoever ends it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    with Grounds() as grounds:
        for workload in wanted:
            try:
                lanes = run(workload, grounds, rounds, seconds, _tell)
            except Exception:  # noqa: BLE001  # one that fails leaves the others alone, and what they took so long for
                traceback.print_exc()
                failed.append(workload.name)
                continue
            fresh["workloads"][workload.name] = _now() | {
                "rounds": rounds,
                "seconds": seconds,
                "lanes": lanes,
            }
            if not quick:
                _write(results.merged(results.read(), fresh))
    if fresh["workloads"]:
        click.echo(report.section(fresh))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _compare(wanted: list[Workload], rounds: int, seconds: float) -> None:
    lines = []
    with Grounds() as grounds:
        for workload in wanted:
            lines += versions.summary(workload, run(workload, grounds, rounds, seconds, _tell))
    click.echo("\n".join(lines))


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _now() -> dict:
    revision = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "revision": revision.stdout.strip()}


def _write(merged: dict) -> None:
    results.write(merged)
    plot.PATH.write_text(plot.svg(merged))
    for page in (report.PAGE, report.README):
        page.write_text(report.filled(page.read_text(), merged))


if __name__ == "__main__":
    main()
