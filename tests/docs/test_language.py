"""The rules of the language hold in the folders of `ROOMS`, and in the subjects of the last commits."""

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


@pytest.mark.parametrize("room", ROOMS)
def test_language_of_room(room):
    found = [str(violation) for path in files([ROOT / room]) for violation in check(path)]

    assert not found, "\n".join(found)


def test_subjects_of_commits_are_short():
    assert long_subjects() == []


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
