"""Bodies to Arrow columns, without a Python value for each row. It may only say yes: `payload` decides about the rest."""
