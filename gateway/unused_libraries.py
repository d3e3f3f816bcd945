"""Libraries that pyarrow and duckdb import where they are installed, and that nothing here uses."""

import sys

_UNUSED = ("numpy", "pandas")


class _NoUnused:
    """Keeps the libraries out of the process, as if they were not installed.

    PERF: their imports cost a command or the first request 0.4 s of a processor, and the process 50 MiB.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name in _UNUSED:
            raise ModuleNotFoundError(f"the gateway does not use {name}", name=name)


def keep_out_unused() -> None:
    """Refuse imports of the libraries from now on; pyarrow and duckdb go on without them."""
    if _NoUnused not in sys.meta_path:
        sys.meta_path.insert(0, _NoUnused)
