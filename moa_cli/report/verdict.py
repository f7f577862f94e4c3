"""What a comparison comes to, in a sentence: who is ahead, by how much, and of whom that cannot be said."""

from __future__ import annotations

from moa_cli.comparisons import Gate, GateVerdict, OnBenchmark, Row
from moa_cli.report.elements import Html, called, el, html_table, join, listed, number, spread


def verdict_sentence(on: OnBenchmark) -> Html:
    """The sentence on one benchmark, whose rows go from the highest held-out hypervolume to the lowest."""
    out, where = [_name(row.method) for row in on.rows if on.left_out(row)], called(on.name)
    collapsed = join(["all points of ", listed(out), " are left out for collapse"]) if out else Html()
    if len(out) == len(on.rows):
        return join(["Nothing can be compared on ", where, ": ", collapsed, "."])
    first, *others = (row for row in on.rows if not on.left_out(row))
    end = join(["; ", collapsed, "."]) if out else "."
    if not others:
        alone = " alone can be judged on " if out else " alone was measured on "
        return join([_name(first.method), alone, where, " (", _reached(on, first), ")", end])
    lead = [_name(first.method), " has the largest held-out hypervolume on ", where, " (", _reached(on, first), ")"]
    if first.method == on.base:
        lead += [": no method improves on the starting policy"]
    lead += [_price(on, first), _ties(on, first)]
    trained = next((row for row in others if row.cost.get("trained_tokens", 0) != 0), None)
    if _is_free(on, first) and trained:
        lead += ["; of the methods that train, ", _name(trained.method), " is first (", _reached(on, trained), ")"]
        lead += [_ties(on, trained)]
    return join([*lead, end])


def _name(method: str) -> Html:
    return el("b", called(method))


def _reached(on: OnBenchmark, row: Row) -> Html:
    """The held-out hypervolume, and what that is over the base."""
    gain, reached = on.gain(row), row.scores
    if on.base is None or gain is None:
        return spread(reached.hypervolume, reached.low, reached.high)
    over = spread(gain.value, gain.low, gain.high, sign="+")
    return join([number(reached.hypervolume), ", ", over, " over ", called(on.base)])


def _is_free(on: OnBenchmark, row: Row) -> bool:
    """Whether a row other than the base is known to have come without training."""
    return row.method != on.base and row.cost.get("trained_tokens") == 0


def _price(on: OnBenchmark, row: Row) -> str:
    """What an answer costs where nothing was trained."""
    if not _is_free(on, row):
        return ""
    spent = {r.method: r.cost.get("serving_flops") for r in on.rows}
    ours, theirs = spent[row.method], spent.get(on.base or "")
    price = f", but with {ours / theirs:.0f} times the computing for every answer" if ours and theirs else ""
    return f" without training{price}"


def _ties(on: OnBenchmark, row: Row) -> Html:
    """Which rows below this one cannot be told from it."""
    below = on.rows[on.rows.index(row) + 1 :]
    gains = [(r.method, on.difference(row.method, r.method)) for r in below]
    tied = [name for name, gain in gains if gain and not gain.clear]
    if not tied:
        return Html(", ahead of all others" if len(on.rows) > 2 and row is on.rows[0] else "")
    names = [*map(_name, tied[:3]), *([f"{len(tied) - 3} more"] if len(tied) > 3 else [])]
    return join([", and cannot be told from ", listed(names, "or")])


_WORSE_WORDS = {"regressed": "regressed", "lost": "was lost", "failed": "failed"}


def gate_sentence(gate: Gate) -> Html:
    """Whether methods became worse than a baseline."""
    worse = [
        join([_name(one.method), f" {_WORSE_WORDS[one.verdict]} on ", called(one.benchmark), _by(one)])
        for one in gate.verdicts
        if one.worse
    ]
    told = listed(worse) if worse else "no method became worse"
    against = f" (baseline {gate.baseline}, tolerance {gate.tolerance:.1%})."
    return join([el("b", f"Gate {gate.verdict}:"), " ", told, against])


def gate_table(gate: Gate) -> Html:
    """All methods beside the baseline."""
    rows = [
        [join([called(one.method), " on ", called(one.benchmark)]), one.verdict, number(one.base), _change(one)]
        for one in gate.verdicts
    ]
    return html_table("Held-out hypervolume less the baseline's", ["Method", "Verdict", "Baseline", "Change"], rows)


def _change(one: GateVerdict) -> Html:
    """The difference with its interval, a dash for a row that is on one side only."""
    if one.difference is None or one.low is None or one.high is None:
        return Html("–")
    return spread(one.difference, one.low, one.high, sign="+")


def _by(one: GateVerdict) -> Html:
    return Html() if one.difference is None else join([" (", _change(one), ")"])
