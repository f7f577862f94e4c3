"""The figure of a comparison: every method's points under the training rewards and under the evaluators."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from benchmarks import BadInput
from benchmarks.spec import Signal
from moa_cli.comparisons import BestOfN, CeilingFront, CeilingOf, Comparison, OnBenchmark, alike, failed_who
from moa_cli.report.elements import INK, LOOK, PANEL, Style, encoded, plain, styles_of

_HOLLOW, _CROSSED, _GREY = _KEY = (
    "adds nothing to the front",
    "too many collapsed",
    "optimal for the rewards (estimate)",
)
"""What the legend says of marks that are not a method's, where there are such."""


Panels = list[list[tuple[Signal, tuple[int, ...]]]]
"""Rows of panels, each a signal and the objectives it shows."""


def comparison_image(comparison: Comparison, kind: str) -> bytes:
    """The figure as a "png", "pdf" or "svg" file; the same comparison gives the same bytes."""
    return encoded(comparison_figure(comparison), kind)


def comparison_figure(comparison: Comparison) -> Figure:
    """A band of panels per benchmark and one legend below.

    Two objectives: training rewards left, evaluators right, points joined in the order of their weights, the ceiling
    behind them where there is one. Three: each pair of objectives, training rewards above. Otherwise a line per point
    over all objectives. Without evaluators, rewards are drawn once. Points that add nothing to the hypervolume are
    hollow, collapsed ones are crossed out. A method that is not steered is a star. The legend explains all of this that
    there is. BadInput where nothing was measured.
    """
    if not comparison.benchmarks:
        raise BadInput("there is nothing to draw", "no method was measured", "mend what failed, then the same command")
    with matplotlib.rc_context(LOOK):
        bands = [_panels(b) for b in comparison.benchmarks]
        rows, columns = [len(b) for b in bands], max(len(row) for band in bands for row in band)
        drawn = Figure(figsize=(PANEL[0] * columns, PANEL[1] * sum(rows) + 0.4), layout="constrained")
        looks = styles_of(comparison.steerings)
        parts = drawn.subfigures(len(bands), 1, height_ratios=rows, squeeze=False)[:, 0]
        for part, panels, benchmark in zip(parts, bands, comparison.benchmarks, strict=True):
            failed = alike(one for one in comparison.failures if one.benchmark == benchmark.name)
            _draw(part, panels, benchmark, looks, [f"{failed_who(group)} failed" for group in failed])
        legends = [zip(*ax.get_legend_handles_labels(), strict=True) for ax in drawn.axes]
        handles = {label: handle for legend in legends for handle, label in legend}
        order = [*(plain(name) for name in looks), *(told for told in _KEY if told in handles)]
        drawn.legend(
            [handles[name] for name in order], order, loc="outside lower center",
            ncols=min(len(order), 2 * columns + 1), handlelength=1.6, columnspacing=1.2,
        )  # fmt: skip
    return drawn


def _panels(on: OnBenchmark) -> Panels:
    """The panels of a benchmark."""
    every, signals = tuple(range(len(on.objectives))), on.signals[::-1]
    if len(every) == 3:
        return [[(signal, pair) for pair in combinations(every, 2)] for signal in signals]
    return [[(signal, every) for signal in signals]]


