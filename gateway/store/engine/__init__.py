"""The database engine: opens, commits, streams, and backs up one DuckDB file, on the writer and reader threads."""
