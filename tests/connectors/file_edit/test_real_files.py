"""Random edits of all connector files of the project: its directory, its pages, and its tests."""

import ast
import functools
import re

from gateway.connectors.file_edit.edit import edit, model_of
from gateway.connectors.finding import InvalidFileError
from tests.connectors.file_edit.random_edits import RandomEdit
from tests.support.server import ROOT

EDITS_OF_EACH = 3
_BLOCK = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@functools.cache
def connector_texts() -> list[bytes]:
    """Return all texts that are maps with fields, as they are written."""
    globs = ("connectors.d/*.yaml", "gateway/project/*.yaml", "tests/connectors/file_edit/cases/*/*.yaml")
    files = [path.read_text() for glob in globs for path in sorted(ROOT.glob(glob))]
    pages = [
        text
        for path in (ROOT / "README.md", *sorted((ROOT / "gateway/docs").glob("*.md")))
        for text in _BLOCK.findall(path.read_text())
    ]
    strings = [
        node.value
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "fields:" in node.value
    ]
    return [text.encode() for text in dict.fromkeys([*files, *pages, *strings]) if _has_fields(text)]


def _has_fields(text: str) -> bool:
    try:
        model = model_of(text.encode(), "orders.yaml")
    except (InvalidFileError, UnicodeEncodeError):
        return False
    return isinstance(model, dict) and isinstance(model.get("fields"), dict) and bool(model["fields"])


def test_real_files_are_edited_without_refusal():
    texts = connector_texts()
    for number, text in enumerate(texts):
        for seed in range(EDITS_OF_EACH):
            asked = RandomEdit(model_of(text, "orders.yaml"), 1000 * number + seed)
            edit(text, "orders.yaml", asked.wanted, asked.renamed)

    assert len(texts) > 100