def _draw(
    part: SubFigure, panels: Panels, benchmark: OnBenchmark, styles: dict[str, Style], failed: Sequence[str]
) -> None:
    """One benchmark, and what is not in the figure because it failed."""
    axes = part.subplots(len(panels), len(panels[0]), squeeze=False)
    title = plain(f"{benchmark.name}@{benchmark.version}")
    if told := [*benchmark.warnings, *failed]:
        part.suptitle(plain("\n".join(told)), color="#B00020", fontsize=7)
    for line, row_of_axes in zip(panels, axes, strict=True):
        for (signal, shown), ax in zip(line, row_of_axes, strict=True):
            scorers = benchmark.scorers_word(signal, *(benchmark.objectives[m] for m in shown))
            ax.set_title(f"{title}, {scorers}", loc="left")
            names = [plain(benchmark.objectives[m]) for m in shown]
            if len(names) == len(benchmark.objectives) == 2 and benchmark.ceiling:
                _ceiling(ax, benchmark.ceiling.of(signal))
            for row in benchmark.rows:
                values, style, name = row.values(signal), styles[row.method], plain(row.method)
                if len(shown) == 2:
                    _plane(ax, values, shown, style, name, benchmark.adds(row, signal))
                    _cross_out(ax, values[[point.collapsed for point in row.in_order]][:, shown])
                else:
                    _parallel(ax, values, shown, style, name)
            if len(shown) == 2:
                ax.set(xlabel=f"{names[0]} (SFT SDs)", ylabel=f"{names[1]} (SFT SDs)")
                ax.xaxis.set_major_locator(MaxNLocator(6))
                ax.yaxis.set_major_locator(MaxNLocator(6))
            else:
                ax.set_ylabel("score (SFT SDs)")
                ax.set_xticks(range(len(names)), names)
                ax.margins(x=0.1 if len(names) > 1 else 1)


def _plane(ax: Axes, values: np.ndarray, shown: tuple[int, ...], style: Style, label: str, filled: np.ndarray) -> None:
    """Points (K, M) in the plane of two objectives, hollow where not `filled` (K,)."""
    x, y = values[:, shown].T
    face = np.where(filled, style.colour, "white")
    starred = style.marker == "*"
    if values.shape[1] == 2:  # with more objectives the weights have no order to follow
        ax.plot(x, y, color=style.colour, linewidth=0.7, alpha=0.5, zorder=2)
    ax.scatter(
        x, y, s=70 if starred else 18, c=list(face), marker=style.marker, edgecolors=style.colour, linewidths=0.7,
        zorder=3,
    )  # fmt: skip
    ax.plot(
        [], [], color=style.colour, marker=style.marker, markersize=7 if starred else 4.5,
        linestyle="" if starred else "-", label=label,
    )  # fmt: skip
    if not filled.all():
        ax.plot([], [], color="0.4", marker="o", markerfacecolor="white", linestyle="", label=_HOLLOW)


def _cross_out(ax: Axes, values: np.ndarray) -> None:
    """Marks points (K, 2) at which too many answers are degenerate."""
    if len(values):
        ax.scatter(values[:, 0], values[:, 1], s=45, marker="x", color=INK, linewidths=0.6, zorder=4)
        ax.plot([], [], color=INK, marker="x", linestyle="", label=_CROSSED)


def _ceiling(ax: Axes, ceiling: CeilingOf) -> None:
    """What is optimal for the rewards, in two objectives: a line per KL with a gap where points are hidden.

    Dashed, the best of n answers.
    """
    best = ceiling.shown_best
    fronts: list[CeilingFront | BestOfN] = [*ceiling.fronts, best]
    for front in fronts:
        points = dict(zip(front.weights, front.points, strict=True))
        x, y = np.array([points.get(w, (np.nan, np.nan)) for w in best.weights]).T
        if isinstance(front, BestOfN):
            name, end, line, below = f"best of {front.n}", front.points[0], "--", "top"
        else:
            name, end, line, below = f"KL {front.kl:g}", front.points[-1], "-", "bottom"
        ax.plot(x, y, color="0.7", linewidth=0.6, linestyle=line, zorder=1)
        ax.annotate(name, (end[0], end[1]), color="0.5", fontsize=5, ha="center", va=below, zorder=1)
    ax.plot([], [], color="0.7", linewidth=0.6, label=_GREY)


def _parallel(ax: Axes, points: np.ndarray, shown: tuple[int, ...], style: Style, label: str) -> None:
    """A line per point of (K, M) over the objectives."""
    for k, point in enumerate(points):
        ax.plot(
            range(len(shown)), point[list(shown)], color=style.colour, marker=style.marker, linewidth=0.7, alpha=0.7,
            markersize=3.5, label=label if k == 0 else "_",
        )  # fmt: skip
