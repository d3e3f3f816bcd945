"""Rows on disk, the only folder that imports duckdb: the writer thread writes, any thread reads."""
