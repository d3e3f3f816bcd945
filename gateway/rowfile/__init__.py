"""Files of rows on disk, split into chunks that can be posted. Runs on the main thread of a verb, or in the thread of uploads."""
