"""Who sends a request, what they may do, and how often; the event loop calls it, except where a class says otherwise."""
