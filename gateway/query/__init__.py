"""Query string to SQL to the bytes of a response: dialect, statement, render. Event loop and reading threads."""
