"""From the bytes of a request to stored rows: body, payload, validation, writer; event loop, parse and writer threads."""
