"""One YAML file becomes a live, validated, durable HTTP endpoint on DuckDB."""

__version__ = "0.2.0"
