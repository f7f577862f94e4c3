"""A comparison in the terminal: a table per benchmark."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moa_cli.comparisons import WORSE, base, facts, not_held_out, remarks, row_name
from moa_cli.formats.columns import EFFICIENCY, efficiency, gain_over_base, sampled_over, volume_cell
from moa_cli.words import kl_words, number_words, one_line, plus_minus, star, time_words

WIDTH = 80


def comparison_table(document: dict[str, Any]) -> RenderableType:
    """A comparison for a terminal of 80 columns or more: a block per benchmark.

    Half the width of an interval follows its value.
    """
    blocks: list[RenderableType] = []
    for benchmark in document["benchmarks"]:
        lines = [*_efficiencies(benchmark), *remarks(benchmark)]
        blocks += [_heading(benchmark), _block(benchmark), *map(Text, lines), Text()]
    if document.get("gate"):
        blocks += [_gate_block(document["gate"]), Text()]
    if document["benchmarks"]:
        blocks.append(Text(_footnote(document), style="dim"))
    return Group(*blocks)


def _efficiencies(benchmark: dict[str, Any]) -> list[str]:
    """The efficiencies that are known, on a line that has room in a terminal, where the table has none."""
    if not benchmark.get("ceiling"):
        return []
    shares = {
        row_name(benchmark, row): efficiency(benchmark, row, lambda value, low, high: f"{value:.0%}")
        for row in benchmark["rows"]
    }
    known = [f"{name} {share}" for name, share in shares.items() if share != "-"]
    return [f"efficiency  {', '.join(known)}"] if known else []


def _footnote(document: dict[str, Any]) -> str:
    """How to read `table`."""
    benchmarks = document["benchmarks"]
    held_out = any(len(not_held_out(benchmark)) < len(benchmark["objectives"]) for benchmark in benchmarks)
    told = [
        "HV: hypervolume above ref, in SFT standard deviations",
        *(["held-out: under evaluators no method trains on"] if held_out else []),
        f"± half the 95 % interval over {sampled_over(document)}",
        *(["*: it excludes 0"] if any(base(benchmark) for benchmark in benchmarks) else []),
        "KL: nats per answer from sft",
        "coll.: collapsed answers",
        "time: of training",
        *([EFFICIENCY] if any(map(_efficiencies, benchmarks)) else []),
    ]
    return "; ".join(told)


def _block(benchmark: dict[str, Any]) -> Table:
    """The rows of one benchmark, in 80 columns."""
    block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    block.add_column("method", overflow="fold", max_width=19)
    start = base(benchmark)
    versus = [] if start is None else [f"vs {start if len(start) <= 10 else 'base'}"]
    for heading in ("HV held-out", *map(one_line, versus), "HV reward", "KL", "coll.", "time"):
        block.add_column(Text(heading), justify="right", no_wrap=True)
    for row in benchmark["rows"]:
        gain = gain_over_base(benchmark, row)
        colour = "" if gain is None or not star(gain) else "green" if gain[0] > 0 else "red"
        over = Text(f"{plus_minus(*gain, sign='+')}{star(gain) or ' '}" if gain else "- ", style=colour)
        block.add_row(
            Text(row_name(benchmark, row)),
            volume_cell(benchmark, row, "evaluator", plus_minus),
            *([over] if versus else []),
            volume_cell(benchmark, row, "reward", plus_minus),
            kl_words(row["kl"]),
            f"{row['collapse']:.0%}",
            time_words(row["cost"].get("seconds")),
        )
    return block


def _gate_block(gate: dict[str, Any]) -> Group:
    """What the gate found, in 80 columns."""
    colour = "red" if gate["verdict"] == "regressed" else "green"
    against = f"  against {one_line(gate['baseline'])}, tolerance {100 * gate['tolerance']:g} %"
    title = Text.assemble(("gate ", "bold"), (gate["verdict"], f"bold {colour}"), against)
    block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("benchmark", "method"):
        block.add_column(heading, overflow="fold")
    for heading in ("HV before", "difference", "verdict"):
        block.add_column(heading, justify="right", no_wrap=True)
    for v in gate["verdicts"]:
        known = "difference" in v
        block.add_row(
            Text(one_line(v["benchmark"])),
            Text(one_line(v["method"])),
            number_words(v["base"]) if known else "-",
            plus_minus(v["difference"], v["low"], v["high"], sign="+") if known else "-",
            Text(v["verdict"], style="red" if v["verdict"] in WORSE else ""),
        )
    return Group(title, block)


def _heading(benchmark: dict[str, Any]) -> Text:
    """What was measured, on one line where it fits."""
    title, objectives, *rest = map(one_line, facts(benchmark))
    measured = " · ".join(rest)
    fits = len(f"{title}  {objectives} · {measured}") <= WIDTH
    return Text.assemble((title, "bold"), f"  {objectives}", " · " if fits else "\n", measured)
