"""The rules of the language that a machine can check. `python -m tests.docs.language [PATH...]` prints violations.

It reads the docstrings, comments and messages of Python files, and the text of Markdown files.
"""

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.server import ROOT

SENTENCE_WORDS_MAX = 35
SUBJECT_CHARACTERS_MAX = 72
SUBJECTS_CHECKED = 50

#: First words of a function's docstring, one a line: imperative verbs. Add a plain verb that you need.
VERBS = frozenset((ROOT / "tests/docs/verbs.txt").read_text().split())

#: First words that a docstring of a module or a class does without: it names a thing.
NO_NOUNS = re.compile(
    r"(?:Give|How|If|Let|Look|Say|Take|Tell|That|Those|What|When|Where|Whether|Which|Who|Whose|Why)\b"
)

#: Phrases that the text of the project does without, each a pattern that ignores case, with what to do instead.
PHRASES = {
    r"so many": "give the number or its name",
    r"such as that": "name it",
    r"(?:what|as) is told": "name the value",
    r"go(?:es|ing)? by the name": "is called",
    r"goes by": "say which rule applies",
    r"(?:is|are|was|were|be|been) let in": "accepted, admitted",
    r"(?:is|are|was|were|be|been) let go": "rejected, released, discarded",
    r"let go of": "release",
    r"stands? against": "conflicts with, contradicts",
    r"there (?:is|are|was) [^.]{0,30} to have\b": "say what is available",
    r"nobody": "name the user or the program",
    r"somebody": "name the user or the program",
    r"anybody": "name the user or the program",
    r"everybody": "name the user or the program",
    r"whoever": "name the user or the program",
    r"whatever": "any, regardless of",
    r"amid": "during",
    r", for (?:it|they|there|nothing|neither|otherwise)": "because",
    r"thereby": "split the sentence",
    r"therein": "in it",
    r"thereof": "of it",
    r"hence": "therefore, so",
    r"thus": "therefore, so",
    r"whence": "from which",
    r"wherein": "in which",
    r"lest": "so that … not",
    r"likewise": "also, in the same way",
    r"ere": "before",
    r"to and fro": "back and forth",
    r"for want of": "because … is missing",
    r"by way of": "through, by",
    r"takes? for granted": "assume",
    r"taken for granted": "assumed",
    r"looked after": "handled",
    r"makes? sure": "check, ensure",
    r"no longer than it": "at most",
    r"anew": "again",
    r"(?:it|this|that) is looked": "name the subject: the program checks",
    r"is none,": "name what is missing",
    r"what becomes of": "what happens to",
    r"(?:behaviour|colour|favour|neighbour|honour|labour|flavour)\w*": "American spelling",
    r"(?:organ|normal|serial|real|initial|recogn|summar|optim|minim|maxim|util|author|synchron|custom|standard|categor"
    r"|emphas|general|special|material|visual|final|local)is(?:e[ds]?|ing|ation)": "American spelling: -ize",
    r"cancell(?:ed|ing)": "American spelling: canceled, canceling",
    r"licen[c]e": "American spelling: license",
    r"catalogue": "American spelling: catalog",
    r"mend(?:s|ed|ing)?": "repair, correct",
    r"judgement": "American spelling: judgment",
}
_PHRASE = re.compile(
    "|".join(rf"(?P<p{index}>(?<!\w)(?:{each})\b)" for index, each in enumerate(PHRASES)), re.IGNORECASE
)

_CODE_SPAN = re.compile(r"``.+?``|`[^`\n]*`|(?<!\w)'[^'\s]+'(?!\w)|\"[^\"\s]+\"")
_SENTENCE_END = re.compile(r"""(?<=[.!?…])["')”]*\s+(?=["'(`“*]*[A-Z0-9`'"{*])""")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|cf|vs|no|p)\.", re.IGNORECASE)
_LINK_TARGET = re.compile(r"\]\([^)]*\)|https?://\S+")
_NEW_BLOCK = re.compile(r"(?:[-*+•] |\d+[.)] |\||#|>|[A-Z][a-z]+:$|\w[\w.]*(?: \([^)]*\))?: )")
_DIRECTIVE = re.compile(r"#\s*(?:noqa|type:|fmt:|pragma|ruff:)[^#]*")
_SQL = re.compile(r"\b(?:SELECT|INSERT INTO|CREATE (?:OR REPLACE )?TABLE|CASE WHEN|DELETE FROM)\b")


class Violation(NamedTuple):
    """A place and what is wrong there."""

    path: str
    line: int
    problem: str

    def __str__(self) -> str:
        """Return it as compilers write one."""
        return f"{self.path}:{self.line}: {self.problem}"


class Passage(NamedTuple):
    """A block of text, whose sentences end inside of it."""

    line: int
    text: str


