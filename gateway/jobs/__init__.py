"""What runs by itself on a schedule, each job on a thread of its own."""
