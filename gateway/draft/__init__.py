"""From a file of rows to a connector file: columns, evidence, guess, YAML. Runs on the main thread of a verb, or in the thread of uploads."""
