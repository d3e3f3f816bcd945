"""Snippets for a shell: curl."""

from gateway.console.snippets import literals, quoting
from gateway.console.snippets.snippet import CORRECT_ROWS, TOKEN, EndpointUse, Snippet, Tab

_AUTHORIZATION = f'-H "Authorization: Bearer ${TOKEN}"'
_CURL = "curl -sS --fail-with-body"
_ON_ERROR = "After an error, curl prints its JSON and exits with 22: `code`, `message`, and `hint` tell what to change."
ON_REFUSAL = f"{CORRECT_ROWS} `--retry` sends the same body again after 408, 429, and 503."


def read(usage: EndpointUse, format: str | None = None) -> str:
    """Return the command that prints the rows of the query."""
    words = [f"{_CURL} {quoting.shell(usage.url_of_rows(format))}"]
    if not usage.is_public:
        words.append(_AUTHORIZATION)
    return " \\\n  ".join(words)


def write(usage: EndpointUse, tool: str, content_type: str, body: str) -> str:
    """Return the command that posts a body: the last option of curl."""
    words = [
        f"{_CURL} --retry 5 {quoting.shell(usage.url)}",
        _AUTHORIZATION,
        f"-H 'Content-Type: {content_type}'",
        f"-H 'Idempotency-Key: {usage.key(tool)}'",
        body,
    ]
    return " \\\n  ".join(words)


def curl(usage: EndpointUse) -> Tab:
    """Build the tab of curl."""
    snippets = []
    if usage.can_read:
        snippets.append(Snippet("curl-read", "Read rows", "sh", read(usage), _ON_ERROR))
    if usage.can_ingest:
        body = f"-d {quoting.shell(literals.JSON.row(usage.row))}"
        text = write(usage, "curl", "application/json", body)
        snippets.append(Snippet("curl-write", "Write a row", "sh", text, ON_REFUSAL))
    return Tab("curl", "curl", tuple(snippets))
