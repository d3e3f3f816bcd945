"""`gateway load` sends a batch while another one is stored, in the order of the file."""

import json
import signal
import threading
import time
from concurrent.futures import Future

import httpx
import pytest

from gateway.commands.support import batch_sender
from gateway.commands.support.batch_sender import BatchSender, SentBatch
from gateway.commands.support.client import GatewayClient
from gateway.commands.support.load_target import LoadTarget
from gateway.media_types import Media
from gateway.rowfile.batch_cutter import LoadBatch
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.fingerprint import RowSample
from tests.commands.test_load import forget_answers, load, records
from tests.commands.test_verbs import ORDERS, gateway, rows_file, stored
from tests.support.prefix_proxy import proxying
from tests.support.row_files import FORMATS, write_rows
from tests.support.server import eventually

#: Seconds after which a request goes on alone.
ALONE = 5


@pytest.fixture
def orders(cleared):
    cleared.declare("orders", ORDERS)
    return cleared


class Pairs:
    """Holds the first request of a batch until another one is under way, and records which batch each follows."""

    def __init__(self) -> None:
        self.previous: dict[str, str | None] = {}
        self.is_pair = threading.Event()

    def __call__(self, method, headers) -> None:
        if method != "POST":
            return
        self.previous[headers["Idempotency-Key"]] = headers["Idempotency-After"]
        if len(self.previous) > 1:
            self.is_pair.set()
        self.is_pair.wait(ALONE)


@pytest.mark.parametrize("format", FORMATS)
def test_next_batch_is_sent_meanwhile(orders, tmp_path, format):
    file, pairs = write_rows(tmp_path / f"rows.{format}", range(5000)), Pairs()

    with proxying(orders.url, watch=pairs) as url:
        code, said = load(orders, file, "--batch", "5K", "--url", url)

    assert code == 0, said
    assert pairs.is_pair.is_set()
    assert len(pairs.previous) > 4
    firsts = [key for key, previous in pairs.previous.items() if previous is None]
    assert any(previous in firsts for previous in pairs.previous.values())
    assert stored(orders) == list(range(5000))


def test_later_batch_waits_for_delayed_one(orders, tmp_path):
    """Send the first batch on to the gateway after the second one."""
    file = rows_file(tmp_path, 2000)
    is_second_there = threading.Event()

    def delay(method, headers) -> None:
        if method == "POST" and headers["Idempotency-After"] is None:
            is_second_there.wait(ALONE)
            eventually(lambda: 'in_flight{operation="write"} 1.0' in orders.client.get("/-/metrics").text)
        elif method == "POST":
            is_second_there.set()

    with proxying(orders.url, watch=delay) as url:
        code, said = load(orders, file, "--batch", "15K", "--url", url)

    assert code == 0, said
    assert is_second_there.is_set()
    assert stored(orders) == list(range(2000))


def test_gateway_that_gives_no_order_gets_one_batch(orders, tmp_path):
    """Remove the header as a proxy may, or as a gateway that does not know it ignores it."""
    file, under_way, most = rows_file(tmp_path, 2000), [], []

    def count(method, headers) -> None:
        if method == "POST":
            assert headers["Idempotency-After"] is None
            under_way.append(headers["Idempotency-Key"])
            most.append(len(set(under_way)) - len(orders.client.get("/-/connectors/orders/batches").json()))

    with proxying(orders.url, removed=("idempotency-after",), watch=count) as url:
        code, said = load(orders, file, "--batch", "5K", "--url", url)

    assert code == 0, said
    assert len(most) > 3
    assert set(most) == {1}
    assert stored(orders) == list(range(2000))


def test_bad_row_stops_the_batch_behind_it(orders, tmp_path):
    file = rows_file(tmp_path, 5000)
    good = file.read_text()
    file.write_text(good.replace("\n700,", "\nx,"))

    code, said = load(orders, file, "--batch", "5K")
    rows = len(stored(orders))
    file.write_text(good)
    again, said_again = load(orders, file, "--batch", "7K")

    assert code == 1
    assert "row 701, line 702, field 'n'" in said
    assert f"the first {rows:,} rows are stored" in said
    assert 0 < rows < 701
    assert again == 0, said_again
    assert stored(orders) == list(range(5000))


def test_bad_row_ends_load_whose_next_batch_hangs(orders, tmp_path):
    """Hold the second batch for longer than any test takes."""
    file, is_over, is_second_there = rows_file(tmp_path, 5000), threading.Event(), threading.Event()
    file.write_text(file.read_text().replace("\n7,", "\nx,"))

    def hold(method, headers) -> None:
        if method == "POST" and headers["Idempotency-After"]:
            is_second_there.set()
            is_over.wait(1000)
        elif method == "POST":
            is_second_there.wait(ALONE)

    with proxying(orders.url, watch=hold) as url:
        code, said = load(orders, file, "--batch", "5K", "--url", url)
        is_over.set()

    assert (code, is_second_there.is_set()) == (1, True)
    assert "row 8, line 9, field 'n'" in said
    assert "nothing of it is stored" in said


