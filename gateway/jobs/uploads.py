"""Deletes the uploads that were not used for an hour, once a minute."""

import threading

from gateway.uploads.uploads import Uploads

_INTERVAL_SECONDS = 60.0


class UploadsJob:
    """A thread that deletes expired uploads. Any other thread may call `stop`."""

    def __init__(self, uploads: Uploads) -> None:
        """Start the thread."""
        self._uploads = uploads
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL_SECONDS):
            self._uploads.expire()
