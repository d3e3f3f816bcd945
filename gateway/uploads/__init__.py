"""Uploaded files: received in slices, drafted, and loaded into connectors. The event loop, and one thread for contents."""
