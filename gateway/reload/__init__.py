"""Turns changed connector files into a new snapshot, on the watch thread or a thread of the caller."""
