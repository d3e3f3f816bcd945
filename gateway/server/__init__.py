"""The worker process and the ASGI middleware: connections, deadlines, lifespan, errors; it runs on the event loop."""
