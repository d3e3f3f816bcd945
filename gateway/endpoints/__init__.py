"""Connectors over HTTP: routing, parsed requests, methods, caches, and responses; all of it runs on the event loop."""
