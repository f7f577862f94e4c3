"""What a comparison comes to, in a sentence: who is ahead, by how much, and of whom that cannot be said."""

from __future__ import annotations

from typing import Any

from moa_cli.comparisons import base, difference, left_out
from moa_cli.report.elements import Html, called, el, html_table, join, listed, number, spread


def verdict(benchmark: dict[str, Any]) -> Html:
    """The sentence on one benchmark, whose rows go from the highest held-out hypervolume to the lowest."""
    out = [_name(row) for row in benchmark["rows"] if left_out(benchmark, row)]
    start, where = base(benchmark), called(benchmark["name"])
    collapsed = join(["all points of ", listed(out), " are left out for collapse"]) if out else Html()
    if len(out) == len(benchmark["rows"]):
        return join(["Nothing can be compared on ", where, ": ", collapsed, "."])
    first, *others = (row for row in benchmark["rows"] if not left_out(benchmark, row))
    end = join(["; ", collapsed, "."]) if out else "."
    if not others:
        alone = " alone can be judged on " if out else " alone was measured on "
        return join([_name(first), alone, where, " (", _reached(benchmark, first), ")", end])
    lead = [_name(first), " has the largest held-out hypervolume on ", where, " (", _reached(benchmark, first), ")"]
    if first["method"] == start:
        lead += [": no method improves on the starting policy"]
    lead += [_price(benchmark, first), _ties(benchmark, first)]
    trained = next((row for row in others if row["cost"].get("trained_tokens")), None)
    if _is_free(benchmark, first) and trained:
        lead += ["; of the methods that train, ", _name(trained), " is first (", _reached(benchmark, trained), ")"]
        lead += [_ties(benchmark, trained)]
    return join([*lead, end])


def _name(row: dict[str, Any]) -> Html:
    return el("b", called(row["method"]))


def _reached(benchmark: dict[str, Any], row: dict[str, Any]) -> Html:
    """The held-out hypervolume, and what that is over the base."""
    volume, start = row["evaluator"], base(benchmark)
    gain = None if start in (None, row["method"]) else difference(benchmark, row["method"], start)
    if start is None or gain is None:
        return spread(volume["hypervolume"], volume["hv_low"], volume["hv_high"])
    return join([number(volume["hypervolume"]), ", ", spread(*gain[:3], sign="+"), " over ", called(start)])


def _is_free(benchmark: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a row other than the base is known to have come without training."""
    return row["method"] != base(benchmark) and row["cost"].get("trained_tokens") == 0


def _price(benchmark: dict[str, Any], row: dict[str, Any]) -> str:
    """What an answer costs where nothing was trained."""
    if not _is_free(benchmark, row):
        return ""
    spent = {r["method"]: r["cost"].get("serving_flops") for r in benchmark["rows"]}
    ours, theirs = spent[row["method"]], spent.get(base(benchmark) or "")
    price = f", but with {ours / theirs:.0f} times the computing for every answer" if ours and theirs else ""
    return f" without training{price}"


def _ties(benchmark: dict[str, Any], row: dict[str, Any]) -> Html:
    """Which rows below this one cannot be told from it."""
    rows = benchmark["rows"]
    below = rows[rows.index(row) + 1 :]
    gains = [(r, difference(benchmark, row["method"], r["method"])) for r in below]
    tied = [r for r, gain in gains if gain and not gain.clear]
    if not tied:
        return Html(", ahead of all others" if len(rows) > 2 and row is rows[0] else "")
    names = [*map(_name, tied[:3]), *([f"{len(tied) - 3} more"] if len(tied) > 3 else [])]
    return join([", and cannot be told from ", listed(names, "or")])


_WORSE = {"regressed": "regressed", "lost": "was lost", "failed": "failed"}


def gate_sentence(found: dict[str, Any]) -> Html:
    """Whether methods became worse than a baseline."""
    worse = [
        join([_name(one), f" {_WORSE[one['verdict']]} on ", called(one["benchmark"]), _by(one)])
        for one in found["verdicts"]
        if one["verdict"] in _WORSE
    ]
    told = listed(worse) if worse else "no method became worse"
    against = f" (baseline {found['baseline']}, tolerance {found['tolerance']:.1%})."
    return join([el("b", f"Gate {found['verdict']}:"), " ", told, against])


def gate_table(found: dict[str, Any]) -> Html:
    """All methods beside the baseline."""
    rows = [
        [
            join([called(one["method"]), " on ", called(one["benchmark"])]),
            one["verdict"],
            number(one.get("base")),
            _change(one),
        ]
        for one in found["verdicts"]
    ]
    return html_table("Held-out hypervolume less the baseline's", ["Method", "Verdict", "Baseline", "Change"], rows)


def _change(one: dict[str, Any]) -> Html:
    """The difference with its interval, a dash for a row that is on one side only."""
    if one.get("difference") is None:
        return Html("–")
    return spread(one["difference"], one["low"], one["high"], sign="+")


def _by(one: dict[str, Any]) -> Html:
    return Html() if one.get("difference") is None else join([" (", _change(one), ")"])
