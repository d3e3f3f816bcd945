"""Two versions of the gateway in turns: whether a change made a workload slower than its own noise."""

import statistics
from dataclasses import replace
from pathlib import Path

from tests.bench.contestants.gateway import Gateway
from tests.bench.workload import Workload

#: What the lanes of the other version are called, before the label of the lane.
BEFORE = "before: "


def with_other_version(workload: Workload, checkout: Path) -> Workload:
    """Return a workload of the gateway's lanes alone, each of them also for the version in another checkout."""
    lanes = []
    for lane in (each for each in workload.lanes if issubclass(each.contestant, Gateway)):
        other = type(f"{lane.contestant.__name__}Before", (lane.contestant,), {"checkout": checkout})
        lanes += [lane, replace(lane, label=BEFORE + lane.label, contestant=other)]
    return replace(workload, lanes=tuple(lanes), targets=())


def summary(workload: Workload, lanes: dict[str, dict]) -> list[str]:
    """Return a line for each lane: both medians with their extremes, and the ratio; above 1 is better now."""
    lines = []
    for label in (each for each in lanes if not each.startswith(BEFORE)):
        now, before = lanes[label]["samples"], lanes[BEFORE + label]["samples"]
        ratio = statistics.median(now) / statistics.median(before)
        ratio = 1 / ratio if workload.less_is_better else ratio
        lines.append(
            f"{workload.name}, {label}: {_figures(before)} -> {_figures(now)} {workload.unit}, ratio {ratio:.2f}"
        )
    return lines


def _figures(samples: list[float]) -> str:
    return f"{statistics.median(samples):,.4g} ({min(samples):,.4g} to {max(samples):,.4g})"
