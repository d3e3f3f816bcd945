"""`/-/console/connectors/NAME/rows/download`: the rows of a query as a file, as a GET of the endpoint answers them.

A cookie works here. The rows are read with the reader threads of endpoints, so that a download of minutes keeps no page
waiting. A browser that stops reading loses its place to other reads, as any client does.
"""

from falcon.asgi import Request, Response

from gateway.admin.visible_connectors import VisibleConnector
from gateway.console.headers import PAGE_HEADERS
from gateway.console.page import Shell, attachment
from gateway.console.row_access import RowAccess
from gateway.endpoints.negotiation import RequestHeaders
from gateway.request_context import current

#: The format of a file, unless the URL names another.
_ACCEPT = "text/csv"


class RowDownload:
    """Rows as a file."""

    def __init__(self, shell: Shell, access: RowAccess) -> None:
        self._shell = shell
        self._access = access

    async def on_get(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with a file.

        Raises:
            GatewayError: As `RowAccess.read`, or the query is invalid or fails.
        """
        visit = self._shell.visit(req, parameters)
        encoding = req.get_header("Accept-Encoding")
        headers = RequestHeaders("GET", req.query_string, _ACCEPT, encoding)

        async def answer(found: VisibleConnector) -> None:
            read = found.endpoint.read_request(headers)
            await found.endpoint.retrieval.answer(req, resp, read, visit.asker.token)
            resp.set_headers({**PAGE_HEADERS, "Cache-Control": "no-store"})
            name = f"{found.connector.name}.{read.statement.output.media.format}"
            resp.set_header("Content-Disposition", attachment(name))

        await self._access.read(visit, answer)
        current.get().is_download = True

    on_head = on_get
