"""Rewards: training from pairs, batched scoring, the score cache, Python functions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models.scratch import scratch_classifier
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.classifier import Classifier
from benchmarks.rewards.function import FunctionReward, function_mistake, load_function
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.known import ScoreCache
from benchmarks.rewards.train import fold, pair_accuracy, train_reward
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.answers import PreferencePair
from tests.kit.worlds import a_tiny_size

RECIPE = TrainedReward(base="tiny", steps=25, batch=16, learning_rate=1e-2)
WORDS = ("call", "say", "why", "now", "there", "you")
PROMPT_TOKENS, NEW_TOKENS = 20, 30


def pairs(count: int, start: int = 0) -> list[PreferencePair]:
    """The chosen answer says please, the rejected one does not; all else is noise."""
    found = []
    for i in range(start, start + count):
        noise = [WORDS[(i * 5 + k * 3 + i // 7) % len(WORDS)] for k in range(3 + i % 4)]
        found.append(PreferencePair(f"Hello {i}:", " ".join(["Please", *noise]), " ".join(noise)))
    return found


@pytest.fixture(scope="module")
def trained(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reward trained on 64 pairs."""

    folder = tmp_path_factory.mktemp("reward")
    with a_tiny_size():
        train_reward(
            RECIPE,
            pairs(64),
            tokenizer,
            folder,
            stage="please",
            max_prompt_tokens=PROMPT_TOKENS,
            max_new_tokens=NEW_TOKENS,
        )
    return folder


def texts(count: int = 23) -> tuple[list[str], list[str]]:
    """Prompts and answers of very different length, some the same."""
    found = pairs(count)
    return [p.prompt * (1 + i % 3) for i, p in enumerate(found)], [
        p.chosen if i % 2 else p.rejected for i, p in enumerate(found)
    ]


# Training


def test_training_separates_what_can_be_separated(
    trained: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path, tiny_size: None
) -> None:
    """From the same start, trained on the same pairs the other way round, it learns the opposite: accuracy on 60 pairs
    that neither saw."""
    swapped = [PreferencePair(p.prompt, p.rejected, p.chosen) for p in pairs(64)]
    train_reward(
        RECIPE, swapped, tokenizer, tmp_path, stage="s", max_prompt_tokens=PROMPT_TOKENS, max_new_tokens=NEW_TOKENS
    )
    unseen = pairs(60, start=1000)
    assert pair_accuracy(Classifier(trained), unseen) > 0.95
    assert pair_accuracy(Classifier(tmp_path), unseen) < 0.05


def test_of_a_pair_whose_answers_score_the_same_half_counts() -> None:
    """Three pairs: one told right (1), one wrong (0), one tied (1/2). A constant reward tells nothing: one half."""
    pairs = [PreferencePair("q", "aa", "a"), PreferencePair("q", "b", "bb"), PreferencePair("q", "c", "d")]
    assert pair_accuracy(lambda p, r: np.array([float(len(text)) for text in r]), pairs) == 0.5
    assert pair_accuracy(lambda p, r: np.array([float(len(text)) for text in r]), pairs[::2]) == 0.75
    assert pair_accuracy(lambda p, r: np.zeros(len(p)), pairs) == 0.5
    for odd in (np.nan, np.inf):
        with pytest.raises(BadInput, match=f"a reward gives {odd} to an answer"):
            pair_accuracy(lambda p, r: np.full(len(p), odd), pairs)  # noqa: B023


def test_the_loss_is_bradley_terry(tokenizer: PreTrainedTokenizerFast, tmp_path: Path, tiny_size: None) -> None:
    """Before the first update the mean of -log sigmoid(r(chosen) - r(rejected)) over all 16 pairs is what is logged."""
    limit = PROMPT_TOKENS + NEW_TOKENS + 2
    scratch_classifier("tiny", tokenizer, limit, labels=1, seed=3).save_pretrained(tmp_path / "start")
    tokenizer.save_pretrained(tmp_path / "start")
    start, losses = Classifier(tmp_path / "start"), []
    rows = pairs(16)
    prompts = [p.prompt for p in rows]
    margin = start(prompts, [p.chosen for p in rows]) - start(prompts, [p.rejected for p in rows])
    train_reward(
        TrainedReward(base="tiny", steps=1, batch=16, seed=3), rows, tokenizer, tmp_path / "end", stage="s",
        max_prompt_tokens=PROMPT_TOKENS, max_new_tokens=NEW_TOKENS,
        log=lambda stage, step, steps, measured: losses.append(measured["loss"]),
    )  # fmt: skip
    assert losses == [pytest.approx(float(np.log1p(np.exp(-margin)).mean()), rel=1e-4)]
    assert np.ptp(margin) > 1e-4


