"""SQL text for the store: names, times, and safe expressions; pure functions for any thread."""
