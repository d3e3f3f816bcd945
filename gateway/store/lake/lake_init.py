"""A lake is made, or checked: DuckLake's catalog, the tables of the gateway beside it, and the gate of every commit."""

import contextlib
import importlib.resources
import json
import re
import uuid
from pathlib import Path

import duckdb
import psycopg

from gateway.store.lake.attach import CATALOG, open_files, open_lake
from gateway.store.lake.commit_lock import LOCK
from gateway.store.lake.data_files import ROW_GROUP_ROWS
from gateway.store.lake.data_folder import NOT_THERE, data_place
from gateway.store.lake.data_owner import catalog_id, owner_problem, read_owner, write_owner
from gateway.store.lake.lake_activity import TABLE as ACTIVITY_TABLE
from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.postgres import Connection, PostgreSQL, execute, fetch

#: The layout of the side tables; a gateway serves its own alone.
FORMAT = 1
#: The table of the lake whose comment is changed by the commit that tries the gate.
TRIED = "_gateway"
#: The options of DuckLake that every process obeys, as they are stored.
OPTIONS = {
    "data_inlining_row_limit": "0",
    "parquet_compression": "zstd",
    "parquet_row_group_size": str(ROW_GROUP_ROWS),
}
GO_ON = "run gateway lake import again, which goes on with it"
_MEND = "run gateway lake init, which makes it again and keeps all rows"


class UnsoundLake(Exception):  # noqa: N818  # the message is for the operator
    """The lake is not made, or its gate does not hold; nothing may be written."""


def side_tables() -> str:
    """Return the SQL of the side tables, the functions, and the trigger."""
    return (importlib.resources.files(__package__) / "side_tables.sql").read_text()


def init_lake(address: LakeAddress, spill_folder: Path, *, takes_over: bool = False) -> list[str]:
    """Create what a lake needs and what is missing, and return what was done, a line each. It may be run again.

    Args:
        address: The lake.
        spill_folder: The folder for temporary files.
        takes_over: Whether the data files become those of this catalog although they belong to another one.

    Raises:
        InvalidAddress: What it needs is not installed.
        UnsoundLake: It cannot be made.
    """
    try:
        with psycopg.connect(address.conninfo, autocommit=True) as connection:
            execute(connection, "SELECT pg_advisory_lock(%s)", [LOCK])
            _own_data(address, catalog_id(connection), spill_folder, takes_over=takes_over)
            lake = open_lake(address, memory=2**28, spill_folder=spill_folder)
            try:
                return _made(connection, lake, address)
            finally:
                lake.close()
    except psycopg.Error as error:
        raise UnsoundLake(f"{address.shown} cannot be used: {first_line(error)}") from None
    except duckdb.Error as error:
        raise UnsoundLake(_why_not_attached(address, error)) from None


def _own_data(address: LakeAddress, own: str, spill_folder: Path, *, takes_over: bool) -> None:
    """Write the marker of a catalog to the place of the data files, before the catalog names it.

    Raises:
        UnsoundLake: The place cannot be written, or another catalog owns it.
    """
    try:
        if address.folder is not None:
            address.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        with contextlib.closing(open_files(address, memory=2**28, spill_folder=spill_folder)) as files:
            owner = read_owner(files, address)
            if owner is not None and not takes_over and (problem := owner_problem(owner, own, address)):
                raise UnsoundLake("; ".join(problem))
            write_owner(files, address, own)
    except (OSError, duckdb.Error) as error:
        message = f"GATEWAY_LAKE_DATA: {address.data} cannot be written and read: {first_line(error)}"
        raise UnsoundLake(message) from None


def _why_not_attached(address: LakeAddress, error: duckdb.Error) -> str:
    found = re.search(r'does not match existing data path in the catalog "([^"]*)"', str(error))
    if found:
        return (
            f"the lake in {address.shown} has its data files in {found[1]}, and GATEWAY_LAKE_DATA is"
            f" {address.data}; set it to {found[1]}, or use another database for another lake"
        )
    return f"{address.shown} cannot be attached: {first_line(error)}"


def _made(connection: Connection, lake: duckdb.DuckDBPyConnection, address: LakeAddress) -> list[str]:
    was_there = has_lake(connection)
    did = [f"catalog of DuckLake in {address.shown}, data files in {address.data}"]
    for option, value in OPTIONS.items():
        lake.execute(f"CALL {CATALOG}.set_option('{option}', '{value}')")
    did.append("options of DuckLake: " + ", ".join(f"{name} {value}" for name, value in OPTIONS.items()))
    with connection.transaction():
        execute(connection, side_tables())
        execute(connection, ACTIVITY_TABLE)
        execute(
            connection,
            "INSERT INTO gw.store (id, format, made_at) VALUES (%s, %s, now()) ON CONFLICT DO NOTHING",
            [str(uuid.uuid4()), FORMAT],
        )
        execute(
            connection,
            "INSERT INTO gw.gate (number, snapshot, batch, definitions, at)"
            " SELECT 0, max(snapshot_id), 0, 0, now() FROM public.ducklake_snapshot ON CONFLICT DO NOTHING",
        )
        mended = execute(
            connection,
            "UPDATE gw.gate SET snapshot = newest FROM (SELECT max(snapshot_id) AS newest FROM public.ducklake_snapshot) AS s"
            " WHERE snapshot <> newest",
        ).rowcount
    did.append("side tables, trigger, and indexes in the schema gw" + (", made again" if was_there else ""))
    if mended:
        did.append("the gate was behind the catalog and is set again")
    _try_gate(connection, lake)
    did.append("the gate was tried by a commit")
    return did


