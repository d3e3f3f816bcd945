"""Files of rows on a disk: what they are, and their rows a chunk at a time."""