def test_every_parameter_moves(trained: Path, tokenizer: PreTrainedTokenizerFast, tiny_size: None) -> None:
    """All but the padding token's embedding, which never gets a gradient."""
    before = scratch_classifier("tiny", tokenizer, PROMPT_TOKENS + NEW_TOKENS + 2, labels=1, seed=RECIPE.seed)
    after = Classifier(trained).model.state_dict()
    assert [name for name, value in before.state_dict().items() if torch.equal(value, after[name])] == []


def test_training_and_scoring_read_the_same_tokens(trained: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """Training joins prompt, space, answer and end as tokens, scoring as text."""
    classifier = Classifier(trained)
    for prompt, response in (("Hello 3:", "Please say"), ("I say so:\n\nHuman:", "now"), ("Why?", "")):
        answer = tokenizer(" " + response, add_special_tokens=False)["input_ids"]
        joined = [*tokenizer(prompt)["input_ids"], *answer, tokenizer.eos_token_id]
        assert classifier.encode([prompt], [response]) == [joined]


# Scoring


def test_scores_do_not_depend_on_batch_or_order(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier(trained)
    prompts, responses = texts()
    alone = np.array([classifier.forward([p], [r])[0][0, 0] for p, r in zip(prompts, responses, strict=True)])
    assert alone.std() > 0.1
    for tokens in (10, 100, 10_000):
        monkeypatch.setattr("benchmarks.rewards.classifier.TOKENS_PER_BATCH", {"cpu": tokens})
        assert np.allclose(classifier(prompts, responses), alone, atol=1e-5)
    order = np.random.default_rng(0).permutation(len(prompts))
    shuffled = classifier([prompts[i] for i in order], [responses[i] for i in order])
    assert np.allclose(shuffled, alone[order], atol=1e-5)
    assert classifier([], []).shape == (0,)


def test_an_encoder_does_not_see_the_padding(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, tiny_size: None
) -> None:
    """Hub rewards are often encoders, in which every token sees every other."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(tokenizer), num_labels=1, initializer_range=0.3, **sizes)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    classifier = Classifier(tmp_path, inputs="pair")
    prompts, responses = texts()
    alone = np.array([classifier.forward([p], [r])[0][0, 0] for p, r in zip(prompts, responses, strict=True)])
    assert alone.std() > 0.01
    assert np.allclose(classifier(prompts, responses), alone, atol=1e-5)


def test_the_answer_survives_a_long_prompt(trained: Path) -> None:
    """52 tokens fit; what is left of a longer text is its end."""
    classifier = Classifier(trained)
    [ids] = classifier.encode(["Hello there, how are you?" * 20], ["Please call a doctor"])
    assert len(ids) == PROMPT_TOKENS + NEW_TOKENS + 2
    assert classifier.tokenizer.decode(ids).endswith("? Please call a doctor<eos>")


def test_inputs_label_and_sign_of_a_hub_classifier(
    tokenizer: PreTrainedTokenizerFast, unprepared: Benchmark, tmp_path: Path, tiny_size: None
) -> None:
    """A classifier with three logits, its weights by one's own forward: label 2 negated is -logit 2."""
    model = scratch_classifier("tiny", tokenizer, 64, labels=3, seed=0).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for inputs, text in (
        ("pair", "Hello there:Why not"),
        ("pair-reversed", "Why notHello there:"),
        ("response", "Why not"),
        ("{response} | {prompt}{eos}", "Why not | Hello there:<eos>"),
    ):
        reward = HubReward(model=str(tmp_path), label=2, sign=-1.0, inputs=inputs)
        scorer = reward.scorer(replace(unprepared, home=tmp_path), "any")
        assert isinstance(scorer, Classifier)
        with torch.no_grad():
            logit = model(torch.tensor([tokenizer(text)["input_ids"]])).logits[0, 2]
        if not inputs.startswith("pair"):
            assert scorer(["Hello there:"], ["Why not"]) == pytest.approx([-float(logit)], abs=1e-5)
        assert tokenizer.decode(scorer.encode(["Hello there:"], ["Why not"])[0]) == text


# The cache


def test_an_answer_is_scored_once(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated answers are scored once, known ones never, also by another process's classifier."""
    asked: list[int] = []
    forward = Classifier.forward

    def counting(self: Classifier, prompts: Sequence[str], responses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(prompts))
        return forward(self, prompts, responses)

    monkeypatch.setattr(Classifier, "forward", counting)
    cache = tmp_path / "scores.sqlite"
    first = Classifier(trained, cache=cache)
    prompts, responses = texts(10)
    values = first([*prompts, *prompts], [*responses, *responses])
    assert asked == [10]
    assert np.array_equal(values[:10], values[10:])
    assert np.array_equal(first(prompts, responses), values[:10])
    assert np.array_equal(Classifier(trained, cache=cache)(prompts[::-1], responses[::-1]), values[:10][::-1])
    assert asked == [10]
    Classifier(trained, cache=cache)([*prompts, "new"], [*responses, "new"])
    assert asked == [10, 1]


def test_the_cache_tells_prompt_from_response(tmp_path: Path) -> None:
    """1,200 answers are more than one query asks for; ("ab", "c") is not ("a", "bc")."""
    path = tmp_path / "s.sqlite"
    scores = {(f"p{i}", "r"): (i / 7, i) for i in range(1200)} | {("ab", "c"): (-1.0, 3)}
    ScoreCache.write(path, scores)
    assert ScoreCache.read(path, [*scores, ("a", "bc"), ("p", "0r")]) == scores
    ScoreCache.write(path, {("p3", "r"): (9.0, 1)})
    assert ScoreCache.read(path, [("p3", "r")]) == {("p3", "r"): (9.0, 1)}
    ScoreCache.write(path, {("a\0b", "c"): (1.0, 1), ("a", "b\0001"): (2.0, 1)})
    assert not ScoreCache.read(path, [("a", "b\0c")])
    assert not ScoreCache.read(path, [("a", "b")], label=1)
    assert ScoreCache.read(path, [("a\0b", "c")]) == {("a\0b", "c"): (1.0, 1)}


def test_a_known_score_costs_what_a_new_one_does(trained: Path, tmp_path: Path) -> None:
    """2 operations per parameter and token, whoever has asked before."""
    prompts, responses = texts()
    classifier = Classifier(trained)
    distinct = list(dict.fromkeys(zip(prompts, responses, strict=True)))
    tokens = sum(map(len, classifier.encode([p for p, _ in distinct], [r for _, r in distinct])))
    for _ in range(2):
        with charged_to(Cost()) as spent:
            Classifier(trained, cache=tmp_path / "s.sqlite")(prompts, responses)
        assert spent.flops == 2.0 * classifier.model.num_parameters() * tokens


# Halves of the pairs


def test_kept_scores_are_those_of_the_model_that_is_there(tiny: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same recipe elsewhere, or on another processor, makes another model in the same folder."""
    reward, caches = tiny.objectives[0].reward, set()
    for content in ("one", "other"):
        monkeypatch.setattr("benchmarks.rewards.trained.folder_content", lambda _, told=content: told)
        monkeypatch.setattr("benchmarks.rewards.trained.score_cache", lambda _, known: caches.add(known))
        reward.scorer(tiny, "ah")
    assert len(caches) == 2


def test_the_halves_share_no_prompt() -> None:
    many = [other for p in pairs(200) for other in (p, PreferencePair(p.prompt, p.rejected, p.chosen))]
    even, odd = fold(many, "even"), fold(many, "odd")
    assert not {p.prompt for p in even} & {p.prompt for p in odd}
    assert sorted([*even, *odd]) == sorted(many) == sorted(fold(many, "all"))
    assert 120 < len(even) < 280


# Functions


def function(folder: Path, body: str, name: str = "f") -> FunctionReward:
    (folder / "mine.py").write_text(f"def f(prompts, responses):\n    {body}\n")
    return FunctionReward(function=f"{folder / 'mine.py'}:{name}")


def test_a_function_is_called_with_lists(tmp_path: Path) -> None:
    reward = function(tmp_path, "assert type(prompts) is type(responses) is list; return [len(r) for r in responses]")
    assert load_function(reward.function)(("a", "b"), ("xy", "")).tolist() == [2.0, 0.0]


def test_a_function_in_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("somewhere")
    module.f = lambda prompts, responses: [len(p) - len(r) for p, r in zip(prompts, responses, strict=True)]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somewhere", module)
    assert load_function("somewhere:f")(["abc"], ["a"]).tolist() == [2.0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return [1.0]", "an array of shape (1,) for 2 answers"),
        ("return [1.0, float('nan')]", "1 non-finite numbers for 2 answers"),
        ("return [float('inf')] * 2", "2 non-finite numbers for 2 answers"),
        ("return [[1.0, 2.0], [3.0, 4.0]]", "an array of shape (2, 2)"),
        ("return 1.0", "an array of shape ()"),
        ("return ['good', 'bad']", "something else than numbers (str as number 1) for 2 answers"),
        ("return [1.0, 10**400]", "something else than numbers (int as number 2)"),
        ("import numpy.ma as ma; return ma.array([1.0, 2.0], mask=[0, 1])", "1 masked or non-finite numbers for 2"),
        ("import numpy.ma as ma; return [1.0, ma.masked]", "1 masked or non-finite numbers for 2 answers"),
        ("import numpy.ma as ma; return ma.array([1, 2], mask=True)", "2 masked or non-finite numbers for 2 answers"),
        ("return [1.0, None]", "1 non-finite numbers for 2 answers"),
        ("return [1.0, -1e200]", "-1e+200 and the like for 2 answers"),
        ("return (1.0 for r in responses)", "something else than numbers (generator)"),
    ],
)
def test_what_a_function_must_not_return(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        load_function(function(tmp_path, body).function)(["a", "b"], ["c", "d"])
    assert said in error.value.what
    assert "mine.py:f" in error.value.what


@pytest.mark.parametrize(
    "given",
    [
        "torch.tensor([0.5, -2.0], requires_grad=True)",
        "[torch.tensor(0.5, requires_grad=True), torch.tensor(-2.0)]",
        "torch.tensor([0.5, -2.0], dtype=torch.bfloat16)",
    ],
)
def test_a_function_may_return_tensors(tmp_path: Path, given: str) -> None:
    asked = function(tmp_path, f"import torch; return {given}").function
    assert load_function(asked)(["a", "b"], ["c", "d"]).tolist() == [0.5, -2.0]


def test_what_a_function_returned_stays_what_it_was(tmp_path: Path) -> None:
    """It may write its next numbers where the last ones were."""
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n\nbuffer = np.zeros(9)\n\n\ndef f(prompts, responses):\n"
        "    buffer[: len(responses)] = [len(r) for r in responses]\n    return buffer[: len(responses)]\n"
    )
    score = load_function(f"{tmp_path / 'mine.py'}:f")
    first = score(["a", "b"], ["c", "dd"])
    score(["a", "b"], ["ccc", "dddd"])
    assert first.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "named", ["no_such_module_of_mine:f", "math:no_such_function", "no_colon", ":f", "nowhere.py:f", "math.no:f"]
)
def test_a_function_that_is_not_there(named: str) -> None:
    with pytest.raises(BadInput, match=r"cannot be loaded|there is no file nowhere\.py"):
        load_function(named)


def test_a_file_without_that_function(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be loaded"):
        load_function(function(tmp_path, "return []", name="g").function)


@pytest.mark.parametrize("last", ["return [1.0]", "yield 1.0"])
def test_a_function_that_is_async(tmp_path: Path, last: str) -> None:
    """It is there, and it is said what it is; nothing is left behind that nobody waited for."""
    (tmp_path / "mine.py").write_text(f"async def f(prompts, responses):\n    {last}\n")
    assert function_mistake(tmp_path / "mine.py", "f") == ""
    with pytest.raises(BadInput, match=r"mine\.py:f' \(.*mine\.py, line 1\) is async\n.*\nwrite def in place of async"):
        load_function(f"{tmp_path / 'mine.py'}:f")


@pytest.mark.parametrize("text", ["def f(prompts, responses) return 1", "1 / 0", "import nowhere"])
def test_a_file_that_does_not_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"broken.py cannot be loaded: (Syntax|ZeroDivision|ModuleNotFound)Error"):
        load_function(f"{path}:f")
    assert str(path) not in [getattr(module, "__file__", None) for module in sys.modules.values()]
