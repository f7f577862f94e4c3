"""What is wrong with a reward model is found when it is opened, and said with its name and the key to change."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BigBirdConfig,
    BigBirdForSequenceClassification,
    BloomConfig,
    BloomForSequenceClassification,
    XLNetConfig,
    XLNetForSequenceClassification,
)  # fmt: skip

from benchmarks.common.errors import BadInput
from benchmarks.load.toml import read_benchmark
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import missing_parts
from benchmarks.rewards.classifier import Classifier
from benchmarks.rewards.function import FunctionReward
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.inputs import inputs_mistake
from benchmarks.rewards.opening import Opened, open_classifier
from benchmarks.rewards.train import train_reward
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.answers import PreferencePair
from benchmarks.spec.description import Objective, Reward
from benchmarks.spec.dialogues import messages
from tests.kit import classifiers
from tests.kit.classifiers import card_call, card_calls, of_kind, saved

DIALOGUE = "\n\nHuman: Hi there.\n\nAssistant: Hello!\n\nHuman: Why?\n\nAssistant:"


def refused(act: Callable[[], Any], *said: str) -> BadInput:
    """The refusal, which says all of this."""
    with pytest.raises(BadInput) as caught:
        act()
    for words in said:
        assert words in str(caught.value)
    return caught.value


# Weights and labels


def test_a_language_model_is_no_reward(tmp_path: Path) -> None:
    """Its head would be drawn at random."""
    words = of_kind("Llama")
    saved(tmp_path, "Llama", words=words, head="CausalLM")
    error = refused(lambda: Classifier(tmp_path, inputs="pair"), str(tmp_path), "score.weight", "LlamaForCausalLM")
    assert error.fix.startswith("model = ")


def adapter(folder: Path, kind: type, base: Path, **how: Any) -> Path:
    """A LoRA of the model in a folder, with a tokenizer, as PEFT saves it."""
    made = get_peft_model(kind.from_pretrained(base, num_labels=1), LoraConfig(r=2, target_modules=["c_attn"], **how))  # type: ignore[attr-defined]
    for name, values in made.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(values)
    made.save_pretrained(folder)
    of_kind("GPT2").save_pretrained(folder)
    return folder


def test_an_adapter_brings_the_head_that_its_base_lacks(tmp_path: Path) -> None:
    base = tmp_path / "base"
    saved(base, "GPT2", head="SequenceClassification")
    store(base, lambda weights: weights.pop("score.weight"))
    whole = adapter(tmp_path / "whole", AutoModelForSequenceClassification, base, task_type="SEQ_CLS")
    assert Classifier(whole)(["Why?"], ["So."]) == pytest.approx([card_call(whole, "Why? So.<|endoftext|>")], abs=1e-5)
    for name, kind, how in (
        ("headless", AutoModelForSequenceClassification, {}),
        ("language", AutoModelForCausalLM, {"task_type": "CAUSAL_LM"}),
    ):
        folder = adapter(tmp_path / name, kind, base, **how)
        refused(lambda: Classifier(folder), str(folder), "lacks weights of a classifier: score.weight")  # noqa: B023


def store(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Changes the weights that a folder holds."""
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"n_layer": 1}, "transformer.h.1."),
        ({"score.bias": 1}, "score.bias"),
        ({"gating.weight": 32}, "gating.weight"),
    ],
)
def test_weights_that_nobody_would_read_are_refused(more: dict[str, int], said: str, tmp_path: Path) -> None:
    saved(tmp_path, "GPT2")
    if "n_layer" in more:
        settings = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(settings | more))
    else:
        store(tmp_path, lambda weights: weights.update({name: torch.ones(size) for name, size in more.items()}))
    refused(lambda: Classifier(tmp_path), f"the reward model {tmp_path} would leave out weights", said)


