"""What to take at given weights: chosen on one half of the prompts, told of the other, within limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from benchmarks.common.errors import BadInput
from benchmarks.measure.front import Front
from benchmarks.stats.bootstrap import Bootstrap
from moa_cli.comparisons.choosing import choose, halves, probabilities
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.comparisons.parts import Choice, Wish
from moa_cli.formats.exports import comparison_markdown
from moa_cli.formats.terminal import comparison_table
from moa_cli.report.elements.style import styles_of
from moa_cli.report.sections.choice import choice as choice_section
from tests.kit.fronts import COST, changed, make_card, make_front, only

CHOSEN, REPORTED = halves(120)


def a_front(name: str, here: float, there: float, *, seed: int = 0, flops: float | None = 1.0, **facts: str) -> Front:
    """Three points, whose second score is 0 but at the last, (0, 1): there it is `here` on the prompts that are chosen
    on and `there` on the others, with noise of mean 0 in each half. KLs are 1, 2.5 and 4."""
    front = make_front(name, 1.0, seed=seed, card=make_card(prompts=120), **facts)
    front = only(front, [0, 5, 10]) if len(front.points) > 1 else front
    K, noise = len(front.points), np.random.default_rng([seed, len(name)]).normal(size=120) / 10
    scores = np.zeros((K, 120, 2))
    for half, value in ((CHOSEN, here), (REPORTED, there)):
        scores[-1, half, 1] = value + noise[half] - noise[half].mean()
    kl = np.repeat(np.linspace(1, 4, K)[:, None] if K > 1 else np.zeros((1, 1)), 120, axis=1)
    return replace(changed(front, scores=scores, kl=kl), cost=COST | {"serving_flops": flops})


def made(*fronts: Front, **wish: float) -> Comparison:
    return choose(compare(list(fronts)), Wish(weights=(0.0, 1.0), **wish))


def of(comparison: Comparison) -> Choice:
    found = comparison.benchmarks[0].choice
    assert found is not None
    return found


def test_prompts_are_dealt_into_two_halves_that_share_none() -> None:
    assert len(CHOSEN) == len(REPORTED) == 60
    assert sorted([*CHOSEN, *REPORTED]) == list(range(120))
    assert np.array_equal(halves(120)[0], CHOSEN), "the same each time"
    assert 15 < (CHOSEN < 60).sum() < 45, "neither the first half nor every other"


def test_what_is_reported_was_not_chosen_on() -> None:
    """Of values 2 and 1 on the prompts chosen on, which are 0 and 1 on the others: the first is told to be 1 behind."""
    found = of(made(a_front("lucky", 2, 0), a_front("true", 1, 1)))
    assert [one.method for one in found.candidates] == ["lucky", "true"]
    assert [one.value for one in found.candidates] == pytest.approx([0, 1], abs=1e-4)
    assert [one.probability for one in found.candidates] == [0, 1]
    second = found.candidates[1]
    assert second.ahead is not None
    assert second.ahead.value == pytest.approx(-1, abs=1e-4)
    assert second.weights == (0, 1)
    assert second.name == "true at 0,1"
    assert (found.chosen_on, found.reported_on) == (60, 60)
    assert "chosen on 60 of the 120 test prompts" in found.told("score")[-1]
    assert any("more probably true at 0,1 (100%)" in line for line in found.told("score"))


def test_one_training_concludes_nothing_and_several_do() -> None:
    once = of(made(a_front("a", 2, 2), a_front("b", 1, 1))).candidates[1]
    assert once.ahead is not None
    assert once.ahead.p_holm is None
    assert not once.ahead.clear
    fronts = [a_front(name, 2 * (name == "a"), 2 * (name == "a"), seed=s) for name in ("a", "b", "c") for s in range(3)]
    several = of(made(*fronts))
    assert all(one.ahead is not None and one.ahead.clear for one in several.candidates[1:])
    assert "told apart" in several.told("score")[1]


def test_limits_exclude_and_say_by_how_much() -> None:
    """The answer of b takes 48 times sft's, nobody counted c's; of 3 points one has a KL above 3."""
    sft = a_front("sft", -1, -1, flops=2.0, steering="none")
    rows = sft, a_front("a", 2, 2, flops=2.0), a_front("b", 3, 3, flops=96.0), a_front("c", 3, 3, flops=None)
    assert [one.method for one in of(made(*rows)).candidates][:2] == ["b", "c"]
    found = of(made(*rows, max_answer_cost=2.0, max_kl=3.0))
    assert [one.method for one in found.candidates] == ["a", "sft"], "a at another point, whose second score is 0"
    assert found.candidates[0].kl is not None
    assert found.candidates[0].kl <= 3
    assert found.excluded == [
        "left out for an answer of more than 2x the starting policy's operations: b (48x), c (unknown)",
        "left out for a KL above 3.0: a (1 of 3 points: 4.0)",
    ]
    nothing = of(made(a_front("a", 2, 2), max_kl=0.5))
    assert nothing.first is None
    assert nothing.told("score")[0] == "no measured point is within these limits"


def test_a_point_that_collapsed_in_one_training_is_not_taken() -> None:
    fronts = [a_front("a", 2, 2, seed=s) for s in range(2)]
    bad = np.zeros((3, 120), bool)
    bad[-1] = True
    found = of(made(fronts[0], changed(fronts[1], collapsed=bad)))
    assert found.candidates[0].weights != (0, 1)
    assert found.excluded == ["left out for too many degenerate answers: a (1 of 3 points)"]


def test_trainings_of_two_rows_are_no_pairs() -> None:
    """Paired by seed, the second would be better for certain: by 1 in both trainings, which differ by 10."""
    draws = np.zeros((2, 4000))
    rows = [Bootstrap(np.array([k, k + 10.0]), draws + np.array([[k], [k + 10]]), (0, 1)) for k in (0.0, 1.0)]
    assert probabilities(rows)[1] == pytest.approx(0.5, abs=0.05)
    assert probabilities(rows, shared=True) == [0, 1], "but preparations are"
    assert probabilities([rows[0], rows[0]], shared=True) == [0.5, 0.5]


@pytest.mark.parametrize("wish", [{"weights": (1.0,)}, {"weights": (0.5, 0.4)}, {"max_answer_cost": 2.0}])
def test_what_nobody_can_tell_is_refused(wish: dict) -> None:
    """Weights for one objective of two, of sum .9, and a multiple of what an answer of no row takes."""
    with pytest.raises(BadInput, match=r"--at|multiple"):
        choose(compare([a_front("a", 2, 2)]), Wish(**{"weights": (0.0, 1.0)} | wish))


def test_it_is_told_everywhere_and_kept() -> None:
    comparison = made(a_front("a", 2, 2), a_front("b", 1, 1), max_kl=9.0)
    assert Comparison.from_json(comparison.to_json()) == comparison
    console = Console(width=80)
    with console.capture() as captured:
        console.print(comparison_table(comparison))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    on = comparison.benchmarks[0]
    section = "".join(choice_section(on, styles_of(comparison.steerings)))
    for text in (captured.get(), comparison_markdown(comparison), section):
        assert "at 0,1, KL up to 9.0" in text
        assert "take a at 0,1" in text
        assert "chosen on 60" in " ".join(text.split())
    nobody = on.model_copy(update={"choice": None})
    assert "Nobody said how much" in "".join(choice_section(nobody, styles_of(comparison.steerings)))
