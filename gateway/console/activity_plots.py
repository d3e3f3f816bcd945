"""The plots of the activity of a connector: rows that came in, and rows that were served."""

from gateway.admin.activity_report import Period
from gateway.admin.connector_activity import ConnectorActivity
from gateway.console.plot import BarPlot, bar_plot
from gateway.instants import utc

_IN = {"stored": "stored", "rejected": "rejected", "refused": "refused"}
_OWN = {"stored": "stored", "rejected": "rejected"}
_OUT = {"served": "served"}


def period_label(activity: ConnectorActivity, period: Period) -> str:
    """Return the start of a period in UTC; of a day the date alone."""
    start = utc(period.start)
    is_whole_day = activity.step.endswith("d")
    return f"{start:%Y-%m-%d}" if is_whole_day else f"{start:%Y-%m-%d %H:%M}"


def activity_plots(activity: ConnectorActivity, span: str) -> list[BarPlot]:
    """Return the plots of an activity; those who see only their own batches get no plot of reads.

    Args:
        activity: The activity.
        span: The time that it covers, in words.
    """
    labels = [period_label(activity, each) for each in activity.periods]
    is_known = any(each.figures is not None for each in activity.periods)
    length = "day" if activity.step.endswith("d") else "hour"
    title = f"Rows received by {length}, {span}"
    values = [_values(each) for each in activity.periods]
    plots = [bar_plot(title, _IN if is_known else _OWN, labels, values)]
    if is_known:
        plots.append(bar_plot(f"Rows served by {length}, {span}", _OUT, labels, values))
    return plots


def _values(period: Period) -> dict[str, int | None]:
    figures = period.figures
    return {
        "stored": period.counts.stored,
        "rejected": period.counts.rejected,
        "refused": figures.refused_rows if figures is not None else None,
        "served": figures.served_rows if figures is not None else None,
    }
