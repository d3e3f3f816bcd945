"""Jobs that run on a schedule, each on a thread of its own."""
