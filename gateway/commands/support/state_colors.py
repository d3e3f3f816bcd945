"""The color of each state of a connector file at a terminal."""

STATE_COLORS = {"live": "green", "last good": "yellow", "refused": "bold red", "removed": "dim"}
