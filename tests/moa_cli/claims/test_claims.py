"""Claims of papers: the measures on fronts made by hand, verdicts, and the command."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.common.atomic import write_text
from benchmarks.common.errors import BadInput
from benchmarks.common.identity import plain
from benchmarks.load.load import load_benchmark
from benchmarks.measure.front import Front
from benchmarks.measure.front_files import read_front
from benchmarks.stats.bootstrap import Interval
from methods.contract.find import find_method, method_names
from moa_cli.claims.check import _checked, check_claims
from moa_cli.claims.check import where as check_where
from moa_cli.claims.claim import Claim, load_claims
from moa_cli.claims.document import Claims
from moa_cli.claims.measures import MEASURES, PAIRED, Missing, Variant, Variants
from moa_cli.claims.tables import claims_markdown, claims_table
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.parts import Difference
from moa_cli.runs.config import Source, as_config, resolve
from moa_cli.runs.folders import find_runs, fronts_in
from tests.kit import documents
from tests.kit.cli import moa, refused
from tests.kit.fronts import COST, PROMPTS, changed, make_front, only, other_card


def one(name: str, *fronts: Front) -> Variant:
    return Variant(source=Source("hh-rlhf-mini", Path("runs")), method=find_method(name)(), fronts=fronts)


def at(front: Front, means: list[tuple[float, float]]) -> Front:
    """The front with exactly these held-out points, with noise on the prompts."""
    noise = np.random.default_rng(0).normal(size=(1, PROMPTS, 2))
    noise -= noise.mean(axis=1, keepdims=True)
    return changed(front, scores=np.array(means)[:, None, :] + noise)


THREE = only(make_front("ric", 1.0), [0, 5, 10])
"""At w = (1, 0), (1/2, 1/2), (0, 1)."""


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
    assert claim.verdict(Interval((low + high) / 2, low, high), trainings=3) == verdict


def test_what_chance_gives_is_no_evidence():
    """Told apart, and above a bound that the same points would not reach as a single one."""
    claim = Claim(claim="", source="", published="", measure="hypervolume", of=("a", "b"), above=0.3)
    told = Difference(value=0.6, low=0.4, high=0.8, p=0.01, p_holm=0.01)
    for chance, verdict in ((0.0, "replicated"), (0.2, "inconclusive")):
        assert claim.verdict(told.model_copy(update={"by_chance": chance}), trainings=3) == verdict


def found_of(**variants: Variant | list[Variant]) -> Variants:
    return Variants({name: one if isinstance(one, list) else [one] for name, one in variants.items()})


def of_seeds(front: Front, seeds: int = 3) -> list[Front]:
    return [replace(front, seed=seed) for seed in range(seeds)]


def test_hypervolume_and_utility():
    """a is b moved by (.5, .5): w . r rises by .5 at every w; the volume by 3 x 2.5 x 2 - 2.5^2 less 2.5 x 2 x 2 - 2^2,
    as the points (1, 0), (0, 1) and (0, 0) make two slabs."""
    b = at(THREE, [(0.5, 0), (0, 0), (0, 0.5)])
    a = at(THREE, [(1, 0.5), (0.5, 0.5), (0.5, 1)])
    found = found_of(a=one("ric", *of_seeds(a)), b=one("ric", *of_seeds(b)))
    worth = MEASURES["utility"](found, ("a", "b"))
    assert worth.interval == pytest.approx((0.5, 0.5, 0.5))
    volume = MEASURES["hypervolume"](found, ("a", "b"))
    assert volume.value == pytest.approx((2 * 3 * 2.5 - 2.5**2) - (2 * 2.5 * 2 - 2**2))
    assert 0 < volume.low < volume.value < volume.high
    assert worth.clear
    assert volume.clear


def test_claims_are_judged_by_the_comparison_of_all_that_is_measured():
    """At as many policies of all of them, and with p corrected for all their pairs: as `moa compare` says it."""
    soups = {
        name: of_seeds(changed(front, scores=front.scores + shift))
        for name, front, shift in (
            ("a", make_front("ric", 1.0), 0.0), ("b", make_front("ric", 1.0), 0.1), ("few", THREE, 0.05)
        )
    }  # fmt: skip
    found = found_of(**{name: one("ric", *fronts) for name, fronts in soups.items()})
    on = compare([replace(f, method=name) for name, fronts in soups.items() for f in fronts]).benchmarks[0]
    assert on.policies == 3
    for headline in ("hypervolume", "utility"):
        for pair in (("a", "b"), ("b", "few")):
            assert MEASURES[headline](found, pair) == on.difference(*pair, headline)


@pytest.mark.parametrize("measure", ["hypervolume", "utility", "collapse"])
def test_one_training_replicates_nothing(measure: str):
    """Nor does it refute: what is measured is about this training."""
    better, worse = at(THREE, [(1, 0.5), (0.5, 0.5), (0.5, 1)]), at(THREE, [(0.5, 0), (0, 0), (0, 0.5)])
    lost = np.zeros((3, PROMPTS), bool)
    lost[:, :9] = True
    better = changed(better, collapsed=lost)
    for seeds, verdicts in ((1, ["inconclusive"] * 2), (3, ["replicated", "not replicated"])):
        found = found_of(a=one("ric", *of_seeds(better, seeds)), b=one("ric", *of_seeds(worse, seeds)))
        claim = Claim(claim="", source="", published="", measure=measure, of=("a", "b"), above=0.0)
        both = [claim.verdict(MEASURES[measure](found, of), seeds) for of in (("a", "b"), ("b", "a"))]
        assert both == verdicts


@pytest.mark.parametrize(("measure", "above"), [("obeys", 0.2), ("concave", 0.0)])
def test_nor_does_it_of_a_method_alone(measure: str, above: float):
    """But for what it costs, which another training costs, too."""
    claim = Claim(claim="", source="", published="", measure=measure, of=("a",), above=above)
    found = Interval(0.9, 0.8, 1.0)
    assert [claim.verdict(found, trainings) for trainings in (1, 2)] == ["inconclusive", "replicated"]
    assert replace(claim, measure="cost").verdict(found, 1) == "replicated"


def test_the_configuration_that_was_trained_most_often_is_measured():
    """Settings that were found and trained thrice say more than the defaults in one training; of equally many these."""
    low, high = at(THREE, [(0.0, 0.0)] * 3), at(THREE, [(1.0, 1.0)] * 3)
    base = one("ric", *of_seeds(low))
    for default, tuned, gain in ((1, 3, 5.0), (3, 3, 0.0), (3, 1, 0.0)):
        found = found_of(a=[one("ric", *of_seeds(low, default)), one("ric", *of_seeds(high, tuned))], b=base)
        assert MEASURES["hypervolume"](found, ("a", "b")).value == pytest.approx(gain)
    found = found_of(ric=[one("ric", low), one("ric", *of_seeds(high))], spo=one("spo", *of_seeds(low)))
    claim = Claim(claim="", source="", published="", measure="utility", of=("ric", "spo"), above=0.0)
    assert _checked(claim, found).verdict == "replicated"


def test_collapse_counts_answers():
    half = np.zeros((3, PROMPTS), bool)
    half[0, : PROMPTS // 2] = True
    found = found_of(a=one("ric", *of_seeds(changed(THREE, collapsed=half))), b=one("ric", *of_seeds(THREE)))
    difference = MEASURES["collapse"](found, ("a", "b"))
    assert difference.value == pytest.approx(1 / 6)
    assert 0 < difference.low < difference.high
    assert difference.clear


def test_collapse_is_of_the_same_weights_and_one_of_all_tests():
    """b answers (1/2, 1/2) and the two weights nearest to it with a point that b's third of all points is, and a's
    share of them is the same; of three methods each p is one of three."""
    eleven = make_front("ric", 1.0)
    middle = np.array([abs(w[0] - 0.5) < 0.2 for w in eleven.weights])
    many = changed(eleven, collapsed=np.repeat(middle[:, None], PROMPTS, axis=1))
    few = changed(THREE, collapsed=np.repeat([[False], [True], [False]], PROMPTS, axis=1))
    rows = {name: one("ric", *of_seeds(front)) for name, front in (("a", many), ("b", few), ("c", THREE))}
    among = found_of(**rows)
    found = MEASURES["collapse"](among, ("a", "b"))
    asked = [min(range(3), key=lambda k: abs(THREE.weights[k][0] - w[0])) for w in eleven.weights]
    assert found.value == pytest.approx(middle.mean() - np.mean([k == 1 for k in asked]))
    assert MEASURES["collapse"](among, ("b", "a")) == found.turned()
    noisy = np.random.default_rng(0).random((3, PROMPTS)) < 0.2
    rows["b"] = one("ric", *of_seeds(changed(THREE, collapsed=noisy)))
    alone, among = (found_of(**{name: rows[name] for name in names}) for names in ("bc", "abc"))
    one_p, of_three = (MEASURES["collapse"](found, ("b", "c")) for found in (alone, among))
    assert one_p.p_holm == one_p.p
    assert of_three.p_holm >= of_three.p


def test_nothing_is_compared_with_a_front_that_collapsed_everywhere():
    """As in a table: its hypervolume would be 0 by a rule. Its cost and its collapse are what they are."""
    lost = changed(THREE, collapsed=np.ones_like(THREE.collapsed))
    found = found_of(a=one("ric", THREE), b=one("ric", lost))
    for measure in ("hypervolume", "utility"):
        with pytest.raises(Missing, match="left out for collapse"):
            MEASURES[measure](found, ("a", "b"))
    assert MEASURES["collapse"](found, ("b", "a")).value == 1
    assert MEASURES["cost"](found, ("a", "b")).value == 1


def test_cost_is_a_ratio_by_seed():
    a = [replace(THREE, seed=s, cost=COST | {"flops": f}) for s, f in ((0, 1e9), (1, 3e9))]
    b = [replace(THREE, seed=s, cost=COST | {"flops": f}) for s, f in ((0, 2e9), (1, 4e9), (2, 1e9))]
    found = {"a": [one("ric", *a)], "b": [one("ric", *b)]}
    value, low, high = MEASURES["cost"](found, ("a", "b"))
    assert value == pytest.approx((0.5 + 0.75) / 2)
    assert low < 0.5
    assert high > 0.75, "two seeds tell little"
    with pytest.raises(Missing, match="no seed in common") as error:
        MEASURES["cost"]({"ric": [one("ric", a[0])], "sft": [one("sft", b[2])]}, ("ric", "sft"))
    assert error.value.command == "moa compare -m ric,sft"


def test_cost_is_that_of_what_was_used_too():
    """5 with a reward model of its own and tags for .1, against 4.7 with two trained rewards of 1.4: .68, not 1.06."""
    rewards = {f"reward {name}": dict.fromkeys(COST, 1.4e12) for name in ("helpful", "harmless")}
    tags = {"tags": dict.fromkeys(COST, 0.1e12)}
    own, others = (replace(THREE, cost=COST | {"flops": f}) for f in (5e12, 4.7e12))
    found = {"a": [one("moslim", replace(own, used=tags))], "b": [one("morlhf", replace(others, used=rewards))]}
    assert MEASURES["cost"](found, ("a", "b")).value == pytest.approx(5.1 / 7.5)


def test_cost_that_was_not_counted_cannot_be_compared():
    unseen = one("ric", replace(THREE, cost=COST | {"flops": None}))
    with pytest.raises(Missing, match="what a spent in training was not counted"):
        MEASURES["cost"]({"a": [unseen], "b": [one("ric", THREE)]}, ("a", "b"))


def test_no_training_is_a_multiple_of_none():
    """SFT trains nothing: what others cost has no ratio to that, while that is nothing of what they cost."""
    free = one("sft", replace(THREE, cost=COST | {"flops": 0.0}))
    with pytest.raises(Missing, match="sft trains nothing") as error:
        MEASURES["cost"]({"ric": [one("ric", THREE)], "sft": [free]}, ("ric", "sft"))
    assert error.value.command is None
    assert MEASURES["cost"]({"ric": [one("ric", THREE)], "sft": [free]}, ("sft", "ric")) == (0, 0, 0)


def test_a_single_point_is_asked_for_the_weights_of_the_other_front():
    """At (1, 0) and (.7, .3) the point (1, 0) is worth 1 and .7; at weights of its own, (.5, .5), it would be worth
    .5."""
    front, point = (only(make_front("ric", 1.0), kept) for kept in ([0, 3], [5]))
    found = found_of(a=one("ric", at(front, [(0, 0), (0, 0)])), b=one("sft", at(point, [(1, 0)])))
    assert MEASURES["utility"](found, ("a", "b")).value == pytest.approx(-0.85)
    assert MEASURES["utility"](found, ("b", "a")).value == pytest.approx(0.85)


def test_runs_that_do_not_go_together_are_not_averaged():
    """Seeds at different weights, and a seed that is there twice."""
    for other in (replace(only(THREE, [0, 2]), seed=1), THREE):
        found = found_of(a=one("ric", THREE, other))
        for measure in set(MEASURES) - {"scaling"}:
            with pytest.raises(Missing, match="cannot be averaged"):
                MEASURES[measure](found, ("a", "a"))


def test_obedience_is_that_of_the_worst_objective():
    """Objective 1 follows its weight; objective 2 does so for two of three pairs: tau = (2 - 1) / 3."""
    front = at(THREE, [(2, 0), (1, 1.5), (0, 1)])
    assert MEASURES["obeys"]({"a": [one("ric", front)]}, ("a",)).value == pytest.approx(1 / 3)
    with pytest.raises(Missing, match="a single point"):
        MEASURES["obeys"]({"a": [one("ric", only(THREE, [1]))]}, ("a",))


def test_concavity_is_the_height_above_the_chord():
    """From (1, 0) to (0, 1) the chord passes (1/2, 1/2): (.8, .7) is (.3 + .2) / sqrt 2 above it."""
    front = at(THREE, [(1, 0), (0.8, 0.7), (0, 1)])
    assert MEASURES["concave"]({"a": [one("ric", front)]}, ("a",)).value == pytest.approx(0.5 / np.sqrt(2))
    sagging = at(THREE, [(1, 0), (0.2, 0.3), (0, 1)])
    assert MEASURES["concave"]({"a": [one("ric", sagging)]}, ("a",)).high < 0
    with pytest.raises(Missing, match="no point between"):
        MEASURES["concave"]({"a": [one("ric", only(front, [0, 2]))]}, ("a",))


def test_concavity_is_that_of_the_lowest_point():
    """One point .5 below the chord from (4, 0) to (0, 4), two far above it: their mean is above, the front is not. With
    a second seed, where that point is .5 above and another .5 below, the lowest on average over seeds is at (.5 - .5) /
    2."""
    kept = only(make_front("ric", 1.0), [0, 3, 5, 7, 10])
    dent = 0.5 / np.sqrt(2)
    front = at(kept, [(4, 0), (4, 2), (2 - dent, 2 - dent), (2, 4), (0, 4)])
    lowest = MEASURES["concave"]({"a": [one("ric", front)]}, ("a",))
    assert lowest == pytest.approx((-0.5, -0.5, -0.5))
    other = at(replace(kept, seed=1), [(4, 0), (3 - dent, 1 - dent), (2 + dent, 2 + dent), (2, 4), (0, 4)])
    value, low, high = MEASURES["concave"]({"a": [one("ric", front, other)]}, ("a",))
    assert value == pytest.approx(0)
    assert low < 0 < high


@pytest.mark.parametrize("middle", [(0.5, 0.5), (0.4, 0.1), (0.9, 0.9)])
def test_without_a_trade_off_there_is_no_chord(middle):
    """From (0, 0) to (1, 1) nothing is traded, so nothing lies above or below: in no seed, or in one of two."""
    rising, front = at(THREE, [(1, 1), middle, (0, 0)]), at(replace(THREE, seed=1), [(1, 0), (0.8, 0.7), (0, 1)])
    for fronts in ((rising,), (front, rising)):
        with pytest.raises(Missing, match="one end of the front of a dominates the other"):
            MEASURES["concave"]({"a": [one("ric", *fronts)]}, ("a",))


def test_a_trade_off_that_other_prompts_would_not_show_is_none():
    """The ends trade .01 of the first objective, which is nothing beside what that varies by from prompt to prompt."""
    front = at(THREE, [(0.01, 0), (0.8, 0.7), (0, 1)])
    front.scores[2, :, 0] *= -1
    with pytest.raises(Missing, match="one end of the front of a dominates the other"):
        MEASURES["concave"]({"a": [one("ric", front)]}, ("a",))


def test_retention_compares_alphas():
    """The first objective with the largest alpha less with alpha 0, wherever these points lie in the front."""
    method, benchmark = find_method("spo")(), load_benchmark("hh-rlhf-mini")
    weights = method.points(benchmark)
    base = make_front("spo", 1.0, steering="retrain")
    front = changed(only(base, list(range(len(weights)))), weights=weights)
    means = [(0.0, 0.0)] * len(weights)
    means[weights.index(method.after(benchmark, 2, max(method.alphas)))] = (0.7, 0.0)
    means[weights.index(method.after(benchmark, 2, 0.0))] = (0.3, 0.0)
    assert MEASURES["retention"]({"spo": [one("spo", at(front, means))]}, ("spo",)).value == pytest.approx(0.4)
    drawn = np.random.default_rng(1).normal(0, 0.1, (3, 1, PROMPTS, 1))
    varied = [
        replace(changed(moved := at(front, means), scores=moved.scores + shift + drawn[seed]), seed=seed)
        for seed, shift in enumerate((-2.0, 0.0, 2.0))
    ]
    found = MEASURES["retention"]({"spo": [one("spo", *varied)]}, ("spo",))
    assert found.value == pytest.approx(0.4)
    assert found.clear, "both points of a training move alike: the difference does not vary"


def test_collapse_of_other_prompts_is_not_compared():
    """As little as a hypervolume of theirs is."""
    other = replace(THREE, card=other_card(THREE.card, prompts_hash="another"))
    found = found_of(a=one("ric", THREE), b=one("ric", other))
    for measure in ("hypervolume", "collapse"):
        with pytest.raises(BadInput, match="cannot be compared"):
            MEASURES[measure](found, ("a", "b"))


def sized(size: str, gain: float, **settings: object) -> Variant:
    """MOSLIM with a reward model of this size, and with a front that this much is gained on."""
    method = find_method("moslim")(reward_base=size, **settings)
    front = at(replace(THREE, config=plain(as_config(method))), [(gain, gain)] * 3)
    return replace(one("moslim", front), method=method)


def test_scaling_takes_the_largest_and_the_smallest():
    """A gain of g makes a volume of (2 + g)^2. What is no size is left out: hub ids may end like one."""
    sizes = {"1m": 0.5, "0.3m": 0.0, "4m": 1.0, "policy": 9.0, "EleutherAI/pythia-70m": 9.0, "of/m": 9.0}
    found = {"moslim": [sized(size, gain) for size, gain in sizes.items()]}
    assert MEASURES["scaling"](found, ("moslim",)).value == pytest.approx(9 - 4)
    with pytest.raises(Missing, match="two sizes") as error:
        MEASURES["scaling"]({"moslim": found["moslim"][:1]}, ("moslim",))
    assert error.value.command == "moa study reward-model-size -m moslim"
    with pytest.raises(Missing, match="two sizes"):
        MEASURES["scaling"]({"ric": [one("ric", THREE)]}, ("ric",))


def test_scaling_varies_nothing_but_the_size():
    """The method's own configuration where it has two sizes, else another; never one beside another."""
    other = [sized("4m", 2.0, kl_coef=0.9), sized("0.3m", -1.0, kl_coef=0.9), sized("20m", 3.0, kl_coef=0.9)]
    found = {"moslim": [sized("0.3m", 0.0), sized("4m", 1.0), *other]}
    assert MEASURES["scaling"](found, ("moslim",)).value == pytest.approx(9 - 4)
    assert MEASURES["scaling"]({"moslim": [*other, *found["moslim"][:2]]}, ("moslim",)).value == pytest.approx(9 - 4)
    tuned = {"moslim": [sized("1m", 0.0), *other]}
    assert MEASURES["scaling"](tuned, ("moslim",)).value == pytest.approx(25 - 1)
    with pytest.raises(Missing, match="two sizes"):
        MEASURES["scaling"]({"moslim": [sized("1m", 0.0), other[0]]}, ("moslim",))


