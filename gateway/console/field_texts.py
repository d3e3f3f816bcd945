"""Fields and policies of a connector as pages write them."""

from collections.abc import Mapping

from gateway.connectors.connector import ABSENT, Connector, Field
from gateway.connectors.constraints import show
from gateway.connectors.policy import BadRowLimit
from gateway.console.snippets.literals import JSON
from gateway.strictjson import Json


def default_text(field: Field) -> str:
    """Return the default of a field as JSON, empty if it has none."""
    return "" if field.default is ABSENT else JSON.value(field.default)


def rule_texts(field: Field) -> list[str]:
    """Return the constraints of a field."""
    return [f"{name} {_shown(value)}" for name, value in field.constraints.items()]


def policy_texts(connector: Connector) -> Mapping[str, str]:
    """Return the policy of a connector by its keys in the file; what is not set is left out."""
    policy = connector.policy
    texts: dict[str, str] = {}
    if connector.primary_key:
        texts["primary_key"] = ", ".join(connector.primary_key)
        texts["on_conflict"] = policy.on_conflict
    texts["on_invalid"] = policy.on_invalid
    if policy.keep_at_most != BadRowLimit():
        texts["keep_at_most"] = str(policy.keep_at_most)
    texts["idempotency"] = "required" if policy.needs_key else "optional"
    retention = {"days": policy.retention.days, "rows": policy.retention.rows}
    texts["retention"] = _numbers(retention) or "none"
    limits = {
        "rows per second": policy.limits.rows_per_second,
        "requests per second": policy.limits.requests_per_second,
    }
    texts["limits"] = _numbers(limits) or "none"
    if policy.read_limit is not None:
        texts["read_limit"] = f"{policy.read_limit:,} rows"
    return texts


def _numbers(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{value:,g} {name}" for name, value in values.items() if value is not None)


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else show(value)
