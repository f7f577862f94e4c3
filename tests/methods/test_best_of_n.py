"""Best-of-N: which answer is given, what it costs, and how far it is from the starting policy."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common.ledger import Cost, charged_to
from benchmarks.measure.evaluation import evaluate
from benchmarks.measure.front import Front
from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from methods.best_of_n import BestOfN
from methods.contract.run import Run
from methods.sft import SFT


def measure(benchmark: Benchmark, method: BestOfN | SFT, run: Run, folder: Path, seed: int = 0) -> Front:
    return evaluate(
        benchmark, partial(method.policy, benchmark, run), benchmark.grid, folder,
        method="m", steering=method.steering, seed=seed, cost={}, config={},
    )  # fmt: skip


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many answers are drawn, call by call."""
    counts: list[int] = []
    sample = Policy.sample

    def spy(self: Policy, prompts: list[str], *given: object) -> list[list[int]]:
        counts.append(len(prompts))
        return sample(self, prompts, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Policy, "sample", spy)
    return counts


def test_the_best_of_its_answers_is_given(tiny: Benchmark, tmp_path: Path) -> None:
    """Drawn and judged here anew: per prompt the first answer with the highest w . r."""
    prompts, start = tiny.prompts("test"), tiny.prepared.policy
    repeated = [p for p in prompts for _ in range(5)]
    ids = start.sample(repeated, tiny.sampling, 3)
    scores = tiny.rewards(repeated, [start.decode(i, ()) for i in ids])
    for w in tiny.grid:
        policy = BestOfN(candidates=5).policy(tiny, Run(tmp_path, 0), w)
        given = policy.sample(prompts, tiny.sampling, 3)
        for row in range(len(prompts)):
            values = [float(np.dot(w, scores[5 * row + i])) for i in range(5)]
            assert given[row] == ids[5 * row + values.index(max(values))]
        assert policy.generate(prompts, tiny.sampling, 3) == [start.decode(i, ()) for i in given]


def test_one_candidate_is_the_starting_policy(tiny: Benchmark, tmp_path: Path) -> None:
    one = measure(tiny, BestOfN(candidates=1), Run(tmp_path, 0), tmp_path / "one")
    start = measure(tiny, SFT(), Run(tmp_path, 0), tmp_path / "start")
    assert np.array_equal(one.scores, start.scores)
    assert np.array_equal(one.kl, start.kl)
    assert one.kl.max() == 0


def test_more_candidates_are_never_worse(tiny: Benchmark, tmp_path: Path) -> None:
    """The first candidate is what the starting policy answers, and candidates are added: w . r rises on every prompt.
    And at each end nothing else on the front reaches a higher reward."""
    fronts = [measure(tiny, BestOfN(candidates=n), Run(tmp_path, 0), tmp_path / str(n)) for n in (1, 4, 16)]
    weighted = [np.einsum("knm,km->kn", f.rewards, np.array(tiny.grid)) for f in fronts]
    assert (weighted[1] >= weighted[0]).all()
    assert (weighted[2] >= weighted[1]).all()
    assert weighted[2].mean() > weighted[0].mean() + 0.3
    best = fronts[2].rewards
    assert (best[0, :, 0] >= best[:, :, 0].max(axis=0)).all()
    assert (best[-1, :, 1] >= best[:, :, 1].max(axis=0)).all()
    assert min(fronts[1].hypervolume("rewards"), fronts[2].hypervolume("rewards")) > fronts[0].hypervolume("rewards")


def test_all_weights_choose_among_the_same_answers(tiny: Benchmark, tmp_path: Path, drawn: list[int]) -> None:
    """Drawn once for the whole front, and not again for another process; another seed draws others."""
    method, run = BestOfN(candidates=4), Run(tmp_path / "run", 0)
    first = measure(tiny, method, run, tmp_path / "first")
    assert drawn == [4 * 10]
    again = measure(tiny, method, Run(tmp_path / "run", 0), tmp_path / "again")
    assert drawn == [4 * 10]
    assert np.array_equal(first.rewards, again.rewards)
    other = measure(tiny, method, run, tmp_path / "other", seed=1)
    assert drawn == [4 * 10] * 2
    assert not np.array_equal(first.rewards, other.rewards)
    assert len(list((tmp_path / "run" / "candidates").iterdir())) == 2