def test_weights_that_nobody_needs_are_let_be(tmp_path: Path) -> None:
    """The head of the language model that it was, and what older versions of transformers stored."""
    for kind, others in (
        ("GPT2", ("transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias", "lm_head.weight")),
        ("Bert", ("bert.embeddings.position_ids", "cls.predictions.bias", "cls.seq_relationship.weight")),
        ("Roberta", ("roberta.pooler.dense.weight", "lm_head.dense.weight")),
        ("Llama", ("model.layers.0.self_attn.rotary_emb.inv_freq", "lm_head.weight")),
    ):
        saved(tmp_path / kind, kind)
        before = Classifier(tmp_path / kind)(["Why?"], ["So."])
        store(tmp_path / kind, lambda weights: weights.update({name: torch.ones(4) for name in others}))  # noqa: B023
        assert Classifier(tmp_path / kind)(["Why?"], ["So."]) == before


@pytest.mark.parametrize("labels", [{}, {"0": "bad", "1": "good"}])
def test_a_head_of_another_size_than_its_labels_is_told(labels: dict[str, str], tmp_path: Path) -> None:
    saved(tmp_path, "GPT2")
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"id2label": labels, "label2id": {}}))
    refused(
        lambda: Classifier(tmp_path), f"has score.weight of shape (1, 32), and of ({len(labels)}, 32) by", "id2label"
    )


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    refused(lambda: Classifier(tmp_path / "nothing", inputs="pair"), "nothing cannot be opened")
    saved(tmp_path / "m", "Bert")
    (tmp_path / "m" / "model.safetensors").write_bytes(b"cut off")
    refused(lambda: Classifier(tmp_path / "m", inputs="pair"), "m cannot be opened")


def test_of_several_labels_one_must_be_named(tmp_path: Path) -> None:
    saved(tmp_path, "Bert", num_labels=3, id2label={0: "bad", 1: "so so", 2: "good"})
    named = ("0 'bad', 1 'so so', 2 'good'", str(tmp_path))
    refused(lambda: Classifier(tmp_path, inputs="pair"), "has 3 labels", *named)
    refused(lambda: Classifier(tmp_path, inputs="pair", label=3), "has no label 3", *named)
    two = Classifier(tmp_path, inputs="pair", label=2, sign=-1.0)(["Why?"], ["So."])
    assert two == pytest.approx([-card_call(tmp_path, "Why?", "So.", label=2)], abs=1e-5)


@pytest.mark.parametrize("labels", [{1: "bad", 2: "good"}, {5: "good", 1: "bad"}])
def test_a_label_is_the_place_of_its_logit(labels: dict[int, str], tmp_path: Path) -> None:
    """However the configuration numbers its labels."""
    saved(tmp_path, "Bert", num_labels=2, id2label=labels)
    refused(lambda: Classifier(tmp_path, inputs="pair"), "0 'bad', 1 'good'")
    refused(lambda: Classifier(tmp_path, inputs="pair", label=5), "has no label 5", "label = 0 or 1")
    good = Classifier(tmp_path, inputs="pair", label=1)(["Why?"], ["So."])
    assert good == pytest.approx([card_call(tmp_path, "Why?", "So.", label=1)], abs=1e-5)


def test_a_single_label_need_not_be_named(tmp_path: Path, unprepared: Benchmark) -> None:
    """And is then label 0, in identities too."""
    saved(tmp_path, "Bert")
    unsaid, said = HubReward(model=str(tmp_path)), HubReward(model=str(tmp_path), label=0)
    assert unsaid.identity == said.identity
    assert unsaid.id(unprepared, "x") == said.id(unprepared, "x")
    refused(lambda: Classifier(tmp_path, inputs="pair", label=1), "has no label 1", "label = 0")


def test_tokens_beyond_the_embeddings_are_told(tmp_path: Path) -> None:
    """What was added to the tokenizer alone; padding it is none of it."""
    words = of_kind("GPT2")
    model = saved(tmp_path, "GPT2", words=words)
    words.add_special_tokens({"pad_token": "<pad>"})
    words.save_pretrained(tmp_path)
    assert len(words) == model.config.vocab_size + 1
    asked = (["Why?", "a"], ["So.", "longer than that"])
    assert Classifier(tmp_path, inputs="pair")(*asked) == pytest.approx(
        card_calls(tmp_path, list(zip(*asked, strict=True))), abs=1e-5
    )
    refused(lambda: Classifier(tmp_path, inputs="pair")(["<pad>"], ["So."]), str(tmp_path), "embeddings")


