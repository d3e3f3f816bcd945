"""The alert rules, their tests, and the dashboard hold under promtool, under a real Prometheus, and on a real scrape."""

import json
import re
import subprocess

import pytest
import yaml

from gateway.admin.metric_table import LAKE, METRICS
from gateway.ops import files
from tests.docs import pages
from tests.ops.prometheus import running
from tests.support import verbs
from tests.support.scrape import scrape
from tests.support.server import ROOT, eventually, put

(CONFIG,) = (block.text for block in pages.blocks("yaml") if block.first == "# prometheus.yml")
#: The files that the page prints, by the word that `gateway ops` takes.
PRINTED = dict(
    re.findall(r"gateway ops ([\w-]+) > ([\w.-]+)", (ROOT / "gateway/docs/monitoring.md").read_text())
)
RULES = yaml.safe_load(files.read("alerts"))["groups"][0]["rules"]
DASHBOARD = json.loads(files.read("dashboard"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
#: Names of metrics in an expression or in the query of a variable.
NAME = re.compile(r"\b(?:gateway|process)_[a-z_]+\b")
ORDERS = "fields: {n: integer}\non_invalid: on_request\naccess: {read: [public], change: [admin]}\n"


def promtool(*words: object, cwd=None) -> str:
    ran = subprocess.run(["promtool", *map(str, words)], cwd=cwd, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def printed(tmp_path_factory):
    """The directory of Prometheus as the page says: the config, a token, and what `gateway ops` prints."""
    directory = tmp_path_factory.mktemp("prometheus")
    assert PRINTED.keys() == files.FILES.keys()
    for word, name in PRINTED.items():
        ran = verbs.run(["ops", word], {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)})
        assert (ran.returncode, ran.stderr) == (0, "")
        (directory / name).write_text(ran.stdout)
    (directory / "prometheus.yml").write_text(CONFIG)
    (directory / "gateway-token").write_text("gw_token")
    return directory


# -- the rules


def test_promtool_accepts_rules_and_config(printed):
    assert f"{len(RULES)} rules found" in promtool("check", "rules", printed / "gateway-alerts.yaml")
    assert "SUCCESS" in promtool("check", "config", printed / "prometheus.yml")


def test_rules_fire_as_their_tests_say(printed):
    promtool("test", "rules", PRINTED["alerts-test"], cwd=printed)

    tests = yaml.safe_load((printed / PRINTED["alerts-test"]).read_text())["tests"]
    tried = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert tried == {rule["alert"] for rule in RULES}


def test_commented_rule_is_valid_once_uncommented(tmp_path):
    text = re.sub(r"^      # ((?:- alert|  ).*)$", r"      \1", files.read("alerts"), flags=re.MULTILINE)
    put(tmp_path / "gateway-alerts.yaml", text)

    assert f"{len(RULES) + 1} rules found" in promtool("check", "rules", tmp_path / "gateway-alerts.yaml")
    assert yaml.safe_load(text)["groups"][0]["rules"][-1]["alert"] == "GatewayNoBatch"


def test_every_alert_is_on_its_page():
    text = (ROOT / "gateway/docs/monitoring.md").read_text()
    told = set(re.findall(r"`(Gateway\w+)`", text.partition("## Alerts")[2].partition("## Dashboard")[0]))

    assert told == {rule["alert"] for rule in RULES} | {"GatewayNoBatch"}
    assert all(rule["annotations"].keys() == {"summary", "description"} for rule in RULES)


# -- the dashboard


def test_panels_have_valid_queries(tmp_path):
    expressions = [target["expr"] for panel in PANELS for target in panel["targets"]]
    rules = [
        {
            "record": f"panel:{number}",
            "expr": each.replace("$__rate_interval", "5m").replace("$instance", ".+"),
        }
        for number, each in enumerate(expressions)
    ]
    put(tmp_path / "rules.yaml", yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert not any("$" in rule["expr"] for rule in rules)
    assert f"{len(rules)} rules found" in promtool("check", "rules", tmp_path / "rules.yaml")


def test_panels_have_places_and_variables_of_their_own():
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(DASHBOARD["panels"]))) - {"__rate_interval"}

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert used == {each["name"] for each in DASHBOARD["templating"]["list"]}


def test_names_in_rules_and_panels_are_scraped(printed, own):
    """Check also that every metric of the gateway but two labels of states is in a panel or a rule."""
    own.declare("orders", ORDERS)
    assert own.client.post("/orders", json=[{"n": 1}, {"n": 2}]).status_code == 201
    assert own.client.post("/orders", json={"n": "x"}).status_code == 422
    assert own.client.delete("/orders?n=eq.1").status_code == 204
    assert own.client.get("/orders").status_code == 200
    text = (printed / "gateway-alerts.yaml").read_text() + (printed / "gateway.json").read_text()

    wanted = set(NAME.findall(text))

    # `tests/lake` scrapes a gateway on a lake.
    assert {name for name in wanted if not name.startswith(LAKE)} - scrape(own).names == set()
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in wanted}
    assert {metric.name for metric in METRICS} - shown == _NOT_SHOWN


#: Metrics for other queries than those of the dashboard.
_NOT_SHOWN = {
    "gateway_connector_info",
    "gateway_reload_last_success_timestamp_seconds",
    "gateway_snapshot_generation",
}


# -- a real Prometheus


def test_prometheus_fires_for_refused_file(printed, own, tmp_path):
    """Prometheus scrapes with the config of the page. The rules wait 0 s instead of minutes; nothing else is changed."""
    own.declare("orders", ORDERS)
    rules = re.sub(
        r"^( +for:) .*$", r"\1 0s", (printed / "gateway-alerts.yaml").read_text(), flags=re.MULTILINE
    )
    put(tmp_path / "gateway-alerts.yaml", rules)
    put(tmp_path / "gateway-token", (own.data / "admin-token").read_text())
    target = own.url.removeprefix("http://")
    put(tmp_path / "prometheus.yml", CONFIG.replace("localhost:8000", target).replace("15s", "1s"))

    with running(tmp_path) as prometheus:
        # A scrape takes at most its interval, and one that fails on a busy machine fires for a moment.
        eventually(
            lambda: prometheus.query('gateway_connector_state{connector="orders", state="live"}') == [1]
        )
        eventually(lambda: prometheus.firing() == {})

        put(own.connectors / "broken.yaml", "fields: [")
        told = eventually(lambda: prometheus.firing().get("GatewayFileRefused"))
        assert (told["labels"]["file"], told["labels"]["state"]) == ("broken.yaml", "refused")
        assert told["annotations"]["summary"] == "broken.yaml is not served as written: refused"

        (own.connectors / "broken.yaml").unlink()
        eventually(lambda: prometheus.firing() == {})

        own.stop()
        eventually(lambda: "GatewayDown" in prometheus.firing())
