"""The rules of the language hold in the folders of `ROOMS`, in names of tests, and in subjects of commits."""

import re

import pytest

from tests.docs.language import PHRASES, check, files, long_subjects, python_problems
from tests.support.server import ROOT

#: What is checked: the package with its pages whole, and the tests of some rooms.
ROOMS = [
    "README.md",
    "gateway",
    "tests/commands",
    "tests/rowfile",
]
#: Rooms whose tests still have other names; delete a room here once its tests are renamed.
NAMED_LATER = ["ingest", "query"]


@pytest.mark.parametrize("room", ROOMS)
def test_language_of_room(room):
    found = [str(violation) for path in files([ROOT / room]) for violation in check(path)]

    assert not found, "\n".join(found)


def test_subjects_of_commits_are_short():
    assert long_subjects() == []


def test_names_of_tests_have_three_to_eight_words():
    rooms = [ROOT / "tests" / room for room in NAMED_LATER]
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if not set(rooms) & set(path.parents)
        for name in re.findall(r"^\s*(?:async )?def test_(\w+)", path.read_text(), re.MULTILINE)
        if not 3 <= len(name.split("_")) <= 8
    ]

    assert not found, "\n".join(found)


def test_each_phrase_is_found():
    module = (
        '"""A module. It stores {}."""\n# Why it stores {}.\nMESSAGE = f"it cannot store {{MESSAGE}} {}"\n'
    )

    found = [problem for _, problem in python_problems(module.format(*["so many rows"] * 3))]

    assert found == [f"'so many': {PHRASES['so many']}"] * 3


def test_first_word_of_a_function_is_a_verb():
    module = 'def rows():\n    """Give the rows."""\n\n\nclass Rows:\n    """What is stored."""\n'

    assert len(list(python_problems(module))) == 2


def test_long_sentence_is_found():
    words = " ".join(["word"] * 36)

    assert [problem[:24] for _, problem in python_problems(f'"""A {words}."""')] == [
        "a sentence of 37 words: "
    ]
    assert list(python_problems(f'"""A {words[:100]}. {words[:100].capitalize()}."""')) == []
