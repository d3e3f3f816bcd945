"""The aggregate over filtered rows, as SQL and in the gateway's dialect, with a place for a filter that varies."""

#: So many filters select the same rows, but for one at most, and none is the same as another.
INSTANTS = 999_999

AGGREGATE = (
    "SELECT paid, sum(amount) AS sum, count(order_id) AS count FROM {table}"
    " WHERE placed_at >= TIMESTAMPTZ '2025-06-01T00:00:00.{n}Z' GROUP BY paid ORDER BY paid"
)
AGGREGATE_PARAMETERS = "select=paid,amount.sum(),order_id.count()&placed_at=gte.2025-06-01T00:00:00.%06dZ"
