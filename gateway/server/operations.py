"""The kinds of requests, by which durations and running requests are counted."""

from typing import Literal

Operation = Literal["read", "write", "change", "operate", "console"]
#: GET, HEAD, and OPTIONS of rows; POST; PUT, PATCH, and DELETE; everything under `/-/`; and its pages for browsers.
OPERATIONS: tuple[Operation, ...] = ("read", "write", "change", "operate", "console")

_BY_METHOD: dict[str, Operation] = {"POST": "write", "PUT": "change", "PATCH": "change", "DELETE": "change"}
#: Everything under these paths is a page, or a part of one.
_PAGES = ("/-/console", "/-/sign-in", "/-/open", "/-/sign-out")


def is_page(path: str) -> bool:
    """Return whether a path belongs to the console."""
    return any(path == each or path.startswith(f"{each}/") for each in _PAGES)


def operation_of(method: str, path: str) -> Operation:
    """Return the kind of a request from its method and its path, which may be anything."""
    if path.startswith("/-/"):
        return "console" if is_page(path) else "operate"
    return _BY_METHOD.get(method, "read")
