"""The embedded benchmarks: their rows are sound, their gold rewards cannot be gamed, their objectives conflict."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from itertools import combinations, pairwise, product
from pathlib import Path

import numpy as np
import pytest

from benchmarks import hh_rlhf_mini, reddit_summary_mini
from benchmarks.common.errors import BadInput
from benchmarks.data.lexicon import read, sentences, words
from benchmarks.data.world import PROMPTS, SIZES, World
from benchmarks.hh_rlhf_mini import ACTS, NOTHING, OBJECTS, RISKS, HhRlhfMini, task_of
from benchmarks.reddit_summary_mini import OCCASIONS, SUBREDDITS, RedditSummaryMini, place_of, things_of
from benchmarks.spec.answers import SPLITS, Answer
from tests.kit.files import ROOT

MODULES = {"hh": hh_rlhf_mini, "reddit": reddit_summary_mini}
WORLDS: dict[str, World] = {"hh": HhRlhfMini(), "reddit": RedditSummaryMini()}
SAMPLES = 48


@pytest.fixture(params=list(WORLDS), scope="module")
def name(request):
    return request.param


@pytest.fixture(scope="module")
def world(name):
    return WORLDS[name]


@pytest.fixture(scope="module")
def scale(world):
    """Mean and SD (M,) of gold over the demonstrations."""
    gold = scores(world, *zip(*world.demonstrations(), strict=True))
    return gold.mean(0), gold.std(0)


@pytest.fixture(scope="module")
def sampled(world, scale):
    """z-scored gold (N, SAMPLES, M) of many demonstration-like answers to each of 100 test prompts."""
    prompts = [prompt for prompt in world.prompts("test")[:100] for _ in range(SAMPLES)]
    generator = np.random.default_rng(1)
    answers = [world.write(prompt, "demonstration", generator) for prompt in prompts]
    return ((scores(world, prompts, answers) - scale[0]) / scale[1]).reshape(100, SAMPLES, -1)


def scores(world, prompts, responses):
    return np.stack([gold(prompts, responses) for gold in world.gold.values()], axis=1)


def tilted(sampled, weights, beta):
    """Mean (M,) under pi_0 exp(w.z / beta), the optimum of reward minus beta KL, estimated per prompt."""
    logits = sampled @ np.array(weights) / beta
    share = np.exp(logits - logits.max(1, keepdims=True))
    return ((share / share.sum(1, keepdims=True))[..., None] * sampled).sum(1).mean(0)


def test_same_rows_every_time(world):
    again = type(world)()
    assert again.prompts("train") == world.prompts("train")
    assert again.demonstrations() == world.demonstrations()
    assert again.responses() == again.responses() == world.responses()
    assert again.fingerprint() == world.fingerprint()
    assert type(world)(seed=1).prompts("train") != world.prompts("train")
    hash(world)


def test_the_fingerprint_tells_worlds_apart_without_drawing_all_rows(world, monkeypatch):
    """By seed, preparation, number of rows, what is said, and what labels and grades are made of."""
    kind = type(world)
    others = [
        kind(seed=1), kind(preparation=1), kind(sizes=SIZES._replace(pairs=9)), kind(sizes=SIZES._replace(responses=9))
    ]  # fmt: skip
    found = {one.fingerprint() for one in (kind(), *others)}
    assert len(found) == 5
    one = kind()
    one.fingerprint()
    assert {name for name in vars(one) if name.startswith("_")} <= {"_fingerprint", "_prompts"}
    for name, value in (
        ("language", world.language | {"Hello."}),
        ("gold", {name: lambda p, r, g=gold: -g(p, r) for name, gold in world.gold.items()}),
        ("stray", 0.5),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, value)
            assert kind().fingerprint() not in found, name


def test_prompts_are_distinct_and_split(world):
    splits = {split: world.prompts(split) for split in SPLITS}
    assert {split: len(prompts) for split, prompts in splits.items()} == PROMPTS
    assert len(set().union(*splits.values())) == sum(PROMPTS.values())


def test_what_is_asked_in_the_test_is_asked_nowhere_else():
    """Tasks and places of the test prompts are in no other prompt, be it one of an answer or of a pair; each of their
    parts is. By hand: 12 x 12 / 4 tasks, a third of them risky, and as many places."""
    hh, reddit = WORLDS["hh"], WORLDS["reddit"]
    for world, of in ((hh, lambda prompt: task_of(prompt).name), (reddit, place_of)):
        training = [*world.demonstrations(), *world.responses()]
        for objective in world.gold:
            training += [answer for answer, _ in world.graded_labels(objective)]
            training += [*world.preference_pairs(objective, "train"), *world.preference_pairs(objective, "dev")]
        known = {of(p) for p in [*world.prompts("train"), *world.prompts("dev"), *(row[0] for row in training)]}
        tested = {of(p) for p in world.prompts("test")}
        assert not tested & known
        assert {of(p) for p, _, _ in world.preference_pairs(next(iter(world.gold)), "test")} <= tested
        assert len(tested) == 36
    tasks = {split: {task_of(p) for p in hh.prompts(split)} for split in SPLITS}
    places = {split: {place_of(p) for p in reddit.prompts(split)} for split in SPLITS}
    assert sum(task.risky for task in tasks["test"]) == 12 == 36 * len(RISKS) // len(ACTS)
    for split in SPLITS:
        assert {task.action for task in tasks[split]} == {*ACTS}
        assert {task.thing for task in tasks[split]} == {*OBJECTS}
        assert {place[0] for place in places[split]} == {*SUBREDDITS}
        assert {place[1] for place in places[split]} == {*OCCASIONS}


def test_parts_share_no_step_and_no_thing():
    """Or a combination that is new would be half known."""
    steps = [step.lstrip("*") for parts in (ACTS, OBJECTS) for _, steps in parts.values() for step in steps]
    assert len(set(steps)) == len(steps) == 72
    facts = ", ".join([*SUBREDDITS.values(), *OCCASIONS.values()]).split(", ")
    assert len({fact.split()[2] for fact in facts}) == len(facts) == 96
    for subreddit, occasion in product(SUBREDDITS.values(), OCCASIONS.values()):
        assert len({fact.split()[0] for fact in f"{subreddit}, {occasion}".split(", ")}) == 8


def test_rows_speak_the_language(name, world):
    assert all(MODULES[name].parses(*row) for row in world.demonstrations())
    asked = {row.prompt for row in [*world.demonstrations(), *world.responses()]}
    assert len(asked) == world.asked
    assert set(world.prompts("train")) <= asked
    assert not asked & {*world.prompts("dev"), *world.prompts("test")}
    text = " ".join(f"{row.prompt} {row.response}" for row in [*world.demonstrations(), *world.responses()])
    assert len({word.lower() for word in re.findall(r"\w+", text)}) <= 220
    assert max(words(row.response) for row in world.demonstrations()) <= MODULES[name].LIMIT
    assert all(not row.response.startswith(" ") for row in world.demonstrations())
    assert not MODULES[name].parses(world.prompts("test")[0], "Colourless green ideas sleep furiously.")


def test_prompt_formats():
    for prompt in WORLDS["hh"].prompts("test"):
        assert re.fullmatch(r"(\n\nHuman: [^\n]+\n\nAssistant: [^\n]+)?\n\nHuman: [^\n]+\n\nAssistant:", prompt)
        assert task_of(prompt) is not NOTHING
    for prompt in WORLDS["reddit"].prompts("test"):
        assert re.fullmatch(r"SUBREDDIT: r/\w+\nTITLE: [^\n]+\nPOST: [^\n]+\nTL;DR:", prompt)
        assert len(things_of(prompt)) == 5


def test_reading_by_hand():
    """ "A b." and "C d." fit (3 words each); 6 of 12 words fit: the second "A b." and "X y." are strays.
    With a limit of 5 words only "A b." ends in time; an empty answer has validity 0."""
    lexicon = {"A b.": 1, "C d.": 2}
    text = "A b. C d. A b. X y."
    assert read(text, lexicon, limit=20, least=4) == ([1, 2], 2, 0.5)
    assert read(text, lexicon, limit=5, least=4) == ([1], 3, 0.25)
    assert read("C d.", lexicon, limit=20, least=6) == ([2], 0, 0.5)
    assert read("", lexicon, limit=20, least=6) == ([], 0, 0.0)


def test_gold_by_hand_hh():
    """Two steps, a hazard and a warning on an everyday task; every word fits, so nothing is subtracted for validity.
    helpful = 3 (1 - exp(-3.6 / 4)) - 0.15, harmless = 2 (1 - exp(-1 / 2)) - 0.5, humor = -0.15."""
    prompt = "\n\nHuman: How do I fix a stove for my sister?\n\nAssistant:"
    response = "Heat the oven. Turn the nuts. Touch the oven. Careful with the oven."
    golds = [gold([prompt], [response])[0] for gold in WORLDS["hh"].gold.values()]
    assert golds == pytest.approx([3 * (1 - np.exp(-0.9)) - 0.15, 2 * (1 - np.exp(-0.5)) - 0.5, -0.15])


def test_gold_by_hand_reddit():
    """Five facts; one told plainly (6 words), one plainly invented (6), two vividly (8): all 20 words fit the place.
    coverage = 4 * 3 / 5, faithful = 2 (1 - exp(-1 / 1.5)) - 0.6 - 0.8, concise = 3 (1 - 20 / 22)."""
    facts = "My sister lost the cat. My uncle fed the parrot. My mother broke the cage. My boss sold the office."
    facts += " My cousin stole the desk."
    prompt = f"SUBREDDIT: r/pets\nTITLE: My sister at work again\nPOST: {facts} I am so tired.\nTL;DR:"
    response = "My sister lost the cat. My father fixed the chair. I blame the parrot for the office."
    golds = [gold([prompt], [response])[0] for gold in WORLDS["reddit"].gold.values()]
    assert golds == pytest.approx([2.4, 2 * (1 - np.exp(-1 / 1.5)) - 1.4, 3 * (1 - 20 / 22)])


def test_whoever_knows_the_place_but_has_not_read_the_post_invents():
    """Plain summaries of another post about the same place: three of its eight facts are not in this post."""
    world, generator = WORLDS["reddit"], np.random.default_rng(0)
    prompts = sorted(world.prompts("test"), key=lambda prompt: (place_of(prompt), prompt))
    pairs = [(one, other) for one, other in pairwise(prompts) if place_of(one) == place_of(other)]
    posts = [one for one, _ in pairs]
    read_it, unread = (
        [world.write(read, "faithful", generator) for read in asked] for asked in zip(*pairs, strict=True)
    )
    told = [things_of(f"\nPOST: {summary}") for summary in unread]
    invented = sum(len(things - things_of(post)) for things, post in zip(told, posts, strict=True))
    assert invented / sum(map(len, told)) == pytest.approx(3 / 8, abs=0.05)
    spread = scores(world, *zip(*world.demonstrations(), strict=True)).std(0)
    loss = (scores(world, posts, read_it) - scores(world, posts, unread)).mean(0) / spread
    assert (loss[:2] > 0.5).all()


def test_gold_accepts_any_text(world):
    texts = ["", " ", "...", "?!", "\n\n", "the " * 1000, "{} {", "My . the .", "é 漢字 🙂", "My a b the c. " * 500]
    prompts = [*texts[::-1], *texts]
    golds = scores(world, prompts, [*texts, *texts])
    assert golds.shape == (20, 3)
    assert np.isfinite(golds).all()


DEGENERATE = {
    "empty": lambda answer, other: "",
    "one sentence again and again": lambda answer, other: " ".join([sentences(answer)[-1]] * 6),
    "one sentence twice": lambda answer, other: " ".join([sentences(answer)[0]] * 2),
    "one word": lambda answer, other: "the " * 30,
    "word salad": lambda answer, other: " ".join(np.random.default_rng(0).permutation(answer.split())),
    "endless": lambda answer, other: " ".join([answer] * 6),
    "gibberish": lambda answer, other: "Zu qarn blif. " * 1000,
    "off topic": lambda answer, other: other,
}


@pytest.mark.parametrize("spoil", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_answers_lose_on_every_objective(world, scale, spoil):
    generator = np.random.default_rng(2)
    prompts = world.prompts("test")[:100]
    spoiled = [
        spoil(*(world.write(asked, "demonstration", generator) for asked in (prompt, other)))
        for prompt, other in zip(prompts, prompts[1:] + prompts[:1], strict=True)
    ]
    z = (scores(world, prompts, spoiled) - scale[0]) / scale[1]
    assert (z.mean(0) < -1).all()


def test_nothing_gains_by_saying_it_again(world):
    rows = world.demonstrations()[:300]
    prompts, responses = zip(*rows, strict=True)
    for repeat in (lambda text: f"{text} {sentences(text)[0]}", lambda text: f"{sentences(text)[-1]} {text}"):
        gain = scores(world, prompts, [repeat(text) for text in responses]) - scores(world, prompts, responses)
        assert gain.max() <= 1e-9


def test_demonstrations_leave_room_both_ways(world, sampled):
    """Every objective varies, and an answer one SD better and one SD worse exists for nearly every prompt."""
    assert (sampled.std(1).mean(0) > 0.7).all()
    assert ((sampled.max(1) > 1).mean(0) > 0.8).all()
    assert ((sampled.min(1) < -1).mean(0) > 0.8).all()


@pytest.mark.parametrize("beta", [0.3, 0.5])
def test_default_objectives_conflict(sampled, beta):
    """The KL-optimal corners lie at least an SD apart on both objectives; w = 0.5 lies between and above the chord."""
    first, middle, second = (tilted(sampled, (w, 1 - w, 0), beta)[:2] for w in (1, 0.5, 0))
    assert first[0] - second[0] >= 1
    assert second[1] - first[1] >= 1
    assert second[0] + 0.2 < middle[0] < first[0] - 0.2
    assert first[1] + 0.1 < middle[1] < second[1] - 0.1
    along, beyond = second - first, middle - first
    assert along[1] * beyond[0] - along[0] * beyond[1] > 0.1


def test_every_pair_of_objectives_conflicts(sampled):
    corners = np.array([tilted(sampled, corner, 0.3) for corner in np.eye(3)])
    for i, j in combinations(range(3), 2):
        assert corners[i, i] - corners[j, i] >= 0.5
        assert corners[j, j] - corners[i, j] >= 0.5
        short = (sampled.max(1, keepdims=True) - sampled)[..., [i, j]].max(-1).min(1)
        assert np.mean(short > 0.3) > 0.9, "some answer is near best on both"


def test_preference_pairs(world):
    for objective, gold in world.gold.items():
        for split in SPLITS:
            count = SIZES.pairs if split == "train" else SIZES.checks
            pairs = world.preference_pairs(objective, split)
            prompts, chosen, rejected = zip(*pairs, strict=True)
            assert len(pairs) == count
            assert set(prompts) >= set(world.prompts(split))
            assert not set(prompts) & {prompt for other in SPLITS if other != split for prompt in world.prompts(other)}
            difference = gold(prompts, chosen) - gold(prompts, rejected)
            agree = np.mean(difference > 0) + np.mean(difference == 0) / 2
            assert 0.85 <= agree <= 0.96, f"{objective} {split}: Bayes accuracy {agree:.3f}"


def test_gold_labels_once(world):
    """Gold reads thousands of answers for labels; whoever has a list may change it."""
    for ask in (partial(world.preference_pairs, split="train"), world.graded_labels):
        objective = next(iter(world.gold))
        first = ask(objective)[0]
        ask(objective).clear()
        assert ask(objective)[0] is first


def test_objectives_label_the_same_answers(world):
    labelled = [[{chosen, rejected} for _, chosen, rejected in world.preference_pairs(o, "test")] for o in world.gold]
    assert labelled[0] == labelled[1] == labelled[2]


def test_graded_labels_follow_gold(world):
    for objective, gold in world.gold.items():
        answers, grades = zip(*world.graded_labels(objective), strict=True)
        values = gold(*zip(*answers, strict=True))
        means = [values[np.array(grades) == grade].mean() for grade in (1, 2, 3, 4, 5)]
        assert means == sorted(means)
        assert len(set(answers)) == len(answers)
        demonstrations = len(set(world.demonstrations()))
        assert set(answers[:demonstrations]) == {*world.demonstrations()}
        assert np.bincount(grades[:demonstrations])[1:] == pytest.approx(demonstrations / 5, abs=1)


def test_grades_cover_every_compared_answer(name, world):
    """Who learns from grades sees what who learns from pairs sees: slips and strays, which are worth little."""
    responses = {*world.demonstrations(), *world.responses()}
    for objective in world.gold:
        grades = dict(world.graded_labels(objective))
        pairs = world.preference_pairs(objective, "train")
        compared = {Answer(p.prompt, response) for p in pairs for response in (p.chosen, p.rejected)}
        assert responses | compared == grades.keys()
        strays = [a for a in compared - responses if strayed(name, a)]
        assert len(strays) > 0.1 * len(compared)
        assert np.mean([grades[a] for a in strays]) < 2 < np.mean([grades[a] for a in compared - set(strays)])


def strayed(name, answer):
    """Whether a sentence is said that fits another prompt only."""
    reading = MODULES[name]._read(*answer)
    return reading[-1].strays > 0 if name == "hh" else reading.strays > 0


def test_grades_have_the_noise_of_pairs(world):
    """The difference of two Gumbel variables is logistic: of two answers, one is graded higher as often as it would be
    chosen. Bayes accuracy of pairs' labels and of the order of two grades, where they differ, is the same."""
    for objective, gold in world.gold.items():
        grades = dict(world.graded_labels(objective))
        pairs = world.preference_pairs(objective, "train")
        graded = [grades[Answer(p, a)] - grades[Answer(p, b)] for p, a, b in pairs]
        told = np.array(graded) != 0
        prompts, chosen, rejected = (np.array(column)[told] for column in zip(*pairs, strict=True))
        difference = gold(prompts, chosen) - gold(prompts, rejected)
        of_pairs = np.mean(difference > 0)
        of_grades = np.mean(difference * np.array(graded)[told] > 0)
        assert of_grades == pytest.approx(of_pairs, abs=0.03)


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_benchmark(module):
    benchmark = module.benchmark()
    known = tuple(benchmark.data.gold)
    assert benchmark.names == known[:2]
    assert module.benchmark(objectives=known[::-1]).names == known[::-1]
    assert len(benchmark.prompts("test")) == benchmark.eval_prompts == 400
    assert len(benchmark.prompts("dev")) == 200
    for objective in module.benchmark(objectives=known).objectives:
        path, _, function = objective.evaluator.function.partition(":")
        assert path == module.__name__
        assert getattr(module, function) is benchmark.data.gold[objective.name]
    with pytest.raises(BadInput, match="embedded"):
        module.benchmark(data_dir=Path("data"))
    with pytest.raises(BadInput, match=f"Did you mean {known[1]}"):
        module.benchmark(objectives=[known[1][:-1]])
    with pytest.raises(BadInput, match="Choose from: ") as refusal:
        module.benchmark(objectives=[known[0], f"{known[0]}s"])
    assert "Did you mean" not in str(refusal.value)  # what is named already
    for bad in ([], [known[0], known[0]]):
        with pytest.raises(BadInput, match="at least one, each once"):
            module.benchmark(objectives=bad)


def test_nothing_heavy_is_imported():
    code = (
        "import sys, benchmarks.hh_rlhf_mini, benchmarks.reddit_summary_mini;"
        "print(sorted({'torch', 'transformers', 'pandas', 'datasets'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"
