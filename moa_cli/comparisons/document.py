"""What a comparison says, read from its document."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from benchmarks.stats import pareto
from moa_cli.words import in_seeds, one_line

ALPHA = 0.05


class Difference(NamedTuple):
    """The difference between two rows' held-out hypervolumes."""

    value: float
    low: float
    high: float
    p: float | None
    """p value of the permutation test, corrected for all pairs (Holm); None where points cannot be paired."""

    @property
    def clear(self) -> bool:
        """Whether the two can be told apart: the interval excludes 0, and so does the test where there is one."""
        return (self.low > 0 or self.high < 0) and (self.p is None or self.p < ALPHA)


def left_out(benchmark: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether no point of a row counts, for all have collapsed: its hypervolume is 0 by a rule, not measured."""
    collapsed = all(point["collapsed_seeds"] == len(row["seeds"]) for point in row["points"])
    return collapsed and not benchmark["keeps_collapsed"]


def difference(benchmark: dict[str, Any], a: str, b: str) -> Difference | None:
    """By how much row a exceeds row b, None where no point of one of them counts."""
    if any(left_out(benchmark, row) for row in benchmark["rows"] if row["method"] in (a, b)):
        return None
    for pair in benchmark["pairs"]:
        if (pair["a"], pair["b"]) == (a, b):
            return Difference(pair["difference"], pair["low"], pair["high"], pair["p_holm"])
        if (pair["a"], pair["b"]) == (b, a):
            return Difference(-pair["difference"], -pair["high"], -pair["low"], pair["p_holm"])
    raise KeyError((a, b))


def base(benchmark: dict[str, Any]) -> str | None:
    """The row that others are compared with: the first that is not steered at all, which no training moved."""
    return next((row["method"] for row in benchmark["rows"] if row["steering"] == "none"), None)


Part = dict[str, Any]
"""A benchmark of the document or one of its rows."""


def row_quality(row: Part, kind: str) -> Part:
    """A row's indicators under one kind of score."""
    return row["evaluator"] if kind == "evaluator" else row


def volumes(benchmark: Part, kind: str) -> dict[str, float]:
    """Every row's hypervolume."""
    return {row["method"]: row_quality(row, kind)["hypervolume"] for row in benchmark["rows"]}


def remarks(benchmark: dict[str, Any]) -> list[str]:
    """What a reader of the table must know: where nothing is held out, and which points have collapsed."""
    same = not_held_out(benchmark)
    told = f"{', '.join(map(one_line, same))}: no held-out evaluator, so 'held-out' is the training reward"
    lines = [told] if same else []
    done = "kept" if benchmark["keeps_collapsed"] else "left out"
    for row in benchmark["rows"]:
        name, degenerate = row_name(benchmark, row), "over a fifth of the answers degenerate at"
        labels = [
            one_line(point["label"]) + in_seeds(point, row) for point in row["points"] if point["collapsed_seeds"]
        ]
        if left_out(benchmark, row):
            told = f"{name}: {degenerate} all points; they are left out, so nothing can be compared with it"
            lines.append(f"{told} (--keep-collapsed counts them)")
        elif labels:
            lines.append(f"{name}: {degenerate} {'; '.join(labels)} ({done})")
    return lines


def not_held_out(benchmark: dict[str, Any]) -> list[str]:
    """The objectives whose reward is its own evaluator."""
    card = benchmark["card"]
    scorers = zip(benchmark["objectives"], card["rewards"], card["evaluators"], strict=True)
    return [name for name, reward, evaluator in scorers if reward == evaluator]


def facts(benchmark: dict[str, Any]) -> list[str]:
    """What was measured: benchmark@version, objectives, prompts, seeds, ref."""
    seeds = common_seeds(benchmark)
    ref = [f"{r:g}" for r in benchmark["ref"]]
    return [
        f"{benchmark['name']}@{benchmark['version']}",
        ", ".join(benchmark["objectives"]),
        f"{benchmark['prompts']} prompts",
        "seeds differ" if seeds is None else f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
        f"ref {ref[0] if len(set(ref)) == 1 else ', '.join(ref)}",
    ]


def common_seeds(benchmark: dict[str, Any]) -> list[int] | None:
    """The seeds of every row, None where rows have different ones."""
    seeds = [row["seeds"] for row in benchmark["rows"]]
    return seeds[0] if all(s == seeds[0] for s in seeds) else None


def row_name(benchmark: dict[str, Any], row: dict[str, Any]) -> str:
    """The row's name, with its seeds where rows have different ones."""
    if common_seeds(benchmark) is not None:
        return one_line(row["method"])
    return one_line(f"{row['method']} (seed{'s' * (len(row['seeds']) > 1)} {', '.join(map(str, row['seeds']))})")


def row_points(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A row's points in the order of their weights."""
    return sorted(row["points"], key=lambda p: p["weights"])


def row_scores(row: dict[str, Any], kind: str) -> np.ndarray:
    """A row's scores (K, M), in the order of its `points`."""
    return np.array([point[kind] for point in row_points(row)])


def adds_to_volume(benchmark: dict[str, Any], row: dict[str, Any], kind: str) -> np.ndarray:
    """Which points (K,) add to the hypervolume: not left out for collapse, nor dominated by another that is not."""
    kept = np.flatnonzero([benchmark["keeps_collapsed"] or not point["collapsed"] for point in row_points(row)])
    mask = np.zeros(len(row["points"]), bool)
    if len(kept):
        mask[kept[pareto(row_scores(row, kind)[kept])]] = True
    return mask