def test_a_method_that_refuses_its_defaults_ends_no_claim() -> None:
    class Refusing(find_method("moslim")):
        def __post_init__(self) -> None:
            if self.classes == 5:
                raise RuntimeError("set classes first")

    usual = sized("1m", 0.0)
    mine = replace(usual, method=Refusing(classes=3))
    with pytest.raises(Missing, match="two sizes"):
        MEASURES["scaling"]({"mine": [mine]}, ("mine",))


def test_what_is_missing_is_named():
    for claim in load_claims():
        with pytest.raises(Missing) as error:
            MEASURES[claim.measure](Variants(), claim.of)
        assert re.match("moa (compare|study) .*-m ", error.value.command)
    assert PAIRED == ("hypervolume", "utility", "collapse", "cost")


def test_studies_are_named_only_for_methods_that_they_take():
    found = {name: [one(name, THREE)] for name in ("ric", "moslim", "spo")}
    for measure in ("control", "retention"):
        with pytest.raises(Missing) as error:
            MEASURES[measure](found, ("ric",))
        assert error.value.command is None
    with pytest.raises(Missing) as error:
        MEASURES["control"](found, ("moslim",))
    assert error.value.command == "moa study controllability -m moslim"
    with pytest.raises(Missing) as error:
        MEASURES["retention"]({"spo": [one("spo", only(THREE, [0, 1]))]}, ("spo",))
    assert "does not hold" in error.value.reason


