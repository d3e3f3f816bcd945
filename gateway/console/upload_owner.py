"""The owner of what a visit uploads: its token, and its session."""

import hashlib

from gateway.admin.upload_requests import owner_of
from gateway.console.visit import Visit
from gateway.uploads.upload import Owner


def owner_of_session(token: str, session_id: str) -> Owner:
    """Return the owner of what a session of a token uploads."""
    return Owner(token, hashlib.sha256(session_id.encode("utf-8", "surrogateescape")).hexdigest())


def owner_of_visit(visit: Visit) -> Owner:
    """Return the owner of what a visit uploads; another session of the same token does not see it.

    Raises:
        GatewayError: 401, the visit has no token.
    """
    owner = owner_of(visit.asker)
    if not visit.has_session or not visit.session_ids:
        return owner
    return owner_of_session(owner.token, visit.session_ids[0])
