"""The charts of a report as SVG inside the page: scores over the lead, their axes where the page's code expects them."""

import io
from typing import Any

import numpy as np

from framecast.metrics import METRICS

Curve = np.ndarray[Any, np.dtype[Any]]
PLOT = {"left": 0.09, "right": 0.985}
"""Where the first and the last lead stand, as shares of the width of a chart: the page moves a line between them."""
INCHES = (6.2, 2.7)
_OWN, _REFERENCE, _RULE = "#c4701c", "#6b747d", "#2f7fc1"


def curves_svg(
    metric: str, own: tuple[str, Curve], reference: tuple[str, Curve] | None = None, rule: tuple[str, Curve] | None = None
) -> str:
    """An <svg> element of curves, each a title and its values (lead,): the run, persistence, and a rule to compare with.

    Infinite values (PSNR of an exact frame) leave a gap.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    kind = METRICS[metric]
    looks: list[tuple[tuple[str, Curve] | None, tuple[str, str, float]]] = [
        (reference, (_REFERENCE, "--", 1.2)), (rule, (_RULE, ":", 1.6)), (own, (_OWN, "-", 2.2))
    ]  # fmt: skip
    with rc_context({"font.size": 8, "font.family": "DejaVu Sans", "svg.hashsalt": f"framecast {metric}"}):
        drawn = Figure(figsize=INCHES, facecolor="none")
        ax = drawn.add_axes((PLOT["left"], 0.16, PLOT["right"] - PLOT["left"], 0.66), facecolor="none")
        n_leads = len(own[1])
        for curve, (colour, dash, width) in looks:
            if curve is None:
                continue
            values = np.where(np.isfinite(curve[1]), curve[1], np.nan)
            (line,) = ax.plot(np.arange(1, n_leads + 1), values, dash, color=colour, linewidth=width, label=curve[0])
            line.set_marker("o" if n_leads == 1 else "")
        if ax.get_ylim()[1] >= 1e5:
            ax.yaxis.set_major_formatter(EngFormatter(sep=""))
        ax.set_xlim(1, max(n_leads, 2))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("lead (frames ahead)")
        better = "higher is better" if kind.higher_is_better else "lower is better"
        ax.set_title(f"{metric.upper()}, {better}", loc="left", fontsize=9, pad=18)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, fontsize=7.5, borderaxespad=0.1)
        ax.grid(alpha=0.25, linewidth=0.5)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        content = io.StringIO()
        drawn.savefig(content, format="svg", metadata={"Date": None})
    text = content.getvalue()
    return text[text.index("<svg") :]
