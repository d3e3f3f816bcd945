"""A workload to what came of it: contestants are started, measured in turns, held to what they said, and stopped."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from tests.bench.contestants import Contestant
from tests.bench.files import Files
from tests.bench.measure import Sample, WrongAnswerError
from tests.bench.memory import Peak
from tests.bench.tables import Table
from tests.bench.workload import Lane, Workload

#: Of the time of a measurement: what each gets before the first that counts.
_WARM_UP = 0.4


class Grounds:
    """The directory of a run: files of rows, and contestants that are prepared, kept for workloads that only read."""

    def __enter__(self) -> Self:
        self._directory = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
        # PostgreSQL may be another user's process.
        self._directory.chmod(0o711)
        self.files = Files(self._directory / "files")
        self._prepared: dict[tuple[type[Contestant], Table, int], Contestant] = {}
        return self

    def __exit__(self, *_) -> None:
        shutil.rmtree(self._directory)

    def prepared(self, kind: type[Contestant], table: Table, rows: int) -> Contestant:
        key = (kind, table, rows)
        if key not in self._prepared:
            directory = Path(tempfile.mkdtemp(prefix=f"{kind.__name__}-", dir=self._directory))
            directory.chmod(0o711)
            contestant = kind(directory, self.files, table, rows)
            contestant.prepare()
            if not rows:
                return contestant
            self._prepared[key] = contestant
        return self._prepared[key]


def run(
    workload: Workload, grounds: Grounds, rounds: int, seconds: float, tell: Callable[[str], None]
) -> dict[str, dict]:
    """Give of each lane its samples, the worst of what they are medians of, and the most memory that was taken."""
    lanes = {lane.label: {"samples": [], "worst": None, "peak_bytes": 0} for lane in workload.lanes}
    with contextlib.ExitStack() as stack:
        started = {}
        for each in dict.fromkeys(_whose(workload, lane) for lane in workload.lanes):
            contestant = grounds.prepared(*each)
            contestant.start()
            stack.callback(contestant.stop)
            started[each] = contestant, []
        measures = {lane.label: lane.measure(started[_whose(workload, lane)][0]) for lane in workload.lanes}
        for turn in range(rounds + 1):
            for lane in workload.lanes:
                contestant, samples = started[_whose(workload, lane)]
                with Peak(contestant.roots) as peak:
                    sample = measures[lane.label](seconds if turn else seconds * _WARM_UP)
                samples.append(sample)
                if turn:
                    _add(lanes[lane.label], sample, peak)
                    tell(
                        f"{workload.name}, {turn} of {rounds}, {lane.label}: {sample.value:,.4g} {workload.unit}"
                    )
        for (_, _, before), (contestant, samples) in started.items():
            _require_all_stored(contestant, before, samples)
    return lanes


def _whose(workload: Workload, lane: Lane) -> tuple[type[Contestant], Table, int]:
    """Give the contestant of a lane, its table, and the rows in it."""
    rows = workload.rows if lane.rows is None else lane.rows
    return lane.contestant, lane.table or workload.table, rows


def _add(lane: dict, sample: Sample, peak: Peak) -> None:
    lane["samples"].append(sample.value)
    lane["peak_bytes"] = max(lane["peak_bytes"], peak.bytes)
    if sample.worst is not None:
        lane["worst"] = max(lane["worst"] or 0, sample.worst)


def _require_all_stored(contestant: Contestant, before: int, samples: Iterable[Sample]) -> None:
    stored = contestant.count() - before
    said, doubt = sum(each.stored for each in samples), sum(each.in_flight for each in samples)
    if not said <= stored <= said + doubt:
        raise WrongAnswerError(
            f"{contestant.about()}: {said} rows were acknowledged and {doubt} more were sent; {stored} are stored"
        )
