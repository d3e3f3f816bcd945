"""The number of findings: about connector files, and about the tokens file."""

from collections import Counter

from gateway.auth.credentials import Credentials
from gateway.endpoints.live import Snapshot


def count_findings(snapshot: Snapshot, credentials: Credentials) -> Counter[str]:
    """Return the number of findings by level. It costs no look into a file, so that every page can show it."""
    findings = [*snapshot.passed_over, *credentials.findings]
    findings += (finding for outcome in snapshot.outcomes for finding in outcome.findings)
    levels = Counter(finding.level for finding in findings)
    served = (endpoint.connector for endpoint in snapshot.endpoints.values())
    levels["warning"] += sum(map(credentials.count_unknown_names, served))
    return levels
