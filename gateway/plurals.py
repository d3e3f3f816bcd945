"""Numbers of things in words."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 row` and `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def rows_are(number: int, verb: str = "are", noun: str = "row") -> str:
    """Return a number of rows as a subject with its verb, such as `1 row is` and `2 rows were`."""
    if number == 1:
        verb = "was" if verb == "were" else "is"
    return f"{counted(number, noun)} {verb}"
