"""Figures: the accuracy of a training run, and the cost of each order against a width, on log axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

INK, PAPER, GREY = "#1d2733", "#ffffff", "#8a94a0"
COLOURS = {"forward": "#d1495b", "reverse": "#2e86ab", "auto": "#2a9d5c", "cross-country": "#2a9d5c"}


@dataclass(frozen=True)
class Curves:
    """Cost against width for several orders of one program.

    title   what the program is
    widths  the values of D
    costs   order → cost at each width
    counted order → what XLA counts in the compiled code, at the widths where it was compiled
    """

    title: str
    widths: Sequence[int]
    costs: Mapping[str, Sequence[float]]
    counted: Mapping[str, Mapping[int, float]]


def demo_figure(path: Path, latex: str, accuracy: Mapping[str, Sequence[float]], panels: Sequence[Curves]) -> None:
    """Draw the demo's figure to `path`: a derived formula above, accuracy at the left, costs of each chain beside it.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
    }
    style |= {"text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}
    with rc_context(style | {"mathtext.fontset": "cm", "figure.facecolor": PAPER}):
        figure = Figure(figsize=(4.1 * (1 + len(panels)), 4.6), layout="constrained")
        axes = figure.subplots(1, 1 + len(panels))
        figure.suptitle(result_of(latex), fontsize=20)
        _accuracy(axes[0], accuracy)
        for axis, curves in zip(axes[1:], panels, strict=True):
            _costs(axis, curves)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160)


def _accuracy(axis: Any, accuracy: Mapping[str, Sequence[float]]) -> None:
    """Test accuracy by epoch: the first run as a broad line, the others dashed on top of it."""
    looks = [{"color": COLOURS["auto"], "lw": 5, "alpha": 0.45}, {"color": INK, "lw": 1.2, "ls": (0, (4, 3))}]
    for (name, values), look in zip(accuracy.items(), looks, strict=False):
        epochs = range(1, len(values) + 1)
        axis.plot(epochs, [100 * value for value in values], label=f"{name}   {values[-1]:.2%}", **look)
    axis.axhline(95, color=GREY, lw=0.8)
    axis.annotate("95 %", (1, 95), (0, 3), xycoords=("axes fraction", "data"), textcoords="offset points",
                  ha="right", color=GREY, fontsize=8.5)  # fmt: skip
    axis.set(title="Three-layer perceptron on the digits", xlabel="epoch", ylabel="test accuracy, %")
    axis.legend(loc="lower right", frameon=False, title="trained with")


def _costs(axis: Any, curves: Curves) -> None:
    """Lines for the costs as planned, circles for what XLA counts, each line with its slope at its end."""
    for width, (order, costs) in zip((6, 3.5, 1.5, 1.5), curves.costs.items(), strict=False):
        colour = COLOURS.get(order, INK)  # each line narrower than the one before, so that none hides another
        axis.loglog(curves.widths, costs, color=colour, lw=width, alpha=0.5 if width > 2 else 1)
        counted = curves.counted.get(order, {})
        axis.loglog(list(counted), list(counted.values()), "o", ms=5, mfc=PAPER, mec=colour, mew=1.5)
    for order, place in _apart({order: costs[-1] for order, costs in curves.costs.items()}).items():
        label = f" {order}  $\\propto D^{{{slope(curves.widths, curves.costs[order]):.1f}}}$"
        axis.text(curves.widths[-1], place, label, color=COLOURS.get(order, INK), va="center", fontsize=10)
    axis.set_xlim(right=curves.widths[-1] * 14)
    ticks = [width for width in curves.widths if log(width, 4) % 1 < 1e-9]
    axis.set_xticks(ticks, [f"{width:,}" for width in ticks])
    axis.minorticks_off()
    axis.set(title=curves.title, xlabel="width D", ylabel="flops")
    axis.text(0.03, 0.97, "lines: as planned\ncircles: as compiled,\nwith the forward pass", color=GREY, va="top",
              fontsize=8.5, transform=axis.transAxes)  # fmt: skip


def result_of(latex: str) -> str:
    r"""The last equation of an `aligned` block, in the part of LaTeX that matplotlib sets.

    >>> result_of(r"\begin{aligned} a &= b \\ \nabla a &= \tfrac{1}{N} c \end{aligned}")
    '$\\nabla a = \\frac{1}{N} c$'
    """
    rows = latex.replace(r"\begin{aligned}", "").replace(r"\end{aligned}", "").split(r"\\")
    return f"${rows[-1].replace('&', '').replace('tfrac', 'frac').strip()}$"


def slope(widths: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent p of cost ∝ widthᵖ at the right end.

    >>> round(slope([10, 100], [3e2, 3e4]), 6)
    2.0
    """
    return log(costs[-1] / costs[-2]) / log(widths[-1] / widths[-2])


def _apart(ends: Mapping[str, float], factor: float = 2.2) -> dict[str, float]:
    """Heights for labels at the ends of lines: the ends themselves, moved up until neighbours are a factor apart."""
    places: dict[str, float] = {}
    last = 0.0
    for name, value in sorted(ends.items(), key=lambda item: item[1]):
        places[name] = last = max(value, last * factor)
    return places