def unnumbered(found: object, of: object) -> Interval:
    return Interval(np.nan, np.nan, np.nan)


def damaged(found: object, of: object) -> Interval:
    raise BadInput("cannot use front.json\n  a list of faults", "it is damaged", "delete it")


@pytest.mark.parametrize(("measure", "reason"), [(unnumbered, "no number"), (damaged, "cannot use front.json")])
def test_a_claim_that_cannot_be_computed_does_not_stop_the_others(measure, reason, contest, monkeypatch):
    """It has no verdict, but a reason; none of it is NaN, which JSON lacks."""
    monkeypatch.setitem(MEASURES, "utility", measure)
    facts = {"source": "", "published": "", "of": ("ric", "sft"), "above": 0.0}
    claims = [Claim(claim=name, measure=name, **facts) for name in ("utility", "collapse", "cost")]
    fronts = [read_front(place) for run in find_runs(contest / "runs") for place in fronts_in(run)]
    document = check_claims(claims, fronts, print)
    first, second, third = document.benchmarks[0].claims
    assert (first.verdict, first.value, first.command) == ("not measured", None, None)
    assert reason in str(first.reason)
    assert (second.reason, second.command) == (None, None)
    assert "sft trains nothing" in str(third.reason)
    assert Claims.from_json(document.to_json()) == document
    for shown in (claims_markdown(document), shown_in_terminal(document)):
        assert all(str(claim.reason) in shown for claim in (first, third))


