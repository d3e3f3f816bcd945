"""`…/created`: the URL of a new connector, a curl with a token that works, and the first rows as they arrive."""

from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote

from falcon.asgi import Request, Response

from gateway.admin.visible_connectors import VisibleConnector
from gateway.auth.token_maker import NewToken
from gateway.connectors import example_row
from gateway.connectors.connector import ADMIN
from gateway.console.builder.shown_once import ShownOnce
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.connector_urls import connector_url
from gateway.console.page import Answer, ConsolePage, Data, Shell, View
from gateway.console.row_access import RowAccess
from gateway.console.rows_page import query_of
from gateway.console.snippets import literals, quoting
from gateway.console.snippets.snippet import TOKEN
from gateway.console.visit import Visit
from gateway.query import cell_rows
from gateway.query.read_pool import ReadPool

#: The newest rows, which the page shows.
_ROWS = 10
_QUERY = f"order=_id.desc&limit={_ROWS}"
_CUT_AT = 60


class FirstRows(ConsolePage):
    """`…/created/rows`: how many rows there are, and the newest, for the script."""

    def __init__(self, shell: Shell, access: RowAccess, pool: ReadPool) -> None:
        super().__init__(shell)
        self._access = access
        self._pool = pool

    async def get(self, visit: Visit) -> Answer:
        """Return the rows as JSON."""
        return Data(await self.read(visit))

    async def read(self, visit: Visit) -> dict[str, Any]:
        """Read the number of rows, and the newest as texts."""
        return await self._access.read(visit, self._read)

    async def _read(self, found: VisibleConnector) -> dict[str, Any]:
        query, connector = query_of(found, _QUERY), found.connector
        page = await cell_rows.read_page(self._pool, cell_rows.statement_of(query, connector, cut_at=_CUT_AT))
        count = await cell_rows.count_rows(self._pool, cell_rows.statement_of(query, connector))
        names = [selected.name for selected in query.select]
        rows = [[_cut(cell) for cell in row.cells] for row in page.rows]
        return {"count": count, "names": names, "rows": rows}


def _cut(cell: str | None) -> str:
    if cell is None:
        return "null"
    return cell if len(cell) <= _CUT_AT else f"{cell[:_CUT_AT]}…"


class CreatedPage(ConnectorPage):
    """The page after "Create"."""

    page: ClassVar[str] = "created"

    def __init__(self, shell: Shell, heads: ConnectorHeads, rows: FirstRows, tokens: ShownOnce) -> None:
        super().__init__(shell, heads)
        self._rows = rows
        self._tokens = tokens

    async def show(self, visit: Visit, found: VisibleConnector) -> View:
        """Show how rows are sent, and the way to those of an upload; a token that was made is shown this once."""
        given = parse_qs(visit.query_string)
        id, upload = given.get("token", [""])[0], given.get("upload", [""])[0]
        base, first = visit.host_url.rstrip("/"), await self._rows.read(visit)
        # Last: a page that fails must not use up a token before it is shown.
        made = self._tokens.take(id, visit.asker.token or "")
        token = made if isinstance(made, NewToken) else None
        return View(
            "created.html",
            {
                "base": base,
                "token": token,
                "not_made": made if token is None else None,
                "was_shown": bool(id) and made is None,
                "load": upload and f"{connector_url(found.connector.name, 'load')}?upload={quote(upload)}",
                "writers": sorted(found.connector.access.ingest - {ADMIN}),
                "variable": TOKEN,
                "curl": _curl(found, base, token.secret if token else f"${TOKEN}"),
                "first": first,
            },
        )

    async def on_head(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with the headers of the page, without showing a token."""
        visit = replace(self.shell.visit(req, parameters), query_string="")
        await self.shell.respond(resp, visit, await self.get(visit))


def _curl(found: VisibleConnector, base: str, secret: str) -> str:
    row, _ = example_row.build(found.connector)
    return " \\\n  ".join(
        [
            f"curl -sS --fail-with-body {quoting.shell(base + found.connector.path)}",
            f'-H "Authorization: Bearer {secret}"',
            "-H 'Content-Type: application/json'",
            *(["-H 'Idempotency-Key: first'"] if found.connector.policy.needs_key else []),
            f"-d {quoting.shell(literals.JSON.row(row))}",
        ]
    )
