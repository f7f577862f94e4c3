"""The ceiling of a comparison: what the document says of it, who helps to estimate it, how it is drawn, the command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.ceiling.draw import draw_samples
from benchmarks.ceiling.samples import Samples, samples_folder
from benchmarks.ceiling.tilt import Ceiling
from benchmarks.load.load import load_benchmark
from benchmarks.measure.front import Front
from benchmarks.spec.grid import simplex_grid
from benchmarks.spec.signal import Signal
from benchmarks.stats.indicators import hypervolume
from methods.rewarded_soups import RewardedSoups
from moa_cli.comparisons.ceiling import ceiling_part
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Ceiling as CeilingPart
from moa_cli.formats.figure import comparison_figure
from moa_cli.jobs.ceiling import _pool, ceiling_jobs
from moa_cli.jobs.run import train
from moa_cli.runs.record import GIVEN
from tests.kit.cli import environment, moa, refused
from tests.kit.documents import edited
from tests.kit.fronts import PROMPTS, changed, make_card, make_front
from tests.kit.worlds import METHODS, benchmark_in

GRID = simplex_grid(2, 10)
N = 40
"""Prompts of the samples, of the PROMPTS of the fronts."""
EASY = np.random.default_rng(9).normal(size=(PROMPTS, 2))
EASY -= EASY.mean(axis=0)
"""What `make_front` has in all fronts: how easy a prompt is."""


@pytest.fixture(scope="module")
def samples() -> Samples:
    """64 answers per prompt of a starting policy whose scores are N(0, 1) on both objectives, but for how easy a prompt
    is."""
    scores = EASY[:N, None] + np.random.default_rng(0).normal(size=(2, N, 64, 2))
    return Samples(counts=(64,), rewards=scores[0], scores=scores[1], log_probs=np.zeros((N, 64, 1)))


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Front]]:
    """The starting policy; a method at a KL of .6; one at 3, which 64 samples do not reach."""
    return {
        "sft": [make_front("sft", 0, steering="none")],
        "soup": [make_front("soup", 0.3, seed=s, over=1.0) for s in (0, 1)],
        "far": [make_front("far", 1.5)],
    }


@pytest.fixture(scope="module")
def part(rows: dict[str, list[Front]], samples: Samples) -> CeilingPart:
    return ceiling_part(rows, samples)


def optimum(kl: float) -> list[np.ndarray]:
    """N(0, 1) scores tilted by exp(t w . r) are N(t w, 1): KL = t^2 |w|^2 / 2, so the mean is sqrt(2 KL) w / |w|."""
    return [np.sqrt(2 * kl) * np.asarray(w) / np.linalg.norm(w) for w in GRID]


@pytest.mark.parametrize("name", ["rewards", "evaluators"])
def test_the_fronts(part: CeilingPart, name: str) -> None:
    """At KL .5 and 1 all weights; at 2 and 4 there are too few samples.

    Errors of 1 / sqrt(40 x 10) and some are expected.
    """
    found = getattr(part, name)
    assert found.prompts == N
    assert [front.kl for front in found.fronts] == [0.5, 1.0]
    for front in found.fronts:
        assert front.weights == GRID
        np.testing.assert_allclose(front.points, optimum(front.kl), atol=0.15)
        assert 6 / 64 <= front.share < 0.7
    assert [best.n for best in found.best_of_n] == [2, 4, 8, 16, 32, 64]
    assert [best.kl for best in found.best_of_n[:2]] == pytest.approx([np.log(2) - 1 / 2, np.log(4) - 3 / 4])
    assert found.shown_best.n == 16
    highest = [best.points[0][0] for best in found.best_of_n]
    # the highest of 2, 4, 8, 16, 32, 64 normal numbers, on average
    np.testing.assert_allclose(highest, [0.56, 1.03, 1.42, 1.77, 2.07, 2.34], atol=0.2)


def test_what_optimising_rewards_reaches_in_truth(part: CeilingPart, samples: Samples) -> None:
    """Evaluators that share half of their variance with the rewards, s = (r + n) / sqrt 2: of what is gained in r, 1 /
    sqrt 2 is gained in s, at every KL and by every n. The optimal policies are the same, so is what is in reach."""
    independent = samples.scores - EASY[:N, None]
    mixed = EASY[:N, None] + (samples.rewards - EASY[:N, None] + independent) / np.sqrt(2)
    fronts = {"sft": [make_front("sft", 0, steering="none")]}
    found = ceiling_part(fronts, replace(samples, scores=mixed))
    share = 1 / np.sqrt(2)
    for rewards, scores in zip(found.rewards.fronts, found.scores.fronts, strict=True):
        np.testing.assert_allclose(scores.points, share * np.array(optimum(scores.kl)), atol=0.15)
        assert (rewards.kl, rewards.weights, rewards.share) == (scores.kl, scores.weights, scores.share)
    for rewards, scores in zip(found.rewards.best_of_n, found.scores.best_of_n, strict=True):
        assert scores.points[0][0] == pytest.approx(share * rewards.points[0][0], abs=0.2)
        assert rewards.kl == scores.kl
    for cross, own in zip(found.scores.curve, found.evaluators.curve, strict=False):
        if cross.kl > 0 and cross.weights == own.weights == (1.0, 0.0):
            assert cross.values[0] < own.values[0]
    # where what methods train on tells nothing of the evaluators, nothing is gained under them
    np.testing.assert_allclose([f.points for f in part.scores.fronts], 0, atol=0.2)


@pytest.mark.parametrize("name", ["rewards", "evaluators"])
def test_the_curve(part: CeilingPart, name: str) -> None:
    """Scores by KL for every weight, in steps of a quarter nat as far as samples reach."""
    curve = getattr(part, name).curve
    along = [(c.kl, c.values[0]) for c in curve if c.weights == (1.0, 0.0)]
    assert [kl for kl, _ in along][:5] == [0, 0.25, 0.5, 0.75, 1.0]
    assert all(one < other for (_, one), (_, other) in pairwise(along))
    assert [kl for kl, _ in along][-1] < 2
    assert len({c.weights for c in curve}) == len(GRID)


@pytest.mark.parametrize(("name", "signal"), [("rewards", "rewards"), ("evaluators", "scores")])
def test_efficiency(part: CeilingPart, rows: dict[str, list[Front]], name: str, signal: Signal) -> None:
    """The soup gains the mean over weights of w . (.3 sqrt w) at KL .6, where the optimum gains that of sqrt(1.2) |w|:
    its share, with an interval, seeds averaged. Beyond reach it is an upper bound. The starting policy has none."""
    found = getattr(part, name)
    efficiency = found.efficiency
    assert list(efficiency) == ["sft", "soup", "far"]
    sft = efficiency["sft"]
    assert (sft.value, sft.low, sft.high) == (0, 0, 0)
    ours = np.mean([np.dot(w, 0.3 * np.sqrt(w)) for w in GRID])
    theirs = np.mean([np.sqrt(1.2) * np.linalg.norm(w) for w in GRID])
    soup = efficiency["soup"]
    assert soup.value == pytest.approx(ours / theirs, abs=0.08)
    assert soup.low < soup.value < soup.high < soup.low + 0.3
    assert efficiency["far"] is None
    (far,) = found.unreached.values()
    assert far.kl == pytest.approx(3)
    assert 1 < far.reach < 2
    assert far.at_most > 0.5


def test_what_gains_nothing_has_no_efficiency(rows: dict[str, list[Front]], samples: Samples) -> None:
    """A policy that went .6 nats for the scores of the starting policy: 0 within its interval, not 44 % of a volume."""
    (sft,) = rows["sft"]
    idle = [changed(make_front("idle", 0.3), rewards=np.repeat(sft.rewards, len(GRID), axis=0))]
    share = ceiling_part({"idle": idle}, samples).rewards.efficiency["idle"]
    assert share.value == pytest.approx(0, abs=0.08)
    assert share.low < 0 < share.high


def test_more_kl_may_gain_less_in_truth(part: CeilingPart) -> None:
    """Beyond the reach of the samples nothing bounds the share of what optimising the rewards gains held out; and where
    it gains nothing, as here, where evaluators know nothing of the rewards, nobody has a share."""
    assert part.scores.unreached["far"].at_most is None
    assert part.scores.efficiency["soup"] is None
    assert part.scores.efficiency["sft"].value == 0


def test_a_ceiling_that_gains_nothing_has_no_share(rows: dict[str, list[Front]], samples: Samples) -> None:
    flat = replace(samples, rewards=np.repeat(samples.rewards[:, :1], 64, axis=1))
    found = ceiling_part(rows, flat).rewards
    assert [share and share.value for share in found.efficiency.values()] == [0, None, None]
    assert found.unreached["far"].at_most is None


def test_a_collapsed_method_reaches_nothing_of_the_ceiling(rows: dict[str, list[Front]], samples: Samples) -> None:
    soup = [changed(f, collapsed=np.ones_like(f.collapsed)) for f in rows["soup"]]
    assert ceiling_part({"soup": soup}, samples).rewards.efficiency["soup"].value == 0
    assert ceiling_part({"soup": soup}, samples, keep_collapsed=True).rewards.efficiency["soup"].value > 0.2


def test_rows_without_kl_have_no_efficiency(rows: dict[str, list[Front]], samples: Samples) -> None:
    """As answers from elsewhere; also where there is nothing else."""
    (sft,) = rows["sft"]
    unknown = changed(sft, kl=np.full(sft.kl.shape, np.nan))
    assert ceiling_part({"theirs": [unknown]}, samples).rewards.efficiency == {"theirs": None}


def test_the_prompts_of_the_samples_stand_for_all(
    rows: dict[str, list[Front]], samples: Samples, part: CeilingPart
) -> None:
    """Where the other third of the prompts gives 3 more of the first objective, fronts and ceiling are both higher by
    1."""
    easier = np.where(np.arange(PROMPTS) < N, 0.0, 3.0)[:, None] * [1, 0]
    shifted = {name: [changed(f, rewards=f.rewards + easier) for f in seeds] for name, seeds in rows.items()}
    found = ceiling_part(shifted, samples)
    for one, other in zip(found.rewards.fronts, part.rewards.fronts, strict=True):
        np.testing.assert_allclose(np.subtract(one.points, other.points), np.tile([1.0, 0.0], (11, 1)))
    assert found.rewards.best_of_n != part.rewards.best_of_n
    assert found.rewards.efficiency == part.rewards.efficiency
    assert found.scores == part.scores
    assert found.evaluators == part.evaluators


def test_comparisons_have_it_where_samples_are(
    rows: dict[str, list[Front]], samples: Samples, part: CeilingPart
) -> None:
    fronts = [f for seeds in rows.values() for f in seeds]
    other = [make_front("soup", 1.0, card=make_card(benchmark="other"))]
    document = compare([*fronts, *other], ceilings={make_card().hash: samples})
    with_it, without = document.benchmarks
    assert rounded(with_it.ceiling) == rounded(part), "rows are in another order there, sums too"
    assert without.ceiling is None


def test_answers_from_elsewhere_have_no_ceiling_of_their_own(tmp_path: Path) -> None:
    """Nothing in such a run says from which policy to draw."""
    assert ceiling_jobs([tmp_path], [make_front("theirs", 1.0, steering=GIVEN)]) == []


def rounded(part: CeilingPart) -> dict:
    """As JSON, without the last digits of sums."""
    return json.loads(json.dumps(part.model_dump()), parse_float=lambda digits: round(float(digits), 9))


def test_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first seed, for each weight of the grid, the point with the highest w . r; three for two objectives. A
    policy that
    is made while it answers is not in it, however good, nor one that is far away, nor is the starting policy."""
    monkeypatch.setattr(
        "moa_cli.jobs.ceiling.read_record", lambda folder: SimpleNamespace(method=folder.name, config={})
    )
    fronts = [
        make_front("sft", 0, steering="none"),
        make_front("context", 1.0, steering="prompt"),
        make_front("retrain", 2.0, steering="retrain", seed=1),
        make_front("best", 3.0, steering="decode"),
    ]
    tops = [(0.9, 0.1), (0.2, 0.8)]
    soup = make_front("soup", 1.0)
    raised = soup.rewards + 2.0 * np.isin(np.arange(len(GRID)), [GRID.index(w) for w in tops])[:, None, None]
    better = changed(soup, rewards=raised)
    fronts = [changed(f, kl=np.full(f.kl.shape, 1.0)) for f in [*fronts, better]]
    far = changed(make_front("far", 4.0), kl=np.full(better.kl.shape, 2.6))
    runs = [replace(f, folder=Path(f.method) / "front") for f in [*fronts, far]]
    pool = _pool(runs, simplex_grid(2, 4))
    assert {m.method for m in pool} == {"soup"}
    assert [m.weights for m in pool] == tops
    without = _pool(runs[:4], simplex_grid(2, 4))
    assert [m.method for m in without] == ["context"] * 3
    assert len({m.name for m in without}) == 3
    assert _pool([runs[0], runs[-1]], GRID) == ()


