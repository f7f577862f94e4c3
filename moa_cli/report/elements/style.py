"""How methods look in every figure: a colour and a mark each, the same wherever they appear."""

from __future__ import annotations

import io
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from moa_cli.comparisons import method_of
from moa_cli.words import one_line

PANEL = (3.3, 2.7)
"""Width and height in inches: two panels fill the text width of a paper."""


# Nine hues that readers with deuteranopia or protanopia tell apart better than Okabe and Ito's seven (least distance in
# OKLab .07, theirs .055), each with 3:1 contrast on white and on the report's dark page (WCAG 2.2, 1.4.11).
COLOURS = ("#0E96F5", "#C7831B", "#24A183", "#875FAB", "#BE4B00", "#4169D7", "#27803F", "#C173BB", "#6D797C")


INK = "#111111"
"""Of the starting policy and of outlines.

Not pure black, which matplotlib leaves out of an SVG: in a page it is the colour of the text."""


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


LINES = ("-", "--", ":", "-.")
"""Of the rows of one method, from the first on."""


class Style(NamedTuple):
    """How a row is drawn, the same in every panel: in the colour and with the marker of its method."""

    colour: str
    marker: str
    variant: int = 0
    """Which of its method's rows it is. Odd ones have an outline in ink, from the third on they have a hole."""
    key: str = ""
    """What the row's parts of all drawings are called, to be found together."""

    @property
    def outline(self) -> str | None:
        """The colour around the marker, None where nothing sets it apart from others of its method."""
        return INK if self.variant % 2 else None

    @property
    def hole(self) -> bool:
        """Whether the marker has a hole."""
        return self.variant > 1 or (self.variant == 1 and self.colour == INK)

    @property
    def line(self) -> str:
        """How what joins its points is drawn."""
        return LINES[self.variant % len(LINES)]


def encoded(drawn: Figure, kind: str, look: dict[Any, Any] = LOOK) -> bytes:
    """A figure as a "png", "pdf" or "svg" file."""
    with matplotlib.rc_context(look):
        file = io.BytesIO()
        if kind == "svg":  # savefig() draws everything twice to arrive at the same bytes
            FigureCanvasSVG(drawn).print_svg(file, metadata=_NO_DATE[kind])
        else:
            drawn.savefig(file, format=kind, dpi=300, metadata=_NO_DATE[kind])
    return file.getvalue()


def styles_of(steerings: Mapping[str, str]) -> dict[str, Style]:
    """How each row is drawn, by its name, of the rows' steerings: what is not steered as a star.

    Colour and marker are the method's: of those that come with moa by `OWN_STYLE`, of others by a hash of the name,
    whoever else is there. Two others that chance has given the same part: the second takes the next that is free. Rows
    of one method differ in outline, hole and line.
    """
    every = [Style(COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]) for k in range(len(COLOURS) * len(MARKERS))]
    looks = dict(zip(OWN_STYLE, every, strict=False)) | {"sft": Style(INK, "*")}
    left, rows = every[len(OWN_STYLE) :], dict[str, list[str]]()
    for name, steering in steerings.items():
        rows.setdefault(method_of(name, steering), []).append(name)
    for method in sorted(rows.keys() - looks.keys()):
        first = int(sha256(method.encode()).hexdigest(), 16)
        turned = (left[(first + k) % len(left)] for k in range(len(left)))
        free = [look for look in turned if look not in looks.values()] or [left[first % len(left)]]
        looks[method] = free[0]
    found = {}
    for method, names in rows.items():
        for variant, name in enumerate(sorted(names)):
            star = "*" if steerings[name] == "none" else looks[method].marker
            key = sha256(name.encode()).hexdigest()[:8]
            found[name] = looks[method]._replace(marker=star, variant=variant, key=key)
    return {name: found[name] for name in steerings}


def plain(text: str) -> str:
    """A text from data without formulas and control characters."""
    return one_line(text).replace("$", r"\$")
