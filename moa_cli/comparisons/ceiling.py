"""The ceiling of a comparison: from which policies it is estimated, and how far below it every row stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import Front, Weights
from benchmarks.ceiling import Ceiling, Measured, Samples, best_of, efficiencies
from benchmarks.spec import Signal, default_grid
from moa_cli.comparisons import parts
from moa_cli.comparisons.parts import BestOfN, CeilingFront, CeilingOf, CurvePoint, Share, Unreached
from moa_cli.comparisons.row import counted

KLS = (0.5, 1.0, 2.0, 4.0)
"""Nats per answer at which fronts are drawn."""


BEST_OF = 16
"""Answers among which the best is taken."""


STEP = 0.25
"""Nats between the points of a curve."""


def ceiling_part(
    rows: Mapping[str, Sequence[Front]], samples: Samples, *, keep_collapsed: bool = False
) -> parts.Ceiling:
    """The ceiling of a benchmark, for rows by name and the fronts of their seeds."""
    return parts.Ceiling(
        rewards=_under(rows, samples, "rewards", keep_collapsed), scores=_under(rows, samples, "scores", keep_collapsed)
    )


def _under(rows: Mapping[str, Sequence[Front]], samples: Samples, signal: Signal, keep_collapsed: bool) -> CeilingOf:
    """The ceiling that is tilted and scored by one signal."""
    N, ceiling = samples.prompts, samples.ceiling(signal)
    # how all test prompts differ from those of the samples, as all fronts have it, which were measured on both
    every = [counted(f, signal, keep_collapsed=True) for seeds in rows.values() for f in seeds]
    shift = np.mean([one.mean(axis=(0, 1)) - one[:, :N].mean(axis=(0, 1)) for one in every], axis=0)
    measured = {
        name: [
            Measured(f.weights, counted(f, signal, keep_collapsed=keep_collapsed)[:, :N], f.kl[:, :N].mean(axis=1))
            for f in seeds
        ]
        for name, seeds in rows.items()
        if all(np.isfinite(f.kl).all() for f in seeds)
    }
    grid = default_grid(len(shift))
    best = [best_of(samples.base(signal), w, BEST_OF).mean(axis=0) + shift for w in grid]
    efficiency, unreached = _efficiency(ceiling, measured, {name: seeds[0] for name, seeds in rows.items()})
    return CeilingOf(
        prompts=N,
        fronts=tuple(front for kl in KLS if (front := _front(ceiling, kl, grid, shift))),
        best_of_n=BestOfN(n=BEST_OF, weights=tuple(grid), points=np.array(best).tolist()),
        curve=tuple(
            CurvePoint(kl=kl, weights=w, values=(ceiling.at(w, kl).scores.mean(axis=0) + shift).tolist())
            for w in grid
            for kl in np.arange(0, ceiling.reach(w), STEP).tolist()
        ),
        efficiency=efficiency,
        unreached=unreached,
    )


def _front(ceiling: Ceiling, kl: float, grid: Sequence[Weights], shift: np.ndarray) -> CeilingFront | None:
    """The KL-optimal front at a mean KL, as far as it is in reach."""
    reached = [w for w in grid if kl <= ceiling.reach(w)]
    if not reached:
        return None
    tilts = [ceiling.at(w, kl) for w in reached]
    return CeilingFront(
        kl=kl,
        weights=tuple(reached),
        points=tuple((tilt.scores.mean(axis=0) + shift).tolist() for tilt in tilts),
        share=min(tilt.effective for tilt in tilts) / ceiling.scores.shape[1],
    )


def _efficiency(
    ceiling: Ceiling, measured: Mapping[str, Sequence[Measured]], rows: Mapping[str, Front]
) -> tuple[dict[str, Share | None], dict[str, Unreached]]:
    """Each row's share of the ceiling's hypervolume. None where the samples do not reach the KL of all its points: the
    second then says which is farthest out, and what the share is at most."""
    ref = next(iter(rows.values())).card.ref
    efficiency: dict[str, Share | None] = dict.fromkeys(rows)  # None where the KL of a row is unknown
    unreached = {}
    shares = efficiencies(ceiling, [*measured.values()], ref) if measured else []
    for (name, seeds), share in zip(measured.items(), shares, strict=True):
        points = [p for one in seeds for p in zip(one.kl.tolist(), one.weights, rows[name].labels, strict=True)]
        kl, weights, label = max(points, key=lambda point: point[0] - ceiling.reach(point[1]))
        reach, finite = ceiling.reach(weights), bool(np.isfinite(share.draws).all())
        efficiency[name] = Share(**share.interval()._asdict()) if finite and kl <= reach else None
        if kl > reach:
            unreached[name] = Unreached(label=label, kl=kl, reach=reach, at_most=share.value if finite else None)
    return efficiency, unreached
