"""YAML text to a tree of nodes with their places, and to the faults of the text."""
