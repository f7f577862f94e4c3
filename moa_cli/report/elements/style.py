"""How methods look in every figure: a colour and a mark each, the same wherever they appear."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import matplotlib
from matplotlib.figure import Figure

from moa_cli.words import one_line

PANEL = (3.3, 2.7)
"""Width and height in inches: two panels fill the text width of a paper."""


# Nine hues that readers with deuteranopia or protanopia tell apart better than Okabe and Ito's seven (least distance in
# OKLab .07, theirs .055), each with 3:1 contrast on white and on the report's dark page (WCAG 2.2, 1.4.11).
COLOURS = ("#0E96F5", "#C7831B", "#24A183", "#875FAB", "#BE4B00", "#4169D7", "#27803F", "#C173BB", "#6D797C")


INK = "#111111"
"""Of stars. Not pure black, which matplotlib leaves out of an SVG: in a page it is the colour of the text."""


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "d")


OWN_STYLE = ("rewarded-soups", "ric", "morlhf", "mod", "modpo", "paretohqd", "moslim", "best-of-n", "spo", "sft-goals")
"""Methods that look the same wherever they appear; one that joins them is put last, so that no other changes."""


LOOK: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": "0.4",
    "grid.color": "0.92",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.color": "0.3",
    "ytick.color": "0.3",
    "lines.linewidth": 1.0,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "moa",
}


_NO_DATE = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


class Style(NamedTuple):
    """How a method is drawn, the same in every panel."""

    colour: str
    marker: str


def encoded(drawn: Figure, kind: str, look: dict[Any, Any] = LOOK) -> bytes:
    """A figure as a "png", "pdf" or "svg" file."""
    with matplotlib.rc_context(look):
        file = io.BytesIO()
        drawn.savefig(file, format=kind, dpi=300, metadata=_NO_DATE[kind])
    return file.getvalue()


def styles_of(steerings: Mapping[str, str]) -> dict[str, Style]:
    """How each row is drawn, by its name, of the rows' steerings: in colours, what is not steered as a star in `INK`.

    Names beyond `OWN_STYLE` take what these leave, colours first that no row has; no two rows look the same.
    """
    steered = sorted(name for name, steering in steerings.items() if steering != "none")
    every = [Style(COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]) for k in range(len(COLOURS) * len(MARKERS))]
    own = dict(zip(OWN_STYLE, every, strict=False))
    used = {own[name].colour for name in steered if name in own}
    left = sorted(every[len(own) :], key=lambda style: style.colour in used)
    others = (name for name in steered if name not in own)
    coloured = own | {name: left[k % len(left)] for k, name in enumerate(others)}
    return {name: Style(INK, "*") if steering == "none" else coloured[name] for name, steering in steerings.items()}


def plain(text: str) -> str:
    """A text from data without formulas and control characters."""
    return one_line(text).replace("$", r"\$")
