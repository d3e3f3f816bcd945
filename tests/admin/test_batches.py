"""`/-/connectors/NAME/batches`: the pages of the ledger, by token and before a batch."""

import httpx
import pytest

from tests.support.visibility import Place, place


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory):
    with place(tmp_path_factory.mktemp("batches")) as found:
        for _ in range(3):
            found.post_some("orders")
        yield found


def batches(found: Place, asker: str, query: str = "") -> httpx.Response:
    answer = found.ask(asker, "GET", f"/-/connectors/orders/batches{query and '?'}{query}")
    assert answer.status_code == 200, answer.text
    return answer


def test_pages_of_batches_follow_their_links(found):
    whole = batches(found, "admin").json()
    url, pages = httpx.URL("/-/connectors/orders/batches?limit=5"), []
    while url is not None:
        answer = found.ask("auditor", "GET", str(url))
        pages.append(answer.json())
        url = (
            answer.url.join(answer.links["next"]["url"]).copy_with(scheme="", host="", port=None)
            if answer.links
            else None
        )

    assert [len(page) for page in pages] == [5, 5, 2]
    assert [batch for page in pages for batch in page] == whole
    assert "Link" not in batches(found, "admin").headers


@pytest.mark.parametrize(
    ("asker", "query", "tokens"),
    [
        ("admin", "token=etl", ["etl"] * 4),
        ("auditor", "token=loader&limit=2", ["loader"] * 2),
        ("admin", "token=", ["admin", "loader", "etl"] * 4),
        ("admin", "token=nobody", []),
        ("etl", "", ["etl"] * 4),
        ("etl", "token=etl&limit=3", ["etl"] * 3),
        ("etl", "token=loader", []),
    ],
)
def test_token_chooses_among_visible_batches(found, asker, query, tokens):
    assert [each["token"] for each in batches(found, asker, query).json()] == tokens


def test_link_keeps_the_token(found):
    first = batches(found, "admin", "token=etl&limit=3")
    following = first.links["next"]["url"].removeprefix("?")

    assert len(batches(found, "admin", following).json()) == 1


@pytest.mark.parametrize("query", ["before=x", "before=-1", "before=1.5", "limit=1001"])
def test_invalid_page_of_batches_is_an_error(found, query):
    answer = found.ask("admin", "GET", f"/-/connectors/orders/batches?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST100")
