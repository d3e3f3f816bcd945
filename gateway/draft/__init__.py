"""The way of a file of rows to a connector file: columns -> evidence -> guess -> YAML."""
