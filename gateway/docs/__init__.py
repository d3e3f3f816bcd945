"""The documentation: Markdown pages that ship with the package, read in any thread."""
