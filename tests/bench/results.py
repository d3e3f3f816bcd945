"""Results: what `results.json` holds, merged over runs, and the comparisons that follow from it."""

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.workload import MemoryTarget, Target, Workload
from tests.bench.workloads import WORKLOADS

PATH = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The gateway's figure beside another.

    Attributes:
        unit: The unit of both figures.
        worst: The worst of what the gateway's figure is the median of, where it is one.
        bytes: The memory of the gateway, and of the other where that was measured.
    """

    workload: Workload
    unit: str
    less_is_better: bool
    figure: float
    worst: float | None
    against: str
    other: float
    target: float | None
    bytes: tuple[int, ...]

    @property
    def ratio(self) -> float:
        return self.figure / self.other

    @property
    def is_met(self) -> bool | None:
        if self.target is None:
            return None
        return self.ratio <= self.target if self.less_is_better else self.ratio >= self.target


def read() -> dict:
    return json.loads(PATH.read_text()) if PATH.exists() else {"contestants": {}, "workloads": {}}


def write(results: dict) -> None:
    PATH.write_text(json.dumps(results, indent=1) + "\n")


def merged(earlier: dict, fresh: dict) -> dict:
    """Give the results of a run, and of an earlier one what this one left out."""
    return fresh | {key: earlier[key] | fresh[key] for key in ("contestants", "workloads")}


def comparisons(results: dict) -> Iterator[Comparison]:
    """Give the comparisons of the workloads that there are results of, in the order of `WORKLOADS`.

    What was measured before a lane was added has no comparison with it.
    """
    for workload in WORKLOADS:
        lanes = results["workloads"].get(workload.name, {}).get("lanes")
        for target in workload.targets if lanes else ():
            if isinstance(target, MemoryTarget):
                yield _of_memory(workload, target, lanes)
            elif target.figure or target.against in lanes:
                yield _of_figures(workload, target, lanes)


def _of_figures(workload: Workload, target: Target, lanes: dict) -> Comparison:
    own, other = lanes[workload.lanes[0].label], lanes.get(target.against)
    return Comparison(
        workload=workload,
        unit=workload.unit,
        less_is_better=workload.less_is_better,
        figure=statistics.median(own["samples"]),
        worst=own["worst"],
        against=target.against,
        other=statistics.median(other["samples"]) if other else target.figure,
        target=target.ratio,
        bytes=tuple(each["peak_bytes"] for each in (own, other) if each),
    )


def _of_memory(workload: Workload, target: MemoryTarget, lanes: dict) -> Comparison:
    peak = lanes[workload.lanes[0].label]["peak_bytes"]
    return Comparison(
        workload=workload,
        unit="MiB",
        less_is_better=True,
        figure=peak / 2**20,
        worst=None,
        against=f"{target.mib} MiB of memory",
        other=target.mib,
        target=1,
        bytes=(peak,),
    )
