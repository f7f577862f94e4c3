"""The verdict in a sentence: the best method, its lead, and what cannot be said."""

from __future__ import annotations

import pytest

from moa_cli.comparisons.document import Gate, Pair, Row
from moa_cli.comparisons.parts import Quality
from moa_cli.report.verdict import gate_sentence, verdict_sentence
from tests.kit.pages import Page, toy

TOY = toy().benchmarks[0]


def row(name: str, volume: float, *, steering: str = "merge", trained: float | None = 1.0, serving: float = 1.0) -> Row:
    quality = Quality(
        hypervolume=volume, low=volume - 0.1, high=volume + 0.1, corrected=volume, equal=None, igd_plus=0.0,
        expected_utility=0.0,
    )  # fmt: skip
    cost = {} if trained is None else {"trained_tokens": trained, "serving_flops": serving}
    return TOY.rows[0].model_copy(
        update={"method": name, "steering": steering, "seeds": (0,), "scores": quality, "cost": cost}
    )


def said(rows: list[Row], ties: dict[tuple[str, str], tuple[float, float, float | None]] | None = None) -> str:
    """The verdict where every difference has an interval of +-0.2 and is significant, but for `ties` (low, high, p)."""
    pairs = []
    for k, a in enumerate(rows):
        for b in rows[k + 1 :]:
            gain = a.scores.hypervolume - b.scores.hypervolume
            low, high, p = (ties or {}).get((a.method, b.method), (gain - 0.2, gain + 0.2, 0.001))
            found = {"difference": gain, "low": low, "high": high, "p": 0.5, "p_permutation": p, "p_holm": p}
            pairs.append(Pair(a=a.method, b=b.method, dominance=None, **found))
    return Page(verdict_sentence(TOY.model_copy(update={"rows": tuple(rows), "pairs": tuple(pairs)}))).text


SFT = row("sft", 4, steering="none", trained=0.0)


def test_the_verdict_names_the_best_and_its_lead():
    assert said([row("soup", 7), row("ric", 6), SFT]) == (
        "soup has the largest held-out hypervolume on toy (7.00, +3.00 [+2.80, +3.20] over sft), ahead of all others."
    )


@pytest.mark.parametrize("tie", [(-0.1, 0.2, 0.001), (0.1, 0.3, 0.05), (0.0, 0.3, None)])
def test_the_verdict_admits_ties(tie):
    """By an interval that reaches 0, or by a test that does not reject at 5 %."""
    told = said([row("soup", 7), row("ric", 6.9), SFT], {("soup", "ric"): tie})
    assert told.endswith("over sft), and cannot be told from ric.")
    many = {("soup", name): tie for name in "abcde"}
    assert said([row("soup", 7), *(row(name, 6.9) for name in "abcde")], many).endswith("told from a, b, c or 2 more.")


def test_without_a_test_the_interval_decides():
    assert "ahead of all others" in said([row("soup", 7), row("ric", 6), SFT], {("soup", "ric"): (0.5, 1.5, None)})


def test_the_verdict_does_not_pass_over_methods_that_train():
    told = said(
        [row("best", 8, trained=0, serving=16), row("soup", 7), row("ric", 6.9), SFT],
        {("soup", "ric"): (-0.1, 0.2, 0.5)},
    )
    assert told == (
        "best has the largest held-out hypervolume on toy (8.00, +4.00 [+3.80, +4.20] over sft) without training, "
        "but with 16 times the computing for every answer, ahead of all others; of the methods that train, "
        "soup is first (7.00, +3.00 [+2.80, +3.20] over sft), and cannot be told from ric."
    )


def test_a_method_of_unknown_cost_is_not_called_free():
    assert "without training" not in said([row("best", 8, trained=None), SFT])


def test_the_verdict_says_when_training_did_not_help():
    start = row("sft", 8, steering="none", trained=0.0)
    lead = (
        "sft has the largest held-out hypervolume on toy (8.00 [7.90, 8.10]): no method improves on the starting policy"
    )
    assert said([start, row("soup", 7)]) == f"{lead}."
    assert (
        said([start, row("soup", 7)], {("sft", "soup"): (-0.1, 2.1, 0.2)}) == f"{lead}, and cannot be told from soup."
    )


def test_the_verdict_compares_nothing_with_a_row_of_which_no_point_counts():
    lost = SFT.model_copy(update={"points": tuple(p.model_copy(update={"collapsed_seeds": 1}) for p in SFT.points)})
    end = "all points of sft are left out for collapse."
    assert said([row("soup", 7), row("ric", 6), lost], {("soup", "ric"): (-0.1, 0.2, 0.5)}) == (
        f"soup has the largest held-out hypervolume on toy (7.00 [6.90, 7.10]), and cannot be told from ric; {end}"
    )
    assert said([row("soup", 7), lost]) == f"soup alone can be judged on toy (7.00 [6.90, 7.10]); {end}"
    assert said([lost]) == f"Nothing can be compared on toy: {end}"


def test_the_verdict_on_one_method():
    assert said([row("soup", 7)]) == "soup alone was measured on toy (7.00 [6.90, 7.10])."


def test_a_gate_that_passed():
    passed = Gate(baseline="b.json", tolerance=0.01, verdicts=(), verdict="passed")
    assert Page(gate_sentence(passed)).text == "Gate passed: no method became worse (baseline b.json, tolerance 1.0%)."
