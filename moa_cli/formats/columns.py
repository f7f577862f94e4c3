"""What a table says of the rows of a comparison, cell by cell."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.spec import Signal
from moa_cli.comparisons import Comparison, OnBenchmark, Row
from moa_cli.words import interval, kl_words, number_words, star, time_words

EFFICIENCY = "efficiency: held-out gain over sft, as a share of what optimising the rewards perfectly gains at that KL"


def columns(benchmark: OnBenchmark) -> dict[str, Callable[[Row], str]]:
    """What a table says of each row, with whole intervals, by its heading."""
    start = benchmark.base
    one = next((row.cost.get("serving_flops") for row in benchmark.rows if row.method == start), None)
    return {
        "method": benchmark.row_name,
        "HV held-out": lambda row: volume_cell(benchmark, row, "scores", interval),
        **({} if start is None else {f"vs {start}": lambda row: _versus(benchmark, row)}),
        "HV reward": lambda row: volume_cell(benchmark, row, "rewards", interval),
        "tau": lambda row: _tau(row.kendall_tau),
        **({"efficiency": lambda row: efficiency(benchmark, row, _shares)} if benchmark.ceiling else {}),
        "KL": lambda row: kl_words(row.kl),
        "collapsed": lambda row: f"{row.collapse:.1%}",
        "TFLOP": lambda row: f"{row.cost['flops'] / 1e12:,.1f}" if "flops" in row.cost else "-",
        **({"answer": lambda row: _times(row.cost.get("serving_flops"), one)} if one else {}),
        "time": lambda row: time_words(row.cost.get("seconds")),
    }


def volume_cell(benchmark: OnBenchmark, row: Row, signal: Signal, between: Callable[..., str]) -> str:
    """The hypervolume under one signal, a dash where no point counts. `between` writes a value with its interval."""
    if benchmark.left_out(row):
        return "-"
    quality = row.quality(signal)
    return between(quality.hypervolume, quality.low, quality.high)


def _versus(benchmark: OnBenchmark, row: Row) -> str:
    """The difference to the base: empty for the base itself, a dash where there is none."""
    if row.method == benchmark.base:
        return ""
    gain = benchmark.gain(row)
    return f"{interval(*gain[:3], sign='+')}{star(gain[:3])}" if gain else "-"


def _tau(taus: dict[str, float | None]) -> str:
    """A number per objective, a dash for one whose weight does not vary; empty where none does."""
    known = ["-" if tau is None else number_words(tau) for tau in taus.values()]
    return "" if set(known) == {"-"} else ", ".join(known)


def _times(value: float | None, one: float) -> str:
    """A value as a multiple of another, a dash where it is not known.

    >>> _times(1.84, 1.0), _times(47.9, 1.0), _times(2.0, 2.0)
    ('1.8x', '48x', '1x')
    """
    if value is None:
        return "-"
    return (f"{value / one:.1f}".removesuffix(".0") if value < 10 * one else f"{value / one:.0f}") + "x"


def efficiency(benchmark: OnBenchmark, row: Row, between: Callable[..., str]) -> str:
    """The held-out share of what the ceiling gains; where the KL is beyond it, what it is at most; else a dash.

    `between` writes one with its interval.
    """
    if benchmark.ceiling is None or benchmark.left_out(row):
        return "-"
    if share := benchmark.ceiling.scores.efficiency[row.method]:
        return between(share.value, share.low, share.high)
    beyond = benchmark.ceiling.scores.unreached.get(row.method)
    return "-" if beyond is None or beyond.at_most is None else f"≤ {beyond.at_most:.0%}"


def _shares(value: float, low: float, high: float) -> str:
    return f"{value:.0%} [{low:.0%}, {high:.0%}]"


def note(comparison: Comparison) -> str:
    """How to read `columns`."""
    there = {name for benchmark in comparison.benchmarks for name in columns(benchmark)}
    told = {
        "HV held-out": "Hypervolume (HV) above ref, in SFT standard deviations; in brackets, 95 % intervals over "
        f"{sampled_over(comparison)}; * excludes 0",
        "tau": "tau: Kendall's, between an objective's weight and its held-out score, a number per objective",
        "efficiency": EFFICIENCY,
        "TFLOP": "TFLOP and time: of training, beyond what all share",
        "answer": "answer: floating-point operations of an answer, relative to one of the starting policy",
    }
    return "; ".join(words for name, words in told.items() if name in there) + "."


def sampled_over(comparison: Comparison) -> str:
    """What intervals are over."""
    seeds = min(len(row.seeds) for benchmark in comparison.benchmarks for row in benchmark.rows)
    return "prompts and seeds" if seeds > 1 else "prompts"
