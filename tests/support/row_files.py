"""Files of the rows `{"n": …}` in every format that `gateway load` reads."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq

from tests.support.workbooks import by_openpyxl


def _stream(table: pa.Table, path: Path) -> None:
    with pyarrow.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=777)


_WRITERS: dict[str, Callable[[pa.Table, Path], object]] = {
    "parquet": lambda table, path: pq.write_table(table, str(path), row_group_size=1000),
    "feather": lambda table, path: pyarrow.feather.write_feather(table, str(path), chunksize=900),
    "arrow": _stream,
    "xlsx": lambda table, path: path.write_bytes(by_openpyxl(["n"], *([n] for n in table["n"].to_pylist()))),
    "csv": lambda table, path: path.write_text("n\n" + "".join(f"{n}\n" for n in table["n"].to_pylist())),
}
FORMATS = tuple(_WRITERS)


def write_rows(path: Path, numbers: Iterable[int]) -> Path:
    """Write rows in the format of the path's suffix."""
    _WRITERS[path.suffix.removeprefix(".")](pa.table({"n": pa.array(numbers, pa.int64())}), path)
    return path