def test_a_token_of_texts_without_an_embedding_is_found_at_once(tmp_path: Path) -> None:
    words = of_kind("Bert")
    saved(tmp_path, "Bert", words=words)
    words.add_tokens(["<said>"])
    words.save_pretrained(tmp_path)
    refused(lambda: Classifier(tmp_path, inputs="pair"), f"the reward model {tmp_path} embeds", "not '<said>'")


# Inputs


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("{question} {response}", "nothing fills {question}"),
        ("{prompt}", "never shows the answer"),
        ("responses", "neither a template nor one of pair, pair-reversed, response, chat (did you mean response?)"),
        ("", "neither a template"),
        ("{prompt} {response", "no template"),
        ("{prompt!r} {response}", "without ':' or '!'"),
        ("{} {response}", "nothing fills {}"),
    ],
)
def test_inputs_that_cannot_be_meant(inputs: str, said: str, tmp_path: Path) -> None:
    """Refused where the benchmark is loaded, and where the model is opened."""
    assert said in inputs_mistake(inputs)
    (tmp_path / "rows.csv").write_text("prompt,response\n" + "".join(f"ask {i},answer {i}\n" for i in range(40)))
    reward = f"{{ model = 'some/model', inputs = {json.dumps(inputs)} }}"
    (tmp_path / "mine.toml").write_text(
        f'[data]\npath = "rows.csv"\nformat = "answers"\n[[objectives]]\nname = "good"\nreward = {reward}\n'
    )
    refused(lambda: read_benchmark(tmp_path / "mine.toml"), "objectives[1].reward.inputs: ", said)
    saved(tmp_path / "m", "Bert")
    refused(lambda: Classifier(tmp_path / "m", inputs=inputs), str(tmp_path / "m"), said)


def test_a_sign_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sign: 0"):
        HubReward(model="some/model", sign=0.0).found_in(tmp_path)


def test_who_has_no_positions_reads_to_the_end(tmp_path: Path) -> None:
    """As the model card's call does, unless its tokenizer says how long a text may be."""
    words = of_kind("Qwen2")
    sizes = {"hidden_size": 32, "n_layer": 1, "n_head": 2, "initializer_range": 0.3}
    BloomForSequenceClassification(
        BloomConfig(vocab_size=len(words), num_labels=1, pad_token_id=words.pad_token_id, **sizes)
    ).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    text = "x" * 700
    read = Classifier(tmp_path)
    assert read([text], ["So."]) == pytest.approx([card_call(tmp_path, f"{text} So.<|im_end|>")], abs=1e-5)
    words.model_max_length = 600
    words.save_pretrained(tmp_path)
    assert len(Classifier(tmp_path).encode([text], ["So."])[0]) == 600


def test_a_template_needs_the_tokens_that_it_names(tmp_path: Path) -> None:
    saved(tmp_path, "Bert")
    refused(lambda: Classifier(tmp_path, inputs="{prompt}{response}{eos}"), "has no eos token", "[SEP]", str(tmp_path))
    refused(lambda: Classifier(tmp_path, inputs="{bos}{response}"), "has no bos token")


# Chat


@pytest.fixture
def chatty(tmp_path: Path) -> Path:
    """A Llama with a chat template that writes the first token itself."""
    words = of_kind("Llama")
    words.chat_template = classifiers.CHAT
    saved(tmp_path, "Llama", words=words)
    return tmp_path


