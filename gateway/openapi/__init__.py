"""OpenAPI 3.1 documents of connectors, built from the tables that the parsers read. Pure; any thread may run it."""