def shown_in_terminal(document: Claims) -> str:
    console = Console(file=io.StringIO(), width=80)
    for part in claims_table(document):
        console.print(part, soft_wrap=isinstance(part, str))
    return console.file.getvalue()


def test_every_claim_that_comes_with_moa_can_be_checked():
    claims = load_claims()
    assert len(claims) >= 15
    assert {name for claim in claims for name in claim.of} <= set(method_names())
    assert {claim.measure for claim in claims} == set(MEASURES)


def test_second_best_is_below_one_and_above_the_others():
    second = {(claim.of, claim.measure, claim.above) for claim in load_claims() if "second best" in claim.published}
    pairs = [("paretohqd", "ric"), ("ric", "morlhf"), ("ric", "rewarded-soups")]
    assert second == {(pair, "hypervolume", 0) for pair in pairs}


def test_an_inference_is_told_from_what_a_paper_says():
    """OrthAlign's numbers put each method first on one objective; that one front is larger is concluded from them."""
    (inferred,) = (claim for claim in load_claims() if claim.of == ("spo", "modpo"))
    assert inferred.measure == "hypervolume"
    assert "hypervolume" in inferred.claim
    assert "our inference" in inferred.source


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("claim = 'x'\nmeasure = 'cost'", "it lacks of, published, source"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'coast'\nof = ['a', 'b']\nabove = 0",
         "no measure 'coast'"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'cost'\nof = ['a']\nabove = 0", "of two methods"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'cost'\nof = ['a', 'a']\nabove = 0", "with itself"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = ['a']", "above or below"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = ['a']\nabove = 0\nbelow = 1", "name one"),
        ("claim = 'x'\nsauce = ''", "sauce"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = ['a']\nabove = 'zero'", "not 'zero'"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = ['a']\nbelow = true", "not True"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = [3]\nabove = 0", "of one method"),
        ("claim = 'x'\nsource = ''\npublished = ''\nmeasure = 'obeys'\nof = 'a'\nabove = 0", "of one method"),
        ("claim = 'x'\nsource = 3\npublished = ''\nmeasure = ['obeys']\nof = ['a']\nabove = 0",
         "source, measure must be"),
    ],
)  # fmt: skip
def test_a_claim_that_says_nothing_is_refused(entry: str, named: str, tmp_path: Path):
    write_text(tmp_path / "own.toml", f"[[claims]]\n{entry}\n")
    with pytest.raises(BadInput) as error:
        load_claims(tmp_path / "own.toml")
    assert named in error.value.why
    assert "'x'" in error.value.what


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "no claims"),
        ("claims = []", "no claims"),
        ("claims = 3", "no claims"),
        ("claims = ['x']", "cannot be checked: 'x'"),
        ("[[claim]]\nclaim = 'x'", "unknown entry: claim (did you mean claims?)"),
        ("[[claims", "cannot read"),
    ],
)
def test_a_file_without_claims_is_refused(content: str, named: str, tmp_path: Path):
    """It would add nothing, and nobody would notice."""
    write_text(tmp_path / "own.toml", content)
    with pytest.raises(BadInput) as error:
        load_claims(tmp_path / "own.toml")
    assert named in error.value.what