def test_a_dialogue_is_scored_in_the_chat_template(chatty: Path) -> None:
    """As `apply_chat_template` has it, tokens and score; a batch of them too."""
    classifier = Classifier(chatty, inputs="chat")
    asked = [(DIALOGUE, "So."), ("Why?", "Because it is so."), ("\n\nHuman: x\n\nAssistant:", "")]
    found = classifier([p for p, _ in asked], [r for _, r in asked])
    for (prompt, response), score in zip(asked, found, strict=True):
        said = [*messages(prompt), {"role": "assistant", "content": response}]
        ids = classifier.tokenizer.apply_chat_template(said, return_dict=True)["input_ids"]
        assert classifier.encode([prompt], [response]) == [ids]
        with torch.no_grad():
            assert score == pytest.approx(float(classifier.model(torch.tensor([ids])).logits[0, 0]), abs=1e-5)
    text = "<s>[user] Hi there.</s>[assistant] Hello!</s>[user] Why?</s>[assistant] So.</s>"
    assert classifier.tokenizer.decode(classifier.encode([DIALOGUE], ["So."])[0]) == text


def test_a_chat_template_that_asks_for_the_date_scores_the_same_on_any_day(tmp_path: Path) -> None:
    words = of_kind("Llama")
    words.chat_template = "{{ strftime_now('%f') }}" + classifiers.CHAT
    saved(tmp_path, "Llama", words=words)
    classifier = Classifier(tmp_path, inputs="chat")
    assert classifier.tokenizer.decode(classifier.encode(["Why?"], ["So."])[0]).startswith("000000")


def test_a_long_dialogue_loses_the_beginning_of_what_was_said(chatty: Path) -> None:
    classifier = Classifier(chatty, inputs="chat")
    [ids] = classifier.encode(["x" * 300 + " end?"], ["Yes."])
    assert len(ids) == classifier.limit == 128
    text = classifier.tokenizer.decode(ids)
    assert text.startswith("<s>[user] xxx")
    assert text.endswith("x end?</s>[assistant] Yes.</s>")


def test_without_a_chat_template_there_is_no_chat(tmp_path: Path) -> None:
    saved(tmp_path, "Llama")
    refused(lambda: Classifier(tmp_path, inputs="chat"), "has no chat template", str(tmp_path), 'inputs = "pair"')


def test_who_has_a_chat_template_and_does_not_use_it_is_told(chatty: Path, caplog: pytest.LogCaptureFixture) -> None:
    Classifier(chatty, inputs="pair")
    assert f"the reward model {chatty} has a chat template" in caplog.text


# One model, several labels


def test_labels_of_one_model_share_it_and_its_forward_pass(
    tmp_path: Path, unprepared: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "m", "Bert", num_labels=3)
    here, passes = replace(unprepared, home=tmp_path), []
    logits = Opened.logits

    def counting(self: Opened, rows: Any, width: int = 1) -> torch.Tensor:
        passes.append(len(rows))
        return logits(self, rows, width)

    monkeypatch.setattr(Opened, "logits", counting)
    rewards = [HubReward(model=str(tmp_path / "m"), label=label, sign=sign) for label, sign in ((0, 1.0), (2, -1.0))]
    one, other = (reward.scorer(here, "any") for reward in rewards)
    assert one.opened is other.opened  # type: ignore[attr-defined]
    asked = (["Why?", "Who?"], ["So.", "They."])
    first = one(*asked)
    before = len(passes)
    second = other(*asked)
    assert len(passes) == before > 0
    assert first == pytest.approx(card_calls(tmp_path / "m", list(zip(*asked, strict=True))), abs=1e-5)
    assert second == pytest.approx(
        [-card_call(tmp_path / "m", p, r, label=2) for p, r in zip(*asked, strict=True)], abs=1e-5
    )


