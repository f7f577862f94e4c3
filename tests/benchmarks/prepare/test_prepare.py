"""Preparation: made once, found again by content, refused where it cannot measure."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Log, telling
from benchmarks.common.sums import read_cost
from benchmarks.models.policy import Policy, load_policy
from benchmarks.models.scratch import tagged_share, train_scratch_policy
from benchmarks.models.tags import known_levels
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.card import stored_card
from benchmarks.prepare.make import _held_out, _once, missing_parts, prepare, prepare_part
from benchmarks.prepare.parts import is_prepared
from benchmarks.prepare.prepared import open_prepared
from benchmarks.rewards.function import FunctionReward
from benchmarks.rewards.train import fold
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.answers import SPLITS, Answer, Half
from benchmarks.spec.description import REVISION, Objective
from benchmarks.spec.places import card_file, policy_source, root
from benchmarks.spec.settings import Scratch
from benchmarks.stats.text import collapsed
from tests.kit.worlds import Cries, WithGrades


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time of change."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def gold(benchmark: Benchmark, name: str) -> Callable[[list[str], list[str]], list[float]]:
    """The gold function itself, past the toolkit."""
    reward = benchmark.objectives[1].reward
    assert isinstance(reward, FunctionReward)
    spec = importlib.util.spec_from_file_location("gold", reward.function.rpartition(":")[0])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[list[str], list[str]], list[float]] = getattr(module, name)
    return found


def with_reward(benchmark: Benchmark, reward: FunctionReward | TrainedReward) -> Benchmark:
    """The benchmark with another reward for its first objective."""
    return replace(benchmark, objectives=(replace(benchmark.objectives[0], reward=reward), benchmark.objectives[1]))


def constant(benchmark: Benchmark) -> FunctionReward:
    """A reward that never varies."""
    evaluator = benchmark.objectives[0].evaluator
    assert isinstance(evaluator, FunctionReward)
    return replace(evaluator, function=evaluator.function.replace(":ahs", ":flat"))


# What is there, and what it says


def test_the_card_has_the_moments_of_the_sft_answers(tiny: Benchmark) -> None:
    """48 training prompts, fewer than the card's 1,000, so it takes all of them, once; SD with N - 1."""
    policy = load_policy(policy_source(tiny), tiny.max_prompt_tokens)
    prompts = sorted(tiny.prompts("train"))
    responses = policy.generate(prompts, tiny.sampling, seed=tiny.seed)
    for m, name in enumerate(("ahs", "ohs")):
        scores = np.array(gold(tiny, name)(prompts, responses))
        assert tiny.card.score_mean[m] == pytest.approx(scores.mean())
        assert tiny.card.score_std[m] == pytest.approx(scores.std(ddof=1))
    trained = tiny.objectives[0].reward.scorer(tiny, "ah")(prompts, responses)
    assert tiny.card.reward_mean == pytest.approx((trained.mean(), tiny.card.score_mean[1]))
    assert tiny.card.reward_std == pytest.approx((trained.std(ddof=1), tiny.card.score_std[1]))


def test_the_card_says_what_it_was_taken_on(tiny: Benchmark) -> None:
    card = tiny.card
    assert (card.benchmark, card.objectives, card.ref, card.prompts) == ("cries", ("ah", "oh"), (-2.0, -2.0), 10)
    assert card.sampling == tiny.sampling
    assert card.policy == Path(policy_source(tiny)).name
    assert card.rewards[0].startswith("reward-ah-")
    assert card.rewards[1] == card.evaluators[1]
    assert card.evaluators[0].startswith("gold.py:ahs@1+")
    assert str(tiny.home) not in card.model_dump_json()


def test_scores_are_in_units_of_the_card(tiny: Benchmark) -> None:
    """By hand: (raw - mean) / SD, objective by objective, under rewards and evaluators."""
    prompts, responses = ["a", "b", "c"], ["ah oh oh", "oh", "ah ah"]
    evaluated, scored = tiny.scores(prompts, responses), tiny.rewards(prompts, responses)
    mean, std = tiny.card.score_mean, tiny.card.score_std
    for row, (ahs, ohs) in enumerate([(1, 2), (0, 1), (2, 0)]):
        assert evaluated[row] == pytest.approx([(ahs - mean[0]) / std[0], (ohs - mean[1]) / std[1]])
    assert np.array_equal(scored[:, 1], evaluated[:, 1])
    raw = tiny.objectives[0].reward.scorer(tiny, "ah")(prompts, responses)
    assert scored[:, 0] == pytest.approx((raw - tiny.card.reward_mean[0]) / tiny.card.reward_std[0])


