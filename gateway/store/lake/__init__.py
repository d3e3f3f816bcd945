"""The store of many gateways: rows in a DuckLake, and its catalog and the journal in PostgreSQL."""
