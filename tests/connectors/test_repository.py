"""The place of connector files in a repository, and links to its forge."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.repository import URL_CHARACTERS_MAX, forge_link, path_in_repository
from gateway.setting_values import parse_forge

GITHUB = "https://github.com/shop/data/{action}/main/connectors.d/{file}"
GITLAB = "https://gitlab.com/shop/data/-/{action}/main/connectors.d/{file}"
GITEA = "https://codeberg.org/shop/data/_{action}/main/connectors.d/{file}"
QUOTED = "%23%20a%26b%3Dc%0Afields%3A%20%7Bn%3A%20integer%7D%0A"
TEXT = "# a&b=c\nfields: {n: integer}\n"


@pytest.mark.parametrize(
    ("template", "text", "action", "url"),
    [
        (GITHUB, None, None, "https://github.com/shop/data/edit/main/connectors.d/orders.yaml"),
        (GITHUB, None, "delete", "https://github.com/shop/data/delete/main/connectors.d/orders.yaml"),
        (
            GITHUB,
            TEXT,
            None,
            f"https://github.com/shop/data/new/main/connectors.d?filename=orders.yaml&value={QUOTED}",
        ),
        (GITLAB, None, None, "https://gitlab.com/shop/data/-/edit/main/connectors.d/orders.yaml"),
        (GITLAB, TEXT, None, "https://gitlab.com/shop/data/-/new/main/connectors.d?file_name=orders.yaml"),
        (GITEA, None, None, "https://codeberg.org/shop/data/_edit/main/connectors.d/orders.yaml"),
        (
            GITHUB,
            "x" * URL_CHARACTERS_MAX,
            None,
            "https://github.com/shop/data/new/main/connectors.d?filename=orders.yaml",
        ),
    ],
)
def test_forge_link_opens_the_editor(template, text, action, url):
    assert forge_link(parse_forge(template), "orders.yaml", text, action) == url


@given(st.text(min_size=1), st.text(max_size=300))
def test_forge_link_keeps_to_its_place(file, text):
    """Try any name and any text: host and query are those of the template, and the values come back."""
    edit, new = forge_link(GITHUB, file), forge_link(GITHUB, file, text)

    assert urlsplit(edit)[:2] == urlsplit(new)[:2] == ("https", "github.com")
    assert urlsplit(edit)[3:] == ("", "")
    assert parse_qs(urlsplit(new).query, keep_blank_values=True) == {
        "filename": [file],
        **({"value": [text]} if text and len(new) <= URL_CHARACTERS_MAX and "value=" in new else {}),
    }


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)//{action}/{file}",
        "//github.com/{action}/{file}",
        "https://github.com/{file}",
        "https://github.com/{action}",
        "https://github.com/{action}/{file}?a=b",
        "https://{action}/{file}",
        "https://github.com/{action}/{file}/{other}",
        'https://github.com/"/{action}/{file}',
        "ftp://github.com/{action}/{file}",
    ],
)
def test_setting_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="write a URL"):
        parse_forge(text)


def test_path_in_repository_begins_at_its_root(tmp_path):
    directory = tmp_path / "shop/data/connectors.d"
    directory.mkdir(parents=True)
    assert path_in_repository(directory) == "connectors.d"

    (tmp_path / "shop/.git").mkdir()
    assert path_in_repository(directory) == "data/connectors.d"
    (directory / ".git").write_text("gitdir: elsewhere\n")
    assert path_in_repository(directory) == ""
