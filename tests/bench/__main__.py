"""`python -m tests.bench`: measures the gateway and its peers, and writes what came of it."""

import statistics
import sys
import tempfile
from pathlib import Path

import click

from tests.bench import rounds as rounds_
from tests.bench.tables import Files
from tests.bench.workloads import WORKLOADS


@click.command()
@click.option("--rounds", default=5, show_default=True, help="How often each is measured.")
@click.option("--seconds", default=5.0, show_default=True, help="How long each measurement takes.")
@click.option("--only", default="", help="Workloads, by their names or how these begin: W1,W3.")
@click.option("--quick", is_flag=True, help="Two rounds of a second: whether it works, not how fast it is.")
def main(rounds: int, seconds: float, only: str, quick: bool) -> None:
    if quick:
        rounds, seconds = 2, 1.0
    wanted = [each for each in WORKLOADS if not only or each.name.startswith(tuple(only.split(",")))]
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        files = Files(Path(directory))
        for workload in wanted:
            outcome = rounds_.run(workload, files, rounds, seconds, lambda text: click.echo(text, err=True))
            medians = {label: statistics.median(each["samples"]) for label, each in outcome.items()}
            print(
                workload.name,
                {
                    label: (f"{medians['gateway'] / median:.3g}", each["peak_bytes"] >> 20)
                    for (label, median), each in zip(medians.items(), outcome.values())
                },
            )


if __name__ == "__main__":
    sys.exit(main())
