"""The journal: what commits record beside rows, and what is asked about it."""
