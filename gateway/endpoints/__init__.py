"""Connectors over HTTP, one file per method family; all of it runs on the event loop."""