def test_the_report_has_pair_accuracies_and_costs(tiny: Benchmark) -> None:
    """The gold evaluator is right on every pair; the objective without pairs has no accuracy. Trained were the
    policy, 50 steps, with tags before some of its prompts, and a reward, 30 steps."""
    report = tiny.prepared.report
    accuracy, cost = report.pair_accuracy, report.cost
    assert set(report.costs) == {"policy", "tags", "reward ah"}
    assert cost.flops == pytest.approx(sum(part.flops for part in report.costs.values()))
    parameters = tiny.prepared.policy.parameters
    policy = report.costs["policy"].flops + report.costs["tags"].flops
    assert policy == pytest.approx(6 * parameters * tiny.scratch.batch * 50 * 20, rel=0.3)  # some 20 tokens each
    assert 0.005 < report.costs["tags"].flops / policy < 0.2
    assert accuracy.evaluator == {"ah": 1.0}
    assert set(accuracy.reward) == {"ah"}
    assert accuracy.reward["ah"] > 0.8
    assert cost.trained_tokens > 0
    assert cost.flops > 0
    assert cost.seconds > 0


def test_accuracy_is_told_on_pairs_that_a_reward_has_not_seen(unprepared: Benchmark) -> None:
    """All dev pairs; few, they are joined by those of the other half, not by test pairs."""
    ah = unprepared.objectives[0]
    split = {name: set(unprepared.preference_pairs("ah", name)) for name in SPLITS}
    held_out = partial(_held_out, unprepared, "ah")
    assert set(held_out(ah.reward)) == set(held_out(ah.evaluator)) == split["dev"]
    even, odd = (set(held_out(replace(ah.reward, fold=half))) for half in ("odd", "even"))
    assert even & odd == split["dev"]
    assert even | odd == split["dev"] | split["train"]
    assert even == split["dev"] | set(fold(unprepared.preference_pairs("ah", "train"), "even"))


def test_nobody_learns_from_the_labels_of_a_held_out_evaluator(unprepared: Benchmark) -> None:
    """Where reward and evaluator have learned from a half each, pairs and grades of the reward's are all that methods
    see, and that the starting policy is told in tags; where both have learned from the same, or the evaluator from
    none, they see all."""
    pairs = unprepared.preference_pairs("ah")
    grades = {"ah": [(Answer(p.prompt, p.chosen), 5) for p in pairs], "oh": []}
    ah, oh = unprepared.objectives

    def with_halves(reward: Half, evaluator: Half | None) -> Benchmark:
        assert isinstance(ah.reward, TrainedReward)
        trained = replace(ah.reward, fold=evaluator, seed=1) if evaluator else ah.evaluator
        objective = replace(ah, reward=replace(ah.reward, fold=reward), evaluator=trained)
        return replace(unprepared, objectives=(objective, oh), data=WithGrades(unprepared.data, grades))

    for reward, evaluator in (("even", "odd"), ("odd", "even")):
        benchmark = with_halves(reward, evaluator)
        assert benchmark.pairs_to_learn("ah") == fold(pairs, reward)
        assert 0 < len(fold(pairs, reward)) < len(pairs)
        assert [one.prompt for one, _ in benchmark.grades_to_learn("ah")] == [p.prompt for p in fold(pairs, reward)]
        assert benchmark.preference_pairs("ah") == pairs
        assert {told.prompt for told in known_levels(benchmark)["ah"]} == {p.prompt for p in fold(pairs, reward)}
        assert policy_source(benchmark) != policy_source(unprepared)
    assert with_halves("all", "odd").pairs_to_learn("ah") == fold(pairs, "even")
    assert with_halves("even", "odd").training_identity != with_halves("even", None).training_identity
    assert with_halves("all", "all").training_identity == with_halves("all", None).training_identity
    for reward, evaluator in (("all", "all"), ("even", "all"), ("even", None), ("all", None)):
        benchmark = with_halves(reward, evaluator)
        assert benchmark.pairs_to_learn("ah") == pairs
        assert benchmark.grades_to_learn("ah") == grades["ah"]
        assert policy_source(benchmark) == policy_source(unprepared)


