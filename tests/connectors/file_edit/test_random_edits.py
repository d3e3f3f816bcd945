"""Random edits of random files: the wanted values or a refusal, with every comment and every other byte kept."""

import pytest

from gateway.connectors.file_edit.edit import edit, model_of
from gateway.connectors.file_edit.key_order import is_same_at, known_keys
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.file_edit.same_value import normalize
from gateway.connectors.file_edit.source import BREAK
from gateway.connectors.yaml_text.document import load_document
from gateway.connectors.yaml_text.node import Node
from tests.connectors.file_edit.random_edits import RandomEdit
from tests.connectors.file_edit.random_files import RandomFile

EDITS = 2000


@pytest.mark.parametrize("first", range(0, EDITS, EDITS // 4))
def test_random_edits_give_the_wanted_values(first):
    refused = [seed for seed in range(first, first + EDITS // 4) if not is_edited(seed)]

    assert len(refused) < EDITS / 4 / 100, refused


def is_edited(seed: int) -> bool:
    """Check one random edit of one random file; return whether it was made."""
    file = RandomFile(seed)
    model = model_of(file.text, "orders.yaml")
    asked = RandomEdit(model, seed)
    try:
        text = edit(file.text, "orders.yaml", asked.wanted, asked.renamed)
    except EditRefusedError:
        return False
    found = model_of(text, "orders.yaml")
    assert is_same_at((), normalize(found), normalize(asked.wanted)), seed
    if is_same_at((), normalize(model), normalize(asked.wanted)):
        assert text == file.text, seed
    assert lost_comments(file, text, model, asked) == [], seed
    assert lost_lines(file.text, text, asked) == [], seed
    assert text.startswith(b"\xef\xbb\xbf") == file.text.startswith(b"\xef\xbb\xbf"), seed
    if b"\n" in file.text:
        assert (b"\r\n" in file.text) == (b"\r\n" in text), seed
        assert text.count(b"\r\n") in (0, text.count(b"\n")), seed
    return True


def lost_comments(file: RandomFile, text: bytes, model: dict, asked: RandomEdit) -> list[str]:
    """Return the comments that are gone, without those of values that are gone."""
    fields = asked.wanted["fields"]
    new_names = {
        asked.renamed.get(name, name): name for name in sorted(fields, key=asked.renamed.__contains__)
    }
    return [
        comment
        for comment, owner in file.comments.items()
        if comment.encode() not in text and not is_gone(owner, (), model, asked.wanted, new_names)
    ]


def is_gone(owner: tuple, path: tuple, old: object, new: object, new_names: dict) -> bool:
    """Return whether the value that a comment is about is deleted, or inside a value that was replaced whole."""
    if not owner:
        return False
    if type(old) is not type(new) or not isinstance(old, dict | list) or not new:
        return True
    if isinstance(old, list) or owner[0] is None:
        return not is_same_at(
            path, normalize(old), normalize(new)
        )  # Which neighbor it is about is not known here.
    key = new_names.get(owner[0]) if path == ("fields",) else owner[0]
    if owner[0] not in old:  # Behind an opening bracket.
        return False
    return key not in new or is_gone(owner[1:], (*path, owner[0]), old[owner[0]], new[key], new_names)


def lost_lines(before: bytes, after: bytes, asked: RandomEdit) -> list[str]:
    """Return the lines that no change touches, and that the new text does not have in the same order."""
    lines = BREAK.split(before.decode("utf-8-sig"))
    touched: set[int] = set()
    text = before.decode("utf-8-sig")
    touch(load_document(before, "orders.yaml"), asked.wanted, (), asked.renamed, touched, text)
    new_lines = iter(BREAK.split(after.decode("utf-8-sig")))
    return [
        line
        for number, line in enumerate(lines)
        if line.strip() and not line.lstrip().startswith("#") and number + 1 not in touched
        if line not in new_lines
    ]


def touch(node: Node, wanted: object, path: tuple, renamed: dict, touched: set[int], text: str) -> None:
    """Collect the lines of all values that are not the wanted ones."""
    old = normalize(node.plain())
    if is_same_at(path, old, normalize(wanted)):
        return
    in_lines = isinstance(node.value, dict) and text[node.start] != "{"
    if not in_lines or not isinstance(wanted, dict) or not wanted or not old:
        touched.update(range(node.line, last_line(node, text) + 1))
        return
    names = sorted(wanted, key=renamed.__contains__) if path == ("fields",) else list(wanted)
    former = {renamed.get(key, key) if path == ("fields",) else key: key for key in names}
    kept = [key for key in old if key in former]
    order = [key for key in sorted(former, key=lambda key: list(wanted).index(former[key])) if key in kept]
    is_moved = not known_keys(path) and kept != order
    for key, item in node.value.items():
        place = (node.keys or {})[key]
        if key not in former or is_moved:
            touched.update(range(place.line, last_line(item, text) + 1))
            continue
        if former[key] != key or not is_same_at(
            (*path, key), normalize(item.plain()), normalize(wanted[former[key]])
        ):
            touched.add(place.line)
        touch(item, wanted[former[key]], (*path, former[key]), renamed, touched, text)


def last_line(node: Node, text: str) -> int:
    """Return the number of the last line of a value that is not blank."""
    value = text[node.start : node.end]
    return node.line + len(BREAK.findall(value.rstrip()))
