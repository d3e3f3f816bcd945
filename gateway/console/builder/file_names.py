"""Names of connector files: that of a connector, also of a removed one, and names that no file has."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from gateway.connectors.file_edit.edit import edit, model_of
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.name_patterns import NAME
from gateway.connectors.plan import FileState
from gateway.console.builder.controls import CONNECTOR_ORDER, placed
from gateway.endpoints.live import Snapshot
from gateway.errors import Code, GatewayError

_LENGTH_MAX = 63


def file_named(name: str) -> str:
    """Return the file of a new connector, empty if the name cannot be one."""
    return f"{name}.yaml" if NAME.fullmatch(name) else ""


def file_of(snapshot: Snapshot, name: str) -> str | None:
    """Return the file of a connector, None if the connector is unknown.

    For a removed one it is the last file. Where that belongs to another connector now, or no new file can have the name,
    it is a free one.
    """
    if name in snapshot.endpoints:
        return snapshot.endpoints[name].connector.file
    if name not in snapshot.gone:
        return None
    last, present = snapshot.gone[name].connector.file, _present(snapshot)
    is_usable = present[last] in (None, name) if last in present else _is_new_file(last)
    if is_usable:
        return last
    return next(file for each in _numbered(name) if (file := f"{each}.yaml") not in present)


def free_name(snapshot: Snapshot, name: str) -> str:
    """Return a name that neither a file nor a connector has, also no removed one: the given one, or with a number."""
    taken = {*snapshot.endpoints, *snapshot.gone, *(PurePath(file).stem for file in _present(snapshot))}
    return next(each for each in _numbered(name) if each not in taken)


def with_own_name(text: bytes, file: str, name: str) -> bytes:
    """Return the text of a connector for a file: with its name, where the file is called otherwise.

    Raises:
        GatewayError: The text cannot be edited.
    """
    try:
        model = model_of(text, file)
        if not isinstance(model, dict) or model.get("name", PurePath(file).stem) == name:
            return text
        return edit(text, file, placed({**model, "name": name}, CONNECTOR_ORDER, model), {})
    except (EditRefusedError, InvalidFileError) as error:
        raise edit_refused(file, error) from error


def edit_refused(file: str, why: object) -> GatewayError:
    """Return the error for a text that cannot be edited."""
    message = f"{file} cannot be changed: {why}"
    return GatewayError(Code.SAVE_REFUSED, message, hint="edit the file as YAML")


def _present(snapshot: Snapshot) -> Mapping[str, str | None]:
    """Return the files that are there, each with its connector, None if it never had one."""
    return {each.file: each.name for each in snapshot.outcomes if each.state is not FileState.REMOVED}


def _is_new_file(file: str) -> bool:
    return file_named(file.removesuffix(".yaml")) == file


def _numbered(name: str) -> Iterator[str]:
    """Yield a name, and then that name with numbers."""
    yield name
    for number in itertools.count(2):
        yield f"{name[: _LENGTH_MAX - len(str(number)) - 1]}-{number}"
