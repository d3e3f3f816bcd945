"""A gateway with many rows, of which nothing may be slower than with few."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.bench import answered_posts, answers, wrk
from tests.bench.contestants.gateway import Gateway, headers_of
from tests.bench.files import BULK
from tests.bench.measure import Measure, Sample, WrongAnswerError

#: Rows of a page, and of a range by key.
PAGE = 100
#: Rows of one body while it is filled.
_PIECE = 500_000


class GrownGateway(Gateway):
    """The gateway, with rows that it has again before each measurement."""

    def _fill(self) -> None:
        for body in self._bodies():
            answer = self._client.post(self._url, content=body, headers=headers_of("arrow"))
            if answer.status_code != 201:
                raise WrongAnswerError(answer.text)

    def _bodies(self) -> Iterator[bytes]:
        """Give bodies that are made while the gateway stores those before."""
        with ThreadPoolExecutor(1) as thread:
            coming = [
                thread.submit(self._files.arrow, self._table, first, min(_PIECE, self._rows + 1 - first))
                for first in range(1, self._rows + 1, _PIECE)
            ]
            while coming:
                yield coming.pop(0).result()

    # -- measures

    def ingest(self) -> Measure:
        """POST as in W1, and delete what was stored after each measurement, so that it begins with the same rows."""
        headers = {**self._headers, **headers_of("json")}
        post = answered_posts.posts(self._url, headers, self._files.bodies(self._table, "json"), BULK, 2)
        (last,) = self._get("select=_id&order=_id.desc&limit=1")

        def measure(seconds: float) -> Sample:
            sample = post(seconds)
            answers.require_same(self.count(), self._rows + sample.stored)
            answer = self._client.delete(f"{self._url}?_id=gt.{last['_id']}", timeout=None)
            answers.require_same(answer.status_code, 204)
            answers.require_same(self.count(), self._rows)
            return Sample(sample.value)

        return measure

    def page(self) -> Measure:
        """GET the rows after an `_id`, never the same; the figure is the median latency."""
        url = f"{self._url}?select=_id,*&_id=gt.%d&order=_id&limit={PAGE}"
        rows = httpx.get(url % 0, headers=self._headers).json()
        answers.require_same([row["order_id"] for row in rows], list(range(1, PAGE + 1)))
        return wrk.gets(url, self._headers, 1, places=self._rows - PAGE, latency=True)

    def count_again(self) -> Measure:
        """Count all rows, by a query that differs each time; the figure is the median latency."""
        query = "select=count()&limit=%d"
        answers.require_same(self._get(query % 1), [{"count": self._rows}])
        return wrk.gets(f"{self._url}?{query}", self._headers, 1, places=self._rows, latency=True)

    def start_again(self) -> Measure:
        """Stop it and start it; the figure is the seconds until it is ready."""

        def measure(seconds: float) -> Sample:
            took = []
            while sum(took) < seconds:
                self.stop()
                began = time.perf_counter()
                self.start()
                took.append(time.perf_counter() - began)
            return Sample(statistics.median(took), worst=max(took))

        return measure

    def _get(self, query: str) -> list[dict]:
        return self._client.get(f"{self._url}?{query}").json()
