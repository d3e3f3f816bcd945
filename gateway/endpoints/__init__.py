"""Connectors over HTTP, a file a method family; all of it runs on the event loop."""
