"""The figure of a study: scores with their intervals against what was varied."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moa_cli.style import COLOURS, LOOK, MARKERS, PANEL, encoded, plain


def study_image(document: dict[str, Any], kind: str) -> bytes:
    """The figure as a "png", "pdf" or "svg" file; the same document gives the same bytes."""
    return encoded(study_figure(document), kind)


def study_figure(document: dict[str, Any]) -> Figure:
    """A band of panels per table that has curves, and one legend below.

    `table["curves"]` numbers its columns: "x" is what was varied, "y" are scores, and "panel", where it is not None,
    sorts the rows into panels. A row without x is a level to compare with: a dashed line, which the legend calls
    "level".
    """
    with matplotlib.rc_context(LOOK):
        bands = [(b, one, _panels(one)) for b in document["benchmarks"] for one in b["tables"] if one["curves"]]
        columns = max(len(panels) for _, _, panels in bands)
        drawn = Figure(figsize=(PANEL[0] * columns, PANEL[1] * len(bands) + 0.4), layout="constrained")
        axes = drawn.subplots(len(bands), columns, squeeze=False)
        for line, (benchmark, one, panels) in zip(axes, bands, strict=True):
            for ax in line[len(panels) :]:
                ax.set_axis_off()
            for ax, (name, rows) in zip(line, panels.items(), strict=False):
                ax.set_title(plain(f"{benchmark['name']}@{benchmark['version']}, {one['title']}"), loc="left")
                x = one["columns"][one["curves"]["x"]]
                ax.set(xlabel=plain(f"{x} of {name}" if name else x), ylabel="score (SFT SDs)")
                _draw(ax, one, rows)
        legends = [zip(*ax.get_legend_handles_labels(), strict=True) for ax in drawn.axes]
        handles = {label: handle for legend in legends for handle, label in legend}
        drawn.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2 * columns + 1)
    return drawn


def _panels(one: dict[str, Any]) -> dict[str, list[list[Any]]]:
    """The rows of each panel."""
    panels: dict[str, list[list[Any]]] = {}
    for row in one["rows"]:
        name = "" if one["curves"]["panel"] is None else row[one["curves"]["panel"]]
        panels.setdefault(name, []).append(row)
    return panels


def _draw(ax: Axes, one: dict[str, Any], rows: list[list[Any]]) -> None:
    """A curve per objective."""
    x = one["curves"]["x"]
    for k, y in enumerate(one["curves"]["y"]):
        colour, marker = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
        shown = [row for row in rows if row[x] is not None]
        value, low, high = (np.array([row[y][part] for row in shown]) for part in ("value", "low", "high"))
        ax.errorbar(
            [row[x] for row in shown], value, yerr=np.maximum([value - low, high - value], 0), color=colour,
            marker=marker, capsize=2, elinewidth=0.7, label=plain(one["columns"][y]),
        )  # fmt: skip
        for row in rows:
            if row[x] is None:
                ax.axhline(row[y]["value"], color=colour, linewidth=0.7, linestyle="--")
    if one["curves"]["level"]:
        ax.plot([], [], color="0.4", linewidth=0.7, linestyle="--", label=one["curves"]["level"])
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=all(float(row[x] or 0).is_integer() for row in rows)))
