"""Connector files as frozen values: parsing, comparison of versions, and the plan; any thread."""
