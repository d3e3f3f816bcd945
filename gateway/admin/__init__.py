"""The operating plane under `/-/`, a file a resource; it runs on the event loop."""
