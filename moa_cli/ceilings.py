"""The ceiling of a comparison: from which policies it is estimated, and how far below it every row stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import (
    Benchmark,
    Ceiling,
    Front,
    Log,
    Measured,
    Samples,
    Weights,
    best_of,
    default_grid,
    efficiencies,
    find_samples,
    samples_folder,
)
from moa_cli import plan, store
from moa_cli.config import restore
from moa_cli.job import Job, Member
from moa_cli.quality import KINDS, counted

if TYPE_CHECKING:
    from benchmarks import Policy

KLS = (0.5, 1.0, 2.0, 4.0)
"""Nats per answer at which fronts are drawn."""
BEST_OF = 16
"""Answers among which the best is taken."""
NEAR = 2.5
"""How far from the starting policy, in nats per answer, policies whose answers are drawn may be [choice].
Of policies farther away nearly all answers are unlikely under what is in reach."""
STEP = 0.25
"""Nats between the points of a curve."""


def jobs(folders: Sequence[Path], fronts: Sequence[Front]) -> list[Job]:
    """What is left to draw for the ceilings of these runs and their fronts, a job per benchmark."""
    todo = []
    for card in {f.card.hash: f.card for f in fronts}.values():
        runs = [(folder, f) for folder, f in zip(folders, fronts, strict=True) if f.card.hash == card.hash]
        own = [folder for folder, f in runs if f.steering != store.GIVEN]
        if not own:
            continue  # nothing here knows the starting policy
        one = plan.stored(own[0])
        pool = _pool(runs, one.benchmark.trained_grid)
        if not samples_folder(one.source.home, card, [m.name for m in pool]).exists():
            todo.append(Job(kind="ceiling", source=one.source, pool=pool))
    return todo


def draw(benchmark: Benchmark, pool: Sequence[Member], log: Log) -> None:
    """Draws the samples of a ceiling and leaves them beside what was prepared."""
    from benchmarks import draw_samples

    folder = samples_folder(benchmark.home, benchmark.card, [m.name for m in pool])
    draw_samples(benchmark, [partial(_policy, benchmark, member) for member in pool], folder, log)


def stored(folders: Sequence[Path], fronts: Sequence[Front]) -> dict[str, Samples]:
    """The newest samples for each scale card, by its hash; none where no ceiling was asked for yet."""
    places = {(folder.resolve().parents[2], f.card.hash): f.card for folder, f in zip(folders, fronts, strict=True)}
    found = {name: find_samples(home, card) for (home, name), card in places.items()}
    return {name: samples for name, samples in found.items() if samples is not None}


def ceiling_part(
    rows: Mapping[str, Sequence[Front]], samples: Samples, *, keep_collapsed: bool = False
) -> dict[str, Any]:
    """The entry `ceiling` of a benchmark in `moa.compare`, for rows by name and the fronts of their seeds."""
    return {kind: _kind(rows, samples, kind, keep_collapsed) for kind in KINDS}


def _kind(rows: Mapping[str, Sequence[Front]], samples: Samples, kind: str, keep_collapsed: bool) -> dict[str, Any]:
    """One kind of scores, by which the ceiling is tilted and scored."""
    held_out = kind == "evaluator"
    N, ceiling = samples.prompts, samples.ceiling(held_out=held_out)
    # how all test prompts differ from those of the samples, as all fronts have it, which were measured on both
    every = [counted(f, kind, keep_collapsed=True) for seeds in rows.values() for f in seeds]
    shift = np.mean([one.mean(axis=(0, 1)) - one[:, :N].mean(axis=(0, 1)) for one in every], axis=0)
    measured = {
        name: [
            Measured(f.weights, counted(f, kind, keep_collapsed=keep_collapsed)[:, :N], f.kl[:, :N].mean(axis=1))
            for f in seeds
        ]
        for name, seeds in rows.items()
        if all(np.isfinite(f.kl).all() for f in seeds)
    }
    grid = default_grid(len(shift))
    best = [best_of(samples.base(held_out=held_out), w, BEST_OF).mean(axis=0) + shift for w in grid]
    return {
        "prompts": N,
        "fronts": [front for kl in KLS if (front := _front(ceiling, kl, grid, shift))],
        "best_of_n": {"n": BEST_OF, "points": np.array(best).tolist(), "weights": _lists(grid)},
        "curve": [
            {"kl": kl, "weights": list(w), "scores": (ceiling.at(w, kl).scores.mean(axis=0) + shift).tolist()}
            for w in grid
            for kl in np.arange(0, ceiling.reach(w), STEP).tolist()
        ],
        **_efficiency(ceiling, measured, {name: seeds[0] for name, seeds in rows.items()}),
    }


def _front(ceiling: Ceiling, kl: float, grid: Sequence[Weights], shift: np.ndarray) -> dict[str, Any] | None:
    """The KL-optimal front at a mean KL, as far as it is in reach.

    `share` is that of the samples which is effective at least.
    """
    reached = [w for w in grid if kl <= ceiling.reach(w)]
    if not reached:
        return None
    tilts = [ceiling.at(w, kl) for w in reached]
    return {
        "kl": kl,
        "points": [(tilt.scores.mean(axis=0) + shift).tolist() for tilt in tilts],
        "weights": _lists(reached),
        "share": min(tilt.effective for tilt in tilts) / ceiling.scores.shape[1],
    }


def _efficiency(
    ceiling: Ceiling, measured: Mapping[str, Sequence[Measured]], rows: Mapping[str, Front]
) -> dict[str, Any]:
    """Each row's share of the ceiling's hypervolume. None where the samples do not reach the KL of all its points:
    `unreached` then says which is farthest out, and what the share is at most."""
    ref = next(iter(rows.values())).card.ref
    efficiency: dict[str, Any] = dict.fromkeys(rows)  # None where the KL of a row is unknown
    unreached = {}
    shares = efficiencies(ceiling, [*measured.values()], ref) if measured else []
    for (name, seeds), share in zip(measured.items(), shares, strict=True):
        points = [p for one in seeds for p in zip(one.kl.tolist(), one.weights, rows[name].labels, strict=True)]
        kl, weights, label = max(points, key=lambda point: point[0] - ceiling.reach(point[1]))
        reach, finite = ceiling.reach(weights), bool(np.isfinite(share.draws).all())
        efficiency[name] = share.interval()._asdict() if finite and kl <= reach else None
        if kl > reach:
            unreached[name] = {"label": label, "kl": kl, "reach": reach, "at_most": share.value if finite else None}
    return {"efficiency": efficiency, "unreached": unreached}


def _lists(grid: Sequence[Weights]) -> list[list[float]]:
    return [list(weights) for weights in grid]


def _pool(runs: Sequence[tuple[Path, Front]], grid: Sequence[Weights]) -> tuple[Member, ...]:
    """For each weight of the grid the point of the highest w . r that is NEAR, of the first seed.

    At most M + 1 of them, evenly spread.

    Policies made while they answer are left out, since nobody can tell how likely their answers are.
    """
    first = min(front.seed for _, front in runs)
    able = [(folder, f) for folder, f in runs if f.seed == first and f.steering not in ("none", "decode", store.GIVEN)]
    near = [(folder, f, k) for folder, f in able for k in np.flatnonzero(f.mean_kl <= NEAR)]
    if not near:
        return ()
    points = [(folder, f.weights[k]) for folder, f, k in near]
    values = np.array([f.points[k] for _, f, k in near]) @ np.asarray(grid).T
    distinct = list(dict.fromkeys(points[k] for k in values.argmax(axis=0)))
    spread = np.unique(np.linspace(0, len(distinct) - 1, len(grid[0]) + 1).round().astype(int))
    return tuple(_member(*distinct[i]) for i in spread)


def _member(folder: Path, weights: Weights) -> Member:
    record = store.read_record(folder)
    return Member(method=record.method, config=record.config, folder=folder, weights=weights)


def _policy(benchmark: Benchmark, member: Member) -> Policy:
    from moa_cli.work import opened

    return restore(member.method, member.config).policy(benchmark, opened(member.folder), member.weights)