def _try_gate(connection: Connection, lake: duckdb.DuckDBPyConnection) -> None:
    """Commit once, and see that the gate has moved.

    DuckLake does not promise that the row with the message is written in the transaction of the commit.
    """
    ((number, now),) = fetch(connection, "SELECT number, now() FROM gw.gate")
    message = {"parent": number, "nonce": uuid.uuid4().hex, "gateway": "lake init", "at": now.isoformat()}
    message["import"] = unfinished_import(connection)
    lake.execute("BEGIN")
    lake.execute(f'CREATE TABLE IF NOT EXISTS {CATALOG}."{TRIED}" (tried BIGINT)')
    lake.execute(f"COMMENT ON TABLE {CATALOG}.\"{TRIED}\" IS 'the gate was tried at commit {number}'")
    lake.execute(
        f"CALL {CATALOG}.set_commit_message('gateway', 'init', extra_info => $1)", [json.dumps(message)]
    )
    lake.execute("COMMIT")
    if fetch(connection, "SELECT number FROM gw.gate") != [(number + 1,)]:
        raise UnsoundLake("a commit of DuckLake did not pass the gate; this version of DuckLake is unknown")


def unfinished_import(connection: Connection) -> str | None:
    """Return the id of the store whose import has begun and not ended, or None."""
    found = fetch(connection, "SELECT store FROM gw.imports WHERE finished_at IS NULL")
    return str(found[0][0]) if found else None


def require_sound(postgres: PostgreSQL, *, is_import: bool = False) -> None:
    """Check that commits of this lake pass the gate; only an import may go on where one is not finished.

    Raises:
        UnsoundLake: They would not, or PostgreSQL cannot be asked.
    """
    where = postgres.address.shown
    try:
        with postgres.connect() as connection:
            if not has_lake(connection):
                raise UnsoundLake(f"there is no lake in {where}: gateway lake init makes it")
            problem = find_problem(connection)
            if problem is None:
                problem = data_problem(connection, postgres.address)
            if problem is None and not is_import and (store := unfinished_import(connection)):
                problem = f"the import of the store {store} is not finished; {GO_ON}"
    except psycopg.Error as error:
        raise UnsoundLake(f"{where} cannot be asked: {first_line(error)}") from None
    if problem:
        raise UnsoundLake(f"the lake in {where} may not be written: {problem}")


def data_problem(connection: Connection, address: LakeAddress) -> str | None:
    """Return that the data files of the catalog lie elsewhere than those of the settings, and the fix."""
    sql = "SELECT value FROM public.ducklake_metadata WHERE key = 'data_path' AND scope IS NULL"
    ((place,),) = fetch(connection, sql)
    if place == address.data:
        is_there = data_place(address).is_there
        return None if is_there else f"{address.folder} is not the folder of its data files: {NOT_THERE}"
    fix = "correct GATEWAY_LAKE_DATA, or, if the files were moved, name their place as gateway docs lake says"
    return f"its data files are in {place}, and the setting names {address.data}; {fix}"


def has_lake(connection: Connection) -> bool:
    """Return whether a database has a lake."""
    return fetch(connection, "SELECT to_regclass('gw.gate') IS NOT NULL") == [(True,)]


def find_problem(connection: Connection) -> str | None:
    """Return what is wrong with the gate, and the fix."""
    ((form,),) = fetch(connection, "SELECT format FROM gw.store")
    if form != FORMAT:
        return f"its side tables have the format {form}, and this gateway has {FORMAT}; install the gateway that made it"
    enabled = fetch(
        connection,
        "SELECT tgenabled FROM pg_trigger WHERE tgname = 'gw_committed'"
        " AND tgrelid = 'public.ducklake_snapshot_changes'::regclass",
    )
    if enabled not in ([("O",)], [("A",)], [(b"O",)], [(b"A",)]):
        return f"the trigger gw_committed is missing or disabled; {_MEND}"
    stored = dict(
        fetch(
            connection,
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'gw'::regnamespace",
        )
    )
    if any(stored.get(name) != body for name, body in _functions().items()):
        return f"the functions of the trigger are not those of this gateway; {_MEND}"
    execute(connection, "SELECT pg_advisory_lock_shared(%s)", [LOCK])
    ((gate, newest),) = fetch(
        connection,
        "SELECT g.snapshot, (SELECT max(snapshot_id) FROM public.ducklake_snapshot) FROM gw.gate AS g",
    )
    if gate != newest:
        return f"the gate is at snapshot {gate}, and the catalog at {newest}: another program has written; {_MEND}"
    return None


def _functions() -> dict[str, str]:
    """Return the bodies of the functions, by name."""
    found = re.findall(r"FUNCTION gw\.(\w+)\(.*?\$body\$(.*?)\$body\$", side_tables(), re.DOTALL)
    return dict(found)


def first_line(error: Exception) -> str:
    """Return the beginning of the text of an error, which names no value of a row."""
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