def test_messages_about_files_do_not_speak_of_python(tmp_path: Path):
    (tmp_path / "latin.toml").write_bytes("é".encode("latin-1"))
    for name, why in (("none.toml", "No such file or directory"), ("latin.toml", "it is not UTF-8 text")):
        with pytest.raises(BadInput) as error:
            load_claims(tmp_path / name)
        assert error.value.what == f"cannot read {tmp_path / name}: {why}"
    with pytest.raises(BadInput) as error:
        load_benchmark(str(tmp_path / "none.toml"))
    assert error.value.what == f"{tmp_path / 'none.toml'} cannot be read: No such file or directory"


def test_a_method_that_does_not_exist_is_not_to_be_measured(contest):
    """The measure has a command for methods without runs, which would be refused."""
    facts = {"claim": "", "source": "", "published": "", "below": 1.0}
    claims = [
        Claim(measure="collapse", of=("ric", "rewarded-soup"), **facts),
        Claim(measure="scaling", of=("moslimm",), **facts),
    ]
    fronts = [read_front(place) for run in find_runs(contest / "runs") for place in fronts_in(run)]
    reasons = [(c.reason, c.command) for c in check_claims(claims, fronts, print).benchmarks[0].claims]
    assert reasons == [
        ("there is no method 'rewarded-soup' (did you mean rewarded-soups?)", None),
        ("there is no method 'moslimm' (did you mean moslim?)", None),
    ]


