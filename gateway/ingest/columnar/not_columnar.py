"""NotColumnarError: a body whose rows must be parsed one by one."""


class NotColumnarError(Exception):
    """The rows must be parsed one by one."""
