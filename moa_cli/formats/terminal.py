"""A comparison in the terminal: a table per benchmark."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.text import Text

from moa_cli.comparisons import Choice, Comparison, Difference, Gate, OnBenchmark, Row
from moa_cli.formats.blocks import Blocks, Column, column
from moa_cli.formats.columns import (
    EQUAL,
    all_weights_cell,
    candidate_cells,
    efficiency,
    efficiency_note,
    goals_columns,
    star_note,
    tera,
    utility_cell,
    utility_note,
    versus,
    volume_cell,
)
from moa_cli.words import interval, kl_words, number_words, one_line, time_words

WIDTH = 80


def comparison_table(comparison: Comparison, *, power: bool = False) -> RenderableType:
    """A comparison for a terminal: a block per benchmark. `power` adds how small a difference can be seen."""
    blocks: list[RenderableType] = []
    for benchmark in comparison.benchmarks:
        lines = [*_more(benchmark), *benchmark.remarks, *([_power(benchmark)] if power else [])]
        warned = [Text(f"WARNING: {warning}", style="bold red") for warning in benchmark.warnings]
        failed = [Text(line, style="bold red") for line in comparison.failed_on(benchmark.name)]
        chosen = [] if benchmark.choice is None else [Text(), *_choice(benchmark, benchmark.choice)]
        blocks += [_heading(benchmark), *warned, _rows(benchmark), *failed, *map(Text, lines), *chosen, Text()]
    for name in comparison.unmeasured:
        failed = [Text(line, style="bold red") for line in comparison.failed_on(name)]
        blocks += [Text(one_line(name), style="bold"), *failed, Text()]
    if comparison.gate:
        blocks += [_gate_block(comparison.gate), Text()]
    if comparison.benchmarks:
        blocks.append(Text(_footnote(comparison), style="dim"))
    return Group(*blocks)


def _more(benchmark: OnBenchmark) -> list[str]:
    """What is known of some rows, a line each, which has room in a terminal where the table has none."""
    cells: dict[str, Callable[[Row], str]] = {}
    if any(row.policies > benchmark.policies for row in benchmark.rows):
        more = [row.method for row in benchmark.rows if row.policies > benchmark.policies]
        cells |= {"HV at all weights": lambda row: all_weights_cell(benchmark, row) if row.method in more else ""}
    if benchmark.goals_base is not None:
        cells |= goals_columns(benchmark)
    cells |= {"TFLOP": _operations}
    cells |= {"efficiency": lambda row: efficiency(benchmark, row)}
    lines = []
    for name, write in cells.items():
        told = {benchmark.row_name(row): write(row) for row in benchmark.rows}
        known = [f"{row} {words}" for row, words in told.items() if words not in ("", "-")]
        lines += [f"{one_line(name)}  {', '.join(known)}"] if known else []
    return lines


def _choice(benchmark: OnBenchmark, choice: Choice) -> list[RenderableType]:
    """What to take at the weights that were asked."""
    heads = (f"w . {benchmark.score_word('scores')}", "behind", "best", "KL", "answer")
    cells = [candidate_cells(one) for one in choice.candidates]
    numbers = (column(head, [told[k] for told in cells]) for k, head in enumerate(heads))
    block = Blocks((column("take", [one.name for one in choice.candidates], words=True, most=30), *numbers), apart=1)
    return [Text(choice.title, style="bold"), block, *map(Text, choice.told(benchmark.score_word("scores")))]


def _power(benchmark: OnBenchmark) -> str:
    """How small a difference can be seen, or what it takes to see one."""
    return f"power: {benchmark.power or 'nothing is told apart; two methods with --seed 0,1,2 could be'}"


def _operations(row: Row) -> str:
    """What training took, alone and with what it used."""
    own = tera(row.cost, ",.1f")
    return "-" if own == "-" else f"{own} / {tera(row.charged, ',.1f')}"


def _footnote(comparison: Comparison) -> str:
    """How to read the blocks."""
    benchmarks = comparison.benchmarks
    told = [
        f"HV: hypervolume above ref, in SFT standard deviations, {EQUAL}",
        *(["held-out: under evaluators no method trains on"] if any(b.word("scores") == "held-out" for b in benchmarks)
          else []),
        utility_note(comparison),
        f"in brackets, 95 % intervals over {comparison.sampled_over}{star_note(comparison)}",
        "KL: nats per answer from sft",
        "coll.: collapsed answers",
        "time: of training",
        *(["TFLOP: of training, / with the trained rewards and tags it used"]
          if any(_operations(row) != "-" for b in benchmarks for row in b.rows) else []),
        *([efficiency_note(comparison)] if any(benchmark.ceiling for benchmark in benchmarks) else []),
    ]  # fmt: skip
    return "; ".join(told)


def _rows(benchmark: OnBenchmark) -> Blocks:
    """The rows of one benchmark, from what is looked for first to what there need not be."""
    start, at = benchmark.base, f"HV at {benchmark.policies}"
    scores, rewards = benchmark.word("scores"), benchmark.word("rewards").partition(" ")[0]

    def told(heading: str, cell: Callable[[Row], Text | str]) -> Column:
        return column(heading, map(cell, benchmark.rows))

    def worth(row: Row) -> Text:
        gain = benchmark.gain(row, "utility") if benchmark.start else None
        return _starred(utility_cell(benchmark, row), gain)

    versus_base = told(
        one_line(f"vs {start if start and len(start) <= 10 else 'base'}"),
        lambda row: _starred(versus(benchmark, row), benchmark.gain(row)),
    )
    return Blocks((
        column("method", map(benchmark.row_name, benchmark.rows), words=True, most=19),
        told(f"{at}\n{scores}", lambda row: volume_cell(benchmark, row, "scores")),
        *([] if start is None else [versus_base]),
        told("utility", worth),
        told(f"HV\n{rewards}", lambda row: volume_cell(benchmark, row, "rewards")),
        told("KL", lambda row: kl_words(row.kl)),
        told("coll.", lambda row: f"{row.collapse:.0%}"),
        told("time", lambda row: time_words(row.cost.get("seconds"))),
    ))  # fmt: skip


def _starred(cell: str, difference: Difference | None) -> Text:
    """A difference in its colour, where it is clear; with room for a star, so that numbers stand below each other."""
    if difference is None or not difference.clear:
        return Text(f"{cell or '-'} ")
    return Text(cell, style="green" if difference.value > 0 else "red")


def _gate_block(gate: Gate) -> Group:
    """What the gate found."""
    colour = "red" if gate.verdict == "regressed" else "green"
    against = f"  against {one_line(gate.baseline)}, tolerance {100 * gate.tolerance:g} %"
    title = Text.assemble(("gate ", "bold"), (gate.verdict, f"bold {colour}"), against)
    verdicts = gate.verdicts
    block = Blocks((
        column("benchmark", [one_line(one.benchmark) for one in verdicts], words=True, most=30),
        column("method", [one_line(one.method) for one in verdicts], words=True, most=19),
        column("HV before", ["-" if one.base is None else number_words(one.base) for one in verdicts]),
        column("difference", ["-" if one.change is None else interval(*one.change, sign="+") for one in verdicts]),
        column("verdict", [Text(one.verdict, style="red" if one.worse else "") for one in verdicts]),
    ), names=2)  # fmt: skip
    return Group(title, block)


def _heading(benchmark: OnBenchmark) -> Text:
    """What was measured, on one line where it fits."""
    title, objectives, *rest = map(one_line, benchmark.facts)
    measured = " · ".join(rest)
    fits = len(f"{title}  {objectives} · {measured}") <= WIDTH
    return Text.assemble((title, "bold"), f"  {objectives}", " · " if fits else "\n", measured)