def test_a_command_says_all_that_names_the_benchmark_again():
    """A TOML benchmark's name is none for -b; other options would make another benchmark; other seeds, unpaired
    runs."""
    source = Source("/a folder/tiny.toml", Path("runs"), Path("/data"), {"objectives": ["long"], "sampling.top_p": 0.9})
    told = check_where(source, [0, 2])
    assert told == (
        "-b '/a folder/tiny.toml' --data-dir /data -c 'objectives=[\"long\"]' -c sampling.top_p=0.9 --seed 0 --seed 2"
    )
    items = [item for flag, item in pairwise(shlex.split(told)) if flag == "-c"]
    assert resolve(items, [], [], data_dir=None, home=Path()).options == source.options


def rewritten(runs: Path, method: str, file: str, change: Callable[[dict], None]) -> None:
    """The records of a method's run, or of its front, as `change` makes them."""
    paths = list(runs.glob(f"*/{method}/*/{file}"))
    assert paths
    for path in paths:
        documents.rewritten(path, change)


def test_claims_outlive_methods_and_benchmarks(contest: Path, tmp_path: Path):
    """A run whose method has changed since is left out, and said to be; a benchmark's file is not needed for its
    scores."""
    shutil.copytree(contest / "runs", runs := tmp_path / "runs")
    rewritten(runs, "ric", "front-*/front.json", lambda record: record["config"].update(gone=1))
    rewritten(runs, "sft", "run.json", lambda record: record["benchmark"].update(source="/gone.toml"))
    said: list[str] = []
    facts = {"claim": "", "source": "", "published": "", "above": 0.0}
    claims = [Claim(measure="obeys", of=("sft",), **facts), Claim(measure="collapse", of=("ric", "sft"), **facts)]
    fronts = [read_front(place) for run in find_runs(runs) for place in fronts_in(run)]
    first, second = check_claims(claims, fronts, said.append).benchmarks[0].claims
    assert first.reason == "the front of sft is a single point, which follows no weights", "its scores are read"
    assert second.reason == "ric has not been measured"
    (line,) = said
    assert "left out" in line
    assert "stored configuration of ric" in line
    rewritten(runs, "sft", "front-*/front.json", lambda record: record["config"].update(gone=1))
    fronts = [read_front(place) for run in find_runs(runs) for place in fronts_in(run)]
    assert check_claims(claims, fronts, said.append).benchmarks == ()


