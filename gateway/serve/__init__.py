"""HTTP: routes, access, replies, and the worker that serves them."""
