"""Plots as values: the places of bars in an SVG picture, which a template draws.

A bar has its numbers in a `<title>`, and the picture has a name, so that a screen reader reads both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The size of a bar of a sparkline, with the space to the next one, and the height of the whole.
_STEP, _BAR, SPARK_HEIGHT = 4, 3, 20
#: The size of a plot.
WIDTH, HEIGHT = 720, 120
#: The share of a period that its bar takes.
_FILLED = 0.8
#: The least height of a bar of more than 0: a small number must not look like none.
_VISIBLE = 1


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A plot of the size of a word: one path over all bars.

    Attributes:
        width: The width of the picture.
        path: The outline of the bars, in the syntax of SVG; empty if all values are 0.
        title: What it shows, with its sum.
    """

    width: int
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar, from the bottom up: its class, and its place."""

    series: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """The values of one period.

    Attributes:
        x: Where the period begins.
        step: The width of the period, which shows the title below a pointer.
        width: The width of the bar.
        title: The period, and its numbers.
        segments: The parts of the bar.
    """

    x: float
    step: float
    width: float
    title: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class BarPlot:
    """A plot of stacked bars.

    Attributes:
        title: What it shows.
        bars: One for each period.
        series: The names of the series by their class.
        largest: The largest sum of a period, which is as high as the plot.
        first: The label of the first period.
        last: The label of the last period.
    """

    title: str
    bars: tuple[Bar, ...]
    series: Mapping[str, str]
    largest: int
    first: str
    last: str


def sparkline(values: Sequence[int], title: str) -> Sparkline:
    """Return a plot of values in a row; the largest is as high as the picture."""
    largest = max(values, default=0)
    parts = []
    for number, value in enumerate(values):
        if value > 0:
            height = max(round(value * SPARK_HEIGHT / largest, 1), _VISIBLE)
            parts.append(f"M{number * _STEP} {SPARK_HEIGHT}v-{height:g}h{_BAR}v{height:g}z")
    return Sparkline(len(values) * _STEP, "".join(parts), title)


def bar_plot(
    title: str,
    series: Mapping[str, str],
    labels: Sequence[str],
    values: Sequence[Mapping[str, int | None]],
) -> BarPlot:
    """Return a plot of stacked bars.

    Args:
        title: What it shows.
        series: The names of the series by their class, from the bottom of a bar to its top.
        labels: The name of each period.
        values: The values of each period by class; None is unknown, and is left out.
    """
    largest = max((_sum(each, series) for each in values), default=0)
    step = WIDTH / max(len(values), 1)
    bars = tuple(
        Bar(
            round(number * step, 2),
            round(step, 2),
            round(step * _FILLED, 2),
            f"{label}: {_numbers(each, series)}",
            tuple(_segments(each, series, largest)),
        )
        for number, (label, each) in enumerate(zip(labels, values, strict=True))
    )
    return BarPlot(title, bars, series, largest, *((labels[0], labels[-1]) if labels else ("", "")))


def _sum(values: Mapping[str, int | None], series: Mapping[str, str]) -> int:
    return sum(values[each] or 0 for each in series)


def _numbers(values: Mapping[str, int | None], series: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} {'unknown' if (value := values[each]) is None else format(value, ',')}"
        for each, name in series.items()
    )


def _segments(values: Mapping[str, int | None], series: Mapping[str, str], largest: int) -> list[Segment]:
    segments, top = [], float(HEIGHT)
    for each in series:
        value = values[each]
        if value:
            height = max(value * HEIGHT / largest, _VISIBLE)
            top -= height
            segments.append(Segment(each, round(top, 2), round(height, 2)))
    return segments
