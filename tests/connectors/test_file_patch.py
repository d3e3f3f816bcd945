"""Patches of connector files, applied by `git apply` in real repositories."""

import os
import random
import subprocess

import pytest

from gateway.connectors.file_patch import git_patch

TEXT = b"description: Orders.\nfields:\n  a: integer\n  b: string\n  c: string\n  d: string\naccess: {read: [public]}\n"
CHANGES = {
    "one line": (TEXT, TEXT.replace(b"b: string", b"b: integer")),
    "a line more at the start": (TEXT, b"name: x\n" + TEXT),
    "a line more at the end": (TEXT, TEXT + b"read_limit: 5\n"),
    "two places": (
        b"#\n" * 20 + TEXT + b"#\n" * 20 + TEXT,
        b"# x\n" * 20 + TEXT + b"#\n" * 20 + TEXT[:-3] + b"\n",
    ),
    "a new file": (None, TEXT),
    "a deleted file": (TEXT, None),
    "a new empty file": (None, b""),
    "a deleted empty file": (b"", None),
    "an emptied file": (TEXT, b""),
    "a filled file": (b"", TEXT),
    "no last newline before": (TEXT[:-1], TEXT),
    "no last newline after": (TEXT, TEXT[:-1]),
    "no last newline": (TEXT[:-1], TEXT.replace(b"Orders", b"Shop")[:-1]),
    "a new file without a newline": (None, b"fields: {a: integer}"),
    "CRLF": (TEXT.replace(b"\n", b"\r\n"), TEXT.replace(b"c: string", b"c: date").replace(b"\n", b"\r\n")),
    "CR alone": (b"a\rb\rc", b"a\rb\rd"),
    "a byte order mark": (b"\xef\xbb\xbf" + TEXT, b"\xef\xbb\xbfname: x\n" + TEXT),
    "other line breaks": ("a\x0b\x0c\x85\u2028b\nc\n".encode(), "a\x0b\x0c\x85\u2028x\nc\n".encode()),
    "bytes that are not UTF-8": (b"a: \xff\nb\n", b"a: \xfe\nb\n"),
    "emoji": ("a: 😀\n".encode(), "a: 😃\n".encode()),
    "many lines that are alike": (b"a\n" * 9000, b"a\nb\n" * 5000),
    "a line in the midst of others like it": (b"a\n" * 9000, b"a\n" * 9001),
    "lines that look like a patch": (b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n", b"--- a/x\n+++ b/y\n@@ -1 +1 @@\n"),
}
FILES = [
    "orders.yaml",
    "größe 1.yaml",
    'a"b\\c.yml',
    "tab\there.yaml",
    "-x.yaml",
    "with blank.yaml",
    "😀.yaml",
]


@pytest.fixture
def repository(tmp_path):
    def git(*arguments, stdin=b""):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run(
            ["git", *arguments], cwd=tmp_path, input=stdin, capture_output=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    git("init", "-q")
    return tmp_path, git


def applied(repository, directory, changes):
    """Write the old files, apply the patches of all changes at once, and return the new files."""
    root, git = repository
    (root / directory).mkdir(parents=True, exist_ok=True)
    for file, (old, _) in changes.items():
        if old is not None:
            (root / directory / file).write_bytes(old)
    git("add", "-A")
    patch = b"".join(git_patch(file, old, new, directory) for file, (old, new) in changes.items())
    git("apply", "--index", "--whitespace=nowarn", stdin=patch)
    paths = {file: root / directory / file for file in changes}
    return {file: path.read_bytes() if path.exists() else None for file, path in paths.items()}


@pytest.mark.parametrize("directory", ["", "connectors.d", "/deploy/größe 2/connectors.d/"])
def test_git_applies_each_kind_of_change(repository, directory):
    changes = {f"{name}.yaml": change for name, change in CHANGES.items()}

    found = applied(repository, directory.strip("/"), changes)

    assert found == {file: new for file, (_, new) in changes.items()}


def test_git_applies_patches_of_odd_file_names(repository):
    changes = dict.fromkeys(FILES, (TEXT, TEXT + b"read_limit: 5\n"))
    changes |= {f"new {file}": (None, TEXT) for file in FILES} | {
        f"old {file}": (TEXT, None) for file in FILES
    }

    assert applied(repository, "connectors.d", changes) == {file: new for file, (_, new) in changes.items()}


def test_git_applies_200_random_changes(repository):
    chance = random.Random(17)
    lines = [b"a\n", b"b\n", b"\n", b"c\r\n", b"  d: e\n", b"# f\n"]
    changes = {}
    for number in range(200):
        old = [chance.choice(lines) for _ in range(chance.randint(0, 40))]
        new = [line for line in old if chance.random() > 0.1]
        for _ in range(chance.randint(0, 4)):
            new.insert(chance.randint(0, len(new)), chance.choice(lines))
        end = chance.choice([b"", b"end"])
        changes[f"{number}.yaml"] = (b"".join(old) + chance.choice([b"", b"end"]), b"".join(new) + end)

    assert applied(repository, "connectors.d", changes) == {file: new for file, (_, new) in changes.items()}


def test_same_text_has_empty_patch():
    assert git_patch("orders.yaml", TEXT, TEXT) == b""


def test_patch_reads_as_git_writes_it():
    patch = git_patch("orders.yaml", TEXT, TEXT.replace(b"b: string", b"b: integer"), "connectors.d")

    assert patch.decode() == (
        "diff --git a/connectors.d/orders.yaml b/connectors.d/orders.yaml\n"
        "--- a/connectors.d/orders.yaml\n"
        "+++ b/connectors.d/orders.yaml\n"
        "@@ -1,7 +1,7 @@\n"
        " description: Orders.\n"
        " fields:\n"
        "   a: integer\n"
        "-  b: string\n"
        "+  b: integer\n"
        "   c: string\n"
        "   d: string\n"
        " access: {read: [public]}\n"
    )
