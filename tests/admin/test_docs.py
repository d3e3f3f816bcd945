"""The documentation as Markdown, at `/-/docs`, for anybody."""

import re

import httpx

from gateway.docs import pages


def test_docs_list_has_a_link_to_every_page(server):
    answer = httpx.get(f"{server.url}/-/docs")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/markdown; charset=utf-8")
    assert answer.text == pages.index()


def test_docs_pages_are_served_under_both_names(server):
    for name in pages.NAMES:
        for path in (f"/-/docs/{name}", f"/-/docs/{name}.md"):
            answer = httpx.get(server.url + path)
            assert (answer.status_code, answer.text) == (200, pages.read(name).text)
            assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"


def test_unknown_page_of_docs_suggests_the_nearest(server):
    answer = httpx.get(f"{server.url}/-/docs/conectors")

    assert answer.status_code == 404
    assert answer.json()["code"] == "PGRST205"
    assert answer.json()["hint"] == "did you mean 'connectors'?"


def test_docs_take_no_post(server):
    assert httpx.post(f"{server.url}/-/docs/writing").status_code == 405


def test_docs_serve_the_pictures_of_their_pages(server):
    shown = re.findall(r"\]\((images/[^)]+)\)", httpx.get(f"{server.url}/-/docs/console").text)
    assert shown
    for path in shown:
        answer = httpx.get(f"{server.url}/-/docs/{path}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
        assert answer.content.startswith(b"\x89PNG")
    assert httpx.get(f"{server.url}/-/docs/images/nothing.png").status_code == 404