def test_the_report_says_how_many_answers_are_collapsed(tiny: Benchmark) -> None:
    """Of the answers that the card was taken on: all training prompts here."""
    prompts = tiny.prompts("train")
    order = np.random.default_rng(tiny.seed).permutation(len(prompts))
    responses = tiny.prepared.policy.generate([prompts[i] for i in order], tiny.sampling, tiny.seed)
    assert tiny.prepared.report.collapse == np.mean([collapsed(r) for r in responses])


def test_the_starting_policy_speaks_the_language(tiny: Benchmark) -> None:
    """Half of the words of a policy trained for 50 steps, at least, are ah and oh."""
    words = " ".join(tiny.prepared.policy.generate(tiny.prompts("test"), tiny.sampling, 0)).split()
    assert sum(word in ("ah", "oh") for word in words) > 0.5 * len(words) > 5
    assert not tiny.prepared.policy.model.training


def test_a_fresh_starting_policy_is_a_copy(tiny: Benchmark) -> None:
    fresh, kept = tiny.prepared.load_starting_policy(), tiny.prepared.policy
    weight = kept.model.lm_head.weight.clone()
    fresh.model.lm_head.weight.data.zero_()
    assert (kept.model.lm_head.weight == weight).all()


# Once


def test_a_second_preparation_does_nothing(own_tiny: Benchmark) -> None:
    before = contents(own_tiny.home)
    assert missing_parts(own_tiny) == []
    assert stored_card(own_tiny)
    again = prepare(own_tiny)
    assert contents(own_tiny.home) == before
    assert again.card == own_tiny.card


def test_a_part_that_somebody_removed_is_made_again(own_tiny: Benchmark, tiny_size: None) -> None:
    folder = Path(policy_source(own_tiny))
    before = (folder / "model.safetensors").read_bytes()
    shutil.rmtree(folder)
    assert not is_prepared(own_tiny)
    prepare(own_tiny)
    assert (folder / "model.safetensors").read_bytes() == before


def test_the_same_recipe_elsewhere_gives_the_same_bits(
    unprepared: Benchmark, tiny: Benchmark, tmp_path: Path, tiny_size: None
) -> None:
    """Also when the parts are made one by one in another order."""
    other = replace(unprepared, home=tmp_path)
    assert not stored_card(other)
    for part in reversed(missing_parts(other)):
        prepare_part(other, part)
    assert missing_parts(other) == []
    assert prepare(other).card == tiny.card


def test_another_recipe_is_made_beside_and_the_old_one_found_again(own_tiny: Benchmark, tiny_size: None) -> None:
    assert isinstance(own_tiny.objectives[0].reward, TrainedReward)
    changed = with_reward(own_tiny, replace(own_tiny.objectives[0].reward, steps=3))
    before = contents(own_tiny.home)
    assert missing_parts(changed) == ["reward ah"]
    assert not stored_card(changed)
    prepare(changed)
    assert changed.card.rewards[0] != own_tiny.card.rewards[0]
    after = contents(own_tiny.home)
    assert {path: after[path] for path in before if not path.endswith((".lock", ".sqlite"))} == {
        path: entry for path, entry in before.items() if not path.endswith((".lock", ".sqlite"))
    }
    assert stored_card(own_tiny)
    assert len(list(root(own_tiny).glob("card-*.json"))) == len([path for path in before if "/card-" in path]) + 1
    prepare(own_tiny)
    prepare(changed)
    assert contents(own_tiny.home) == after


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"scratch": Scratch(vocabulary=301, batch=16)}, ["policy", "reward ah"]),
        ({"scratch": Scratch(vocabulary=300, batch=16, seed=1)}, ["policy"]),
        ({"max_prompt_tokens": 63}, ["policy", "reward ah"]),
        ({"policy": "scratch:0.3m"}, ["policy"]),
        ({"eval_prompts": 9}, []),
        ({"seed": 1}, []),
        ({"version": "2"}, []),
    ],
)
def test_what_makes_which_part_anew(tiny: Benchmark, change: dict, missing: list[str], tiny_size: None) -> None:
    """Whatever changes, a card has to be taken anew."""
    changed = replace(tiny, **change)
    assert missing_parts(changed) == missing
    assert not stored_card(changed)


