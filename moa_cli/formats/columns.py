"""A comparison to read, from the document of `compare`: a table for the terminal and one in Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moa_cli.comparisons import base, difference, left_out, row_name
from moa_cli.words import interval, kl_words, number_words, star, time_words

EFFICIENCY = "efficiency: held-out HV as a share of the best at the same KL"


def columns(benchmark: dict[str, Any]) -> dict[str, Callable[[dict[str, Any]], str]]:
    """What a table says of each row, with whole intervals, by its heading."""
    start, ceiling = base(benchmark), benchmark.get("ceiling")
    one = next((row["cost"].get("serving_flops") for row in benchmark["rows"] if row["method"] == start), None)
    return {
        "method": lambda row: row_name(benchmark, row),
        "HV held-out": lambda row: volume_cell(benchmark, row, "evaluator", interval),
        **({} if start is None else {f"vs {start}": lambda row: _versus(benchmark, row)}),
        "HV reward": lambda row: volume_cell(benchmark, row, "reward", interval),
        "tau": lambda row: _tau(row["kendall_tau"]),
        **({"efficiency": lambda row: efficiency(benchmark, row, _shares)} if ceiling else {}),
        "KL": lambda row: kl_words(row["kl"]),
        "collapsed": lambda row: f"{row['collapse']:.1%}",
        "TFLOP": lambda row: f"{row['cost']['flops'] / 1e12:,.1f}" if "flops" in row["cost"] else "-",
        **({"answer": lambda row: _times(row["cost"].get("serving_flops"), one)} if one else {}),
        "time": lambda row: time_words(row["cost"].get("seconds")),
    }


def volume_cell(benchmark: dict[str, Any], row: dict[str, Any], kind: str, between: Callable[..., str]) -> str:
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
    gain = gain_over_base(benchmark, row)
    return f"{interval(*gain, sign='+')}{star(gain)}" if gain else "-"


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


def efficiency(benchmark: dict[str, Any], row: dict[str, Any], between: Callable[..., str]) -> str:
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


def note(document: dict[str, Any]) -> str:
    """How to read `columns`."""
    there = {name for benchmark in document["benchmarks"] for name in columns(benchmark)}
    told = {
        "HV held-out": "Hypervolume (HV) above ref, in SFT standard deviations; in brackets, 95 % intervals over "
        f"{sampled_over(document)}; * excludes 0",
        "tau": "tau: Kendall's, between an objective's weight and its held-out score, a number per objective",
        "efficiency": EFFICIENCY,
        "TFLOP": "TFLOP and time: of training, beyond what all share",
        "answer": "answer: floating-point operations of an answer, relative to one of the starting policy",
    }
    return "; ".join(words for name, words in told.items() if name in there) + "."


def sampled_over(document: dict[str, Any]) -> str:
    """What intervals are over."""
    seeds = min(len(row["seeds"]) for benchmark in document["benchmarks"] for row in benchmark["rows"])
    return "prompts and seeds" if seeds > 1 else "prompts"


def gain_over_base(benchmark: dict[str, Any], row: dict[str, Any]) -> tuple[float, float, float] | None:
    """Difference to the base with its interval, None for the base itself and where there is none."""
    start = base(benchmark)
    gain = None if start in (None, row["method"]) else difference(benchmark, row["method"], start)
    return gain and gain[:3]
