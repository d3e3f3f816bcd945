"""The proxy before PostgreSQL does to connections what tests of a lake ask of it."""

import subprocess

from tests.support.lake.lake_session import PYTHON
from tests.support.lake.postgres import psql
from tests.support.server import DEADLINE, eventually


def _error_of(process: subprocess.Popen) -> str:
    _, error = process.communicate(timeout=DEADLINE)
    assert process.returncode, "it ended well"
    return error


def test_commit_held_back_arrives_later(postgres, proxy, database):
    postgres.ask(database, "CREATE TABLE marked (a integer)")
    proxy.hold_back(0.3, mark="marked")

    error = _error_of(psql(proxy.url(database), "BEGIN", "INSERT INTO marked VALUES (1)", "COMMIT"))

    assert "server closed the connection unexpectedly" in error
    eventually(lambda: proxy.struck == 1)
    assert postgres.rows(database, "SELECT a FROM marked") == [{"a": 1}]


def test_unmarked_commit_passes_armed_proxy(postgres, proxy, database):
    postgres.ask(database, "CREATE TABLE plain (a integer)")
    proxy.drop(mark="marked")

    done = psql(proxy.url(database), "BEGIN", "INSERT INTO plain VALUES (1)", "COMMIT")

    assert done.communicate(timeout=DEADLINE) == ("", "")
    assert proxy.struck == 0
    assert postgres.rows(database, "SELECT a FROM plain") == [{"a": 1}]


def test_prepared_statement_is_struck_by_text(postgres, proxy, database):
    postgres.ask(database, "CREATE TABLE marked (a integer)")
    script = (
        "import sys, psycopg\n"
        "connection = psycopg.connect(sys.argv[1], autocommit=True)\n"
        "for number in range(20):\n"
        "    connection.execute('INSERT INTO marked VALUES (%s)', [number])\n"
        "    print(number, flush=True)\n"
        "    input()\n"
    )
    client = subprocess.Popen(
        [PYTHON, "-c", script, proxy.url(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for number in range(10):
        assert client.stdout.readline() == f"{number}\n"
        if number == 9:
            proxy.lose_answers(mark="marked", at="INSERT INTO marked")
        print(file=client.stdin, flush=True)

    assert "psycopg.OperationalError" in _error_of(client)
    assert proxy.struck == 1
    assert postgres.rows(database, "SELECT count(*) FROM marked") == [{"count": 11}]


def test_cut_ends_marked_connections_alone(postgres, proxy, database):
    holder = psql(proxy.url(database), "SELECT pg_advisory_lock(5)", "SELECT pg_sleep(60)")
    other = psql(proxy.url(database), "SELECT 5", "SELECT pg_sleep(60)")
    locks = "SELECT 1 AS a FROM pg_locks WHERE locktype = 'advisory' AND granted"
    eventually(lambda: postgres.rows(database, locks))
    eventually(lambda: any("SELECT 5" in each for each in proxy.statements()))

    assert proxy.cut("pg_advisory_lock") == 1

    assert "server closed the connection unexpectedly" in _error_of(holder)
    assert other.poll() is None
    assert proxy.cut() == 1
    _error_of(other)


def test_hanging_proxy_passes_all_once_resumed(postgres, proxy, database):
    proxy.hang()
    asked = psql(proxy.url(database), "SELECT 9")
    postgres.ask(database, "SELECT 9")
    is_waiting = asked.poll() is None
    proxy.resume()

    assert is_waiting
    assert asked.communicate(timeout=DEADLINE) == ("9\n", "")


def test_delayed_answer_comes_after_others(postgres, proxy, database):
    proxy.delay(60)
    asked = psql(proxy.url(database), "SELECT 9")
    postgres.ask(database, "SELECT 9")

    assert asked.poll() is None
    asked.kill()
    asked.communicate()