def test_the_grid_and_the_place_are_not_part_of_the_identity(tiny: Benchmark, tmp_path: Path) -> None:
    assert stored_card(replace(tiny, grid=((1.0, 0.0),), trained_grid=((0.0, 1.0),)))
    assert replace(tiny, home=tmp_path).identity == tiny.identity


def test_editing_a_reward_file_is_noticed(tiny: Benchmark, tmp_path: Path) -> None:
    """The same file elsewhere is the same reward, another layout too; another code is another."""
    evaluator = tiny.objectives[0].evaluator
    assert isinstance(evaluator, FunctionReward)
    text = Path(evaluator.function.rpartition(":")[0]).read_text()
    place = tmp_path / "gold.py"

    def moved(text: str) -> str:
        place.write_text(text)
        scorers = [FunctionReward(function=f"{place}:{name}") for name in ("ahs", "ohs")]
        objectives = tuple(
            Objective(name=o.name, reward=o.reward if isinstance(o.reward, TrainedReward) else f, evaluator=f)
            for o, f in zip(tiny.objectives, scorers, strict=True)
        )
        return replace(tiny, objectives=objectives).identity

    assert moved(text) == tiny.identity
    assert moved(text + "\n") == tiny.identity
    assert moved(text + "\nx = 1\n") != tiny.identity


def test_what_a_crash_left_is_not_taken_for_whole(own_tiny: Benchmark, tiny_size: None) -> None:
    """A reward whose training stops half-way is missing, and made when asked for again."""
    assert isinstance(own_tiny.objectives[0].reward, TrainedReward)
    reward = replace(own_tiny.objectives[0].reward, steps=3)
    changed = with_reward(own_tiny, reward)

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(changed, stop)
    assert missing_parts(changed) == ["reward ah"]
    prepare(changed)
    folder = reward.folder(changed, "ah")
    assert {"model.safetensors", "tokenizer.json", "cost.json"} <= {path.name for path in folder.iterdir()}
    assert root(changed) in folder.parents
    assert not list(root(changed).rglob("*.partial"))


def test_a_damaged_ledger_of_what_a_crash_left_is_told(tmp_path: Path) -> None:
    """What that had spent is not known any more; the part is made all the same."""

    def stop(folder: Path, log: Log) -> None:
        log("sft", 1, 2, {})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _once(tmp_path / "policy", stop)
    ledger = tmp_path / ".policy.partial" / "cost.json"
    ledger.write_bytes(ledger.read_bytes()[:-9])
    lines: list[str] = []
    with telling(lines.append):
        _once(tmp_path / "policy", lambda folder, log: None)
    assert [line.partition(":")[0] for line in lines] == [f"{ledger} is damaged"]
    assert read_cost(tmp_path / "policy" / "cost.json").lost == {}


# Refused


def test_unprepared(own_tiny: Benchmark) -> None:
    other = replace(own_tiny, version="2")
    with pytest.raises(BadInput) as error:
        other.rewards(["a"], ["b"])
    assert error.value.fix == "moa prepare -b cries"
    assert "not prepared" in error.value.what


@pytest.mark.parametrize("says", ['"schema": "moa.card/2"', f'"schema": "moa.card/3", "revision": {REVISION - 1}'])
def test_what_an_earlier_version_prepared_is_told_so(own_tiny: Benchmark, tmp_path: Path, says: str) -> None:
    """Its card has another name, as the revision is part of every identity. A card of now, of other settings, is not
    taken for one of an earlier version."""
    other = replace(own_tiny, version="2")
    card_file(own_tiny).write_text(f"{{{says}}}")
    with pytest.raises(BadInput) as caught:
        open_prepared(other)
    assert str(caught.value).splitlines() == [
        "benchmark cries was prepared by an earlier version of moa",
        "its data, or how they are used, changed since: what was made and measured then has other units",
        "moa prepare -b cries; then train and measure again",
    ]
    card_file(other).write_text("damaged")
    with pytest.raises(BadInput, match="is not prepared"):
        open_prepared(replace(own_tiny, version="3"))


