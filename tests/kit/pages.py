"""What a reader sees: terminals as text, pages element by element."""

from __future__ import annotations

import io
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
from rich.console import Console, RenderableType

from benchmarks.stats.indicators import pareto
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.formats.terminal import comparison_table
from tests.kit.documents import edited
from tests.kit.fronts import make_card, make_front


def show(comparison: Comparison, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(comparison_table(comparison))
    return console.file.getvalue()


LANGUAGE = {
    "repetition": 0.01, "short": 0.002, "distinct_1": 0.1, "distinct_2": 0.4, "self_bleu": 0.3, "words": 21.5,
    "ended": 0.98, "perplexity": 3.2,
}  # fmt: skip


def filled(comparison: Comparison, nulls: bool = False) -> Comparison:
    """A comparison with all that may be said of it, or with null wherever that is allowed."""
    return edited(comparison, lambda document: _fill(document, nulls))


def _fill(document: dict[str, Any], nulls: bool) -> None:
    document |= {"command": "moa compare -m all -o report.html", "versions": {"moa-cli": "0.1.0"}}
    for benchmark in document["benchmarks"]:
        M, rows = len(benchmark["objectives"]), benchmark["rows"]
        names = [row["method"] for row in rows]
        for row in rows:
            for quality in (row["rewards"], row["scores"]):
                quality |= {"corrected": quality["hypervolume"] - 0.05}
            for point in row["points"]:
                unknown = {"ended": None, "perplexity": None} if nulls else {}
                point |= {"collapsed": False, "collapsed_seeds": 0, "language": LANGUAGE | unknown}
            row |= {"runs": [{"seed": seed, "points": []} for seed in row["seeds"]], "attainment": None}
            if M == 2 and len(row["seeds"]) > 1 and not nulls:
                row["attainment"] = {signal: _attainment(row, signal) for signal in ("rewards", "scores")}
            row["cost"] = row["cost"] | {"serving_tokens": 20.0, "serving_flops": 6e7}
            if nulls:
                row |= {"kendall_tau": dict.fromkeys(benchmark["objectives"]), "cost": {}}
        for pair in benchmark["pairs"]:
            pair["dominance"] = None if nulls else {"a": 0.6, "b": 0.1}
            if nulls:
                pair["hypervolume"]["p_holm"] = pair["utility"]["p_holm"] = None
        volumes = {row["method"]: row["scores"]["hypervolume"] for row in rows}
        flips = [names[:2]] if len(names) > 1 else []
        benchmark["refs"] = [
            {"sds": sds, "ref": [-sds] * M, "hypervolume": volumes, "flips": flips if sds == 1 else []}
            for sds in (1.0, 2.0)
        ]
        benchmark |= {"keeps_collapsed": False, "agreement": None if nulls else 0.8, "ceiling": None, "samples": []}
        if not nulls:
            benchmark |= {"ceiling": {kind: _ceiling(names, M) for kind in ("rewards", "scores", "evaluators")}}
            answers = [{"method": name, "response": f"I am {name}.", "scores": [0.5] * M} for name in names]
            benchmark["samples"] = [
                {"prompt": "Who are you?", "kind": kind, "answers": answers} for kind in ("best", "median", "worst")
            ]


def _attainment(row: dict[str, Any], signal: str) -> dict[str, Any]:
    points = np.array([point[signal] for point in row["points"]])
    steps = points[pareto(points)]
    return {name: (steps + shift).tolist() for name, shift in (("best", 0.1), ("median", 0.0), ("worst", -0.1))}


def _ceiling(names: list[str], M: int) -> dict[str, Any]:
    weights = [*np.eye(M).tolist(), [1 / M] * M]
    fronts = [
        {"kl": kl, "points": (kl * np.array(weights)).tolist(), "weights": weights, "share": 0.3} for kl in (1.0, 2.0)
    ]
    return {
        "prompts": 40,
        "fronts": fronts,
        "best_of_n": [
            {"n": n, "kl": kl, "points": fronts[0]["points"], "weights": weights} for n, kl in ((2, 0.19), (16, 1.83))
        ],
        "efficiency": {name: {"value": 0.7, "low": 0.6, "high": 0.8} if k else None for k, name in enumerate(names)},
        "unreached": {names[0]: {"label": "1,0", "kl": 9.0, "reach": 2.0, "at_most": 0.62}},
        "curve": [{"kl": kl, "weights": w, "values": [kl / 2] * M} for w in weights for kl in (0.0, 1.0, 2.0)],
    }


@cache
def toy(objectives: int = 2, seeds: int = 2, nulls: bool = False, base: bool = True) -> Comparison:
    """Three methods."""
    card = make_card(objectives)
    reach = {"soup": ("merge", 1.0), "context": ("prompt", 1.5)} | ({"sft": ("none", 0.0)} if base else {})
    fronts = [
        make_front(name, value, seed=seed, steering=steering, card=card, config={"beta": 0.1, "base": None})
        for name, (steering, value) in reach.items()
        for seed in range(seeds)
    ]
    return filled(compare(fronts), nulls)


class Page(HTMLParser):
    """Every element of a page with its attributes and ancestors; fails where one is not closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str], list[tuple[str, dict[str, str]]]]] = []
        self.text = ""
        self.scripts: list[tuple[dict[str, str], str]] = []
        """Attributes and content."""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs), list(self.open)))
        if tag != "meta":
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        assert any(name == "svg" for name, _ in self.open), f"<{tag}/> in HTML is not closed"
        self.elements.append((tag, dict(attrs), list(self.open)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "script":
            self.scripts.append((self.open[-1][1], data))
        else:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]


def page(shown: RenderableType) -> str:
    """What a terminal of 80 columns shows, without the spaces at the ends of lines."""
    screen = io.StringIO()
    Console(file=screen, width=80).print(shown)
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines())
