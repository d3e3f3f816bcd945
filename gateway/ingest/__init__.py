"""Body of a request to stored rows: body, payload, validation, writer. Event loop, parse threads, writer thread."""
