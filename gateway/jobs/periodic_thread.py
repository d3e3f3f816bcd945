"""A thread that does the same work again and again."""

import threading
from collections.abc import Callable


class PeriodicThread:
    """A thread that pauses, works, and begins again. Any other thread may call `stop`."""

    def __init__(self, name: str, work: Callable[[], None], pause: Callable[[], float]) -> None:
        """Prepare the thread, which `start` starts.

        Args:
            name: The name of the thread.
            work: The work. It may not raise, for that would end the thread.
            pause: Returns the seconds until the next work.
        """
        self._work = work
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        """True if long work should end."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._pause()):
            self._work()