def test_the_figure(rows: dict[str, list[Front]], samples: Samples) -> None:
    """A line per KL and one for the best of n behind the points, in both panels; a hidden point leaves a gap."""
    fronts = [f for seeds in rows.values() for f in seeds]

    def hide(document: dict) -> None:
        hidden = document["benchmarks"][0]["ceiling"]["rewards"]["fronts"][1]
        del hidden["points"][4], hidden["weights"][4]

    document = edited(compare(fronts, ceilings={make_card().hash: samples}), hide)
    rewards, scores = comparison_figure(document).axes
    for ax in (rewards, scores):
        assert [text.get_text() for text in ax.texts] == ["KL 0.5", "KL 1", "best of 16"]
        assert all(line.get_zorder() < 2 for line in ax.lines[:3])
    assert np.isnan(rewards.lines[1].get_ydata()).tolist() == [i == 4 for i in range(11)]
    assert not np.isnan(scores.lines[1].get_ydata()).any()
    assert [len(ax.texts) for ax in comparison_figure(compare(fronts)).axes] == [0, 0]


def test_the_command(tmp_path: Path) -> None:
    """Drawn once; from then on every comparison of these units has it, without loading a model."""
    place = benchmark_in(tmp_path)
    first = moa("compare", *METHODS, "-b", "tiny.toml", "--ceiling", "-o", "first.json", cwd=place)
    assert first.returncode == 0, first.stderr
    assert "tiny: ceiling  done" in first.stderr
    again = moa("compare", "--ceiling", "-b", "tiny.toml", "-o", "again.json", cwd=place)
    assert again.returncode == 0, again.stderr
    assert "worker" not in again.stderr
    one, other = (json.loads((place / f"{name}.json").read_text())["benchmarks"][0] for name in ("first", "again"))
    assert one["ceiling"] == other["ceiling"] is not None
    assert set(one["ceiling"]["rewards"]["efficiency"]) == {"sft", "ric"}
    assert len(list(place.glob("runs/tiny/prepared/ceiling-*/answers-*.json"))) > 1, "the trained policy helped"
    code = (
        "import sys; sys.argv = ['moa', 'compare', '-o', 'third.json']\n"
        "from moa_cli.app import main\n"
        "try: main()\n"
        "except SystemExit as leaving: assert not leaving.code\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=place, env=environment(), capture_output=True, check=True, timeout=60
    )
    assert json.loads((place / "third.json").read_text())["benchmarks"][0]["ceiling"] == one["ceiling"]
    refused(moa("compare", "first.json", "--ceiling", cwd=place), "saved comparison")


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["hh-rlhf-mini", "reddit-summary-mini"])
def test_the_minis_sampled_at_length(name: str, tmp_path: Path) -> None:
    """64 answers of the starting policy and 80 of three trained ones tell of the KL-optimal hypervolume what 300
    further answers of the starting policy do: within 2 %, under rewards and evaluators, at every KL that both reach."""
    benchmark = load_benchmark(name, options={"eval_prompts": 100}, home=tmp_path)
    method, run = RewardedSoups(), train(benchmark, RewardedSoups())
    others = [partial(method.policy, benchmark, run, w) for w in simplex_grid(2, 2)]
    samples = draw_samples(benchmark, others, samples_folder(tmp_path, benchmark.card, ["soups"]))
    start, sampling = benchmark.prepared.policy, benchmark.sampling
    asked = [prompt for prompt in benchmark.prompts("test") for _ in range(300)]
    answers = [start.decode(ids, sampling.stop) for ids in start.sample(asked, sampling, 77)]
    for signal, measure in (("rewards", benchmark.rewards), ("scores", benchmark.scores)):
        scores = measure(asked, answers).reshape(-1, 300, 2)
        pooled, long = samples.ceiling(signal, signal), Ceiling(scores, np.zeros(scores.shape[:2]))
        highest = min(c.reach(w) for c in (pooled, long) for w in GRID)
        assert highest > 1.5
        for kl in (0.5, 1.0, 1.5, highest):
            one, other = (hypervolume([c.at(w, kl).scores.mean(0) for w in GRID], (-2, -2)) for c in (pooled, long))
            assert one == pytest.approx(other, rel=0.02)
