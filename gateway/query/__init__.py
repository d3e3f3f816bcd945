"""From a query string to SQL to the bytes of a response: dialect, statement, render; event loop and reading threads."""
