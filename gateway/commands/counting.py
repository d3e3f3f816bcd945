"""Numbers of rows as the subject of a sentence."""


def rows_are(number: int, verb: str = "are") -> str:
    """Write a number of rows with its verb, such as `1 row is` and `2 rows were`."""
    if number == 1:
        return f"1 row {'was' if verb == 'were' else 'is'}"
    return f"{number:,} rows {verb}"
