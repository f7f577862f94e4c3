"""The verdict in a sentence: the best method, its lead, and what cannot be said."""

from __future__ import annotations

from moa_cli.comparisons.document import OnBenchmark
from moa_cli.comparisons.parts import Difference, Gate, Pair, Quality, Row
from moa_cli.report.verdict import gate_sentence, verdict_sentence
from tests.kit.pages import Page, toy

TOY = toy().benchmarks[0]


def row(name: str, volume: float, *, steering: str = "merge", trained: float | None = 1.0, serving: float = 1.0) -> Row:
    """Its utility is a tenth of its hypervolume, so that the orders are the same."""
    quality = Quality(
        hypervolume=volume, low=volume - 0.1, high=volume + 0.1, all_weights=volume, corrected=volume, igd_plus=0.0,
        expected_utility=0.0, utility=volume / 10, utility_low=0.0, utility_high=1.0,
    )  # fmt: skip
    cost = {} if trained is None else {"trained_tokens": trained, "serving_flops": serving}
    return TOY.rows[0].model_copy(update={"method": name, "steering": steering, "scores": quality, "cost": cost})


def on(rows: list[Row], ties: dict[tuple[str, str], float | None] | None = None) -> OnBenchmark:
    """The benchmark where every difference is +-0.2 and clear, but for `ties` and their p."""
    pairs = []
    for k, a in enumerate(rows):
        for b in rows[k + 1 :]:
            gain = a.scores.hypervolume - b.scores.hypervolume
            told = {"p": 0.001, "p_holm": (ties or {}).get((a.method, b.method), 0.001)}
            volume = Difference(value=gain, low=gain - 0.2, high=gain + 0.2, **told)
            worth = Difference(value=gain / 10, low=gain / 10 - 0.02, high=gain / 10 + 0.02, **told)
            pairs.append(Pair(a=a.method, b=b.method, hypervolume=volume, utility=worth, dominance=None))
    return TOY.model_copy(update={"rows": tuple(rows), "pairs": tuple(pairs)})


def said(rows: list[Row], ties: dict[tuple[str, str], float | None] | None = None) -> str:
    """The first sentence, on the hypervolume."""
    return f"{Page(verdict_sentence(on(rows, ties))).text.partition('. At the ')[0].removesuffix('.')}."


SFT = row("sft", 4, steering="none", trained=0.0)


def test_the_verdict_names_the_best_and_its_lead():
    assert said([row("soup", 7), row("ric", 6), SFT]) == (
        "soup has the largest held-out hypervolume on toy (7.00, +3.00 [+2.80, +3.20] over sft), ahead of all others."
    )


def test_the_verdict_admits_ties():
    """By a test that does not reject at 5 % after correction."""
    told = said([row("soup", 7), row("ric", 6.9), SFT], {("soup", "ric"): 0.05})
    assert told.endswith("over sft), and cannot be told from ric.")
    many = {("soup", name): 0.2 for name in "abcde"}
    assert said([row("soup", 7), *(row(name, 6.9) for name in "abcde")], many).endswith("told from a, b, c or 2 more.")


def test_a_method_of_one_training_is_told_from_nobody():
    told = said([row("soup", 7), row("ric", 6), SFT], {("soup", "ric"): None})
    assert told.endswith("over sft), and cannot be told from ric.")


def test_one_training_of_all_is_about_these_trainings():
    rows = [one.model_copy(update={"seeds": (0,), "runs": one.runs[:1]}) for one in (row("soup", 7), row("ric", 6))]
    text = Page(verdict_sentence(on(rows, {("soup", "ric"): None}))).text
    assert text == (
        "soup has the largest held-out hypervolume on toy on these trainings (7.00 [6.90, 7.10]), but one training "
        "cannot tell who is better. At the 11 weights that all are asked for, soup has the highest utility on these "
        "trainings (+0.70 [+0.00, +1.00]), but one training cannot tell who is better."
    )
    few = on(rows, {("soup", "ric"): None}).model_copy(update={"prompts": 30})
    assert Page(verdict_sentence(few)).text.count("but 30 prompts cannot tell who is better") == 2


def test_the_verdict_on_utility():
    """It has an order and ties of its own."""
    soup, ric = row("soup", 7), row("ric", 6)
    ric = ric.model_copy(update={"scores": ric.scores.model_copy(update={"utility": 0.9})})
    found = on([soup, ric, SFT])
    behind = Difference(value=-0.2, low=-0.4, high=0.1, p=0.1, p_holm=0.3)
    pairs = (found.pairs[0].model_copy(update={"utility": behind}), *found.pairs[1:])
    told = Page(verdict_sentence(found.model_copy(update={"pairs": pairs}))).text
    assert told.endswith(
        "At the 11 weights that all are asked for, ric has the highest utility (+0.90 [+0.00, +1.00] over sft), and "
        "cannot be told from soup."
    )


def test_methods_that_steer_by_the_prompt_are_compared_with_the_start_told_goals():
    rows = [row("ric", 7, steering="prompt"), row("soup", 6.5), row("sft-goals", 6, steering="prompt"), SFT]
    told = Page(verdict_sentence(on(rows, {("ric", "sft-goals"): 0.2}))).text
    assert told.endswith(
        " Over sft-goals, which is told goals and not trained, ric is +1.00 [+0.80, +1.20] in hypervolume (not told "
        "apart) and +0.10 [+0.08, +0.12] in utility (not told apart)."
    )
    assert "told goals" not in Page(verdict_sentence(on([rows[0], SFT]))).text


def test_where_nothing_is_held_out_the_verdict_does_not_say_so():
    found = on([row("soup", 7), SFT])
    card = found.card.model_copy(update={"evaluators": found.card.rewards})
    told = Page(verdict_sentence(found.model_copy(update={"card": card}))).text
    assert "the largest reward hypervolume" in told
    assert "held-out" not in told


def test_the_verdict_does_not_pass_over_methods_that_train():
    told = said(
        [row("best", 8, trained=0, serving=16), row("soup", 7), row("ric", 6.9), SFT],
        {("soup", "ric"): 0.5},
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
    assert said([start, row("soup", 7)], {("sft", "soup"): 0.2}) == f"{lead}, and cannot be told from soup."


def test_the_verdict_compares_nothing_with_a_row_of_which_no_point_counts():
    lost = SFT.model_copy(
        update={"points": tuple(p.model_copy(update={"collapsed_seeds": len(SFT.seeds)}) for p in SFT.points)}
    )
    end = "all points of sft are left out for collapse."
    assert said([row("soup", 7), row("ric", 6), lost], {("soup", "ric"): 0.5}) == (
        f"soup has the largest held-out hypervolume on toy (7.00 [6.90, 7.10]), and cannot be told from ric; {end}"
    )
    assert said([row("soup", 7), lost]) == f"soup alone can be judged on toy (7.00 [6.90, 7.10]); {end}"
    assert said([lost]) == f"Nothing can be compared on toy: {end}"


def test_the_verdict_on_one_method():
    assert said([row("soup", 7)]) == "soup alone was measured on toy (7.00 [6.90, 7.10])."


def test_a_gate_that_passed():
    passed = Gate(baseline="b.json", tolerance=0.01, verdicts=(), verdict="passed")
    assert Page(gate_sentence(passed)).text == "Gate passed: no method became worse (baseline b.json, tolerance 1.0%)."
