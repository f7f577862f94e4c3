"""The ceiling: an estimate of the best scores that any policy could reach at a given divergence from the starting one.

Among all policies with the same mean KL(pi || q0), the one with the highest mean of w . r is

    pi(y | x) = q0(y | x) exp(t w . r(x, y)) / Z(x)        one strength t = 1 / beta for all prompts x

(Korbak et al. 2022, arXiv 2205.11275; METHODS: the ceiling), and its KL is t E_pi[w . r] - E_x[log Z(x)]. q0 is the
starting policy *as it is decoded in the benchmark*, temperature and nucleus included, since that is what scores are
measured from. So the ceiling is exact for whatever re-weights what the starting policy would say; a trained policy may
say other things, and could in principle pass it. N prompts, S samples of each, M objectives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb, log
from typing import NamedTuple

import numpy as np

from benchmarks.spec import Weights
from benchmarks.stats import Bootstrap, bootstrap_means

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

    tilting: np.ndarray
    """(N, S, M) what the policies are tilted by: r."""
    log_weights: np.ndarray
    """(N, S) log q0 / m, the samples being drawn from density m; -inf for what the starting policy never says."""
    measured: np.ndarray | None = None
    """(N, S, M) what is measured of the tilted policies; None: what they are tilted by."""
    _tables: dict[Weights, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def tilt(self, weights: Weights, strength: float) -> Tilt:
        """The policy ~ q0 exp(strength w . r); strength 0 is q0.

        Self-normalised importance sampling for each prompt. Its bias is of order 1 / effective and would pass for a
        lower ceiling; the delete-one jackknife takes out most of it (Quenouille 1956).
        """
        S = self.log_weights.shape[1]
        utility = strength * (self.tilting @ np.asarray(weights))
        untilted, log_before = _normalised(self.log_weights)
        shares, log_after = _normalised(self.log_weights + utility)
        measured = self.tilting if self.measured is None else self.measured
        values = np.concatenate([measured, utility[..., None]], axis=2)
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
    """(K, N, M) in the units of what the ceiling measures."""
    kl: np.ndarray
    """(K,) mean nats per answer."""
    counts: np.ndarray
    """(K,) whether a point counts; one that does not has gained nothing."""


class Gains(NamedTuple):
    """The utility of a method, and of the ceiling at the same weights and KL: both less the starting policy's."""

    own: Bootstrap
    best: Bootstrap

    @property
    def share(self) -> Bootstrap:
        """Alignment efficiency: the method's gain as a share of the ceiling's, of every seed and every draw.

        Not finite where the ceiling gains nothing.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return Bootstrap(
                np.divide(self.own.values, self.best.values), self.own.draws / self.best.draws, self.own.seeds
            )


def gains(ceiling: Ceiling, seeds: Mapping[int, Measured]) -> Gains:
    """What the points of a method gain, one `Measured` per seed, and what they could have gained.

    Of each point w . (scores - those of the starting policy), averaged over points; against that of the ceiling at the
    same weights and, point by point, the same KL, or at most the KL in reach: there the true gain is another. The
    starting policy's are its expected scores for each prompt, of which all samples tell. The bootstrap over prompts is
    paired and leaves strengths as they are.
    """
    found = {seed: _gains(ceiling, one) for seed, one in seeds.items()}
    [own], [best] = bootstrap_means({seed: np.stack(both)[..., None] for seed, both in found.items()})
    return Gains(own, best)


def _gains(ceiling: Ceiling, measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    """What one seed gains on each prompt (N,), and what the ceiling does."""
    base = ceiling.tilt(measured.weights[0], 0.0).scores
    own, best = [], []
    for w, scores, kl, counts in zip(*measured, strict=True):
        optimum = ceiling.at(w, min(float(kl), ceiling.reach(w))).scores
        own.append((scores - base) @ np.asarray(w) if counts else np.zeros(len(base)))
        best.append((optimum - base) @ np.asarray(w))
    return np.mean(own, axis=0), np.mean(best, axis=0)


def best_of(rewards: np.ndarray, weights: Weights, n: int, measured: np.ndarray | None = None) -> np.ndarray:
    """Expected values (N, M) of the answer with the highest w . r among n answers of the starting policy.

    `rewards` (N, S, M) are those of S >= n independent answers, `measured` (N, S, M) what is measured of them; None:
    their rewards. The mean is over all subsets of n, in which the i-th lowest is best with probability
    C(i - 1, n - 1) / C(S, n).
    """
    S = rewards.shape[1]
    order = np.argsort(rewards @ np.asarray(weights), axis=1)
    ranked = np.take_along_axis(rewards if measured is None else measured, order[..., None], axis=1)
    chances = np.array([comb(i, n - 1) / comb(S, n) for i in range(S)])
    return np.einsum("s,nsm->nm", chances, ranked)


def best_of_kl(n: int) -> float:
    """KL of the best among n answers from the starting policy, in nats: log n - (n - 1) / n, exact where no two answers
    are equal, else a bound (Beirami et al. 2024, arXiv 2401.01879).

    >>> round(best_of_kl(2), 4)  # log 2 - 1/2
    0.1931
    """
    return log(n) - (n - 1) / n


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
