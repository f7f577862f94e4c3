"""The figure of the score-KL study: what every method reaches at which KL, between best-of-n and the ceiling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moa_cli.report.elements import INK, LOOK, PANEL, Style, plain, styles_of
from moa_cli.studies.document import Estimate, KLCurve, KLCurves, KLPoint, Study, StudyOn

KL = "KL from the starting policy (nats)"
_PANELS: dict[str, Callable[[KLPoint], Estimate | None]] = {
    "reward": lambda point: point.reward,
    "score": lambda point: point.score,
    "utility": lambda point: point.utility,
}
"""What is drawn of a point, a panel each."""


_LINES = {"best of n": "--", "optimal for the rewards": "-", "optimal for the evaluators": ":"}
"""How the references are drawn, in grey, by their name."""


_CROSSED = "too many collapsed"


def kl_figure(study: Study, look: dict[Any, Any] = LOOK) -> Figure:
    """Three panels per benchmark: w . reward, w . score, and that less the starting policy's, averaged over weights.

    A curve per method in a band of its intervals, from the least KL to the largest; configurations with too many
    collapsed answers are crossed out, and no curve goes through them. Grey: best-of-n and what is optimal.
    """
    shown = [(on, on.kl) for on in study.benchmarks if on.kl]
    names = dict.fromkeys(one.name for _, kl in shown for one in kl.curves if one.kind == "method")
    styles = styles_of(dict.fromkeys(names, "prompt"))
    with matplotlib.rc_context(look):
        width = PANEL[0] * 0.85 * len(_PANELS)
        drawn = Figure(figsize=(width, PANEL[1] * len(shown) + 0.5), layout="constrained")
        for line, (on, kl) in zip(drawn.subplots(len(shown), len(_PANELS), squeeze=False), shown, strict=True):
            for ax, name in zip(line, _PANELS, strict=True):
                _draw(ax, on, kl, name, styles)
        legends = [zip(*ax.get_legend_handles_labels(), strict=True) for ax in drawn.axes]
        handles = {label: handle for legend in legends for handle, label in legend}
        first = [plain(name) for name in names]
        order = [*first, *(label for label in handles if label not in first)]
        drawn.legend([handles[label] for label in order], order, loc="outside lower center", ncols=4)
    return drawn


def _draw(ax: Axes, on: StudyOn, kl: KLCurves, name: str, styles: dict[str, Style]) -> None:
    """One panel."""
    for one in kl.curves:
        if one.kind == "method":
            _draw_method(ax, one, name, styles[one.name])
        else:
            _draw_reference(ax, one, name)
    ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    ax.set_title(plain(f"{on.name}@{on.version}, {name}"), loc="left")
    ax.set(xlabel=KL, ylabel=f"{name} (SFT SDs)")
    ax.xaxis.set_major_locator(MaxNLocator(6))


def _draw_method(ax: Axes, one: KLCurve, name: str, style: Style) -> None:
    read = _PANELS[name]
    found = [(p.kl, told, p.counts) for p in one.points if (told := read(p))]
    counted = [(kl, told) for kl, told, counts in found if counts]
    x = [kl for kl, _ in counted]
    ax.fill_between(
        x, [t.low for _, t in counted], [t.high for _, t in counted], color=style.colour, alpha=0.2, linewidth=0
    )
    ax.plot(x, [t.value for _, t in counted], color=style.colour, marker=style.marker, label=plain(one.name))
    crossed = [(kl, told.value) for kl, told, counts in found if not counts]
    if crossed:
        cx, cy = zip(*crossed, strict=True)
        ax.scatter(cx, cy, s=18, marker=style.marker, color=style.colour, zorder=3)
        ax.scatter(cx, cy, s=45, marker="x", color=INK, linewidths=0.6, zorder=4, label=_CROSSED)


def _draw_reference(ax: Axes, one: KLCurve, name: str) -> None:
    """A grey curve; at the ends of that of best-of-n stands n."""
    found = [(p.kl, told.value, p.setting) for p in one.points if (told := _PANELS[name](p))]
    if not found:
        return
    x, y, settings = zip(*found, strict=True)
    dotted = one.kind == "best-of-n"
    ax.plot(
        x, y, color="0.6", linewidth=0.8, linestyle=_LINES.get(one.name, "-"), marker="." if dotted else "", zorder=1,
        label=plain(one.name),
    )  # fmt: skip
    if dotted:
        for k in (0, len(x) - 1):
            ax.annotate(
                settings[k].removeprefix("n = "), (x[k], y[k]), (3, -2), textcoords="offset points", color="0.45",
                fontsize=6, va="top",
            )  # fmt: skip
