"""Rows at rest: the only folder that imports duckdb."""