@pytest.mark.parametrize("answered", [0, 1, 2])
@pytest.mark.parametrize("size", ["3K", "10K", "1M"])
def test_unanswered_batches_are_resent_under_their_keys(orders, tmp_path, answered, size):
    """Resume a load of which two batches were stored and some of them answered, in batches of another size."""
    file = rows_file(tmp_path, 3000)
    load(orders, file, "--batch", "10K")
    (record,) = records(orders)
    forget_answers(record, 2 - answered)

    code, said = load(orders, file, "--batch", size)

    assert code == 0, said
    assert stored(orders) == list(range(3000))
    assert load(orders, file)[1].startswith("0 rows are stored")


@pytest.mark.parametrize("size", ["7K", "10K"])
def test_rows_whose_record_is_lost_count_as_stored(orders, tmp_path, size):
    """Leave the rows out of the record that a full disk had no place for: those before the last pending ones."""
    file = rows_file(tmp_path, 3000)
    load(orders, file, "--batch", "10K")
    (record,) = records(orders)
    lines = [line for line in record.read_text().splitlines() if line]
    pending = [line for line in lines if line.startswith('{"pending"')]
    record.write_text("\n".join([lines[0], pending[-1]]))

    code, said = load(orders, file, "--batch", size)

    assert code == 0, said
    assert stored(orders) == list(range(3000))


def test_batch_refused_for_its_size_stays_pending(own, tmp_path):
    """Send a batch again that is stored, to a gateway that does not take its size any more, and to one that does."""
    own.declare("orders", ORDERS)
    file = rows_file(tmp_path, 3000)
    load(own, file, "--batch", "10K")
    (record,) = records(own)
    sent = forget_answers(record, 2)
    own.stop()
    own.environment["GATEWAY_MAX_BODY"] = "5000"
    own.start()
    refused, said = load(own, file, "--batch", "3K")
    own.stop()
    del own.environment["GATEWAY_MAX_BODY"]
    own.start()

    assert (refused, "GW102" in said) == (1, True), said
    assert json.loads(record.read_text().splitlines()[-1])["pending"] == sent
    assert load(own, file, "--batch", "3K")[0] == 0
    assert stored(own) == list(range(3000))


def test_batch_behind_refused_one_stays_pending(own, tmp_path):
    """Cut the connection of the second batch: it may wait in the gateway, and be stored once the first one is."""
    own.declare("orders", ORDERS)
    file, is_second_there = rows_file(tmp_path, 3000), threading.Event()
    own.stop()
    own.environment["GATEWAY_MAX_BODY"] = "5000"
    own.start()

    def cut(method, headers) -> None:
        if method == "POST" and headers["Idempotency-After"]:
            is_second_there.set()
            raise ConnectionAbortedError
        if method == "POST":
            is_second_there.wait(ALONE)

    with proxying(own.url, watch=cut) as url:
        code, said = load(own, file, "--batch", "10K", "--url", url)

    assert (code, "GW102" in said) == (1, True), said
    assert len(json.loads(records(own)[0].read_text().splitlines()[-1])["pending"]) == 2


def test_key_is_old_from_first_request(orders, tmp_path):
    file = rows_file(tmp_path, 3000)
    load(orders, file, "--batch", "10K")
    (record,) = records(orders)
    first, second = forget_answers(record, 2)
    sent_at = time.time() - 3 * 24 * 3600
    text = record.read_text().replace(repr(first["at"]), repr(sent_at))
    record.write_text(text)

    is_over = threading.Event()
    with proxying(orders.url, watch=lambda method, _: method == "POST" and is_over.wait(60)) as url:
        verb = gateway(orders, "load", "orders", file, "--url", url, wait=False)
        eventually(lambda: record.read_text() != text)
        eventually(lambda: len(json.loads(record.read_text().splitlines()[-1])["pending"]) == 2)
        verb.kill()
        verb.communicate()
        is_over.set()

    pending = json.loads(record.read_text().splitlines()[-1])["pending"]
    assert [each["key"] for each in pending] == [first["key"], second["key"]]
    assert [each["at"] for each in pending] == [sent_at, second["at"]]


def test_interrupt_ends_command_that_waits(orders, tmp_path):
    file, is_there, is_over = rows_file(tmp_path, 3000), threading.Event(), threading.Event()

    def hold(method, _) -> None:
        if method == "POST":
            is_there.set()
            is_over.wait(60)

    with proxying(orders.url, watch=hold) as url:
        verb = gateway(orders, "load", "orders", file, "--batch", "10K", "--url", url, wait=False)
        assert is_there.wait(30)
        verb.send_signal(signal.SIGINT)
        _, said = verb.communicate()
        is_over.set()

    assert (
        verb.returncode,
        "interrupted; nothing of it is known to be stored" in " ".join(said.split()),
    ) == (1, True), said


