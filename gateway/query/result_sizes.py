"""Sizes of earlier results: they decide how the next result of the same SQL is read."""

from gateway.query.statement import Statement

#: Results of up to this many rows are read as rows of text, which is cheapest for few of them.
SMALL_RESULT_ROWS = 512
#: How many statements are remembered.
_MAX_STATEMENTS = 1024


class ResultSizes:
    """Remembers which statements had small results. Any thread may use it."""

    def __init__(self) -> None:
        self._was_small: dict[str, bool] = {}

    def expects_small(self, statement: Statement) -> bool:
        """Return whether a statement had a small result the last time, with any values; a guess if it is new."""
        query = statement.query
        guess = bool(query.where) or (query.limit is not None and query.limit <= SMALL_RESULT_ROWS)
        return self._was_small.get(statement.page.text, guess)

    def learn(self, statement: Statement, *, is_small: bool) -> None:
        """Store whether a statement had a small result."""
        if len(self._was_small) >= _MAX_STATEMENTS:
            self._was_small.clear()
        self._was_small[statement.page.text] = is_small
