"""The options of DuckDB that every engine opens it with."""

from pathlib import Path

Config = dict[str, str | bool | int | float | list[str]]


def common_options(memory: int, spill_folder: Path, threads: int | None, spill: int | None) -> Config:
    """Return the options that bound DuckDB and keep it from loading code.

    Args:
        memory: The most bytes of memory.
        spill_folder: The folder for temporary files.
        threads: The threads, None for as many as there are processors.
        spill: The most bytes of temporary files, None for no limit of the gateway's own.
    """
    config: Config = {
        "memory_limit": f"{memory}B",
        # Without it the process keeps the memory of a query long after the query has ended.
        "allocator_background_threads": "true",
        "temp_directory": str(spill_folder),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
    }
    if threads is not None:
        config["threads"] = threads
    if spill is not None:
        config["max_temp_directory_size"] = f"{spill}B"
    return config
