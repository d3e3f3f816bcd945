"""A workload to its outcome: its contestants are started, measured in turns, looked at, and stopped."""

import contextlib
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.bench.contestants import Contestant
from tests.bench.measure import WrongAnswerError
from tests.bench.memory import Peak
from tests.bench.tables import Files
from tests.bench.workloads import Workload

#: Of a measurement's time, what each contestant gets before the first, uncounted.
_WARM_UP = 0.4


def run(workload: Workload, files: Files, rounds: int, seconds: float, tell) -> dict[str, dict]:
    """Give of each lane its `samples` and the `peak_bytes` of memory."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        # PostgreSQL may be another user's process.
        directory.chmod(0o711)
        started: dict[type[Contestant], Contestant] = {}
        for kind in dict.fromkeys(lane.contestant for lane in workload.lanes):
            contestant = kind(directory / kind.__name__.lower(), files)
            contestant.start(workload.table, workload.fill)
            stack.callback(contestant.stop)
            started[kind] = contestant
        measures = [
            (lane, started[lane.contestant], lane.measure(started[lane.contestant]))
            for lane in workload.lanes
        ]
        outcome = {lane.label: {"samples": [], "peak_bytes": 0} for lane in workload.lanes}
        samples = defaultdict(list)
        for turn in range(rounds + 1):
            for lane, contestant, measure in measures:
                with Peak(contestant.roots) as peak:
                    sample = measure(seconds if turn else seconds * _WARM_UP)
                samples[contestant].append(sample)
                if turn:
                    into = outcome[lane.label]
                    into["samples"].append(sample.value)
                    into["peak_bytes"] = max(into["peak_bytes"], peak.bytes)
                    tell(f"{workload.name}: {lane.label}: {sample.value:,.4g} {workload.unit}")
        for contestant, of_it in samples.items():
            _require_all_stored(contestant, workload.fill, of_it)
    return outcome


def _require_all_stored(contestant: Contestant, fill: int, samples: list) -> None:
    stored = contestant.count() - fill
    said, doubt = (sum(getattr(sample, name) for sample in samples) for name in ("stored", "in_flight"))
    if not said <= stored <= said + doubt:
        raise WrongAnswerError(
            f"{contestant}: {said} rows were acknowledged, {doubt} in flight, {stored} are stored"
        )
