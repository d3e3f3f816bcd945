"""Fix: a change of a column before it is written again, as people type it in pandas, polars, and other programs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

#: The longest name of a member that stands in an expression.
_NAME_CHARACTERS_MAX = 50


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of a column before it is written, which keeps nulls null.

    Attributes:
        words: What to write.
        pandas: The expression in pandas, with `{df}` for the column; None if there is none.
        polars: The expression in polars, with `{pl}` for the column.
        item: The expression in pandas of one value inside a list or a struct, with `{i}` for that value.
        other: What to type in other programs, each with the name of its program; `{name}` stands for the name.
    """

    words: str
    pandas: str | None = None
    polars: str | None = None
    item: str | None = None
    other: Mapping[str, str] | None = None

    def of_items(self, *, have_nulls: bool = False) -> "Fix":
        """Return the fix of a column of lists whose items it changes."""
        item = _unless_null("i", self.item) if have_nulls else (self.item or "").replace("{i}", "i")
        each = f"{{df}}.map(lambda v: [{item} for i in v], na_action='ignore')"
        polars = None
        if self.polars and "{pl}" in self.polars:
            polars = f"{{pl}}.list.eval({self.polars.replace('{pl}', 'pl.element()')})"
        return replace(self, pandas=self.item and each, polars=polars, other=None)

    def of_member(self, name: str) -> "Fix":
        """Return the fix of a column of structs of which it changes a member."""
        if len(name) > _NAME_CHARACTERS_MAX:
            return Fix(self.words)
        value = _unless_null(f"v[{name!r}]", self.item)
        each = f"{{df}}.map(lambda v: {{**v, {name!r}: {value}}}, na_action='ignore')"
        member = self.polars and self.polars.replace("{pl}", f"pl.field({name!r})")
        polars = member and f"{{pl}}.struct.with_fields({member})"
        return replace(self, pandas=self.item and each, polars=polars, other=None)

    def text(self, name: str) -> str:
        """Return the fix of a column as a part of a hint."""
        typed = {"pandas": self.pandas, "polars": self.polars, **(self.other or {})}
        ways = [f"in {program}: {way}" for program, way in typed.items() if way]
        shown = self.words + (", " if ways else "") + "; ".join(ways)
        parts = {"{df}": f"df[{name!r}]", "{pl}": f"pl.col({name!r})", "{name}": repr(name)}
        for part, written in parts.items():
            shown = shown.replace(part, written)
        return shown


def _unless_null(value: str, expression: str | None) -> str:
    return f"None if pandas.isna({value}) else {(expression or '').replace('{i}', value)}"