class Answers:
    """Answers some requests itself, after the gateway has stored their rows."""

    def __init__(self, method: str, *statuses: int | None) -> None:
        self._method, self._statuses = method, list(statuses)
        self._lock = threading.Lock()

    def __call__(self, method, path) -> int | None:
        with self._lock:
            is_meant = method == self._method and ("batch=" in path or method == "POST")
            return self._statuses.pop(0) if is_meant and self._statuses else None


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(("GET", None, 404), id="when the batch was committed: 404"),
        pytest.param(("GET", None, 200), id="when the batch was committed: an empty page"),
        pytest.param(("POST", None, 500), id="500"),
        pytest.param(("POST", None, 524), id="524"),
        pytest.param(("POST", None, 422), id="422"),
        pytest.param(("POST", None, 409), id="409"),
        pytest.param(("POST", None, 503, 401), id="503, then 401"),
        pytest.param(("POST", None, 200), id="an empty page"),
    ],
)
def test_batches_behind_foreign_answers_are_stored_once(orders, tmp_path, answers):
    """Send batches of another size after a proxy has answered for the gateway, which had stored the rows."""
    file = rows_file(tmp_path, 3000)

    with proxying(orders.url, instead=Answers(*answers)) as url:
        code, said = load(orders, file, "--batch", "10K", "--url", url)
    again, said_again = load(orders, file, "--batch", "7K")

    assert (code, again) == (1, 0), (said, said_again)
    assert "not as a gateway does" in said
    assert stored(orders) == list(range(3000))


def test_rows_whose_answer_is_lost_are_counted(orders, tmp_path):
    file = rows_file(tmp_path, 3000)

    with proxying(orders.url, instead=Answers("POST", 502, None, 504)) as url:
        code, said = load(orders, file, "--batch", "10K", "--url", url)

    assert (code, said) == (0, "3,000 rows are stored at /orders.")
    assert stored(orders) == list(range(3000))


def test_batch_is_repeated_while_previous_is_sent(monkeypatch):
    """Send a batch behind one that takes longer than a request is repeated."""
    monkeypatch.setattr(batch_sender, "RETRY_SECONDS_MAX", 0.2)
    client = GatewayClient("http://localhost", None)
    previous = SentBatch(batch("a"), Future())
    awaited = iter(range(6))

    def answer(request):
        if next(awaited, None) is None:
            previous.answer.set_result(None)
            return httpx.Response(200, json={"batch": None})
        error = {"code": "GW205", "message": "The batch is not stored", "details": None, "hint": None}
        return httpx.Response(409, json=error, headers={"Retry-After": "0"})

    client.client = httpx.Client(base_url=client.url, transport=httpx.MockTransport(answer))
    sent = BatchSender(LoadTarget(client, "", "orders", "/orders", 2)).send(batch("b"), {}, previous)

    assert sent.answer.result().response.status_code == 200


@pytest.mark.parametrize(("code", "is_refusal"), [("GW203", False), ("GW205", True), ("GW401", True)])
def test_key_in_progress_is_no_refusal(code, is_refusal):
    """Refuse a batch after an answer that passes."""
    client, codes = GatewayClient("http://localhost", None), iter([code, "GW511"])

    def answer(request):
        error = {"code": next(codes), "message": "It is not stored", "details": None, "hint": None}
        status = 410 if error["code"] == "GW511" else 503 if error["code"] == "GW401" else 409
        return httpx.Response(status, json=error, headers={"Retry-After": "0"} if status != 410 else {})

    client.client = httpx.Client(base_url=client.url, transport=httpx.MockTransport(answer))
    sent = BatchSender(LoadTarget(client, "", "orders", "/orders", 2)).send(batch("b"), {}, None)

    assert sent.is_refused(30) == is_refusal


def batch(key: str) -> LoadBatch:
    return LoadBatch(Chunk(b"n\n1\n", Media.CSV, 2, 4, 2), key, 0, 1, {1: ""}, RowSample())


def test_load_ends_well_without_its_last_answer(orders, tmp_path):
    """Answer 503 to the question about the rows that are left."""
    file = rows_file(tmp_path, 100)
    load(orders, file)

    with proxying(orders.url, instead=Answers("GET", None, 503)) as url:
        code, said = load(orders, file, "--url", url)

    assert code == 0, said
    assert said.startswith("0 rows are stored at /orders. 100 were stored before")
    assert "How many of all these are unchanged is unknown" in said
    assert "answers 503" in said
