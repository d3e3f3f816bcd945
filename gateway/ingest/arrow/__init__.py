"""Parquet and Arrow bodies: bounded tables, the meaning of their columns for each field type, and their JSON values."""
