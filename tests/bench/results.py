"""Results: what `results.json` holds, merged over runs, and the comparisons that follow from it."""

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.workloads import WORKLOADS, Workload

PATH = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The gateway's figure beside another.

    Attributes:
        worst: The worst of what the gateway's figure is the median of, where it is one.
        bytes: The memory of the gateway, and of the other where that was measured.
    """

    workload: Workload
    figure: float
    worst: float | None
    against: str
    other: float
    target: float
    bytes: tuple[int, ...]

    @property
    def ratio(self) -> float:
        return self.figure / self.other

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.target if self.workload.less_is_better else self.ratio >= self.target


def read() -> dict:
    return json.loads(PATH.read_text()) if PATH.exists() else {"contestants": {}, "workloads": {}}


def write(results: dict) -> None:
    PATH.write_text(json.dumps(results, indent=1) + "\n")


def merged(earlier: dict, fresh: dict) -> dict:
    """Give the results of a run, and of an earlier one what this one left out."""
    return fresh | {key: earlier[key] | fresh[key] for key in ("contestants", "workloads")}


def comparisons(results: dict) -> Iterator[Comparison]:
    """Give the comparisons of the workloads that there are results of, in the order of `WORKLOADS`."""
    for workload in WORKLOADS:
        lanes = results["workloads"].get(workload.name, {}).get("lanes")
        for target in workload.targets if lanes else ():
            own, other = lanes[workload.lanes[0].label], lanes.get(target.against)
            yield Comparison(
                workload=workload,
                figure=statistics.median(own["samples"]),
                worst=own["worst"],
                against=target.against,
                other=statistics.median(other["samples"]) if other else target.figure,
                target=target.ratio,
                bytes=tuple(each["peak_bytes"] for each in (own, other) if each),
            )
