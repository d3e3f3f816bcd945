"""Random connector files: random values, written in random styles of YAML, with comments wherever they can stand."""

import functools
import json
import random
import re

from gateway.connectors.finding import InvalidFileError
from gateway.connectors.yaml_text.document import load_document

TEXTS = [
    "a", "open", "no", "Yes", "012", "1_000", "1:30", "# x", "null", "~", "- a", "a: b", "a #b", "a# b", "", " ", " x ", "x\ty",
    "2026-11-30", "1e3", ".5", "0x1F", "10%", "true", "😀", "größe", "\u2028", "\x85", "\x00\x07", "\ufeff", "a\nb", "a\n\nb\n",
    "one\n  two\nthree", "  indented\nmore", "trail  \nx", "text\n\n\n", "{a}", "[b", "b]", "a, b", "'", '"', 'say "hi"', "it's",
    "back\\slash", "^[A-Z]{2}\\d+$", "*star", "&and", "!bang", "|", ">", "%", "@", "`", "?", "? x", "-", "--- x", "...", "=", "<<",
    "decimal(12, 2)", "string[]", "https://x.y/z?a=b#c", "{{ x }}", "“curly”", "Orders exported nightly by the shop, with all of their lines and prices.",
]  # fmt: skip
NAMES = [
    "id",
    "name",
    "amount",
    "no",
    "x y",
    "größe",
    "1",
    "placed_at",
    "true",
    "a.b",
    "note",
    "z",
    "null",
    "q-1",
    "😀",
]
TYPES = ["integer", "string", "decimal(12, 2)", "string[]", "timestamp", "json", "boolean"]
NUMBERS = ["0", "-1", "12", "1.50", "1e3", "-0.0", "9" * 40, "1E-7", "2.0"]


