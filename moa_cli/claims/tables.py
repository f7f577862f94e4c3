"""Claims with their verdicts, as tables."""

from __future__ import annotations

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from moa_cli.claims.document import CheckedClaim, Claims, ClaimsOn, Verdict
from moa_cli.formats import Formats, as_text
from moa_cli.words import markdown_text, one_line


def claims_table(document: Claims) -> tuple[RenderableType, ...]:
    """The claims for a terminal of 80 columns: a line per claim and benchmark.

    Commands are texts, which are not to be broken.
    """
    parts: list[RenderableType] = []
    for benchmark in document.benchmarks:
        block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        block.add_column("claim", overflow="fold", max_width=42)
        block.add_column("measured", justify="right")
        block.add_column("verdict")
        for claim in _measured_first(benchmark):
            block.add_row(Text(one_line(claim.claim)), claim.number, Text(claim.verdict, style=_STYLES[claim.verdict]))
        warned = [Text(f"WARNING: {warning}", style="bold red") for warning in benchmark.warnings]
        parts += [Text(" · ".join(benchmark.facts), style="bold"), *warned, block, Text(_tally(benchmark), style="dim")]
        missing = [claim for claim in benchmark.claims if claim.reason]
        for claim in missing:
            if not claim.command:
                parts.append(f"not measured: {one_line(claim.claim)}: {one_line(claim.reason or '')}")
        commands = dict.fromkeys(claim.command for claim in missing if claim.command)
        parts += [*(["to measure the rest:"] if commands else []), *(f"  {command}" for command in commands), ""]
    return tuple(parts)


def _measured_first(benchmark: ClaimsOn) -> list[CheckedClaim]:
    return sorted(benchmark.claims, key=lambda claim: claim.reason is not None)


def claims_markdown(document: Claims) -> str:
    """A table per benchmark, with sources."""
    lines = []
    for benchmark in document.benchmarks:
        lines += [f"### {markdown_text(' · '.join(benchmark.facts))}", ""]
        for warning in benchmark.warnings:
            lines += [f"**Warning: {markdown_text(warning)}**", ""]
        lines += ["| claim | source | published | measured | verdict |", "|:---|:---|:---|---:|:---|"]
        for claim in _measured_first(benchmark):
            told = [markdown_text(text) for text in (claim.claim, claim.source, claim.published)]
            why = f": {markdown_text(claim.reason)}" if claim.reason else ""
            lines += [f"| {' | '.join([*told, claim.number, claim.verdict + why])} |"]
        lines += ["", _tally(benchmark), ""]
    return "\n".join(lines)


CLAIM_FORMATS: Formats[Claims] = {".md": as_text(claims_markdown), ".json": as_text(Claims.to_json)}


_STYLES: dict[Verdict, str] = {
    "replicated": "green", "not replicated": "red", "inconclusive": "yellow", "not measured": "dim",
}  # fmt: skip


def _tally(benchmark: ClaimsOn) -> str:
    """How many claims met which verdict."""
    counts = benchmark.counts()
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _STYLES if counts[verdict])
