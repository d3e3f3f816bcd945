"""The refusal of an edit."""


class EditRefusedError(Exception):
    """The text of a connector file cannot be changed to the wanted values; the message says why."""
