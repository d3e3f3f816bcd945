"""A disk that is soon full, or read-only, in a mount namespace of its own."""

import subprocess
from pathlib import Path


class SmallDisk:
    """A tmpfs that only the processes behind `prefix` see at `inside`, and this one at `outside`."""

    def __init__(self, inside: Path, size: str) -> None:
        inside.mkdir()
        mount = f"mount -t tmpfs -o size={size} small '{inside}' && echo mounted && exec sleep infinity"
        self._holder = subprocess.Popen(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", mount], stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"mounted\n", (
            "a user namespace with a tmpfs cannot be made here"
        )
        self.inside = inside
        self.outside = Path(f"/proc/{self._holder.pid}/root{inside}")
        self.prefix = (
            "nsenter",
            f"--target={self._holder.pid}",
            "--user",
            "--mount",
            "--preserve-credentials",
        )

    def make_read_only(self) -> None:
        """Mount it again, read-only."""
        command = ["mount", "-o", "remount,ro", str(self.inside)]
        subprocess.run([*self.prefix, *command], check=True)

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()
