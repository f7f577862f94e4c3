"""What a comparison comes to, in a sentence: who is ahead, by how much, and of whom that cannot be said."""

from __future__ import annotations

from collections.abc import Sequence

from moa_cli.comparisons import HEADLINES, LEAST_PROMPTS, Gate, GateVerdict, Headline, OnBenchmark, Row
from moa_cli.report.elements import Content, Html, called, el, html_table, join, listed, number, spread


def verdict_sentence(on: OnBenchmark) -> Html:
    """The sentences on one benchmark: who has the largest hypervolume, the highest utility, and what that says."""
    out, where = [_name(row.method) for row in on.rows if on.left_out(row)], called(on.name)
    collapsed = join(["all points of ", listed(out), " are left out for collapse"]) if out else Html()
    if len(out) == len(on.rows):
        return join(["Nothing can be compared on ", where, ": ", collapsed, "."])
    first, *others = (row for row in on.rows if not on.left_out(row))
    end = join(["; ", collapsed, "."]) if out else "."
    if not others:
        alone = " alone can be judged on " if out else " alone was measured on "
        return join([_name(first.method), alone, where, " (", _reached(on, first), ")", end])
    largest = f" has the largest {on.word('scores')} hypervolume on "
    lead = [_name(first.method), largest, where, _on_these(on), " (", _reached(on, first), ")"]
    if first.method == on.base:
        lead += [": no method improves on the starting policy"]
    lead += [_price(on, first), _ties(on, first)]
    trained = next((row for row in others if row.cost.get("trained_tokens", 0) != 0), None)
    if _is_free(on, first) and trained:
        lead += ["; of the methods that train, ", _name(trained.method), " is first (", _reached(on, trained), ")"]
        lead += [_ties(on, trained)]
    return join([*lead, end, *_worth(on), *_goals(on)])


def _name(method: str) -> Html:
    return el("b", called(method))


def _on_these(on: OnBenchmark) -> str:
    """A restriction, where nothing can be said of other trainings."""
    return "" if on.concludes else " on these trainings"


def _reached(on: OnBenchmark, row: Row) -> Html:
    """The hypervolume, and what that is over the base."""
    gain, reached = on.gain(row), row.scores
    if on.base is None or gain is None:
        return spread(*reached.volume)
    over = spread(*gain.interval, sign="+")
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
    """Which rows below this one cannot be told from it by their hypervolumes."""
    return _told_from(on, row, on.rows[on.rows.index(row) + 1 :], "hypervolume", first=row is on.rows[0])


def _told_from(on: OnBenchmark, row: Row, others: Sequence[Row], headline: Headline, *, first: bool = True) -> Html:
    """Which of the others, all lower in a headline number, cannot be told from a row."""
    gains = {other.method: gain for other in others if (gain := on.difference(row.method, other.method, headline))}
    if gains and all(gain.p_holm is None for gain in gains.values()):
        few = on.prompts < LEAST_PROMPTS
        return Html(f", but {f'{on.prompts} prompts' if few else 'one training'} cannot tell who is better")
    tied = [name for name, gain in gains.items() if not gain.clear]
    if not tied:
        return Html(", ahead of all others" if len(on.rows) > 2 and first else "")
    names = [*map(_name, tied[:3]), *([f"{len(tied) - 3} more"] if len(tied) > 3 else [])]
    return join([", and cannot be told from ", listed(names, "or")])


def _worth(on: OnBenchmark) -> Content:
    """The sentence on utility."""
    first, *others = sorted((row for row in on.rows if not on.left_out(row)), key=lambda row: -row.scores.utility)
    asked = f" At the {len(on.asked)} weights that all are asked for, " if len(on.asked) > 1 else " Of all, "
    over = join([" over ", called(on.start)]) if on.start not in (None, first.method) else Html()
    worth = spread(*first.scores.worth, sign="+") if first.method != on.start else Html("no method gains")
    told = _told_from(on, first, others, "utility")
    return [
        join([asked, _name(first.method), " has the highest utility", _on_these(on), " (", worth, over, ")", told, "."])
    ]


def _goals(on: OnBenchmark) -> Content:
    """What training added to telling the starting policy goals, for each row that steers by the prompt."""
    told = []
    for row in on.rows:
        gains = [on.goals_gain(row, headline) for headline in HEADLINES]
        parts = [
            join([spread(*gain.interval, sign="+"), f" in {headline}", "" if gain.clear else " (not told apart)"])
            for headline, gain in zip(HEADLINES, gains, strict=True)
            if gain
        ]
        told += [join([_name(row.method), " is ", listed(parts)])] if parts else []
    return (
        [join([" Over ", called(str(on.goals_base)), ", which is told goals and not trained, ", listed(told), "."])]
        if told
        else []
    )


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
    return html_table("Hypervolume less the baseline's", ["Method", "Verdict", "Baseline", "Change"], rows)


def _change(one: GateVerdict) -> Html:
    """The difference with its interval, a dash for a row that is on one side only."""
    if one.difference is None or one.low is None or one.high is None:
        return Html("–")
    return spread(one.difference, one.low, one.high, sign="+")


def _by(one: GateVerdict) -> Html:
    return Html() if one.difference is None else join([" (", _change(one), ")"])
