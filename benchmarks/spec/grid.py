"""Weights: points on the simplex, and the grids of them at which fronts are measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Weights = tuple[float, ...]
"""A point on the simplex: M numbers, non-negative, sum 1."""


def simplex_grid(objectives: int, steps: int) -> tuple[Weights, ...]:
    """All weights whose entries are multiples of 1/steps, the last objective's share growing first.

    >>> simplex_grid(2, 2)
    ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0))
    """
    return tuple(tuple(c / steps for c in count) for count in _counts(objectives, steps))


def _counts(objectives: int, total: int) -> Iterator[tuple[int, ...]]:
    """Every way to share a total, the first taking all of it first."""
    if objectives == 1:
        yield (total,)
    else:
        for first in range(total, -1, -1):
            yield from ((first, *rest) for rest in _counts(objectives - 1, total - first))


# The three-objective grid of the literature (arXiv 2402.10207, appendix), with exact thirds.
_THREE = (
    (1.0, 0.0, 0.0), (0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.4, 0.4, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.2, 0.6, 0.2),
    (0.1, 0.8, 0.1), (0.0, 1.0, 0.0), (0.2, 0.2, 0.6), (0.1, 0.1, 0.8), (0.0, 0.0, 1.0),
)  # fmt: skip


def default_grid(objectives: int) -> tuple[Weights, ...]:
    """The evaluation grid: 11 weights for two or three objectives, corners + centre + edges beyond.

    Those for two are 0, .1, ..., 1; those for three are the published ones.
    """
    if objectives == 1:
        return ((1.0,),)
    if objectives == 2:
        return simplex_grid(2, 10)
    if objectives == 3:
        return _THREE
    return (*simplex_grid(objectives, 2), (1 / objectives,) * objectives)


def default_trained_grid(objectives: int) -> tuple[Weights, ...]:
    """The weights for which methods that retrain per weight pay: 5 for two objectives, corners and centre beyond."""
    if objectives <= 2:
        return simplex_grid(objectives, 4) if objectives == 2 else ((1.0,),)
    return (*corners(objectives), (1 / objectives,) * objectives)


def corners(objectives: int) -> tuple[Weights, ...]:
    """e_1, ..., e_M."""
    return tuple(tuple(float(i == j) for j in range(objectives)) for i in range(objectives))


def on_simplex(w: Sequence[float]) -> bool:
    """Whether numbers are non-negative and sum to 1 within 1e-6."""
    return min(w) >= 0 and abs(sum(w) - 1) <= 1e-6


def check_grid(grid: Sequence[Weights], objectives: int, where: str, mistakes: list[str]) -> None:
    """Weights are non-negative, sum to 1 within 1e-6, have one entry per objective and are there once."""
    known: list[Weights] = []
    for w in grid:
        if len(w) != objectives:
            mistakes.append(f"{where}: {list(w)} has {len(w)} weights for {objectives} objectives")
        elif not on_simplex(w):
            mistakes.append(f"{where}: {list(w)} must be non-negative and sum to 1 (it sums to {sum(w):g})")
        elif known and (same := rounded_from(w, known)):
            mistakes.append(f"{where}: {list(w)} and {list(same)} are the same weights, to a rounding error")
        else:
            known.append(w)


ROUNDING = 1e-3
"""How far each typed weight may be from the one meant."""


def are_weights(numbers: Sequence[float], M: int) -> bool:
    """Whether these are M numbers, none negative or NaN, with sum 1 to a rounding error."""
    return len(numbers) == M and min(numbers) >= 0 and abs(sum(numbers) - 1) <= ROUNDING * M


def rounded_from(weights: Weights, points: Iterable[Weights]) -> Weights | None:
    """The nearest of the points, where each weight is no farther from it than a rounding error."""
    off, nearest = min((max(abs(a - b) for a, b in zip(point, weights, strict=True)), point) for point in points)
    return nearest if off <= ROUNDING else None
