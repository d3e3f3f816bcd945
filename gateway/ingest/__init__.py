"""The way of a POST: body -> payload -> validation -> writer."""
