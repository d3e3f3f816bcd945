"""The sessions of browsers in PostgreSQL, for all gateways of a lake. PostgreSQL's clock alone counts their time."""

from collections.abc import Collection, Mapping

from gateway.auth.shared_sessions import SharedSession
from gateway.store.lake.postgres import PostgreSQL

#: A use is noted again only after this share of the idle time, because a page is several requests.
_NOTED_SHARE = 0.01

_ADD = """
WITH over AS (
    DELETE FROM gw.sessions WHERE used_at < now() - make_interval(secs => %(idle)s)
    OR began_at < now() - make_interval(secs => %(lifetime)s)
), crowded AS (
    -- Of the token with the most, so that no token can sign out the others.
    DELETE FROM gw.sessions WHERE (SELECT count(*) FROM gw.sessions) >= %(most)s AND key IN (
        SELECT key FROM gw.sessions WHERE token = (
            SELECT token FROM gw.sessions GROUP BY token ORDER BY count(*) DESC LIMIT 1
        ) ORDER BY used_at LIMIT 1
    )
)
INSERT INTO gw.sessions VALUES (%(key)s, %(token)s, %(sha256)s, now(), now()) ON CONFLICT (key) DO NOTHING
"""
_FIND = """
SELECT key, token, sha256, extract(epoch FROM now() - began_at)::float8, extract(epoch FROM now() - used_at)::float8
FROM gw.sessions WHERE key = ANY(%s)
"""
_USE = "UPDATE gw.sessions SET used_at = now() WHERE key = ANY(%s)"


class LakeSessions:
    """The table, as `SessionTable` describes it."""

    def __init__(self, postgres: PostgreSQL) -> None:
        """Use connections, which `close` closes."""
        self._postgres = postgres

    def close(self) -> None:
        """Close the connections."""
        self._postgres.close()

    def add(self, key: bytes, token: str, sha256: bytes, *, idle: float, lifetime: float, most: int) -> None:
        """Add a session, and delete those that are over, and those above the most of all tokens."""
        values = {"key": key, "token": token, "sha256": sha256}
        self._postgres.run(_ADD, values | {"idle": idle, "lifetime": lifetime, "most": most})

    def find(self, keys: Collection[bytes], *, idle: float) -> Mapping[bytes, SharedSession]:
        """Return the sessions of some keys, and note that they are used if they are not idle."""
        rows = self._postgres.rows(_FIND, [list(keys)])
        used = [key for key, _, _, _, unused in rows if idle * _NOTED_SHARE <= unused < idle]
        if used:
            self._postgres.run(_USE, [used])
        return {
            bytes(key): SharedSession(token, bytes(sha256), age, unused)
            for key, token, sha256, age, unused in rows
        }

    def remove(self, key: bytes) -> None:
        """Delete a session, if there is one of this key."""
        self._postgres.run("DELETE FROM gw.sessions WHERE key = %s", [key])
