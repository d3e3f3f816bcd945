"""The errors of Parquet and Arrow bodies that cannot be read."""

from gateway.errors import Code, GatewayError

#: The most characters of another program's message.
_CHARACTERS_MAX = 200


def malformed(
    name: str, problem: object, hint: str = "write the file again, and send it whole"
) -> GatewayError:
    """Return the error of a body that is not what its first bytes say.

    Args:
        name: `Parquet` or `Arrow`.
        problem: What is wrong with it, or the exception of its reader.
        hint: What to do.
    """
    text = str(problem).split("\n", 1)[0].strip().rstrip(".")[:_CHARACTERS_MAX]
    return GatewayError(Code.BODY_INVALID, f"the {name} body cannot be read: {text}", hint=hint)
