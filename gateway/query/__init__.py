"""The way of a GET: dialect -> statement -> render."""
