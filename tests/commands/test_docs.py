"""`gateway docs`: the pages without a gateway and without a network."""

from click.testing import CliRunner

from gateway.cli import main
from gateway.docs import pages


def test_docs_lists_every_page_with_its_summary():
    ran = CliRunner().invoke(main, ["docs"])

    assert ran.exit_code == 0
    for name in pages.NAMES:
        assert f"  {name}" in ran.output
        assert pages.read(name).summary in ran.output


def test_docs_prints_a_page_as_it_is():
    ran = CliRunner().invoke(main, ["docs", "writing"])

    assert (ran.exit_code, ran.output) == (0, pages.read("writing").text)


def test_docs_without_such_a_page_names_the_nearest():
    ran = CliRunner().invoke(main, ["docs", "conectors"])

    assert ran.exit_code == 1
    assert ran.output == "Error: there is no page 'conectors'; did you mean 'connectors'?\n"
