"""The verbs of the command line, one module each. Each runs on the main thread of its own process."""
