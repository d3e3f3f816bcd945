"""The operating API under `/-/`, one module for each resource; it runs on the event loop."""
