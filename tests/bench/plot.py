"""Results to a picture: how many times as good as the other the gateway is, on a logarithmic axis, beside its target."""

import html
import math
from collections.abc import Sequence

from tests.bench.report import times
from tests.bench.results import PATH as RESULTS
from tests.bench.results import Comparison, comparisons

PATH = RESULTS.with_suffix(".svg")
_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 22, 350, 460, 150, 46
_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.small { font-size: 11px; fill: #57606a }
.axis { stroke: #d0d7de }
.one { stroke: #57606a }
.met { fill: #2da44e }
.missed { fill: #cf222e }
.target { stroke: #24292f; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .axis { stroke: #3d444d }
  .one { stroke: #9198a1 }
  .met { fill: #3fb950 }
  .missed { fill: #f85149 }
  .target { stroke: #e6edf3 }
}
"""


def svg(results: dict) -> str:
    every = [each for each in comparisons(results) if each.target]
    width, bottom = _LEFT + _WIDTH + _RIGHT, _TOP + _ROW * len(every)
    low, high = _ends(every)

    def x(ratio: float) -> float:
        return round(_LEFT + _WIDTH * math.log(ratio / low) / math.log(high / low), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 14}" role="img">',
        "<title>How many times as good as the other the gateway is, beside its target</title>",
        f"<style>\n{_STYLE}</style>",
        f'<text class="small" x="{_LEFT}" y="14">times as good as the other; the upright line is the target</text>',
    ]
    for tick in range(round(math.log10(low)), round(math.log10(high)) + 1):
        at, kind = x(10**tick), "axis" if tick else "one"
        parts += [
            f'<line class="{kind}" x1="{at}" x2="{at}" y1="{_TOP - 8}" y2="{bottom}"/>',
            f'<text class="small" x="{at}" y="{_TOP - 14}" text-anchor="middle">{10.0**tick:g}×</text>',
        ]
    for place, each in enumerate(every):
        parts += _bar(each, _TOP + _ROW * place, x)
    return "\n".join([*parts, "</svg>", ""])


def _ends(every: Sequence[Comparison]) -> tuple[float, float]:
    """Give the powers of ten between which everything is."""
    values = [value for each in every for value in _good(each)]
    return 10.0 ** math.floor(math.log10(min(*values, 0.1))), 10.0 ** math.ceil(math.log10(max(*values, 10)))


def _good(comparison: Comparison) -> tuple[float, float]:
    """Give the ratio and its target as what is better the more it is."""
    pair = (comparison.ratio, comparison.target)
    return tuple(1 / each for each in pair) if comparison.less_is_better else pair


def _bar(comparison: Comparison, top: int, x) -> list[str]:
    ratio, target = _good(comparison)
    start, end = sorted((x(1), x(ratio)))
    middle, kind = top + _ROW / 2, "met" if comparison.is_met else "missed"
    said = html.escape(f"{comparison.workload.name} against {comparison.against}")
    return [
        f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{said}</text>',
        f'<rect class="{kind}" x="{start}" y="{top + 5}" width="{max(end - start, 1):.1f}" height="{_ROW - 10}"/>',
        f'<line class="target" x1="{x(target)}" x2="{x(target)}" y1="{top + 2}" y2="{top + _ROW - 2}"/>',
        f'<text class="small" x="{_LEFT + _WIDTH + 12}" y="{middle + 4}">{times(ratio)} (target {times(target)})</text>',
    ]
