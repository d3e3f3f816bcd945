"""Maintains a lake in the background, when it is the turn of this gateway."""

from gateway.jobs.periodic_thread import PeriodicThread
from gateway.store.upkeep import LakeUpkeep


class UpkeepJob:
    """A thread that looks at the upkeep of a lake. Any other thread may call `stop`."""

    def __init__(self, lake: LakeUpkeep, *, seconds: float) -> None:
        """Start the thread; `seconds` pass between two looks."""
        self._lake = lake
        self._thread = PeriodicThread("upkeep", self._run, lambda: seconds)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it; a step that runs is ended first."""
        self._thread.stop()

    def _run(self) -> None:
        self._lake.work(lambda: self._thread.is_stopping)
