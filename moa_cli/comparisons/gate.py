"""Whether anything became worse than a baseline: verdicts for every row, from the scores that both documents hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks import BadInput, Card
from benchmarks.stats import bootstrap_hypervolume
from moa_cli.comparisons.saved import read_saved
from moa_cli.runs import GIVEN

Verdict = Literal["better", "same", "unsure", "regressed", "lost", "failed", "new"]


WORSE = ("regressed", "lost", "failed")
"""Verdicts that close the gate."""


def judge(
    document: dict[str, Any],
    baseline: dict[str, Any],
    *,
    name: str,
    tolerance: float,
    failed: Collection[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The held-out hypervolume of every row against its row in the baseline.

    That is the row of the same method and configuration, else of the same name. A method with one configuration is
    called the same whatever that is, so a changed default is judged.

    A row has regressed where it lost more than `tolerance`, a share of the baseline's hypervolume, and the paired
    interval of the difference excludes 0; where it lost as much but the interval does not, nobody can be sure. A row of
    the baseline that is missing is lost. All rows of a method in `failed` (benchmark, method) have failed, whatever was
    measured before the crash; one without any row gets a verdict too. BadInput where units differ, or collapsed points
    count on one side only.
    """
    verdicts: list[dict[str, Any]] = []
    ours = {benchmark["name"]: benchmark for benchmark in document["benchmarks"]}
    theirs = {benchmark["name"]: benchmark for benchmark in baseline["benchmarks"]}
    for benchmark in dict.fromkeys([*theirs, *ours, *sorted(on for on, _ in failed)]):
        now = {row["method"]: row for row in _rows(ours.get(benchmark))}
        before = _by_names_now(_rows(theirs.get(benchmark)), now)
        if before and now:
            card, keeps = Card.from_json(ours[benchmark]["card"]), ours[benchmark]["keeps_collapsed"]
            _check_comparable(card, keeps, theirs[benchmark], name)
        crashed = sorted(method for on, method in failed if on == benchmark)
        methods = {row: _method(entry) for row, entry in (before | now).items()}
        methods |= {method: method for method in crashed if method not in methods.values()}
        for row, method in methods.items():
            if method in crashed:
                found: dict[str, Any] = {"verdict": "failed"}
            elif row not in before:
                found = {"verdict": "new"}
            elif row not in now:
                found = {"verdict": "lost"}
            else:
                found = _judged(now[row], before[row], ours[benchmark]["ref"], tolerance)
            verdicts.append({"benchmark": benchmark, "method": row} | found)
    worse = any(v["verdict"] in WORSE for v in verdicts)
    return {
        "baseline": name, "tolerance": tolerance, "verdict": "regressed" if worse else "passed", "verdicts": verdicts,
    }  # fmt: skip