def test_decoding_and_prompts_have_answers_of_their_own(tiny: Benchmark, tmp_path: Path, drawn: list[int]) -> None:
    policy = BestOfN(candidates=4).policy(tiny, Run(tmp_path, 0), (0.5, 0.5))
    for sampling, prompts in (
        (tiny.sampling, ["a"]),
        (tiny.sampling, ["b"]),
        (replace(tiny.sampling, top_p=0.5), ["a"]),
    ):
        policy.sample(prompts, sampling, 0)
    assert drawn == [4, 4, 4]


def test_the_batch_does_not_matter(tiny: Benchmark, tmp_path: Path) -> None:
    prompts = tiny.prompts("test")
    answers = [
        BestOfN(candidates=4).policy(tiny, Run(tmp_path / str(b), 0), (0.5, 0.5)).sample(prompts, tiny.sampling, 0, b)
        for b in (1, 7, 128)
    ]
    assert answers[0] == answers[1] == answers[2]


def test_an_answer_costs_all_of_its_candidates(tiny: Benchmark, tmp_path: Path) -> None:
    """16 generations and 16 x 2 reward calls per answer, at every weight, though the front was drawn once."""
    method, run = BestOfN(), Run(tmp_path / "run", 0)
    costs = []
    for w in tiny.grid:
        with charged_to(Cost()) as cost:
            method.policy(tiny, run, w).sample(tiny.prompts("test"), tiny.sampling, 0)
        costs.append(cost)
    assert costs[0] == costs[1] == costs[2]
    assert costs[0].reward_calls == 16 * 2 * 10
    front = measure(tiny, method, run, tmp_path / "front")
    start = measure(tiny, SFT(), run, tmp_path / "start")
    assert front.cost["serving_reward_calls"] == 32
    assert front.cost["serving_tokens"] == pytest.approx(costs[0].generated_tokens / 10)
    assert 8 < front.cost["serving_tokens"] / start.cost["serving_tokens"] < 32
    assert front.cost["serving_flops"] > 8 * start.cost["serving_flops"]
    assert start.cost["serving_reward_calls"] == 0
    assert (set(front.used), start.used) == ({"reward ah"}, {}), "a reward that answers need had to be trained"


def bound(tiny: Benchmark, candidates: int) -> float:
    policy = BestOfN(candidates=candidates).policy(tiny, Run(Path("nowhere"), 0), (0.5, 0.5))
    return float(policy.divergence(tiny.prepared.policy, ["a"], [[1]]).kl[0])


def test_the_divergence_by_hand(tiny: Benchmark, tmp_path: Path) -> None:
    """log 16 - 15/16 = 2.772589 - .9375; log 2 - 1/2 = .193147."""
    assert bound(tiny, 16) == pytest.approx(1.835089, abs=1e-6)
    assert bound(tiny, 2) == pytest.approx(0.193147, abs=1e-6)
    front = measure(tiny, BestOfN(), Run(tmp_path, 0), tmp_path / "front")
    assert np.allclose(front.kl, bound(tiny, 16))


@given(masses=st.lists(st.integers(1, 50), min_size=1, max_size=12), candidates=st.integers(1, 20))
@settings(deadline=None)
def test_the_divergence_is_never_more(tiny: Benchmark, masses: list[int], candidates: int) -> None:
    """For answers in order of their reward, with probabilities p: the best of N has probability F^N - (F - p)^N, where
    F is the cumulative distribution. Its KL to p, exactly, does not exceed the bound; with many equally likely answers
    it nears it."""
    p = np.array(masses) / sum(masses)
    upper = np.cumsum(p)
    best = upper**candidates - (upper - p).clip(min=0) ** candidates
    kl = float(np.sum([b * math.log(b / q) for b, q in zip(best, p, strict=True) if b > 0]))
    assert kl <= bound(tiny, candidates) + 1e-9
