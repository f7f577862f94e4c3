"""The figure of a study: scores with their intervals against what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moa_cli.report.elements import COLOURS, LOOK, MARKERS, PANEL, encoded, plain
from moa_cli.studies.document import Cell, Curves, Estimate, FoundTable, Study
from moa_cli.studies.kl_figure import kl_figure


def study_image(study: Study, kind: str) -> bytes:
    """The figure as a "png", "pdf" or "svg" file; the same study gives the same bytes."""
    return encoded(study_figure(study), kind)


def study_figure(study: Study, look: dict[Any, Any] = LOOK) -> Figure:
    """A band of panels per table that has curves, and one legend below.

    A row without x is a dashed line. Curves against KL have a figure of their own.
    """
    if any(on.kl for on in study.benchmarks):
        return kl_figure(study, look)
    with matplotlib.rc_context(look):
        bands = [
            (b, one, one.curves, _panels(one, one.curves)) for b in study.benchmarks for one in b.tables if one.curves
        ]
        columns = max(len(panels) for *_, panels in bands)
        drawn = Figure(figsize=(PANEL[0] * columns, PANEL[1] * len(bands) + 0.4), layout="constrained")
        axes = drawn.subplots(len(bands), columns, squeeze=False)
        for line, (benchmark, one, curves, panels) in zip(axes, bands, strict=True):
            for ax in line[len(panels) :]:
                ax.set_axis_off()
            for ax, (name, rows) in zip(line, panels.items(), strict=False):
                ax.set_title(plain(f"{benchmark.name}@{benchmark.version}, {one.title}"), loc="left")
                x = one.columns[curves.x]
                ax.set(xlabel=plain(f"{x} of {name}" if name else x), ylabel="score (SFT SDs)")
                _draw(ax, one.columns, curves, rows)
        legends = [zip(*ax.get_legend_handles_labels(), strict=True) for ax in drawn.axes]
        handles = {label: handle for legend in legends for handle, label in legend}
        drawn.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2 * columns + 1)
    return drawn


def _panels(one: FoundTable, curves: Curves) -> dict[str, list[Sequence[Cell]]]:
    """The rows of each panel."""
    panels: dict[str, list[Sequence[Cell]]] = {}
    for row in one.rows:
        panels.setdefault("" if curves.panel is None else str(row[curves.panel]), []).append(row)
    return panels


def _draw(ax: Axes, columns: Sequence[str], curves: Curves, rows: Sequence[Sequence[Cell]]) -> None:
    """A curve per objective."""
    for k, y in enumerate(curves.y):
        colour, marker = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
        points = [(row[curves.x], row[y]) for row in rows]
        shown = [(x, score) for x, score in points if isinstance(x, int | float) and isinstance(score, Estimate)]
        value, low, high = np.array([(score.value, score.low, score.high) for _, score in shown]).T
        ax.errorbar(
            [x for x, _ in shown], value, yerr=np.maximum([value - low, high - value], 0), color=colour,
            marker=marker, capsize=2, elinewidth=0.7, label=plain(columns[y]),
        )  # fmt: skip
        for x, score in points:
            if x is None and isinstance(score, Estimate):
                ax.axhline(score.value, color=colour, linewidth=0.7, linestyle="--")
    if curves.level:
        ax.plot([], [], color="0.4", linewidth=0.7, linestyle="--", label=curves.level)
    varied = [x for x in (row[curves.x] for row in rows) if isinstance(x, int | float)]
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=all(float(x).is_integer() for x in varied)))
