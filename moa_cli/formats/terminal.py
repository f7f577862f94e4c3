"""A comparison in the terminal: a table per benchmark."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moa_cli.comparisons import Comparison, Gate, OnBenchmark
from moa_cli.formats.columns import EFFICIENCY, efficiency, sampled_over, tera, volume_cell
from moa_cli.words import kl_words, number_words, one_line, plus_minus, star, time_words

WIDTH = 80


def comparison_table(comparison: Comparison) -> RenderableType:
    """A comparison for a terminal of 80 columns or more: a block per benchmark.

    Half the width of an interval follows its value.
    """
    blocks: list[RenderableType] = []
    for benchmark in comparison.benchmarks:
        lines = [*_costs(benchmark), *_efficiencies(benchmark), *benchmark.remarks]
        blocks += [_heading(benchmark), _block(benchmark), *map(Text, lines), Text()]
    if comparison.gate:
        blocks += [_gate_block(comparison.gate), Text()]
    if comparison.benchmarks:
        blocks.append(Text(_footnote(comparison), style="dim"))
    return Group(*blocks)


def _costs(benchmark: OnBenchmark) -> list[str]:
    """What training took, alone and with what it used, on a line: the table has no room for it."""
    told = [
        f"{benchmark.row_name(row)} {own} / {tera(row.charged, ',.1f')}"
        for row in benchmark.rows
        if (own := tera(row.cost, ",.1f")) != "-"
    ]
    return [f"TFLOP  {', '.join(told)}"] if told else []


def _efficiencies(benchmark: OnBenchmark) -> list[str]:
    """The efficiencies that are known, on a line that has room in a terminal, where the table has none."""
    shares = {
        benchmark.row_name(row): efficiency(benchmark, row, lambda value, low, high: f"{value:.0%}")
        for row in benchmark.rows
    }
    known = [f"{name} {share}" for name, share in shares.items() if share != "-"]
    return [f"efficiency  {', '.join(known)}"] if known else []


def _footnote(comparison: Comparison) -> str:
    """How to read the blocks."""
    benchmarks = comparison.benchmarks
    held_out = any(len(benchmark.not_held_out) < len(benchmark.objectives) for benchmark in benchmarks)
    told = [
        "HV: hypervolume above ref, in SFT standard deviations",
        *(["held-out: under evaluators no method trains on"] if held_out else []),
        f"± half the 95 % interval over {sampled_over(comparison)}",
        *(["*: it excludes 0"] if any(benchmark.base for benchmark in benchmarks) else []),
        "KL: nats per answer from sft",
        "coll.: collapsed answers",
        "time: of training",
        *(["TFLOP: of training, / with the trained rewards and tags it used"] if any(map(_costs, benchmarks)) else []),
        *([EFFICIENCY] if any(map(_efficiencies, benchmarks)) else []),
    ]
    return "; ".join(told)


def _block(benchmark: OnBenchmark) -> Table:
    """The rows of one benchmark, in 80 columns."""
    block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    block.add_column("method", overflow="fold", max_width=19)
    start = benchmark.base
    versus = [] if start is None else [f"vs {start if len(start) <= 10 else 'base'}"]
    for heading in ("HV held-out", *map(one_line, versus), "HV reward", "KL", "coll.", "time"):
        block.add_column(Text(heading), justify="right", no_wrap=True)
    for row in benchmark.rows:
        gain = benchmark.gain(row)
        mark = star(gain[:3]) if gain else ""
        colour = "" if gain is None or not mark else "green" if gain.value > 0 else "red"
        over = Text(f"{plus_minus(*gain[:3], sign='+')}{mark or ' '}" if gain else "- ", style=colour)
        block.add_row(
            Text(benchmark.row_name(row)),
            volume_cell(benchmark, row, "scores", plus_minus),
            *([over] if versus else []),
            volume_cell(benchmark, row, "rewards", plus_minus),
            kl_words(row.kl),
            f"{row.collapse:.0%}",
            time_words(row.cost.get("seconds")),
        )
    return block


def _gate_block(gate: Gate) -> Group:
    """What the gate found, in 80 columns."""
    colour = "red" if gate.verdict == "regressed" else "green"
    against = f"  against {one_line(gate.baseline)}, tolerance {100 * gate.tolerance:g} %"
    title = Text.assemble(("gate ", "bold"), (gate.verdict, f"bold {colour}"), against)
    block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("benchmark", "method"):
        block.add_column(heading, overflow="fold")
    for heading in ("HV before", "difference", "verdict"):
        block.add_column(heading, justify="right", no_wrap=True)
    for one in gate.verdicts:
        block.add_row(
            Text(one_line(one.benchmark)),
            Text(one_line(one.method)),
            "-" if one.base is None else number_words(one.base),
            "-" if one.change is None else plus_minus(*one.change, sign="+"),
            Text(one.verdict, style="red" if one.worse else ""),
        )
    return Group(title, block)


def _heading(benchmark: OnBenchmark) -> Text:
    """What was measured, on one line where it fits."""
    title, objectives, *rest = map(one_line, benchmark.facts)
    measured = " · ".join(rest)
    fits = len(f"{title}  {objectives} · {measured}") <= WIDTH
    return Text.assemble((title, "bold"), f"  {objectives}", " · " if fits else "\n", measured)