def test_a_folder_goes_by_its_content(tmp_path: Path, unprepared: Benchmark) -> None:
    """Another model in the same folder has another identity, and no score of the one before; moved, it is the same."""
    here, folder = replace(unprepared, home=tmp_path / "runs"), tmp_path / "m"
    reward = HubReward(model=str(folder))

    def seen(seed: int) -> tuple[str, str, float]:
        saved(folder, "Bert", seed=seed)
        mine = (Objective(name="x", reward=reward, evaluator=reward),)
        identity = replace(here, objectives=mine).training_identity
        return identity, reward.id(here, "x"), float(reward.scorer(here, "x")(["Why?"], ["So."])[0])

    first, second, again = seen(0), seen(1), seen(0)
    assert len({*first, *second}) == 6
    assert again == first
    folder.rename(tmp_path / "elsewhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "elsewhere").rename(tmp_path / "other" / "m")
    assert HubReward(model=str(tmp_path / "other" / "m")).id(here, "x") == first[1]


def test_a_model_that_nobody_reads_is_let_go(tmp_path: Path) -> None:
    """And one that is read is opened once."""
    saved(tmp_path, "Bert")
    one = open_classifier(tmp_path)
    assert open_classifier(tmp_path) is one
    left = ref(one)
    del one
    gc.collect()
    assert left() is None


# Before anything is made


def with_reward(benchmark: Benchmark, reward: Reward) -> Benchmark:
    first, *others = benchmark.objectives
    return replace(benchmark, objectives=(replace(first, evaluator=reward), *others))


def nan(folder: Path) -> Reward:
    model = saved(folder / "m", "Bert")
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    model.save_pretrained(folder / "m")
    return HubReward(model=str(folder / "m"))


def flat(folder: Path) -> Reward:
    model = saved(folder / "m", "Bert")
    torch.nn.init.zeros_(model.classifier.weight)
    model.save_pretrained(folder / "m")
    return HubReward(model=str(folder / "m"))


def unlabelled(folder: Path) -> Reward:
    saved(folder / "m", "Bert", num_labels=2)
    return HubReward(model=str(folder / "m"))


def mute(folder: Path) -> Reward:
    """One whose chat template refuses whatever is said."""
    words = of_kind("Llama")
    words.chat_template = "{{ raise_exception('not in this order') }}"
    saved(folder / "m", "Llama", words=words)
    return HubReward(model=str(folder / "m"), inputs="chat")


def half(folder: Path) -> Reward:
    """A base whose second layer is not there."""
    saved(folder / "m", "Llama", head="CausalLM")
    store(folder / "m", lambda weights: [weights.pop(name) for name in list(weights) if "layers.1" in name])
    return TrainedReward(base=str(folder / "m"))


def adapted(folder: Path) -> Reward:
    saved(folder / "m", "GPT2", head="SequenceClassification")
    return TrainedReward(base=str(adapter(folder / "a", AutoModelForCausalLM, folder / "m", task_type="CAUSAL_LM")))


def function(body: str) -> Callable[[Path], Reward]:
    def write(folder: Path) -> Reward:
        (folder / "f.py").write_text(f"import math\n\n\ndef f(prompts, responses):\n    {body}\n")
        return FunctionReward(function=f"{folder / 'f.py'}:f")

    return write


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nan, ("evaluator ah", "/m (label 0", "gives nan to an answer")),
        (flat, ("evaluator ah", "/m (label 0", "gives two different answers the same")),
        (half, ("the base", "/m of a trained reward lacks weights: model.layers.1.")),
        (adapted, ("the base", "/a of a trained reward is an adapter of", "merge_and_unload")),
        (unlabelled, ("evaluator ah: the reward model", "/m has 2 labels", "LABEL_1")),
        (mute, ("evaluator ah: a chat template refuses the dialogue", "not in this order", "inputs")),
        (function("return None"), ("f.py:f'", "f.py, line 4) returned None for 2 answers")),
        (function("return [1.0]"), ("f.py:f'", "f.py, line 4) returned an array of shape (1,) for 2 answers")),
        (function("return math.sqrt(-1)"), ("evaluator ah", "f.py:f", "ValueError", "f.py, line 5, in f)")),
        (
            function("raise type('Mute', (Exception,), {'__str__': lambda self: self.text})"),
            ("evaluator ah", "f.py:f", "cannot score an answer: Mute", "f.py, line 5, in f)"),
        ),
        (function("return [len(r) / 0 for r in responses]"), ("ZeroDivisionError", "f.py, line 5")),
    ],
)
def test_a_reward_that_cannot_score_is_found_before_anything_is_made(
    make: Callable[[Path], Reward], said: tuple[str, ...], tmp_path: Path, unprepared: Benchmark, tiny_size: None
) -> None:
    benchmark = replace(with_reward(unprepared, make(tmp_path)), home=tmp_path / "runs")
    refused(lambda: missing_parts(benchmark), *said)
    assert not list((tmp_path / "runs").rglob("policy*"))


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, unprepared: Benchmark, tiny_size: None) -> None:
    """Each once, whatever uses it: one model scores two objectives here."""
    for name in ("base", "labels"):
        (tmp_path / name).mkdir()
    base, labels, broken = half(tmp_path / "base"), unlabelled(tmp_path / "labels"), function("return None")(tmp_path)
    first, second = unprepared.objectives
    objectives = (replace(first, reward=base, evaluator=labels), replace(second, reward=broken, evaluator=labels))
    benchmark = replace(unprepared, policy=str(tmp_path), objectives=objectives, home=tmp_path / "runs")
    error = refused(lambda: missing_parts(benchmark))
    whole, *lines = error.what.splitlines()
    assert whole == f"models of {benchmark.name}: 4 mistakes"
    for line, said in zip(lines, (f"{tmp_path}", "/base/m of a", "/labels/m has 2 labels", "None"), strict=True):
        assert said in line
    for several in (error.why, error.fix):  # in the same order
        assert len(several.splitlines()) == 5
        assert "label" in several.splitlines()[3]
    assert not list((tmp_path / "runs").rglob("policy*"))


