"""A gateway of 500 connectors, one of which is changed again and again."""

import itertools
import random
import statistics
import time

from tests.bench.contestants.gateway import ACCESS, Gateway
from tests.bench.measure import Measure, Sample
from tests.support.server import eventually, put


class CrowdedGateway(Gateway):
    """The gateway, and the file that is changed."""

    def prepare(self) -> None:
        super().prepare()
        for number in range(1, 500):
            put(self._server.connectors / f"other_{number}.yaml", self._table.text + ACCESS)

    def change(self) -> Measure:
        """Put a changed file in place of the other; the figure is the milliseconds until its schema is served."""
        lengths, pauses = itertools.count(201), random.Random(1)
        file = self._server.connectors / f"{self._table.name}.yaml"
        schema = f"/-/connectors/{self._table.name}/schema"

        def live(length: int) -> bool:
            return self._server.client.get(schema).json()["properties"]["customer"]["maxLength"] == length

        def once() -> float:
            # The gateway looks at its directory twice a second, too: no change is to come always at the same time of that.
            time.sleep(pauses.uniform(0.5, 1))
            length = next(lengths)
            text = self._table.text.replace("max_length: 200", f"max_length: {length}") + ACCESS
            began = time.perf_counter()
            put(file, text)
            eventually(lambda: live(length), "the change did not become live", pause=0.005)
            return (time.perf_counter() - began) * 1000

        def measure(seconds: float) -> Sample:
            ends, took = time.monotonic() + seconds, [once()]
            while time.monotonic() < ends:
                took.append(once())
            return Sample(statistics.median(took), worst=max(took))

        return measure
