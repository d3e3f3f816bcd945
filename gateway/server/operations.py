"""The kinds of requests, by which durations and running requests are counted."""

from typing import Literal

Operation = Literal["read", "write", "change", "operate", "console"]
#: GET, HEAD, and OPTIONS of rows; POST; PUT, PATCH, and DELETE; everything under `/-/`; and its pages for browsers.
OPERATIONS: tuple[Operation, ...] = ("read", "write", "change", "operate", "console")

_BY_METHOD: dict[str, Operation] = {"POST": "write", "PUT": "change", "PATCH": "change", "DELETE": "change"}
_PAGES = ("/-/console", "/-/sign-")


def operation_of(method: str, path: str) -> Operation:
    """Return the kind of a request from its method and its path, which may be anything."""
    if path.startswith("/-/"):
        return "console" if path.startswith(_PAGES) else "operate"
    return _BY_METHOD.get(method, "read")