def read_baseline(path: Path) -> dict[str, Any]:
    """The comparison in a file, by which others can be judged.

    BadInput where it cannot be read or has not the scores for it: found before a training, not after.
    """
    document = read_saved(path)
    if not any(benchmark["rows"] for benchmark in document["benchmarks"]):
        raise _no_baseline(path, "it holds no method", "a gate that judges nothing would always pass")
    for benchmark in document["benchmarks"]:
        try:
            Card.from_json(benchmark["card"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _no_baseline(
                path, f"its scale card of {benchmark['name']} is damaged", "nobody knows its units"
            ) from error
        for row in benchmark["rows"]:
            if not _has_scores(row, benchmark):
                raise _no_baseline(
                    path,
                    f"the scores of {row['method']} on {benchmark['name']} are missing or damaged",
                    "differences are paired prompt by prompt",
                )
    return document


def check_units(baseline: dict[str, Any], cards: Iterable[Card], *, name: str, keep_collapsed: bool) -> None:
    """BadInput where a baseline cannot judge what is measured under these cards: found before a training, not after."""
    theirs = {benchmark["name"]: benchmark for benchmark in baseline["benchmarks"] if benchmark["rows"]}
    for card in cards:
        if card.benchmark in theirs:
            _check_comparable(card, keep_collapsed, theirs[card.benchmark], name)


def _no_baseline(path: Path, what: str, why: str) -> BadInput:
    return BadInput(f"{path} cannot be a baseline: {what}", why, "make a new one: moa compare -o FILE.json")


def _has_scores(row: dict[str, Any], benchmark: dict[str, Any]) -> bool:
    """Whether a row of a saved comparison holds a finite score for every seed, point, prompt and objective."""
    wanted = len(row["points"]), benchmark["prompts"], len(benchmark["objectives"])
    try:
        scores = _scores(row)
    except (ValueError, AttributeError):
        return False
    return (
        min(wanted) > 0
        and len(scores) > 0
        and sorted(scores) == sorted(row["seeds"])
        and all(one.shape == wanted and np.isfinite(one).all() for one in scores.values())
    )


def told_verdict(verdict: dict[str, Any]) -> str:
    """A verdict in words.

    >>> told({"verdict": "regressed", "difference": -1.0, "low": -1.5, "high": -0.5, "base": 4.0})
    'regressed: -1.00 [-1.50, -0.50], from 4.00'
    """
    if "difference" not in verdict:
        return str(verdict["verdict"])
    numbers = f"{verdict['difference']:+.2f} [{verdict['low']:+.2f}, {verdict['high']:+.2f}]"
    return f"{verdict['verdict']}: {numbers}, from {verdict['base']:.2f}"


def _rows(benchmark: dict[str, Any] | None) -> list[dict[str, Any]]:
    return benchmark["rows"] if benchmark else []


def _by_names_now(before: list[dict[str, Any]], now: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows of the baseline by what the same method and configuration is called now, else by their own names."""
    # A name tells only what differs from other rows, so "ric" is called "ric rounds=1" once "ric rounds=2" is there.
    names = {_contestant(row): name for name, row in now.items()}
    return {names.get(_contestant(row), row["method"]): row for row in before}


def _contestant(row: dict[str, Any]) -> tuple[str, str]:
    return _method(row), json.dumps(row["config"], sort_keys=True)


def _method(row: dict[str, Any]) -> str:
    """The method of a row, whose name may also tell its configuration: "ric rounds=1" is of "ric"."""
    # Answers made elsewhere have no configuration, and their name may have spaces.
    return row["method"] if row["steering"] == GIVEN else row["method"].partition(" ")[0]


def _judged(now: dict[str, Any], before: dict[str, Any], ref: list[float], tolerance: float) -> dict[str, Any]:
    """The difference with its interval, and what to think of it."""
    new, base = bootstrap_hypervolume([_scores(now), _scores(before)], ref)
    difference, low, high, _ = new.minus(base)
    allowed = tolerance * base.value
    verdict: Verdict = "same"
    if difference < -allowed:
        verdict = "regressed" if high < 0 else "unsure"
    elif difference > allowed and low > 0:
        verdict = "better"
    return {"verdict": verdict, "difference": difference, "low": low, "high": high, "base": base.value}


def _scores(row: dict[str, Any]) -> dict[int, np.ndarray]:
    """The held-out scores (K, N, M) of each seed."""
    return {
        run["seed"]: np.array([[scores.split() for scores in point.values()] for point in run["points"]], dtype=float)
        .transpose(0, 2, 1)
        for run in row["runs"]
    }  # fmt: skip


def _check_comparable(card: Card, keeps_collapsed: bool, theirs: dict[str, Any], name: str) -> None:
    """BadInput where what is measured under a card cannot be judged by the baseline's part on its benchmark."""
    differences = card.differences(Card.from_json(theirs["card"]))
    if differences:
        raise BadInput(
            f"{name} cannot be a baseline for {card.benchmark}: its scale card is another",
            f"they differ in {', '.join(differences)}, so the numbers have different units",
            "make a new baseline: the same command with -o FILE.json instead of --baseline",
        )
    keeps = theirs["keeps_collapsed"]
    if keeps_collapsed != keeps:
        raise BadInput(
            f"{name} cannot be a baseline for {card.benchmark}: "
            f"collapsed points count {'there' if keeps else 'here'} only",
            "a difference would come from what counts, not from a method that became better or worse",
            f"compare the runs again {'with' if keeps else 'without'} --keep-collapsed",
        )
