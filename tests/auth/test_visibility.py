"""What each asker sees under `/-/`: by `access` and the tokens file, and nothing of hidden connectors."""

import httpx
import pytest

from tests.docs import pages, tables
from tests.support import visibility
from tests.support.server import eventually
from tests.support.visibility import STRANGER


@pytest.fixture(scope="session")
def routes(tmp_path_factory):
    return visibility.routes(tmp_path_factory.mktemp("routes"))


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    with visibility.place(tmp_path_factory.mktemp("visibility")) as found:
        yield found


@pytest.mark.file_only("a lake has /-/lake, and no file to download")
def test_matrix_of_routes_and_askers_is_documented(capsys):
    """Walk every route as nobody, three tokens, a viewer, and admin; the page of the documentation shows the result."""
    page = next(path for path in pages.PATHS if path.stem == "access").read_text()
    written = tables.who_sees_what()

    with capsys.disabled():
        print(f"\n{written}")
    assert written in page, "python -m tests.docs writes it anew"


def _shown(answer, path, name):
    head = {key: value for key, value in answer.headers.items() if key not in ("date", "content-length")}
    return answer.status_code, head, answer.text.replace(path, "/X").replace(name, "X")


def test_hidden_connector_answers_as_an_unknown_one(place, routes):
    """Compare every route of a connector that exists and of one that does not, for each asker that sees neither."""
    named = [route for route in routes if "{name}" in route.template or "{path" in route.template]
    assert named
    for route in named:
        for asker in (None, STRANGER, "etl", "reader", "ops"):
            answers = {
                name: place.ask(asker, route.method, route.path(name)) for name in ("hidden", "unmade")
            }
            hidden, unmade = (_shown(answer, route.path(name), name) for name, answer in answers.items())
            assert hidden == unmade, (route, asker)
            assert hidden[0] in (401, 403, 404), (route, asker)


def test_unknown_tokens_are_refused_everywhere(place, routes):
    for number, route in enumerate(routes):
        # An address that fails more than 50 times is throttled.
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{2 + number // 40}")
        with httpx.Client(transport=transport, base_url=place.server.url) as client:
            headers = {"Authorization": "Bearer gw_wrong", "Sec-Fetch-Site": "same-origin"}
            answer = client.request(route.method, route.path("open"), headers=headers)
        assert answer.status_code == 401 or place.ask(None, route.method, route.path("unmade")).is_success


def test_pipeline_sees_its_own_batches_and_rejected_rows(place):
    place.post_some("orders")
    batches = place.ask("etl", "GET", "/-/connectors/orders/batches").json()
    rejected = place.ask("etl", "GET", "/-/connectors/orders/rejected").json()
    summary = place.ask("etl", "GET", "/-/connectors/orders/rejected/summary").json()
    listed = {each["name"]: each for each in place.ask("etl", "GET", "/-/connectors").json()}

    assert batches
    assert {each["token"] for each in batches} == {"etl"}
    assert rejected
    assert {each["token"] for each in rejected} == {"etl"}
    assert summary["kept"] == len([each for each in rejected if each["state"] == "kept"])
    assert summary["errors"][0]["message"]
    assert set(listed) == {"orders", "open"}
    assert listed["orders"]["last_batch"] == batches[0]
    assert listed["orders"]["rejected"] == summary["kept"]
    assert {"rows", "access", "file", "state"} & set(listed["orders"]) == set()
    assert "rows" in listed["open"]


@pytest.mark.parametrize("query", ["token=eq.admin", "or=(token.eq.admin,token.eq.etl)", "select=count()"])
def test_filter_shows_no_rejected_rows_of_others(place, query):
    own = place.ask("etl", "GET", "/-/connectors/orders/rejected").json()
    shown = place.ask("etl", "GET", f"/-/connectors/orders/rejected?{query}").json()

    assert all(row in own for row in shown) or shown == [{"count": len(own)}]


def test_replay_and_discard_reach_own_rejected_rows_alone(place):
    place.post_some("orders")
    kept = {
        asker: {
            each["_id"]
            for each in place.ask(asker, "GET", "/-/connectors/orders/rejected?state=eq.kept").json()
        }
        for asker in ("etl", "loader", "admin")
    }
    others = kept["admin"] - kept["etl"]
    foreign = min(kept["loader"])
    path = "/-/connectors/orders/rejected"

    edited = [{"_id": foreign, "order_id": 999}]
    assert place.ask("etl", "POST", f"{path}/replay", edited).status_code == 409
    discarded = place.ask("etl", "POST", f"{path}/discard?_id=gte.0", {"reason": "test rows"})

    assert discarded.json()["discarded"] == len(kept["etl"])
    left = place.ask("admin", "GET", f"{path}?state=eq.kept").json()
    assert {each["_id"] for each in left} == others
    # Nothing is left that its token could replay, and a replay by admin reaches the rows of others.
    assert place.ask("etl", "POST", f"{path}/replay").json()["received"] == 0
    assert place.ask("admin", "POST", f"{path}/replay").json()["rejected"] == len(others)


def test_viewer_sees_counts_and_no_values(place):
    one = place.ask("auditor", "GET", "/-/connectors/hidden").json()
    batches = place.ask("auditor", "GET", "/-/connectors/hidden/batches").json()
    summary = place.ask("auditor", "GET", "/-/connectors/hidden/rejected/summary")

    assert (one["rows"], one["permissions"]) == (1, [])
    assert [each["action"] for each in batches] == ["post"]
    assert "x" not in {each.get("message", "") for each in summary.json()["errors"]}
    assert all("message" not in each for each in summary.json()["errors"])
    assert place.ask("auditor", "GET", "/-/connectors/hidden/rejected").status_code == 403
    assert place.ask("auditor", "GET", "/hidden").status_code == 404
    assert place.ask("auditor", "POST", "/-/reload").status_code == 403
    assert place.ask("auditor", "GET", "/-/status").json()["files"]


@pytest.mark.parametrize(
    "query",
    ["raw=like.*x*", "errors->0->>value=eq.x", "or=(state.eq.kept,and(raw.like.*x*))", "reading=is.null"],
)
def test_counts_reveal_no_text_to_a_viewer(place, query):
    path = "/-/connectors/hidden/rejected/summary"
    assert place.ask("admin", "GET", f"{path}?{query}").status_code == 200
    refused = place.ask("auditor", "GET", f"{path}?{query}")

    assert (refused.status_code, refused.json()["code"]) == (403, "42501")
    assert place.ask("auditor", "GET", f"{path}?state=eq.kept&_id=gte.1").status_code == 200


def test_view_is_reloaded_with_the_tokens_file(place):
    tokens = place.server.connectors.parent / "tokens.yaml"
    text = tokens.read_text()
    try:
        tokens.write_text(text.replace("view: true", "view: false"))
        eventually(lambda: place.ask("auditor", "GET", "/-/status").status_code == 403)
    finally:
        tokens.write_text(text)
        eventually(lambda: place.ask("auditor", "GET", "/-/status").status_code == 200)