class RandomFile:
    """One random file.

    Attributes:
        text: Its bytes.
        comments: The comments, each with the path of its owner.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.comments: dict[str, tuple] = {}
        self._has_comments = self._chance.random() < 0.8
        self._has_blanks = self._chance.random() < 0.5
        self._step = self._chance.choice([2, 2, 2, 3, 4])
        self._flow = self._chance.choice([0.0, 0.3, 0.7, 0.9])
        model = self._connector()
        lines = []
        if self._chance.random() < 0.3:
            lines.append(self._comment((), 0))
            lines += [""] * self._chance.randint(0, 1)
        if self._chance.random() < 0.1:
            lines.append("---")
        if self._chance.random() < 0.08:
            lines += self._flow_lines(model, (), 0, "")
        else:
            lines += self._block_map(model, (), 0)
        if self._chance.random() < 0.3:
            lines += ["", self._comment((), 0)]
        if self._chance.random() < 0.05:
            lines.append("...")
        text = "\n".join(lines) + ("\n" if self._chance.random() < 0.8 else "")
        if self._chance.random() < 0.25:
            text = text.replace("\n", "\r\n")
        self.text = (b"\xef\xbb\xbf" if self._chance.random() < 0.15 else b"") + text.encode()

    # -- values

    def _connector(self) -> dict:
        keys = {
            "name": lambda: self.scalar(texts=["orders", "shop"]),
            "description": self.scalar,
            "path": lambda: "/orders",
            "primary_key": lambda: self._chance.choice([["id"], ["id", "name"], "id"]),
            "on_conflict": lambda: "replace",
            "keep_at_most": lambda: self._chance.choice([100, "10%"]),
            "retention": lambda: {"days": 90, **({"rows": 10} if self._chance.random() < 0.5 else {})},
            "limits": lambda: {"rows_per_second": 10},
            "read_limit": lambda: 5000,
            "access": self._access,
        }
        chosen = [key for key in keys if self._chance.random() < 0.4]
        if self._chance.random() < 0.5:
            self._chance.shuffle(chosen)
        chosen.insert(self._chance.randint(0, len(chosen)), "fields")
        return {key: self.fields() if key == "fields" else keys[key]() for key in chosen}

    def _access(self) -> dict:
        verbs = [verb for verb in ("ingest", "read", "change") if self._chance.random() < 0.6]
        return {verb: [self._chance.choice(["etl", "public", "ops"]) for _ in range(2)] for verb in verbs}

    def fields(self) -> dict:
        """Return some random fields."""
        names = self._chance.sample(NAMES, self._chance.randint(1, 6))
        return {name: self.field() for name in names}

    def field(self) -> object:
        """Return a random field."""
        type_ = self._chance.choice(TYPES)
        if self._chance.random() < 0.3:
            return type_
        keys = {
            "nullable": lambda: self._chance.random() < 0.8,
            "default": self.value,
            "description": self.scalar,
            "examples": lambda: [self.value() for _ in range(self._chance.randint(0, 3))],
            "enum": lambda: [self.scalar() for _ in range(self._chance.randint(1, 4))],
            "minimum": self.number,
            "pattern": lambda: "^[a-z]{2}$",
            "using": lambda: "CAST(x AS BIGINT)",
        }
        chosen = [key for key in keys if self._chance.random() < 0.35]
        if self._chance.random() < 0.3:
            self._chance.shuffle(chosen)
        return {"type": type_, **{key: keys[key]() for key in chosen}}

    def number(self) -> object:
        """Return a random number."""
        return load_document(self._chance.choice(NUMBERS).encode(), "number").value

    def scalar(self, texts: list[str] = TEXTS) -> object:
        """Return a random text, sometimes another single value."""
        if self._chance.random() < 0.15:
            return self._chance.choice([None, True, False, 0, 12])
        return self._chance.choice(texts)

    def value(self, depth: int = 0) -> object:
        """Return any random value."""
        kind = self._chance.random()
        if kind < 0.15 and depth < 3:
            return [self.value(depth + 1) for _ in range(self._chance.randint(0, 3))]
        if kind < 0.35 and depth < 3:
            names = self._chance.sample(NAMES, self._chance.randint(0, 3))
            return {name: self.value(depth + 1) for name in names}
        return self.number() if kind < 0.5 else self.scalar()

    # -- text

    def _comment(self, owner: tuple, indent: int) -> str:
        text = f"# c{len(self.comments)}{self._chance.choice(['', ' it is', ': {x', ', y', ' 😀'])}."
        self.comments[text] = owner
        return " " * indent + text

    def _behind(self, owner: tuple) -> str:
        """Return a comment behind a value, or none."""
        if not self._has_comments or self._chance.random() > 0.25:
            return ""
        return " " * self._chance.randint(1, 5) + self._comment(owner, 0)

    def _block_map(self, value: dict, path: tuple, indent: int) -> list[str]:
        lines: list[str] = []
        keys = {key: self._key(key) for key in value}
        width = max(map(len, keys.values())) + 1 if self._chance.random() < 0.3 else 0
        for key, item in value.items():
            if path or key != next(iter(value)):  # What stands above the first key is about the file.
                lines += self._above((*path, key), path, indent)
            gap = " " * max(1, width - len(keys[key]))
            colon = " :" if self._chance.random() < 0.03 else ":"
            lines += self._pair(f"{' ' * indent}{keys[key]}{colon}", gap, item, (*path, key), indent)
        return lines

    def _above(self, path: tuple, parent: tuple, indent: int) -> list[str]:
        lines: list[str] = []
        if self._has_comments and self._chance.random() < 0.1:
            deeper = indent + self._chance.choice([0, 0, 2])
            lines += [self._comment((*parent, "#"), deeper if self._is_safe_above else 0), ""]
        if self._has_blanks and self._chance.random() < 0.4:
            lines.append("")
        if self._has_comments and self._chance.random() < 0.2:
            lines += [self._comment(path, indent) for _ in range(self._chance.randint(1, 2))]
        self._is_safe_above = True
        return lines

    _is_safe_above = True

    def _pair(self, before: str, gap: str, value: object, path: tuple, indent: int) -> list[str]:
        """Return the lines of a key with its value, or of a dash with its item."""
        if isinstance(value, dict | list) and value:
            if self._chance.random() < (0.1 if path == ("fields",) else self._flow):
                return self._flow_lines(value, path, indent, before + gap)
            inner = indent + self._step
            if isinstance(value, dict):
                if before.endswith("-") and self._chance.random() < 0.7:
                    lines = self._block_map(value, path, indent + 2)
                    first = next(
                        place
                        for place, line in enumerate(lines)
                        if line.strip() and not line.strip().startswith("#")
                    )
                    if first == 0:
                        return [f"{before} {lines[0].lstrip(' ')}", *lines[1:]]
                    for line in lines[:first]:
                        self.comments.pop(line.strip(), None)
                    return [f"{before} {lines[first].lstrip(' ')}", *lines[first + 1 :]]
                return [before + self._behind(path), *self._block_map(value, path, inner)]
            dashes = indent if not before.endswith("-") and self._chance.random() < 0.4 else inner
            return [before + self._behind(path), *self._block_list(value, path, dashes)]
        if isinstance(value, str) and (block := self._block_scalar(value, indent)):
            self._is_safe_above = False
            return [before + gap + block[0] + self._behind(path), *block[1:]]
        if value is None and self._chance.random() < 0.5:
            return [before + self._behind(path)]
        written = self._folded(self._scalar(value, in_brackets=False), indent)
        if self._chance.random() < 0.05 and not before.endswith("-"):
            return [before + self._behind(path), " " * (indent + self._step) + written + self._behind(path)]
        return [before + gap + written + self._behind(path)]

    def _folded(self, written: str, indent: int) -> str:
        """Fold a text at one of its blanks, in quotes or not, as YAML reads it back."""
        places = [found.start() for found in re.finditer(r"(?<=[\w,.]) (?=\w)", written)]
        if not places or self._chance.random() < 0.7:
            return written
        place = self._chance.choice(places)
        return written[:place] + "\n" + " " * (indent + self._step) + written[place + 1 :]

    def _block_list(self, value: list, path: tuple, indent: int) -> list[str]:
        lines: list[str] = []
        for place, item in enumerate(value):
            lines += self._above((*path, place), path, indent)
            lines += self._pair(" " * indent + "-", " ", item, (*path, place), indent)
        return lines

    def _flow_lines(self, value: dict | list, path: tuple, indent: int, before: str) -> list[str]:
        if self._chance.random() < 0.75:
            return [before + self._flow_text(value, path) + self._behind(path)]
        lines = [before + ("{" if isinstance(value, dict) else "[") + self._behind((*path, "{"))]
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        inner = indent + self._step
        for place, (key, item) in enumerate(pairs):
            if self._has_comments and self._chance.random() < 0.15:
                lines += [self._comment((*path, key), inner)]
            comma = "," if place + 1 < len(pairs) or self._chance.random() < 0.3 else ""
            name = f"{self._key(key, in_brackets=True)}: " if isinstance(value, dict) else ""
            text = f"{name}{self._flow_text(item, (*path, key))}"
            lines.append(" " * inner + text + comma + self._behind((*path, key)))
        return [*lines, " " * indent + ("}" if isinstance(value, dict) else "]") + self._behind(path)]

    def _flow_text(self, value: object, path: tuple) -> str:
        blank = self._chance.choice(["", "", " "])
        comma = self._chance.choice([", ", ", ", ",  ", " , "])
        if isinstance(value, dict | list) and len(value) > 1 and self._chance.random() < 0.2:
            comma = f",{self._break(path)}" if self._chance.random() < 0.5 else f"{self._break(path)}, "
        if isinstance(value, dict):
            pairs = [
                f"{self._key(key, in_brackets=True)}: {self._flow_text(item, (*path, key))}"
                for key, item in value.items()
            ]
            end = self._chance.choice(["", "", ","]) if pairs else ""
            return "{" + blank + comma.join(pairs) + end + blank + "}"
        if isinstance(value, list):
            items = [self._flow_text(item, (*path, place)) for place, item in enumerate(value)]
            return "[" + blank + comma.join(items) + blank + "]"
        return self._scalar(value, in_brackets=True)

    def _break(self, path: tuple) -> str:
        """Return a line break inside brackets, maybe with a comment before it, and the indentation of the next line."""
        indent = "\n" + " " * (self._step * (len(path) + 1) + self._chance.randint(0, 6))
        if not self._has_comments or self._chance.random() < 0.5:
            return indent
        return f"  {self._comment((*path, None), 0)}{indent}"

    def _key(self, key: str, *, in_brackets: bool = False) -> str:
        kinds = [key, key, key, f"'{key}'", json.dumps(key)]
        return next(each for each in self._chance.sample(kinds, 5) if _reads_as_key(each, key, in_brackets))

    def _scalar(self, value: object, *, in_brackets: bool) -> str:
        if value is None:
            return self._chance.choice(["null", "~", "Null"])
        if isinstance(value, bool):
            return self._chance.choice([str(value), str(value).lower()])
        if not isinstance(value, str):
            return str(value)
        kinds = [
            value,
            value,
            value,
            "'" + value.replace("'", "''") + "'",
            json.dumps(value, ensure_ascii=self._chance.random() < 0.5),
        ]
        self._chance.shuffle(kinds)
        written = next((each for each in kinds if _reads_as(each, value, in_brackets)), None)
        return written or '"' + "".join(f"\\U{ord(each):08x}" for each in value) + '"'

    def _block_scalar(self, value: str, indent: int) -> list[str] | None:
        """Return the lines of a block scalar, None where the text cannot be one."""
        if self._chance.random() < 0.5 or not re.fullmatch(
            r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\ufeff]+", value
        ):
            return None
        body, ends = value.rstrip("\n"), len(value) - len(value.rstrip("\n"))
        if not body or any(line != line.rstrip(" ") for line in body.split("\n")):
            return None
        chomping = {0: "-", 1: self._chance.choice(["", "", "+"])}.get(ends, "+")
        deep = indent + self._chance.choice([self._step, 4])
        hint = str(deep - indent) if body.startswith(" ") else ""
        style = ">" if "\n" not in body and not hint and self._chance.random() < 0.5 else "|"
        lines = body.split("\n")
        if style == ">" and " " in body[20:]:
            place = body.index(" ", 20)
            lines = (
                [body[:place], body[place + 1 :]] if body[place + 1 :].strip() == body[place + 1 :] else lines
            )
        written = [" " * deep + line if line else "" for line in lines]
        return [style + hint + chomping, *written, *[""] * (ends - 1 if ends else 0)]


@functools.cache
def _reads_as(written: str, value: str, in_brackets: bool) -> bool:
    if in_brackets:
        return _value_of(f"[{written}, {{a: {written} }}, {written} , {written}]") == [
            value,
            {"a": value},
            value,
            value,
        ]
    return _value_of(f"a: {written} # c") == {"a": value} and "\t" not in written


@functools.cache
def _reads_as_key(written: str, key: str, in_brackets: bool) -> bool:
    return _value_of(f"{{{written}: 1}}" if in_brackets else f"{written}: 1") == {key: 1}


def _value_of(text: str) -> object:
    try:
        return load_document(text.encode(), "x.yaml").plain()
    except InvalidFileError:
        return InvalidFileError