def test_a_prompt_in_two_splits_is_refused_before_anything_is_made(unprepared: Benchmark, tmp_path: Path) -> None:
    """As from data of a time when there were two splits, whose other one is the test's."""

    class TwoSplits(Cries):
        def prompts(self, split: str) -> list[str]:
            return super().prompts("train" if split == "train" else "test")

    other = replace(unprepared, data=TwoSplits(), home=tmp_path)
    for make in (missing_parts, prepare):
        with pytest.raises(
            BadInput, match="12 prompts of cries are in two splits, dev and test: 'Shout 0: what do you"
        ):
            make(other)
    assert list(tmp_path.rglob("*")) == []


def test_without_tags_the_policy_reads_none(
    own_tiny: Benchmark, tiny_size: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`scratch.tags` is part of the recipe; with tags, texts begin with them."""
    read: dict[bool, list[str]] = {}

    def spy(policy: Policy, rows: list[tuple[list[int], list[int]]], *_: object, **__: object) -> None:
        read.setdefault(made.scratch.tags, []).extend(policy.tokenizer.decode(p) for p, _ in rows)

    monkeypatch.setattr("benchmarks.models.scratch.supervised", spy)
    for made in (own_tiny, replace(own_tiny, scratch=replace(own_tiny.scratch, tags=False))):
        train_scratch_policy(made, own_tiny.prepared.policy.tokenizer, "tiny", own_tiny.home)
    assert any(text.startswith("<ah ") for text in read[True])
    assert not any("<" in text for text in read[False])
    assert len({policy_source(b) for b in (own_tiny, made)}) == len({b.identity for b in (own_tiny, made)}) == 2


def test_the_share_of_tagged_texts_by_hand(tiny: Benchmark) -> None:
    """Pairs tell of both of their answers, under "ah" alone. Of 40 steps of pre-training 70 % of the texts that
    something is known of have tags, of 10 steps of SFT 35 %."""
    told = {(p.prompt, r) for p in tiny.preference_pairs("ah") for r in (p.chosen, p.rejected)}
    first, then = (sum(a in told for a in rows) / len(rows) for rows in (tiny.responses(), tiny.demonstrations()))
    assert tiny.prepared.report.tagged == pytest.approx((40 * 0.7 * first + 10 * 0.35 * then) / 50)
    assert first > 0
    assert tagged_share(replace(tiny, scratch=replace(tiny.scratch, tags=False))) == 0
    assert tagged_share(replace(tiny, policy="owner/name")) == 0


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", "null", '{"card": {}, "report": {}}', '{"schema": "moa.card/2", "card": {}, "report": {}}',
        '{"schema": "moa.card/3", "card": {}, "report": {}}', '{"schema": "moa.card/3", "card": {"sampling": 1}}',
    ],
)  # fmt: skip
def test_a_damaged_card(own_tiny: Benchmark, text: str) -> None:
    card = card_file(own_tiny)
    assert card.exists()
    card.write_text(text)
    with pytest.raises(BadInput) as error:
        prepare(own_tiny)
    assert str(card) in error.value.what
    assert f"rm {card}" in error.value.fix


def test_a_card_of_an_earlier_version_is_refused_by_its_name(own_tiny: Benchmark) -> None:
    path = card_file(own_tiny)
    path.write_text(path.read_text().replace("moa.card/3", "moa.card/2"))
    for read in (open_prepared, stored_card, prepare):
        with pytest.raises(BadInput) as caught:
            read(own_tiny)
        assert str(caught.value).splitlines() == [
            f"cannot use {path}",
            "the scale card in it cannot be read: an earlier version of moa wrote it (moa.card/2, now moa.card/3)",
            f"rm {path}; then moa prepare or train makes it again",
        ]


def test_a_reward_that_never_varies(own_tiny: Benchmark) -> None:
    flat = with_reward(own_tiny, constant(own_tiny))
    with pytest.raises(BadInput, match=r"objective 'ah' gives every answer 1"):
        prepare(flat)
    assert not stored_card(flat)


def test_a_trained_reward_without_pairs(own_tiny: Benchmark, tiny_size: None) -> None:
    objective = replace(own_tiny.objectives[1], reward=TrainedReward(base="tiny"))
    with pytest.raises(BadInput, match="'oh' of cries has no preference pairs"):
        prepare(replace(own_tiny, objectives=(own_tiny.objectives[0], objective)))


def test_an_unknown_scratch_size(own_tiny: Benchmark) -> None:
    with pytest.raises(BadInput, match="scratch:0.3m, scratch:1m"):
        prepare(replace(own_tiny, policy="scratch:3b"))
