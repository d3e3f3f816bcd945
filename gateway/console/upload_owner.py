"""The owner of what a visit uploads: its token, and its session."""

import hashlib

from gateway.admin.upload_requests import owner_of
from gateway.console.visit import Visit
from gateway.uploads.upload import Owner


def owner_of_visit(visit: Visit) -> Owner:
    """Return the owner of what a visit uploads; another session of the same token does not see it.

    Raises:
        GatewayError: 401, the visit has no token.
    """
    session = visit.session_ids[0] if visit.has_session and visit.session_ids else ""
    digest = hashlib.sha256(session.encode("utf-8", "surrogateescape")).hexdigest() if session else ""
    return owner_of(visit.asker, digest)
