"""A comparison to read, from the document of `compare`: a table for the terminal and one in Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moa_cli.gate import WORSE, told
from moa_cli.verdict import base, difference, left_out
from moa_cli.words import in_seeds, interval, kl, markdown_text, number, one_line, plus_minus, star, time

WIDTH = 80
MARKER = "<!-- moa compare -->"
_EFFICIENCY = "efficiency: held-out HV as a share of the best at the same KL"


def table(document: dict[str, Any]) -> RenderableType:
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


def markdown(document: dict[str, Any]) -> str:
    """A table per benchmark, for a pull request or a README. A bot finds its own comment by the marker."""
    lines: list[str] = [MARKER, "", *_gate_lines(document.get("gate"))]
    for benchmark in document["benchmarks"]:
        title, *measured = facts(benchmark)
        lines += [f"### {markdown_text(title)}", "", markdown_text(" · ".join(measured)), ""]
        cells = columns(benchmark)
        lines += [f"| {' | '.join(map(markdown_text, cells))} |", "|:---" + "|---:" * (len(cells) - 1) + "|"]
        for row in benchmark["rows"]:
            name, *numbers = (write(row) for write in cells.values())
            lines += [f"| {' | '.join([markdown_text(name), *numbers])} |"]
        lines += [""]
        for line in remarks(benchmark):
            lines += [markdown_text(line), ""]
    if document["benchmarks"]:
        lines += [markdown_text(note(document)), ""]
    return "\n".join(lines)


def columns(benchmark: dict[str, Any]) -> dict[str, Callable[[dict[str, Any]], str]]:
    """What a table says of each row, with whole intervals, by its heading."""
    start, ceiling = base(benchmark), benchmark.get("ceiling")
    one = next((row["cost"].get("serving_flops") for row in benchmark["rows"] if row["method"] == start), None)
    return {
        "method": lambda row: _name(benchmark, row),
        "HV held-out": lambda row: _volume(benchmark, row, "evaluator", interval),
        **({} if start is None else {f"vs {start}": lambda row: _versus(benchmark, row)}),
        "HV reward": lambda row: _volume(benchmark, row, "reward", interval),
        "tau": lambda row: _tau(row["kendall_tau"]),
        **({"efficiency": lambda row: _efficiency(benchmark, row, _shares)} if ceiling else {}),
        "KL": lambda row: kl(row["kl"]),
        "collapsed": lambda row: f"{row['collapse']:.1%}",
        "TFLOP": lambda row: f"{row['cost']['flops'] / 1e12:,.1f}" if "flops" in row["cost"] else "-",
        **({"answer": lambda row: _times(row["cost"].get("serving_flops"), one)} if one else {}),
        "time": lambda row: time(row["cost"].get("seconds")),
    }


def _volume(benchmark: dict[str, Any], row: dict[str, Any], kind: str, between: Callable[..., str]) -> str:
    """The hypervolume under one kind of score, a dash where no point counts.

    `between` writes a value with its interval.
    """
    quality = row["evaluator"] if kind == "evaluator" else row
    if left_out(benchmark, row):
        return "-"
    return between(quality["hypervolume"], quality["hv_low"], quality["hv_high"])


def _versus(benchmark: dict[str, Any], row: dict[str, Any]) -> str:
    """The difference to the base: empty for the base itself, a dash where there is none."""
    if row["method"] == base(benchmark):
        return ""
    gain = _gain(benchmark, row)
    return f"{interval(*gain, sign='+')}{star(gain)}" if gain else "-"


def _tau(taus: dict[str, float | None]) -> str:
    """A number per objective, a dash for one whose weight does not vary; empty where none does."""
    known = ["-" if tau is None else number(tau) for tau in taus.values()]
    return "" if set(known) == {"-"} else ", ".join(known)


def _times(value: float | None, one: float) -> str:
    """A value as a multiple of another, a dash where it is not known.

    >>> _times(1.84, 1.0), _times(47.9, 1.0), _times(2.0, 2.0)
    ('1.8x', '48x', '1x')
    """
    if value is None:
        return "-"
    return (f"{value / one:.1f}".removesuffix(".0") if value < 10 * one else f"{value / one:.0f}") + "x"


def _efficiency(benchmark: dict[str, Any], row: dict[str, Any], between: Callable[..., str]) -> str:
    """A share of the ceiling; where the row's KL is beyond it, what the share is at most. `between` writes one with its
    interval."""
    ceiling, name = benchmark["ceiling"]["evaluator"], row["method"]
    if left_out(benchmark, row):
        return "-"
    if share := ceiling["efficiency"][name]:
        return between(share["value"], share["low"], share["high"])
    most = ceiling["unreached"].get(name, {}).get("at_most")
    return "-" if most is None else f"≤ {most:.0%}"


def _shares(value: float, low: float, high: float) -> str:
    return f"{value:.0%} [{low:.0%}, {high:.0%}]"


def _efficiencies(benchmark: dict[str, Any]) -> list[str]:
    """The efficiencies that are known, on a line that has room in a terminal, where the table has none."""
    if not benchmark.get("ceiling"):
        return []
    shares = {
        _name(benchmark, row): _efficiency(benchmark, row, lambda value, low, high: f"{value:.0%}")
        for row in benchmark["rows"]
    }
    known = [f"{name} {share}" for name, share in shares.items() if share != "-"]
    return [f"efficiency  {', '.join(known)}"] if known else []


def note(document: dict[str, Any]) -> str:
    """How to read `columns`."""
    there = {name for benchmark in document["benchmarks"] for name in columns(benchmark)}
    told = {
        "HV held-out": "Hypervolume (HV) above ref, in SFT standard deviations; in brackets, 95 % intervals over "
        f"{_sampled(document)}; * excludes 0",
        "tau": "tau: Kendall's, between an objective's weight and its held-out score, a number per objective",
        "efficiency": _EFFICIENCY,
        "TFLOP": "TFLOP and time: of training, beyond what all share",
        "answer": "answer: floating-point operations of an answer, relative to one of the starting policy",
    }
    return "; ".join(words for name, words in told.items() if name in there) + "."


def _footnote(document: dict[str, Any]) -> str:
    """How to read `table`."""
    benchmarks = document["benchmarks"]
    held_out = any(len(_not_held_out(benchmark)) < len(benchmark["objectives"]) for benchmark in benchmarks)
    told = [
        "HV: hypervolume above ref, in SFT standard deviations",
        *(["held-out: under evaluators no method trains on"] if held_out else []),
        f"± half the 95 % interval over {_sampled(document)}",
        *(["*: it excludes 0"] if any(base(benchmark) for benchmark in benchmarks) else []),
        "KL: nats per answer from sft",
        "coll.: collapsed answers",
        "time: of training",
        *([_EFFICIENCY] if any(map(_efficiencies, benchmarks)) else []),
    ]
    return "; ".join(told)


def _sampled(document: dict[str, Any]) -> str:
    """What intervals are over."""
    seeds = min(len(row["seeds"]) for benchmark in document["benchmarks"] for row in benchmark["rows"])
    return "prompts and seeds" if seeds > 1 else "prompts"


def _block(benchmark: dict[str, Any]) -> Table:
    """The rows of one benchmark, in 80 columns."""
    block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    block.add_column("method", overflow="fold", max_width=19)
    start = base(benchmark)
    versus = [] if start is None else [f"vs {start if len(start) <= 10 else 'base'}"]
    for heading in ("HV held-out", *map(one_line, versus), "HV reward", "KL", "coll.", "time"):
        block.add_column(Text(heading), justify="right", no_wrap=True)
    for row in benchmark["rows"]:
        gain = _gain(benchmark, row)
        colour = "" if gain is None or not star(gain) else "green" if gain[0] > 0 else "red"
        over = Text(f"{plus_minus(*gain, sign='+')}{star(gain) or ' '}" if gain else "- ", style=colour)
        block.add_row(
            Text(_name(benchmark, row)),
            _volume(benchmark, row, "evaluator", plus_minus),
            *([over] if versus else []),
            _volume(benchmark, row, "reward", plus_minus),
            kl(row["kl"]),
            f"{row['collapse']:.0%}",
            time(row["cost"].get("seconds")),
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
            number(v["base"]) if known else "-",
            plus_minus(v["difference"], v["low"], v["high"], sign="+") if known else "-",
            Text(v["verdict"], style="red" if v["verdict"] in WORSE else ""),
        )
    return Group(title, block)


def _gate_lines(gate: dict[str, Any] | None) -> list[str]:
    """What the gate found, as lines of Markdown; none where there is no gate."""
    if not gate:
        return []
    lines = [
        f"**Gate {gate['verdict']}** against {markdown_text(gate['baseline'])}, "
        f"tolerance {100 * gate['tolerance']:g} %", "",
        "| benchmark | method | held-out hypervolume against the baseline |", "|:---|:---|:---|",
    ]  # fmt: skip
    for v in gate["verdicts"]:
        lines += [f"| {markdown_text(v['benchmark'])} | {markdown_text(v['method'])} | {told(v)} |"]
    return [*lines, ""]


def remarks(benchmark: dict[str, Any]) -> list[str]:
    """What a reader of the table must know: where nothing is held out, and which points have collapsed."""
    same = _not_held_out(benchmark)
    told = f"{', '.join(map(one_line, same))}: no held-out evaluator, so 'held-out' is the training reward"
    lines = [told] if same else []
    done = "kept" if benchmark["keeps_collapsed"] else "left out"
    for row in benchmark["rows"]:
        name, degenerate = _name(benchmark, row), "over a fifth of the answers degenerate at"
        labels = [
            one_line(point["label"]) + in_seeds(point, row) for point in row["points"] if point["collapsed_seeds"]
        ]
        if left_out(benchmark, row):
            told = f"{name}: {degenerate} all points; they are left out, so nothing can be compared with it"
            lines.append(f"{told} (--keep-collapsed counts them)")
        elif labels:
            lines.append(f"{name}: {degenerate} {'; '.join(labels)} ({done})")
    return lines


def _not_held_out(benchmark: dict[str, Any]) -> list[str]:
    """The objectives whose reward is its own evaluator."""
    card = benchmark["card"]
    scorers = zip(benchmark["objectives"], card["rewards"], card["evaluators"], strict=True)
    return [name for name, reward, evaluator in scorers if reward == evaluator]


def _heading(benchmark: dict[str, Any]) -> Text:
    """What was measured, on one line where it fits."""
    title, objectives, *rest = map(one_line, facts(benchmark))
    measured = " · ".join(rest)
    fits = len(f"{title}  {objectives} · {measured}") <= WIDTH
    return Text.assemble((title, "bold"), f"  {objectives}", " · " if fits else "\n", measured)


def facts(benchmark: dict[str, Any]) -> list[str]:
    """What was measured: benchmark@version, objectives, prompts, seeds, ref."""
    seeds = _common_seeds(benchmark)
    ref = [f"{r:g}" for r in benchmark["ref"]]
    return [
        f"{benchmark['name']}@{benchmark['version']}",
        ", ".join(benchmark["objectives"]),
        f"{benchmark['prompts']} prompts",
        "seeds differ" if seeds is None else f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
        f"ref {ref[0] if len(set(ref)) == 1 else ', '.join(ref)}",
    ]


def _common_seeds(benchmark: dict[str, Any]) -> list[int] | None:
    """The seeds of every row, None where rows have different ones."""
    seeds = [row["seeds"] for row in benchmark["rows"]]
    return seeds[0] if all(s == seeds[0] for s in seeds) else None


def _name(benchmark: dict[str, Any], row: dict[str, Any]) -> str:
    """The row's name, with its seeds where rows have different ones."""
    if _common_seeds(benchmark) is not None:
        return one_line(row["method"])
    return one_line(f"{row['method']} (seed{'s' * (len(row['seeds']) > 1)} {', '.join(map(str, row['seeds']))})")


def _gain(benchmark: dict[str, Any], row: dict[str, Any]) -> tuple[float, float, float] | None:
    """Difference to the base with its interval, None for the base itself and where there is none."""
    start = base(benchmark)
    gain = None if start in (None, row["method"]) else difference(benchmark, row["method"], start)
    return gain and gain[:3]