def check(path: Path) -> list[Violation]:
    """Return the violations in a Python or Markdown file."""
    text = path.read_text()
    shown = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    found = list(python_problems(text)) if path.suffix == ".py" else list(problems(markdown_passages(text)))
    return [Violation(shown, line, problem) for line, problem in sorted(found)]


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files under the paths whose language is checked."""
    for path in paths:
        inside = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (
            each
            for each in inside
            if each.suffix in (".py", ".md") and not {"data", ".venv"} & set(each.parts)
        )


def python_problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the problem of each violation in the text of a Python module."""
    nodes = list(ast.walk(ast.parse(text)))
    docstrings = {}
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is None:
                continue
            docstrings[id(node.body[0].value)] = (node.body[0].lineno, docstring)
            first = re.split(r"[\s.,:;]", docstring, maxsplit=1)[0]
            if isinstance(node, ast.Module | ast.ClassDef) or _is_property(node):
                if NO_NOUNS.match(docstring):
                    yield node.body[0].lineno, f"a docstring begins with '{first}', which names no thing"
            elif first not in VERBS:
                yield node.body[0].lineno, f"a docstring begins with '{first}', which is not in verbs.txt"
    for line, docstring in docstrings.values():
        yield from problems(blocks(line, docstring))
    yield from problems(comments(text))
    yield from problems(messages(nodes, set(docstrings)))


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        "property" in ast.unparse(each) or ".setter" in ast.unparse(each) for each in node.decorator_list
    )


def comments(text: str) -> list[Passage]:
    """Return the comments of a module; lines that follow each other are one text."""
    found: list[tuple[int, int, str]] = []
    for token in tokenize.generate_tokens(iter(text.splitlines(keepends=True)).__next__):
        if token.type == tokenize.COMMENT:
            bare = _DIRECTIVE.sub("", token.string).lstrip("#!: ").rstrip()
            found.append((token.start[0], token.start[1], bare))
    passages: list[Passage] = []
    before = (-1, -1)
    gathered: list[str] = []
    for line, column, bare in [*found, (-9, -9, "")]:
        if gathered and (line, column) != (before[0] + 1, before[1]):
            passages += blocks(before[0] - len(gathered) + 1, "\n".join(gathered))
            gathered = []
        gathered.append(bare)
        before = (line, column)
    return passages


def messages(nodes: list[ast.AST], docstrings: set[int]) -> list[Passage]:
    """Return the strings of a module that are sentences: those with a space in them, an f-string as one."""
    passages, parts = [], set(docstrings)
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr == "split":  # a table of words
            parts.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            parts |= {id(each) for each in ast.walk(node) if isinstance(each, ast.Constant)}
            shown = [each.value if isinstance(each, ast.Constant) else "`x`" for each in node.values]
            passages.append((node.lineno, "".join(map(str, shown))))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            passages.append((node.lineno, node.value))
    return [
        passage
        for line, text in passages
        if " " in text.strip() and not _SQL.search(text)
        for passage in ([Passage(line, text)] if text.count("\n") < 2 else blocks(line, text))
    ]


def markdown_passages(text: str) -> list[Passage]:
    """Return the paragraphs, items and table cells of a Markdown text without its code."""
    kept, fence = [], ""
    for line in re.sub(r"<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL).split(
        "\n"
    ):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
            kept.append("")
        else:
            kept.append("" if fence else line)
    return blocks(1, "\n".join(kept))


def blocks(first: int, text: str) -> list[Passage]:
    """Split a text into its paragraphs, list items, table cells and entries such as `name: meaning`."""
    passages: list[Passage] = []
    lines: list[str] = []
    start = first
    for number, raw in enumerate([*text.split("\n"), ""], first):
        line = raw.strip()
        if lines and (not line or _NEW_BLOCK.match(line)):
            passages.append(Passage(start, " ".join(lines)))
            lines = []
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            passages += [Passage(number, re.sub(r"`[^`]*`", "", cell)) for cell in cells]
        elif line and not line.startswith((">>>", "    ")):
            start = start if lines else number
            lines.append(line)
    return passages


def problems(passages: Iterable[Passage]) -> Iterator[tuple[int, str]]:
    """Yield the line and the problem of each phrase to avoid and of each sentence that is too long."""
    for line, text in passages:
        bare = _CODE_SPAN.sub("x", _LINK_TARGET.sub("]", text))
        for found in _PHRASE.finditer(bare):
            instead = list(PHRASES.values())[int(found.lastgroup[1:])]
            yield line, f"'{found[0]}': {instead}"
        for sentence in _SENTENCE_END.split(_ABBREVIATION.sub(r"\1", bare)):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if len(words) > SENTENCE_WORDS_MAX:
                yield line, f"a sentence of {len(words)} words: {' '.join(words[:8])} …"


def long_subjects() -> list[str]:
    """Return the subjects of the last commits that are too long; none where there is no history."""
    if not (ROOT / ".git").exists():
        return []
    command = ["git", "log", f"-{SUBJECTS_CHECKED}", "--no-merges", "--format=%s"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return [subject for subject in ran.stdout.splitlines() if len(subject) > SUBJECT_CHARACTERS_MAX]


def main(arguments: list[str]) -> int:
    """Print the violations under the paths, of the whole project where none is named."""
    paths = [Path(each).resolve() for each in arguments] or [ROOT / "gateway", ROOT / "README.md"]
    found = [violation for path in files(paths) for violation in check(path)]
    print(*found, sep="\n")
    print(f"{len(found)} violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
