"""The URLs of the pages of a connector, relative to the gateway's root."""

from urllib.parse import quote

#: The route of the overview of a connector. Its other pages are below it.
CONNECTOR_ROUTE = "/-/console/connectors/{name}"


def connector_url(name: str, page: str = "") -> str:
    """Return the URL of a page of a connector: its overview, or the one that is called `page`."""
    return f"-/console/connectors/{quote(name)}" + (f"/{page}" if page else "")
