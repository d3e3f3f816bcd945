"""Changed connector files to a new snapshot, on threads of its own."""
