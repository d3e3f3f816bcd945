"""Names that are made of others by replacing characters, and stay distinct."""

import re
from collections.abc import Iterable, Mapping


def unique_names(names: Iterable[str], kept: str = "A-Za-z0-9_") -> Mapping[str, str]:
    """Return a distinct name for each one, with `_` for every character that is not kept.

    A name that needs no change keeps its own. If two would have the same, a number follows the second.
    """
    odd = re.compile(f"[^{kept}]")
    given = sorted(set(names), key=lambda name: (odd.search(name) is not None, name))
    taken: dict[str, str] = {}
    for name in given:
        plain = unique = odd.sub("_", name)
        number = 1
        while unique in taken:
            number += 1
            unique = f"{plain}_{number}"
        taken[unique] = name
    return {name: unique for unique, name in taken.items()}
