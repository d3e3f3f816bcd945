"""Authentication, permissions, and rate limits of tokens; it runs on the event loop, unless a class says otherwise."""
