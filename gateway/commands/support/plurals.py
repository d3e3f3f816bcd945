"""Numbers of rows in words."""


def rows(number: int) -> str:
    """Write a number of rows, such as `1 row` and `2,000 rows`."""
    return "1 row" if number == 1 else f"{number:,} rows"


def rows_are(number: int, verb: str = "are") -> str:
    """Write a number of rows as a subject with its verb, such as `1 row is` and `2 rows were`."""
    if number == 1:
        verb = "was" if verb == "were" else "is"
    return f"{rows(number)} {verb}"
