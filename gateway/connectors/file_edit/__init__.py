"""Edits of connector files that leave every byte as it is but those of the change, and the text of new files."""
