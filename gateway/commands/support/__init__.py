"""Code that the verbs share: the HTTP client, reports, and the upload of a file. Runs on the main thread of a verb."""
