"""Claims with their verdicts, as tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from moa_cli.formats import Formats, as_json, as_text
from moa_cli.words import markdown_text, one_line


def claims_table(document: dict[str, Any]) -> tuple[RenderableType, ...]:
    """The claims for a terminal of 80 columns: a line per claim and benchmark.

    Commands are texts, which are not to be broken.
    """
    parts: list[RenderableType] = []
    for benchmark in document["benchmarks"]:
        block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        block.add_column("claim", overflow="fold", max_width=42)
        block.add_column("measured", justify="right")
        block.add_column("verdict")
        for claim in benchmark["claims"]:
            block.add_row(
                Text(one_line(claim["claim"])), _number(claim), Text(claim["verdict"], style=_STYLES[claim["verdict"]])
            )
        parts += [Text(" · ".join(_facts(benchmark)), style="bold"), block, Text(_tally(benchmark), style="dim")]
        missing = [claim for claim in benchmark["claims"] if claim["reason"]]
        for claim in missing:
            if not claim["command"]:
                parts.append(f"not measured: {one_line(claim['claim'])}: {one_line(claim['reason'])}")
        commands = dict.fromkeys(claim["command"] for claim in missing if claim["command"])
        parts += [*(["to measure the rest:"] if commands else []), *(f"  {command}" for command in commands), ""]
    return tuple(parts)


def claims_markdown(document: dict[str, Any]) -> str:
    """A table per benchmark, with sources."""
    lines = []
    for benchmark in document["benchmarks"]:
        lines += [f"### {markdown_text(' · '.join(_facts(benchmark)))}", ""]
        lines += ["| claim | source | published | measured | verdict |", "|:---|:---|:---|---:|:---|"]
        for claim in benchmark["claims"]:
            told = [markdown_text(claim[name]) for name in ("claim", "source", "published")]
            why = f": {markdown_text(claim['reason'])}" if claim["reason"] else ""
            lines += [f"| {' | '.join([*told, _number(claim), claim['verdict'] + why])} |"]
        lines += ["", _tally(benchmark), ""]
    return "\n".join(lines)


CLAIM_FORMATS: Formats[dict[str, Any]] = {".md": as_text(claims_markdown), ".json": as_text(as_json)}


_STYLES = {"replicated": "green", "not replicated": "red", "inconclusive": "yellow", "not measured": "dim"}


def _facts(benchmark: dict[str, Any]) -> list[str]:
    seeds = benchmark["seeds"]
    return [
        one_line(benchmark["name"]),
        f"{benchmark['prompts']} prompts",
        f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
    ]


def _number(claim: dict[str, Any]) -> str:
    """What was measured, with its interval and what it had to be."""
    if claim["value"] is None:
        return "-"
    side = f"> {claim['above']:g}" if claim["above"] is not None else f"< {claim['below']:g}"
    value, low, high = claim["value"], claim["low"], claim["high"]
    digits = 2 if max(map(abs, (value, low, high))) >= 0.1 else 4
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}] {side}"


def _tally(benchmark: dict[str, Any]) -> str:
    """How many claims met which verdict."""
    counts = Counter(claim["verdict"] for claim in benchmark["claims"])
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _STYLES if counts[verdict])
