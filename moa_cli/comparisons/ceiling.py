"""The ceiling of a comparison: from which policies it is estimated, and how far below it every row stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import Front, Weights
from benchmarks.ceiling import Ceiling, Measured, Samples, best_of, efficiencies
from benchmarks.spec import default_grid
from moa_cli.comparisons.row import KINDS, counted

KLS = (0.5, 1.0, 2.0, 4.0)
"""Nats per answer at which fronts are drawn."""


BEST_OF = 16
"""Answers among which the best is taken."""


STEP = 0.25
"""Nats between the points of a curve."""


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
