"""The field types, as one table for the JSON Schema, SQL, Arrow, CSV, query strings and docs; immutable."""
