"""Claims of papers: the measures on fronts made by hand, verdicts, and the command."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import BadInput, Front, Interval, load_benchmark, write_text
from methods import find_method, method_names
from moa_cli import claims as papers
from moa_cli import measures
from moa_cli.claims import Claim
from moa_cli.measures import MEASURES, Measured, Missing
from tests.test_cli import contest, moa, place, refused  # noqa: F401 (fixtures)
from tests.test_compare import COST, PROMPTS, make_front, only


def one(name: str, *fronts: Front) -> Measured:
    return Measured(benchmark=load_benchmark("hh-rlhf-mini"), method=find_method(name)(), fronts=fronts)


def at(front: Front, means: list[tuple[float, float]]) -> Front:
    """The front with exactly these held-out points, with noise on the prompts."""
    noise = np.random.default_rng(0).normal(size=(1, PROMPTS, 2))
    noise -= noise.mean(axis=1, keepdims=True)
    return replace(front, evaluator=np.array(means)[:, None, :] + noise)


THREE = only(make_front("ric", 1.0), [0, 5, 10])
"""At w = (1, 0), (1/2, 1/2), (0, 1)."""


def test_docstring_numbers():
    assert doctest.testmod(papers).failed == 0


@pytest.mark.parametrize(
    ("side", "low", "high", "verdict"),
    [
        ({"above": 0.0}, 0.1, 0.2, "replicated"),
        ({"above": 0.0}, 0.0, 0.2, "inconclusive"),
        ({"above": 0.0}, -0.2, -0.1, "not replicated"),
        ({"above": 0.0}, -0.2, 0.0, "not replicated"),
        ({"below": 0.5}, 0.1, 0.2, "replicated"),
        ({"below": 0.5}, 0.4, 0.5, "inconclusive"),
        ({"below": 0.5}, 0.5, 0.6, "not replicated"),
    ],
)
def test_verdicts(side, low, high, verdict):
    claim = Claim(claim="", source="", published="", measure="cost", of=("a", "b"), **side)
    assert claim.verdict(Interval((low + high) / 2, low, high)) == verdict


def test_hypervolume_and_reward():
    """a is b moved by (.5, .5): w . r rises by .5 at every w; the volume by 3 x 2.5 x 2 - 2.5^2 less 2.5 x 2 x 2 - 2^2, as the
    points (1, 0), (0, 1) and (0, 0) make two slabs."""
    b = at(THREE, [(0.5, 0), (0, 0), (0, 0.5)])
    a = at(THREE, [(1, 0.5), (0.5, 0.5), (0.5, 1)])
    found = {"a": [one("ric", a)], "b": [one("ric", b)]}
    assert MEASURES["reward"](found, ("a", "b")) == pytest.approx((0.5, 0.5, 0.5))
    value, low, high = MEASURES["hypervolume"](found, ("a", "b"))
    assert value == pytest.approx((2 * 3 * 2.5 - 2.5**2) - (2 * 2.5 * 2 - 2**2))
    assert 0 < low < value < high


def test_collapse_counts_answers():
    half = np.zeros((3, PROMPTS), bool)
    half[0, : PROMPTS // 2] = True
    found = {"a": [one("ric", replace(THREE, collapsed=half))], "b": [one("ric", THREE)]}
    value, low, high = MEASURES["collapse"](found, ("a", "b"))
    assert value == pytest.approx(1 / 6)
    assert 0 < low < high


def test_cost_is_a_ratio_by_seed():
    a = [replace(THREE, seed=s, cost=COST | {"flops": f}) for s, f in ((0, 1e9), (1, 3e9))]
    b = [replace(THREE, seed=s, cost=COST | {"flops": f}) for s, f in ((0, 2e9), (1, 4e9), (2, 1e9))]
    found = {"a": [one("ric", *a)], "b": [one("ric", *b)]}
    value, low, high = MEASURES["cost"](found, ("a", "b"))
    assert value == pytest.approx((0.5 + 0.75) / 2)
    assert low < 0.5
    assert high > 0.75, "two seeds tell little"
    with pytest.raises(Missing, match="moa compare -m a,b"):
        MEASURES["cost"]({"a": [one("ric", a[0])], "b": [one("ric", b[2])]}, ("a", "b"))


def test_obedience_is_that_of_the_worst_objective():
    """Objective 1 follows its weight; objective 2 does so for two of three pairs: tau = (2 - 1) / 3."""
    front = at(THREE, [(2, 0), (1, 1.5), (0, 1)])
    assert MEASURES["obeys"]({"a": [one("ric", front)]}, ("a",)).value == pytest.approx(1 / 3)


def test_concavity_is_the_height_above_the_chord():
    """From (1, 0) to (0, 1) the chord passes (1/2, 1/2): (.8, .7) is (.3 + .2) / sqrt 2 above it."""
    front = at(THREE, [(1, 0), (0.8, 0.7), (0, 1)])
    assert MEASURES["concave"]({"a": [one("ric", front)]}, ("a",)).value == pytest.approx(0.5 / np.sqrt(2))
    sagging = at(THREE, [(1, 0), (0.2, 0.3), (0, 1)])
    assert MEASURES["concave"]({"a": [one("ric", sagging)]}, ("a",)).high < 0


def test_retention_compares_alphas():
    """The first objective with the largest alpha less with alpha 0, wherever these points lie in the front."""
    method, benchmark = find_method("spo")(), load_benchmark("hh-rlhf-mini")
    weights = method.points(benchmark)
    base = make_front("spo", 1.0, steering="retrain")
    front = replace(only(base, list(range(len(weights)))), weights=weights)
    means = [(0.0, 0.0)] * len(weights)
    means[weights.index(method.after(benchmark, 2, max(method.alphas)))] = (0.7, 0.0)
    means[weights.index(method.after(benchmark, 2, 0.0))] = (0.3, 0.0)
    assert MEASURES["retention"]({"spo": [one("spo", at(front, means))]}, ("spo",)).value == pytest.approx(0.4)


def test_scaling_takes_the_largest_and_the_smallest():
    fronts = {size: at(replace(THREE, config={"reward_base": size}), [(g, g)] * 3)
              for size, g in (("1m", 0.5), ("0.3m", 0.0), ("4m", 1.0), ("policy", 9.0))}  # fmt: skip
    found = {"moslim": [one("moslim", front) for front in fronts.values()]}
    assert MEASURES["scaling"](found, ("moslim",)).value == pytest.approx(9 - 4)
    with pytest.raises(Missing, match="moa study reward-model-size"):
        MEASURES["scaling"]({"moslim": found["moslim"][:1]}, ("moslim",))


def test_what_is_missing_is_named():
    for claim in papers.load():
        with pytest.raises(Missing, match="moa (compare|study)"):
            MEASURES[claim.measure]({}, claim.of)
    assert measures.PAIRED == ("hypervolume", "reward", "collapse", "cost")


def test_every_claim_that_comes_with_moa_can_be_checked():
    claims = papers.load()
    assert len(claims) >= 15
    assert {name for claim in claims for name in claim.of} <= set(method_names())
    assert {claim.measure for claim in claims} == set(MEASURES)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("claim = 'x'\nmeasure = 'cost'", "it lacks of, published, source"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'coast'\nof = ['a', 'b']\nabove = 0", "no measure 'coast'"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'cost'\nof = ['a']\nabove = 0", "of two methods"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = ['a']", "above or below"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = ['a']\nabove = 0\nbelow = 1", "name one"),
        ("claim = 'x'\nsauce = ''", "sauce"),
    ],
)  # fmt: skip
def test_a_claim_that_says_nothing_is_refused(entry: str, named: str, tmp_path: Path):
    write_text(tmp_path / "own.toml", f"[[claims]]\n{entry}\n")
    with pytest.raises(BadInput) as error:
        papers.load(tmp_path / "own.toml")
    assert named in error.value.why
    assert "'x'" in error.value.what


OWN = """
[[claims]]
claim = "RiC changes | nothing"
source = "ours"
published = "-"
measure = "reward"
of = ["ric", "sft"]
below = 100
"""


def test_the_command(contest: Path, tmp_path: Path) -> None:  # noqa: F811
    """A claim of one's own is checked beside those of the papers; what is missing names its command."""
    write_text(tmp_path / "own.toml", OWN)
    result = moa("claims", "--claims", str(tmp_path / "own.toml"), "--runs", str(contest / "runs"), "-o", "claims.md",
                 "-o", "claims.json", cwd=tmp_path, COLUMNS="80")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80 or "to measure the rest" in result.stdout
    assert "1 replicated" in result.stdout
    document = json.loads((tmp_path / "claims.json").read_text())
    verdicts = {claim["claim"]: claim for claim in document["benchmarks"][0]["claims"]}
    assert verdicts["RiC changes | nothing"]["verdict"] == "replicated"
    assert verdicts["MOSLIM beats RiC"]["command"] == "moa compare -m moslim"
    assert "| RiC changes \\| nothing | ours |" in (tmp_path / "claims.md").read_text()
    refused(moa("claims", cwd=tmp_path), "nothing to compare")
    refused(moa("claims", "--claims", "none.toml", "--runs", str(contest / "runs"), cwd=tmp_path), "none.toml")
