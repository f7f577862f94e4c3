"""Whether anything became worse than a baseline: verdicts for every row, from the scores that both comparisons hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import BadInput, Card
from benchmarks.stats import hypervolume
from moa_cli.comparisons.contributions import Sides, Training, Volume, differences, to_volume, volume_by_chance
from moa_cli.comparisons.document import Comparison, OnBenchmark
from moa_cli.comparisons.equal import Asked, equal_points
from moa_cli.comparisons.parts import Difference, Gate, GateVerdict, GateWord, Row
from moa_cli.comparisons.saved import read_saved

OVER_ONE = "a gate judges trainings, which do not share one starting policy there"


def judge(
    comparison: Comparison,
    baseline: Comparison,
    *,
    name: str,
    tolerance: float,
) -> Gate:
    """The hypervolume under the scores of every row against its row in the baseline, at as many policies of both.

    That is the row of the same method and configuration, else of the same name. A method with one configuration is
    called the same whatever that is, so a changed default is judged.

    A row has regressed where it lost more than `tolerance`, a share of the baseline's hypervolume, and the interval of
    the difference excludes 0; where it lost as much but the interval does not, nobody can be sure. Of several policies
    before and a single one now, or the other way round, it is about what exceeds chance. That guards: it is
    not corrected for many rows, and with one training it is about these. A row is better only where the difference is
    clear, as two rows of a table are. A row of the baseline that is missing is lost. All rows of a method that is
    among the comparison's failures have failed, whatever else was measured; one without any row gets a verdict too.
    BadInput where units differ, or collapsed points count on one side only.
    """
    verdicts: list[GateVerdict] = []
    ours = {one.name: one for one in comparison.benchmarks}
    theirs = {one.name: one for one in baseline.benchmarks}
    failed = [one for one in comparison.failures if one.method is not None]
    for benchmark in dict.fromkeys([*theirs, *ours, *sorted(one.benchmark for one in failed)]):
        now = {row.method: row for row in _rows(ours.get(benchmark))}
        before = _by_names_now(_rows(theirs.get(benchmark)), now)
        if before and now:
            if len(ours[benchmark].preparations) > 1:
                raise BadInput(
                    f"{name} cannot be a baseline for {benchmark}: that is compared over several preparations",
                    OVER_ONE,
                    f"judge one of them: --preparations {theirs[benchmark].card.preparation}",
                )
            _check_comparable(ours[benchmark].card, ours[benchmark].keeps_collapsed, theirs[benchmark], name)
        crashed: dict[str, list[str]] = {}
        for one in failed:
            if one.benchmark == benchmark:
                crashed.setdefault(str(one.method), []).append(one.what)
        methods = {row: entry.of_method for row, entry in (before | now).items()}
        methods |= {method: method for method in sorted(crashed) if method not in methods.values()}
        both = {
            row: (now[row], before[row])
            for row, method in methods.items()
            if method not in crashed and row in before and row in now
        }
        judged = _judged(ours[benchmark], both, tolerance) if both else {}
        for row, method in methods.items():
            if row in judged:
                verdicts.append(judged[row])
            else:
                word: GateWord = "failed" if method in crashed else "lost" if row in before else "new"
                why = "; ".join(dict.fromkeys(crashed[method])) if method in crashed else None
                verdicts.append(GateVerdict(benchmark=benchmark, method=row, verdict=word, reason=why))
    worse = any(verdict.worse for verdict in verdicts)
    return Gate(
        baseline=name,
        tolerance=tolerance,
        verdict="regressed" if worse else "passed",
        verdicts=tuple(verdicts),
    )


def read_baseline(path: Path) -> Comparison:
    """The comparison in a file, by which others can be judged.

    BadInput where it cannot be read or has not the scores for it: found before a training, not after.
    """
    baseline = read_saved(path)
    if not any(benchmark.rows for benchmark in baseline.benchmarks):
        raise _no_baseline(path, "it holds no method", "a gate that judges nothing would always pass")
    for benchmark in baseline.benchmarks:
        if len(benchmark.preparations) > 1:
            raise _no_baseline(
                path,
                f"it is over several preparations of {benchmark.name}",
                OVER_ONE,
            )
        for row in benchmark.rows:
            if not _has_scores(row, benchmark):
                raise _no_baseline(
                    path,
                    f"the scores of {row.method} on {benchmark.name} are missing or damaged",
                    "differences are paired prompt by prompt",
                )
    return baseline


def check_units(baseline: Comparison, cards: Iterable[Card], *, name: str, keep_collapsed: bool) -> None:
    """BadInput where a baseline cannot judge what is measured under these cards: found before a training, not after."""
    theirs = {benchmark.name: benchmark for benchmark in baseline.benchmarks if benchmark.rows}
    for card in cards:
        if card.benchmark in theirs:
            _check_comparable(card, keep_collapsed, theirs[card.benchmark], name)


def _no_baseline(path: Path, what: str, why: str) -> BadInput:
    return BadInput(f"{path} cannot be a baseline: {what}", why, "make a new one: moa compare -o FILE.json")


def _has_scores(row: Row, benchmark: OnBenchmark) -> bool:
    """Whether a row of a saved comparison holds a finite score for every seed, point, prompt and objective."""
    wanted = len(row.points), benchmark.prompts, len(benchmark.objectives)
    try:
        scores = _scores(row)
    except ValueError:
        return False
    return (
        min(wanted) > 0
        and len(scores) > 0
        and {seed for _, seed in scores} == set(row.seeds)
        and all(one.shape == wanted and np.isfinite(one).all() for one in scores.values())
    )


def _rows(benchmark: OnBenchmark | None) -> tuple[Row, ...]:
    return benchmark.rows if benchmark else ()


def _by_names_now(before: Sequence[Row], now: dict[str, Row]) -> dict[str, Row]:
    """Rows of the baseline by what the same method and configuration is called now, else by their own names."""
    # A name tells only what differs from other rows, so "ric" is called "ric rounds=1" once "ric rounds=2" is there.
    names = {_contestant(row): name for name, row in now.items()}
    return {names.get(_contestant(row), row.method): row for row in before}


def _contestant(row: Row) -> tuple[str, str]:
    return row.of_method, json.dumps(row.config, sort_keys=True)


def _judged(benchmark: OnBenchmark, rows: Mapping[str, tuple[Row, Row]], tolerance: float) -> dict[str, GateVerdict]:
    """The difference of each row to its row in the baseline with its interval, and what to think of it."""
    family, bases = [], []
    for now, before in rows.values():
        ours, theirs = _equal(now, before)
        a, b = (_volume(one, benchmark.ref) for one in (ours, theirs))
        chance = volume_by_chance(a, b, benchmark.ref)
        family.append(Sides(a.contributions, b.contributions, a.value - b.value, by_chance=chance))
        bases.append(b.value)
    return {
        name: GateVerdict(
            benchmark=benchmark.name, method=name, verdict=_word(change, tolerance * base), difference=change.value,
            low=change.low, high=change.high, base=base,
        )
        for name, change, base in zip(rows, differences(family), bases, strict=True)
    }  # fmt: skip


def _word(change: Difference, allowed: float) -> GateWord:
    value, _, high = change.beyond_chance
    if value < -allowed:
        return "regressed" if high < 0 else "unsure"
    return "better" if value > allowed and change.clear else "same"


def _equal(now: Row, before: Row) -> tuple[dict[Training, np.ndarray], dict[Training, np.ndarray]]:
    """The scores (K, N, M) of both rows by training, at those points by which this comparison compares the first, or as
    many fewer as the other has."""
    here = [k for k, point in enumerate(now.points) if point.compared] or list(range(len(now.points)))
    points = {"now": [now.points[k] for k in here], "before": before.points}
    chosen = equal_points(
        {side: Asked(tuple(p.weights for p in own), tuple(p.policy for p in own)) for side, own in points.items()}
    )
    ours = {training: scores[[here[k] for k in chosen["now"]]] for training, scores in _scores(now).items()}
    return ours, {training: scores[chosen["before"]] for training, scores in _scores(before).items()}


def _volume(trainings: Mapping[Training, np.ndarray], ref: Sequence[float]) -> Volume:
    """The hypervolume of a row of scores (K, N, M): the mean over its trainings."""
    value = np.mean([hypervolume(scores.mean(axis=1), ref) for scores in trainings.values()])
    return Volume(trainings, to_volume(trainings, ref), float(value))


def _scores(row: Row) -> dict[Training, np.ndarray]:
    """The scores (K, N, M) of each training. ValueError where they are not as many everywhere, or no numbers."""
    texts = {(run.preparation, run.seed): [[*point.values()] for point in run.points] for run in row.runs}
    return {
        training: np.array([[scores.split() for scores in point] for point in points], dtype=float).transpose(0, 2, 1)
        for training, points in texts.items()
    }


def _check_comparable(card: Card, keeps_collapsed: bool, theirs: OnBenchmark, name: str) -> None:
    """BadInput where what is measured under a card cannot be judged by the baseline's part on its benchmark."""
    differences = card.differences(theirs.card)
    if differences:
        why = f"they differ in {', '.join(differences)}, so the numbers have different units"
        mend = "make a new baseline: the same command with -o FILE.json instead of --baseline"
        if card.prepared_anew(theirs.card):
            why = "the same, prepared on another processor or with other libraries, has other units"
            mend = f"take the preparation that belongs to it, with --prepared FILE.tar and another --runs; or {mend}"
        raise BadInput(f"{name} cannot be a baseline for {card.benchmark}: its scale card is another", why, mend)
    keeps = theirs.keeps_collapsed
    if keeps_collapsed != keeps:
        raise BadInput(
            f"{name} cannot be a baseline for {card.benchmark}: "
            f"collapsed points count {'there' if keeps else 'here'} only",
            "a difference would come from what counts, not from a method that became better or worse",
            f"compare the runs again {'with' if keeps else 'without'} --keep-collapsed",
        )
