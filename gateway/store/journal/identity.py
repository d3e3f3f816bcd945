"""The identity of a store: a UUID made when the store is first opened. A backup has it too, and so has what is restored."""

import uuid

from gateway.store.engine.interface import Database

_TABLE = """
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE TABLE IF NOT EXISTS gateway.identity (id VARCHAR, made_at TIMESTAMPTZ);
"""


def identify(database: Database) -> str:
    """Return the id of a store, and make one where it has none; the writer thread alone may call it."""
    with database.transaction() as writer:
        writer.execute(_TABLE)
        found = writer.execute("SELECT id FROM gateway.identity").fetchall()
        if not found:
            found = [(str(uuid.uuid4()),)]
            writer.execute("INSERT INTO gateway.identity VALUES (?, now())", list(found[0]))
    return str(found[0][0])
