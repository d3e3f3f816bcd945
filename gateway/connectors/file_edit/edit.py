"""Edits of a connector file: the text that has the wanted values, and differs in nothing else."""

import codecs
from collections.abc import Mapping

from gateway.connectors.file_edit.file_style import style_of
from gateway.connectors.file_edit.key_order import is_same_at
from gateway.connectors.file_edit.new_text import TextStyle, write_file
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.file_edit.same_value import normalize
from gateway.connectors.file_edit.source import Place, SourceText
from gateway.connectors.file_edit.value_edit import ValueEdit
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.yaml_text.document import load_document, parse_document
from gateway.connectors.yaml_text.node import Node
from gateway.strictjson import Json


def model_of(text: bytes, file: str) -> Json:
    """Return the values of a connector file, without their places; keys have the order of the file.

    Raises:
        InvalidFileError: The text is not YAML; with every finding.
    """
    return load_document(text, file).plain()


def edit(text: bytes, file: str, wanted: Json, renamed: Mapping[str, str]) -> bytes:
    """Rewrite a connector file to the wanted values, without a change of any other byte.

    Args:
        text: The bytes of the file.
        file: The name that messages have.
        wanted: The values of the new text.
        renamed: The former name of each field with a new name.

    Raises:
        EditRefusedError: The text cannot be changed so that it is read as the wanted values.
    """
    wanted = normalize(wanted)
    document = parse_document(text, file)
    if document.root is None or document.findings:
        raise EditRefusedError(f"the text cannot be read as YAML: {document.findings[0]}")
    root = document.root
    if is_same_at((), _keys(normalize(root.plain())), _keys(wanted)):
        return text
    changed = _changed(document.text, root, wanted, renamed)
    mark = codecs.BOM_UTF8 if text.startswith(codecs.BOM_UTF8) else b""
    edited = mark + changed.encode()
    _verify(edited, file, wanted)
    return edited


def with_name(text: bytes, file: str, name: str) -> bytes:
    """Return the text of a connector file with another name and the path of that name, where it has them.

    Raises:
        EditRefusedError: The text cannot be read.
    """
    try:
        model = model_of(text, file)
    except InvalidFileError as error:
        raise EditRefusedError(str(error.findings[0])) from error
    named = {key: value for key, value in (("name", name), ("path", f"/{name}")) if key in model}
    return edit(text, file, {**model, **named}, {})


def _changed(text: str, root: Node, wanted: Json, renamed: Mapping[str, str]) -> str:
    source = SourceText(text)
    if root.value is None or root.value == {}:
        return _filled(source, root, wanted)
    if not isinstance(root.value, dict) or not isinstance(wanted, dict):
        raise EditRefusedError("the file is not a map of keys, as a connector file is")
    style = style_of(source, root)
    changes = ValueEdit(source, style, renamed).changes(Place(root, 0, 0, ()), wanted)
    return source.applied(changes, 0, len(text))


def _keys(value: Json) -> Json:
    """Return the keys of a file; one without any has none."""
    return {} if value is None else value


def _filled(source: SourceText, root: Node, wanted: Json) -> str:
    """Write the keys of a file that has none: behind its comments, or in the place of `{}`."""
    text, written = source.text, write_file(wanted, TextStyle(source.newline))
    if root.end > root.start:
        return text[: root.start] + written.rstrip("\r\n") + text[root.end :]
    gap = "" if not text or text.endswith(("\n", "\r")) else source.newline
    return text + gap + written


def _verify(edited: bytes, file: str, wanted: Json) -> None:
    """Require that the reader of connector files reads the wanted values.

    Raises:
        EditRefusedError: It reads others.
    """
    try:
        found = normalize(load_document(edited, file).plain())
    except InvalidFileError as error:
        raise EditRefusedError(f"the edited text would not be YAML: {error.findings[0]}") from error
    if not is_same_at((), found, wanted):
        raise EditRefusedError("the edited text would not be read as the wanted values")
