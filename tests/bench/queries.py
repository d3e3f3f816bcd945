"""The aggregate over filtered rows, as SQL and in the gateway's dialect, with a place for a filter that varies."""

#: So many filters select the same rows, but for one at most, and none is the same as another. All rows are looked at.
INSTANTS = 999_999

AGGREGATE = (
    "SELECT paid, sum(amount) AS sum, count(order_id) AS count FROM {table}"
    " WHERE amount >= 100 AND placed_at >= TIMESTAMPTZ '2025-01-01T00:00:00.{n}Z' GROUP BY paid ORDER BY paid"
)
AGGREGATE_PARAMETERS = (
    "select=paid,amount.sum(),order_id.count()&amount=gte.100&placed_at=gte.2025-01-01T00:00:00.%06dZ"
)
