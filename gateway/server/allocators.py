"""The allocators of the process, which return the memory of a stored body to the kernel."""

import ctypes

import pyarrow as pa

#: The size from which a block of memory is one of its own, which the kernel gets back as soon as it is freed.
LARGE_BYTES = 4 * 2**20
#: Options of glibc; https://man7.org/linux/man-pages/man3/mallopt.3.html
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def return_freed_memory() -> None:
    """Return memory to the kernel when it is freed, that of bodies and that of columns.

    Left to itself, glibc takes freed blocks of up to 32 MiB for what a program needs again, and Arrow's allocator keeps
    what each of its threads has had. After bodies of 60 MB both together kept 130 MiB; the cost is below what can be measured.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # Other libraries than glibc have none, and no such thresholds.
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, 2 * LARGE_BYTES)
