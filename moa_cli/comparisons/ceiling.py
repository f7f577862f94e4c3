"""The ceiling of a comparison: from which policies it is estimated, and how far below it every row stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import Front, Weights
from benchmarks.ceiling import Ceiling, Measured, Samples, best_of, best_of_kl, gains
from benchmarks.spec import Signal, default_grid
from moa_cli.comparisons import parts
from moa_cli.comparisons.parts import BestOfN, CeilingFront, CeilingOf, CurvePoint, Share, Unreached

KLS = (0.5, 1.0, 2.0, 4.0)
"""Nats per answer at which fronts are drawn."""


BEST_OF = (2, 4, 8, 16, 32, 64)
"""Numbers of answers among which the best is taken."""


STEP = 0.25
"""Nats between the points of a curve."""


def ceiling_part(
    rows: Mapping[str, Sequence[Front]], samples: Samples, *, keep_collapsed: bool = False
) -> parts.Ceiling:
    """The ceiling of a benchmark, for rows by name and the fronts of their seeds."""
    return parts.Ceiling(
        rewards=_under(rows, samples, "rewards", "rewards", keep_collapsed),
        scores=_under(rows, samples, "rewards", "scores", keep_collapsed),
        evaluators=_under(rows, samples, "scores", "scores", keep_collapsed),
    )


def _under(
    rows: Mapping[str, Sequence[Front]], samples: Samples, tilting: Signal, signal: Signal, keep_collapsed: bool
) -> CeilingOf:
    """The ceiling that is tilted by one signal and measured by one."""
    N, ceiling = samples.prompts, samples.ceiling(tilting, signal)
    # how all test prompts differ from those of the samples, as all fronts have it, which were measured on both
    every = [f.under(signal) for seeds in rows.values() for f in seeds]
    shift = np.mean([one.mean(axis=(0, 1)) - one[:, :N].mean(axis=(0, 1)) for one in every], axis=0)
    grid, chosen_by, chosen = default_grid(len(shift)), samples.base(tilting), samples.base(signal)
    efficiency, unreached = {}, {}
    for name, seeds in rows.items():
        efficiency[name], beyond = _efficiency(ceiling, seeds, signal, keep_collapsed)
        if beyond:
            unreached[name] = beyond if tilting == signal else beyond.model_copy(update={"at_most": None})
    return CeilingOf(
        prompts=N,
        fronts=tuple(front for kl in KLS if (front := _front(ceiling, kl, grid, shift))),
        best_of_n=tuple(
            BestOfN(
                n=n,
                kl=best_of_kl(n),
                weights=tuple(grid),
                points=tuple((best_of(chosen_by, w, n, chosen).mean(axis=0) + shift).tolist() for w in grid),
            )
            for n in BEST_OF
            if n <= samples.counts[0]
        ),
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
        share=min(tilt.effective for tilt in tilts) / ceiling.tilting.shape[1],
    )


def _efficiency(
    ceiling: Ceiling, seeds: Sequence[Front], signal: Signal, keep_collapsed: bool
) -> tuple[Share | None, Unreached | None]:
    """A row's share of what the ceiling gains.

    None where its KL is unknown, where the gain of the ceiling cannot be told from nothing, and where the samples do
    not reach the KL of all its points: the second then says which is farthest out, and what the share is at most.
    """
    if not all(np.isfinite(f.kl).all() for f in seeds):
        return None, None
    N = len(ceiling.tilting)
    measured = {
        f.seed: Measured(
            weights=f.weights,
            scores=f.under(signal)[:, :N],
            kl=f.kl[:, :N].mean(axis=1),
            counts=f.sound | keep_collapsed,
        )
        for f in seeds
    }
    if not any(one.kl.any() for one in measured.values()):
        return Share(value=0.0, low=0.0, high=0.0), None  # the starting policy itself: it has gained nothing
    found = gains(ceiling, measured)
    known = found.best.interval().low > 0
    share = Share(**found.share.interval()._asdict()) if known else None
    points = [p for one in measured.values() for p in zip(one.kl.tolist(), one.weights, seeds[0].labels, strict=True)]
    kl, weights, label = max(points, key=lambda point: point[0] - ceiling.reach(point[1]))
    reach = ceiling.reach(weights)
    if kl <= reach:
        return share, None
    return None, Unreached(label=label, kl=kl, reach=reach, at_most=share.value if share else None)
