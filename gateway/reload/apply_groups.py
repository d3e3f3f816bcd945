"""Groups comparisons of connectors into transactions."""

import logging
from collections.abc import Sequence

from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import Connector
from gateway.connectors.finding import Finding, InvalidFileError
from gateway.errors import Code, GatewayError

_log = logging.getLogger(__name__)

#: Comparisons that are applied together or not at all.
Unit = list[SchemaDiff]


def groups(comparisons: Sequence[SchemaDiff]) -> list[list[Unit]]:
    """Group the comparisons: those that touch no row share a transaction, each other unit gets its own."""
    light, heavy = [], []
    for unit in _units(comparisons):
        if any(each.old and each.is_schema_change for each in unit):
            heavy.append([unit])
        else:
            light.append(unit)
    return [light, *heavy] if light else heavy


def _units(comparisons: Sequence[SchemaDiff]) -> list[Unit]:
    """Merge comparisons where one connector takes the path of another, since they depend on each other."""
    leaving = {each.old.path: each for each in comparisons if each.old and each.old.path != each.new.path}
    unit_of = {each.new.name: [each] for each in comparisons}
    for each in comparisons:
        former = leaving.get(each.new.path)
        if former is not None and unit_of[former.new.name] is not unit_of[each.new.name]:
            unit = [*unit_of[former.new.name], *unit_of[each.new.name]]
            unit_of |= dict.fromkeys((member.new.name for member in unit), unit)
    return list({id(unit): unit for unit in unit_of.values()}.values())


def failure(
    new: Connector, comparisons: Sequence[SchemaDiff], error: GatewayError | InvalidFileError
) -> Sequence[Finding]:
    """Return the findings about a connector that was not applied; another connector of its unit may be the cause."""
    if isinstance(error, GatewayError):
        _log.error("%s could not be applied: %s", new.name, error)
        message = f"the tables of '{new.name}' could not be changed; the next reload tries again"
        return [Finding(new.file, None, None, Code.STORE_FAILED, message)]
    if own := [finding for finding in error.findings if finding.file == new.file]:
        return own
    others = " and ".join(sorted(each.new.file for each in comparisons if each.new is not new))
    message = f"'{new.name}' exchanges its path with {others}, which is refused"
    return [Finding(new.file, None, None, Code.CONNECTOR_CLASH, message, f"correct {others}")]
