"""Edits of a connector file: the text that has the wanted values, and differs in nothing else."""

from collections.abc import Mapping

from gateway.connectors.file_edit.new_text import write_new
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.file_edit.same_value import is_same, normalize
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.yaml_text.document import load_document
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
    try:
        if is_same(normalize(model_of(text, file)), wanted):
            return text
    except InvalidFileError as error:
        raise EditRefusedError(f"the text cannot be read as YAML: {error.findings[0]}") from error
    if b"#" in text:
        raise EditRefusedError("the file has comments")
    return write_new(wanted)
