"""Faults of YAML text: the place, the fix in plain words, and the text with the fault repaired.

A YAML parser names the token that surprised it. The cause is often elsewhere: a tab, a quote that is never closed, or a
missing blank. This folder finds that cause. It also repairs the text in memory, so that the reader can go on and report
every other fault of the file at once. No repaired text is ever served.
"""

import re
from collections.abc import Callable, Sequence

from gateway.connectors.yaml_text.brackets import (
    explain_closes_nothing,
    explain_comment_in_brackets,
    explain_in_brackets,
    explain_unclosed_bracket,
)
from gateway.connectors.yaml_text.characters import find_curly_quotes, find_odd_characters
from gateway.connectors.yaml_text.fault import Fault, ParserComplaint
from gateway.connectors.yaml_text.indentation import explain_indentation, explain_second_start, explain_tab
from gateway.connectors.yaml_text.keys import (
    explain_colon,
    explain_key_among_items,
    explain_list_among_keys,
    explain_list_in_line,
    explain_nothing_before_colon,
    explain_nothing_between,
    explain_simple_key,
    find_missing_marks,
)
from gateway.connectors.yaml_text.leftovers import find_conflicts, find_templates
from gateway.connectors.yaml_text.positions import line_end, shorten
from gateway.connectors.yaml_text.quotes import (
    explain_directive,
    explain_escape,
    explain_first_character,
    explain_out_of_range,
    explain_text_behind,
    explain_unclosed_quote,
)

_ANY_HINT = "put text that has : # , [ ] { } or quotes in it in quotes"


def find_faults(text: str, masked: str) -> list[Fault]:
    """Find the faults that show in the text itself.

    Args:
        text: The text.
        masked: The same, with other characters in place of those in quotes, block texts and comments.
    """
    return sorted(
        (
            *find_conflicts(text),
            *find_templates(masked),
            *find_odd_characters(masked),
            *find_curly_quotes(masked),
            *find_missing_marks(masked),
        )
    )


def explain_complaint(text: str, trouble: ParserComplaint) -> Fault:
    """Find the cause of a parser's complaint."""
    for pattern, explanation in _EXPLANATIONS:
        if re.search(pattern, f"{trouble.context} {trouble.problem}"):
            fault = explanation(text, trouble)
            if fault is not None:
                return fault
    return _unexpected(text, trouble)


def _unexpected(text: str, trouble: ParserComplaint) -> Fault:
    """Describe a place that has no explanation of its own."""
    rest = text[trouble.at : line_end(text, trouble.at)].split()
    if not rest:
        return Fault(trouble.at, "the text ends here before a value is complete", _ANY_HINT)
    return Fault(trouble.at, f"YAML cannot read '{shorten(rest[0])}' in this place", _ANY_HINT)


_Explanation = Callable[[str, ParserComplaint], Fault | None]
#: Complaints, as PyYAML words them, and their explanations; the first one that applies and explains it counts.
_EXPLANATIONS: Sequence[tuple[str, _Explanation]] = (
    (r"found character '\\t'", explain_tab),
    (r"found character .* that cannot start any token", explain_first_character),
    (
        r"while scanning (?:an alias|an anchor|a block scalar)|parsing a tag|scanning a tag|undefined tag",
        explain_first_character,
    ),
    (r"quoted scalar found unexpected", explain_unclosed_quote),
    (r"unknown escape|expected escape sequence", explain_escape),
    (r"out of range", explain_out_of_range),
    (r"mapping values are not allowed", explain_colon),
    (r"mapping keys are not allowed", explain_first_character),
    (r"sequence entries are not allowed", explain_list_in_line),
    (r"could not find expected ':'", explain_simple_key),
    (r"<block end>, but found '<scalar>'", explain_text_behind),
    (r"<block end>, but found '[\]},]'", explain_closes_nothing),
    (r"<block end>, but found '<block (?:mapping|sequence) start>'", explain_indentation),
    (r"<block end>, but found '-'", explain_list_among_keys),
    (r"<block end>, but found '\?'", explain_key_among_items),
    (r"<block end>, but found ':'", explain_nothing_before_colon),
    (r"while parsing a flow", explain_comment_in_brackets),
    (r"while parsing a flow", explain_unclosed_bracket),
    (r"flow (?:mapping|sequence) expected ',' or", explain_in_brackets),
    (r"flow node expected the node content", explain_nothing_between),
    (r"block node expected the node content", explain_first_character),
    (r"expected '<document start>'", explain_second_start),
    (r"scanning a directive|%YAML", explain_directive),
)
