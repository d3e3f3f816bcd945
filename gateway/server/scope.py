"""ASGI types, and the keys that the gateway adds to an ASGI scope and its state.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from collections.abc import Awaitable, Callable
from typing import Any

#: Key of a scope: the connection's function that tells whether the client has left. What is sent then is dropped.
HAS_LEFT = "gateway.has_left"
#: Key of the lifespan's state: the greeting, from the application's start until the worker serves.
GREETING = "gateway.greeting"
#: Key of the lifespan's state: a function that opens the console in a browser. It blocks.
OPEN_CONSOLE = "gateway.open_console"

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Asgi = Callable[[Event, Receive, Send], Awaitable[None]]
