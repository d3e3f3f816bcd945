"""The worker process and the ASGI edge: connections, deadlines, middleware, errors; all of it runs on the event loop."""