def test_what_can_score_is_let_pass(tmp_path: Path, unprepared: Benchmark, tiny_size: None) -> None:
    """A function that gives both answers the same too: many answers earn nothing."""
    for reward in (function("return [0.0 for r in responses]")(tmp_path), HubReward(model=str(tmp_path / "m"))):
        saved(tmp_path / "m", "Bert")
        assert missing_parts(replace(with_reward(unprepared, reward), home=tmp_path / "runs")) == [
            "policy",
            "reward ah",
        ]
    assert np.isfinite(Classifier(tmp_path / "m", inputs="pair")([""], [""])).all()


def test_a_classifier_that_reads_padding_is_refused(tmp_path: Path) -> None:
    """XLNet reads the last position: beside a longer text it would read a token that is none. No reward is trained from
    one, either."""
    words = of_kind("Bert")
    torch.manual_seed(0)
    config = XLNetConfig(
        vocab_size=len(words), d_model=32, n_layer=2, n_head=2, d_inner=48, num_labels=1, initializer_range=0.3,
        pad_token_id=words.pad_token_id,
    )  # fmt: skip
    XLNetForSequenceClassification(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    with pytest.raises(BadInput, match="otherwise where padding follows"):
        open_classifier(tmp_path)
    reward, pairs = TrainedReward(base=str(tmp_path), steps=1), [PreferencePair("Hi", "Well.", "No.")]
    with pytest.raises(BadInput, match="otherwise where padding follows"):
        train_reward(reward, pairs, words, tmp_path / "made", stage="s", max_prompt_tokens=9, max_new_tokens=9)


def test_no_score_depends_on_what_was_scored_before(tmp_path: Path) -> None:
    """BigBird attends in blocks until the first text that is too short for them, and fully from then on."""
    words = of_kind("Bert")
    torch.manual_seed(0)
    config = BigBirdConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=140, block_size=4, num_random_blocks=1, num_labels=1, initializer_range=0.3,
        pad_token_id=words.pad_token_id,
    )  # fmt: skip
    BigBirdForSequenceClassification(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    long, short = ({"input_ids": np.random.default_rng(0).integers(6, len(words), n).tolist()} for n in (100, 10))
    opened = open_classifier(tmp_path)
    before = opened.logits([long])
    opened.logits([short])
    assert torch.equal(opened.logits([long]), before)
