"""What a table says of the rows of a comparison, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.spec import Signal
from moa_cli.comparisons import Candidate, Comparison, Difference, Headline, OnBenchmark, Row, times_words
from moa_cli.words import NOT_COUNTED, interval, kl_words, number_words, one_line, star, time_words


def columns(benchmark: OnBenchmark) -> dict[str, Callable[[Row], str]]:
    """What a table says of each row, with whole intervals, by its heading."""
    start, goals, at = benchmark.base, benchmark.goals_base, f"at {benchmark.policies}"
    one = next((row.cost.get("serving_flops") for row in benchmark.rows if row.method == start), None)
    more = any(row.policies > benchmark.policies for row in benchmark.rows)
    return {
        "method": benchmark.row_name,
        f"HV {benchmark.word('scores')} {at}": lambda row: volume_cell(benchmark, row, "scores"),
        **({} if start is None else {f"vs {start}": lambda row: versus(benchmark, row)}),
        "utility": lambda row: utility_cell(benchmark, row),
        **({} if goals is None else goals_columns(benchmark)),
        f"HV {benchmark.word('rewards')} {at}": lambda row: volume_cell(benchmark, row, "rewards"),
        **({"all weights": lambda row: all_weights_cell(benchmark, row)} if more else {}),
        "tau": lambda row: _tau(row.kendall_tau),
        **({"efficiency": lambda row: efficiency(benchmark, row)} if benchmark.ceiling else {}),
        "KL": lambda row: kl_words(row.kl),
        "collapsed": lambda row: f"{row.collapse:.1%}",
        "TFLOP": lambda row: tera(row.cost, ",.1f"),
        "with what it used": lambda row: tera(row.charged, ",.1f"),
        **({"answer": lambda row: _times(row, one)} if one else {}),
        "time": lambda row: time_words(row.cost.get("seconds")),
        **({"trials": lambda row: str(row.trials)} if any(row.trials for row in benchmark.rows) else {}),
    }


Between = Callable[..., str]
"""Writes a value with its interval."""


def volume_cell(benchmark: OnBenchmark, row: Row, signal: Signal, between: Between = interval) -> str:
    """The hypervolume under one signal, a dash where no point counts; `between` writes it with its interval."""
    return "-" if benchmark.left_out(row) else between(*row.quality(signal).volume)


def all_weights_cell(benchmark: OnBenchmark, row: Row) -> str:
    """The hypervolume of all points, and how many policies they are."""
    return "-" if benchmark.left_out(row) else f"{number_words(row.scores.all_weights)} ({row.policies})"


def versus(benchmark: OnBenchmark, row: Row) -> str:
    """The difference to the base: empty for the base itself, a dash where there is none."""
    return "" if row.method == benchmark.base else difference_cell(benchmark.gain(row))


def utility_cell(benchmark: OnBenchmark, row: Row) -> str:
    """The utility, which is the difference to the base where that counts; empty for the base itself."""
    if benchmark.start is None:
        return "-" if benchmark.left_out(row) else interval(*row.scores.worth, sign="+")
    return "" if row.method == benchmark.start else difference_cell(benchmark.gain(row, "utility"))


def candidate_cells(one: Candidate) -> list[str]:
    """What is said of a candidate: its value, how far it is behind the first, how likely it is the best, KL, answer."""
    return [
        interval(one.value, one.low, one.high, sign="+"),
        difference_cell(one.ahead.turned()) if one.ahead else "",
        f"{one.probability:.0%}",
        kl_words(one.kl),
        times_words(one.answer_cost),
    ]


def goals_columns(benchmark: OnBenchmark) -> dict[str, Callable[[Row], str]]:
    """By how much rows that steer by the prompt exceed the starting policy told goals; empty for others."""

    def cell(row: Row, headline: Headline) -> str:
        compared = row.steering == "prompt" and row.method != benchmark.goals_base
        return difference_cell(benchmark.goals_gain(row, headline)) if compared else ""

    return {
        f"vs {benchmark.goals_base}": lambda row: cell(row, "hypervolume"),
        f"utility vs {benchmark.goals_base}": lambda row: cell(row, "utility"),
    }


def difference_cell(difference: Difference | None) -> str:
    """A difference, starred where it is clear; a dash where there is none."""
    return f"{interval(*difference.interval, sign='+')}{star(difference.clear)}" if difference else "-"


def _tau(taus: dict[str, float | None]) -> str:
    """A number per objective, a dash for one whose weight does not vary; empty where none does."""
    known = ["-" if tau is None else number_words(tau) for tau in taus.values()]
    return "" if set(known) == {"-"} else ", ".join(known)


def tera(cost: Mapping[str, float | None], digits: str) -> str:
    """10^12 floating-point operations; a dash where nothing is known of the cost.

    >>> tera({"flops": 2.09e12}, ".1f"), tera({"flops": None}, ".1f"), tera({}, ".1f")
    ('2.1', 'not counted', '-')
    """
    if "flops" not in cost:
        return "-"
    return NOT_COUNTED if cost["flops"] is None else f"{cost['flops'] / 1e12:{digits}}"


def _times(row: Row, one: float) -> str:
    """What an answer takes, as a multiple of one."""
    flops = row.cost.get("serving_flops")
    return times_words(None if flops is None else flops / one)


def efficiency(benchmark: OnBenchmark, row: Row) -> str:
    """The share of what the ceiling gains under the scores; beyond its KL, what that is at most; else a dash."""
    if benchmark.ceiling is None or benchmark.left_out(row):
        return "-"
    if share := benchmark.ceiling.scores.efficiency[row.method]:
        return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"
    beyond = benchmark.ceiling.scores.unreached.get(row.method)
    return "-" if beyond is None or beyond.at_most is None else f"≤ {beyond.at_most:.0%}"


def note(comparison: Comparison) -> str:
    """How to read `columns`."""
    there = {name.partition(" ")[0] for benchmark in comparison.benchmarks for name in columns(benchmark)}
    told = {
        "HV": f"Hypervolume (HV) above ref, in SFT standard deviations, {EQUAL}; in brackets, 95 % intervals over "
        f"{comparison.sampled_over}{star_note(comparison)}",
        "utility": utility_note(comparison),
        "all": "all weights: HV of all points, in brackets how many policies they are",
        "tau": f"tau: Kendall's, between an objective's weight and its {_score(comparison)}, a number per objective",
        "efficiency": efficiency_note(comparison),
        "TFLOP": "TFLOP and time: of training, beyond what all share; with what it used: the TFLOP of its training, of "
        "the trained rewards that it called, and of tags",
        "trials": "trials: configurations that were tried on dev prompts to find the settings",
        "answer": "answer: floating-point operations of an answer, relative to one of the starting policy",
    }
    return "; ".join(words for name, words in told.items() if name in there) + "."


EQUAL = "at equally many distinct policies"


def star_note(comparison: Comparison) -> str:
    """What a star says, where there may be one."""
    if not any(benchmark.concludes for benchmark in comparison.benchmarks):
        return ""
    return f"; * told apart, p < .05 over {comparison.tested_over}, corrected for all pairs (Holm)"


def utility_note(comparison: Comparison) -> str:
    """What the utility is."""
    starts = {benchmark.start for benchmark in comparison.benchmarks}
    less = f"less {_one({one_line(start) for start in starts if start}, 'the base')}'s"
    less = "0 being the scale card's mean" if starts == {None} else less
    return f"utility: mean over the asked weights w of w . {_score(comparison)}, {less}"


def efficiency_note(comparison: Comparison) -> str:
    words = {benchmark.word("scores") for benchmark in comparison.benchmarks}
    gain = f"{_one(words)} gain over sft"
    return f"efficiency: {gain}, as a share of what optimising the rewards perfectly gains at that KL"


def _score(comparison: Comparison) -> str:
    """What a score is called in all tables together."""
    return _one({benchmark.score_word("scores") for benchmark in comparison.benchmarks})


def _one(words: set[str], several: str = "reward") -> str:
    return words.pop() if len(words) == 1 else several
