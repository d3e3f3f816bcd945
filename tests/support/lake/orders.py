"""The other side of `obedient.py`. It imports little, for its processes start while a test waits."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping


def obey(verbs: Mapping[str, Callable[..., object]]) -> None:
    """Do what the standard input says until it ends, and then end the process with all of its threads."""
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        try:
            answer = [verbs[verb](*arguments), None]
        except Exception as error:  # noqa: BLE001  # The one who asked gets it.
            answer = [None, f"{type(error).__name__}: {error}"]
        print(json.dumps(answer, default=str), flush=True)
    os._exit(0)


#: Called for each connection.
Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def serve(port: int, accept: Accept, verbs: Mapping[str, Callable[..., object]]) -> None:
    """Take connections at a port of the loopback, and obey, with every verb done in the event loop of the connections."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.start_server(accept, "127.0.0.1", port))
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def in_loop(verb: Callable[..., object]) -> Callable[..., object]:
        async def call(*arguments: object) -> object:
            return verb(*arguments)

        return lambda *arguments: asyncio.run_coroutine_threadsafe(call(*arguments), loop).result()

    obey({name: in_loop(verb) for name, verb in verbs.items()})
