"""The ceiling: an estimate of the best scores that any policy could reach at a given divergence from the starting one.

Among all policies with the same mean KL(pi || q0), the one with the highest mean of w . r is

    pi(y | x) = q0(y | x) exp(t w . r(x, y)) / Z(x)        one strength t = 1 / beta for all prompts x

(Korbak et al. 2022, arXiv 2205.11275; METHODS: the ceiling), and its KL is t E_pi[w . r] - E_x[log Z(x)]. q0 is the
starting policy *as it is decoded in the benchmark*, temperature and nucleus included, since that is what scores are
measured from. So the ceiling is exact for whatever re-weights what the starting policy would say; a trained policy may
say other things, and could in principle pass it. N prompts, S samples of each, M objectives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb
from typing import NamedTuple

import numpy as np

from benchmarks.spec import Weights
from benchmarks.stats import Bootstrap, bootstrap_hypervolume

FLOOR = 6.0
"""Effective samples per prompt below which a point is hidden.
There the hypervolume of Gaussian scores is 1.4 % short of the truth, that of uniform ones .1 % off."""


MOST = 0.9
"""The largest share of a sample that is believed: without one that has more, what remains says nothing."""


STRENGTHS = np.geomspace(0.1, 1000, 98)
"""At which KL is tabulated, per unit of score: neighbours differ by 10 %."""


class Tilt(NamedTuple):
    """The starting policy, tilted towards weights."""

    scores: np.ndarray
    """(N, M) expected scores for each prompt."""
    kl: float
    """Mean nats per answer from the starting policy."""
    effective: float
    """Effective samples per prompt, 1 to S: the harmonic mean over prompts of 1 / sum_s w_s^2 (Kong 1992)."""


@dataclass(frozen=True, eq=False)
class Ceiling:
    """Samples from which expectations under tilted policies are estimated."""

    scores: np.ndarray
    """(N, S, M)."""
    log_weights: np.ndarray
    """(N, S) log q0 / m, the samples being drawn from density m; -inf for what the starting policy never says."""
    _tables: dict[Weights, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def tilt(self, weights: Weights, strength: float) -> Tilt:
        """The policy ~ q0 exp(strength w . r); strength 0 is q0.

        Self-normalised importance sampling for each prompt. Its bias is of order 1 / effective and would pass for a
        lower ceiling; the delete-one jackknife takes out most of it (Quenouille 1956).
        """
        S = self.log_weights.shape[1]
        utility = strength * (self.scores @ np.asarray(weights))
        untilted, log_before = _normalised(self.log_weights)
        shares, log_after = _normalised(self.log_weights + utility)
        values = np.concatenate([self.scores, utility[..., None]], axis=2)
        means = np.einsum("ns,nsm->nm", shares, values)
        # the mean of the S estimates that each leave out one sample, and S times the difference from it
        held, held_before = np.minimum(shares, MOST), np.minimum(untilted, MOST)
        means += (1 - 1 / S) * np.einsum("ns,nsm->nm", held**2 / (1 - held), values - means[:, None])
        log_z = log_after - log_before - (1 - 1 / S) * (np.log1p(-held) - np.log1p(-held_before)).sum(axis=1)
        return Tilt(means[:, :-1], float((means[:, -1] - log_z).mean()), float(1 / (shares**2).sum(axis=1).mean()))

    def reach(self, weights: Weights) -> float:
        """The highest mean KL that leaves FLOOR effective samples."""
        return float(self._table(weights)[-1, 1])

    def at(self, weights: Weights, kl: float) -> Tilt:
        """The tilted policy at a mean KL (to 1 %). ValueError for one that is out of reach."""
        if kl > self.reach(weights):
            raise ValueError(f"a mean KL of {kl:.3g} is out of reach")
        strengths, kls = self._table(weights).T
        return self.tilt(weights, float(np.interp(np.sqrt(kl), np.sqrt(kls), strengths)))

    def _table(self, weights: Weights) -> np.ndarray:
        """Strengths and the mean KL of each (L, 2), from strength 0 up to where FLOOR is met."""
        if weights not in self._tables:
            rows = [(0.0, 0.0)]
            for strength in STRENGTHS:
                tilted = self.tilt(weights, strength)
                if tilted.effective < FLOOR:
                    break
                rows.append((strength, max(tilted.kl, rows[-1][1])))  # where it is flat, rounding must not lower it
            self._tables[weights] = np.array(rows)
        return self._tables[weights]


class Measured(NamedTuple):
    """What efficiency needs of a front: K points."""

    weights: Sequence[Weights]
    scores: np.ndarray
    """(K, N, M)."""
    kl: np.ndarray
    """(K,) mean nats per answer."""


def efficiencies(ceiling: Ceiling, methods: Sequence[Sequence[Measured]], ref: Sequence[float]) -> list[Bootstrap]:
    """The hypervolume of each method's points (one `Measured` per seed) as a share of what the ceiling has at the same
    weights and, point by point, the same KL, or at most the KL in reach: there the true share is lower.

    Each seed has a share. The bootstrap over prompts is paired and leaves strengths as they are.
    Not finite where the ceiling itself has no hypervolume above `ref`.
    """
    own = [{k: one.scores for k, one in enumerate(seeds)} for seeds in methods]
    best = [{k: _optimal(ceiling, one) for k, one in enumerate(seeds)} for seeds in methods]
    sampled = bootstrap_hypervolume([*own, *best], ref)
    with np.errstate(divide="ignore", invalid="ignore"):
        return [
            Bootstrap(np.divide(ours.values, theirs.values), ours.draws / theirs.draws, ours.seeds)
            for ours, theirs in zip(sampled[: len(best)], sampled[len(best) :], strict=True)
        ]


def _optimal(ceiling: Ceiling, measured: Measured) -> np.ndarray:
    """The scores (K, N, M) of the ceiling where a method was measured."""
    points = zip(measured.weights, measured.kl, strict=True)
    return np.stack([ceiling.at(w, min(kl, ceiling.reach(w))).scores for w, kl in points])


def best_of(scores: np.ndarray, weights: Weights, n: int) -> np.ndarray:
    """Expected scores (N, M) of the best by w . r among n answers of the starting policy.

    `scores` (N, S, M) are those of S >= n independent answers. The mean is over all subsets of n, in which the i-th
    lowest is best with probability C(i - 1, n - 1) / C(S, n).
    """
    S = scores.shape[1]
    order = np.argsort(scores @ np.asarray(weights), axis=1)
    ranked = np.take_along_axis(scores, order[..., None], axis=1)
    chances = np.array([comb(i, n - 1) / comb(S, n) for i in range(S)])
    return np.einsum("s,nsm->nm", chances, ranked)


def balanced(log_probs: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """log q0 / m (N, S) of samples drawn from J densities, counts[j] from the j-th, the first being q0.

    `log_probs` (N, S, J) are the samples' under each density.

    m = sum_j counts[j] / S q_j is the density of all samples together, which is what makes the weights safe where some
    q_j hardly ever goes (balance heuristic: Veach & Guibas 1995; Owen & Zhou 2000). -inf where q0 is 0.
    """
    mixture = np.logaddexp.reduce(log_probs + np.log(np.asarray(counts) / sum(counts)), axis=2)
    base = log_probs[..., 0]
    return np.subtract(base, mixture, out=np.full(base.shape, -np.inf), where=np.isfinite(base))


def _normalised(log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (N, S) with sum 1 for each prompt, and the logarithms (N,) of what the sums were."""
    top = log_weights.max(axis=1, keepdims=True)
    weights = np.exp(log_weights - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, (top + np.log(total))[:, 0]