OWN = """
[[claims]]
claim = "RiC changes | nothing"
source = "ours"
published = "-"
measure = "cost"
of = ["sft", "ric"]
below = 100
"""


def test_the_command(contest: Path, tmp_path: Path) -> None:
    """A claim of one's own is checked beside those of the papers; what is missing names its command."""
    write_text(tmp_path / "own.toml", OWN)
    result = moa("claims", "--claims", str(tmp_path / "own.toml"), "--runs", str(contest / "runs"), "-o", "claims.md",
                 "-o", "claims.json", cwd=tmp_path, COLUMNS="80")  # fmt: skip
    assert result.returncode == 0, result.stderr
    table, rest, _ = result.stdout.partition("to measure the rest")
    assert rest
    assert 60 < max(map(len, table.splitlines())) <= 80
    assert "1 replicated" in result.stdout
    document = json.loads((tmp_path / "claims.json").read_text())
    verdicts = {claim["claim"]: claim for claim in document["benchmarks"][0]["claims"]}
    assert verdicts["RiC changes | nothing"]["verdict"] == "replicated"
    where = f"-b {contest / 'tiny.toml'} --seed 0"
    assert verdicts["MOSLIM beats RiC"]["command"] == f"moa compare -m moslim {where}"
    assert f"\n  moa study reward-model-size -m moslim {where}\n" in result.stdout, "on one line, to be copied"
    assert "| RiC changes \\| nothing | ours |" in (tmp_path / "claims.md").read_text()
    refused(moa("claims", cwd=tmp_path), "nothing to compare")
    refused(moa("claims", "--claims", "none.toml", "--runs", str(contest / "runs"), cwd=tmp_path), "none.toml")
