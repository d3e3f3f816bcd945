"""The outcomes of a directory of connector files, as of a gateway without rows."""

from collections.abc import Sequence

from gateway.connectors import plan
from gateway.connectors.directory import DirectoryListing
from gateway.connectors.plan import Outcome, UnknownTables
from gateway.store.sql import expression


def outcomes_of(listing: DirectoryListing) -> Sequence[Outcome]:
    """Return the outcome of each connector file, with its findings."""
    declared = [expression.check(plan.parse_file(file)) for file in listing.files.values()]
    return plan.build_plan(declared, {}, {}, UnknownTables()).outcomes
