"""A published classifier scores as its model card's own call does, whatever its architecture."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Gemma3Config, Gemma3ForSequenceClassification

from benchmarks.rewards.classifier import Classifier
from benchmarks.spec.dialogues import messages
from tests.kit import classifiers
from tests.kit.classifiers import KINDS, card_calls, of_kind, saved

ANSWERS = (
    ("\n\nHuman: Hi\n\nAssistant:", "Hello."),
    ("Why?", "Because it is so, and always was; there is no more to it."),
    ("How do I fix a bike for my sister?", "No"),
    ("a", "b"),
)
"""Of different lengths: a batch of them is padded."""
PROMPTS, RESPONSES = [p for p, _ in ANSWERS], [r for _, r in ANSWERS]
TEXTS = {
    "pair": lambda p, r: (p, r),
    "pair-reversed": lambda p, r: (r, p),
    "response": lambda p, r: (r,),
    "{prompt} {response}": lambda p, r: (f"{p} {r}",),
    "{response}|{prompt}": lambda p, r: (f"{r}|{p}",),
}


def compare(folder: Path, inputs: str, expected: list[float], **more: float) -> None:
    """The batch's scores are these, and they differ."""
    found = Classifier(folder, inputs=inputs, **more)(PROMPTS, RESPONSES)  # type: ignore[arg-type]
    assert np.ptp(expected) > 1e-3
    assert found == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("inputs", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_scores_as_the_model_card_does_one_by_one(kind: str, inputs: str, tmp_path: Path) -> None:
    saved(tmp_path, kind)
    compare(tmp_path, inputs, card_calls(tmp_path, [TEXTS[inputs](p, r) for p, r in ANSWERS]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_dialogues_scores_as_the_model_card_does_one_by_one(kind: str, tmp_path: Path) -> None:
    words = of_kind(kind)
    words.chat_template = classifiers.CHAT
    model = saved(tmp_path, kind, words=words)
    said = [[*messages(p), {"role": "assistant", "content": r}] for p, r in ANSWERS]
    read = [words.apply_chat_template(turns, return_tensors="pt", return_dict=True) for turns in said]
    with torch.no_grad():
        compare(tmp_path, "chat", [float(model(**one).logits[0, 0]) for one in read])


def test_a_configuration_that_has_a_text_part_in_it(tmp_path: Path) -> None:
    """Its padding token is that of the part."""
    words = of_kind("Qwen2")
    text = {
        "vocab_size": len(words), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 16,
        "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 128, "initializer_range": 0.3,
        "pad_token_id": words.pad_token_id, "eos_token_id": words.eos_token_id,
    }  # fmt: skip
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    whole = Gemma3Config(text_config=text, vision_config=vision, num_labels=1, initializer_range=0.3)
    assert getattr(whole, "pad_token_id", None) is None
    torch.manual_seed(0)
    Gemma3ForSequenceClassification(whole).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    inputs = "{prompt}\n{response}"
    compare(tmp_path, inputs, card_calls(tmp_path, [(f"{p}\n{r}",) for p, r in ANSWERS]))


@pytest.mark.parametrize("kind", ["Bert", "Electra", "DebertaV2"])
def test_segments_reach_the_model(kind: str, tmp_path: Path) -> None:
    """A pair is not the same to it as one text of the same tokens."""
    saved(tmp_path, kind)
    asked = {name: Classifier(tmp_path, inputs=name) for name in ("pair", "{prompt}[SEP]{response}")}
    assert len({tuple(map(tuple, c.encode(PROMPTS, RESPONSES))) for c in asked.values()}) == 1
    pair, single = (c(PROMPTS, RESPONSES) for c in asked.values())
    assert np.abs(pair - single).min() > 1e-3


@pytest.mark.parametrize("kind", ["GPT2", "Llama"])
@pytest.mark.parametrize("pad", ["none", "eos in the tokenizer", "eos in both", "-1"])
def test_the_last_token_is_read_where_padding_and_end_are_the_same(kind: str, pad: str, tmp_path: Path) -> None:
    """Each text ends in the end-of-sequence token. Only a configuration that itself says that it is padding hides it,
    from the model's own call too."""
    words = of_kind(kind)
    if pad.startswith("eos"):
        words.pad_token = words.eos_token
    model = saved(tmp_path, kind, words=words)
    model.config.pad_token_id = {"eos in both": words.eos_token_id, "-1": -1}.get(pad)
    model.config.save_pretrained(tmp_path)
    end = words.eos_token
    compare(tmp_path, "{prompt} {response}{eos}", card_calls(tmp_path, [(f"{p} {r}{end}",) for p, r in ANSWERS]))
    without = card_calls(tmp_path, [(f"{p} {r}",) for p, r in ANSWERS])
    found = Classifier(tmp_path, inputs="{prompt} {response}{eos}")(PROMPTS, RESPONSES)
    assert (np.abs(found - without) < 1e-4).all() == (pad == "eos in both")


def test_an_end_within_the_text_does_not_end_it(tmp_path: Path) -> None:
    saved(tmp_path, "GPT2")
    end = of_kind("GPT2").eos_token
    answers = [f"{end}{r}{end} and more{end}" for r in RESPONSES]
    found = Classifier(tmp_path)(PROMPTS, answers)
    expected = card_calls(tmp_path, [(f"{p} {r}{end}",) for p, r in zip(PROMPTS, answers, strict=True)])
    assert found == pytest.approx(expected, abs=2e-5)


def test_an_encoder_decoder_reads_answers_with_different_numbers_of_ends(tmp_path: Path) -> None:
    saved(tmp_path, "Bart")
    answers = [*RESPONSES[:2], *[f"{r}</s>" for r in RESPONSES[2:]]]
    expected = card_calls(tmp_path, list(zip(PROMPTS, answers, strict=True)))
    assert Classifier(tmp_path, inputs="pair")(PROMPTS, answers) == pytest.approx(expected, abs=2e-5)


def test_the_side_of_padding_in_the_tokenizer_does_not_matter(tmp_path: Path) -> None:
    words = of_kind("Qwen2")
    words.padding_side = words.truncation_side = "left"
    saved(tmp_path, "Qwen2", words=words)
    compare(tmp_path, "pair", card_calls(tmp_path, ANSWERS))


# Special tokens of templates


def ids_of(folder: Path, inputs: str) -> list[int]:
    return Classifier(folder, inputs=inputs).encode(["Hi"], ["Yo"])[0]


def test_begin_and_end_are_there_once(tmp_path: Path) -> None:
    """By the template where the tokenizer adds none; by the tokenizer where it does."""
    words = of_kind("Llama")
    begin, end = words.bos_token_id, words.eos_token_id
    both = classifiers.tokenizer(classifiers.LLAMA, "<s> $A </s>", bos_token="<s>", eos_token="</s>")
    for name, made in (("begins", words), ("both", both)):
        saved(tmp_path / name, "Llama", words=made)
        for inputs in ("{bos}{prompt} {response}{eos}", "{prompt} {response}{eos}"):
            ids = ids_of(tmp_path / name, inputs)
            assert (ids.count(begin), ids.count(end), ids[0], ids[-1]) == (1, 1, begin, end)
        middle = ids_of(tmp_path / name, "{response} {bos} {prompt}")
        assert middle.count(begin) == 2, "what stands between is part of the template"


# What does not fit


@pytest.mark.parametrize(
    "inputs", ["pair", "pair-reversed", "{response} {bos} {prompt}", "{bos}{prompt} {response}{eos}"]
)
@pytest.mark.parametrize("kind", ["Roberta", "GPT2"])
def test_a_long_prompt_loses_its_beginning_and_nothing_else(kind: str, inputs: str, tmp_path: Path) -> None:
    """64 tokens fit. All special tokens, the whole answer and the end of the prompt are read."""
    saved(tmp_path, kind, positions=64)
    classifier = Classifier(tmp_path, inputs=inputs)
    assert classifier.limit == 64
    [short], [long] = (classifier.encode([p], ["Yes, do it."]) for p in ("Why?", "x" * 200 + "Why?"))
    assert len(long) == 64
    assert [i for i in long if i != classifier.tokenizer("x", add_special_tokens=False)["input_ids"][0]] == short
    one, other = classifier(["p" * 200] * 2, ["A", "B"])
    assert abs(one - other) > 1e-5


def test_an_answer_that_is_too_long_by_itself_loses_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Which is told; that a prompt loses its beginning is not."""
    saved(tmp_path, "Bert", positions=16)
    classifier = Classifier(tmp_path, inputs="pair")
    with caplog.at_level(logging.WARNING, logger="moa"):
        classifier.encode(["Why?" * 9], ["thirteen here"])
        assert not caplog.text
        ids, _ = classifier.encode(["Why?", "Why?" * 9], ["abcdefghijklmnopqrstuvwxyz", "so"])
    assert f"{tmp_path} reads 16 tokens: 1 answers of 2 lose their end" in caplog.text
    assert classifier.tokenizer.decode(ids) == "[CLS][SEP]abcdefghijklm[SEP]"
    assert np.isfinite(classifier(["Why?"], ["a" * 99])).all()


def test_braces_in_a_text_stay_text(tmp_path: Path) -> None:
    """What stands in a prompt or an answer is no field of the template."""
    saved(tmp_path, "GPT2")
    classifier = Classifier(tmp_path, inputs="{response} for {prompt}")
    [ids] = classifier.encode(["{response} {x} {bos}"], ["{prompt} {0}"])
    assert classifier.tokenizer.decode(ids) == "{prompt} {0} for {response} {x} {bos}"


def test_a_position_for_padding_is_none_for_text(tmp_path: Path) -> None:
    """RoBERTa's 514 positions are 512 tokens: one more would be looked up behind the last."""
    saved(tmp_path, "Roberta", positions=20)
    assert Classifier(tmp_path, inputs="pair").limit == 20
    assert np.isfinite(Classifier(tmp_path, inputs="pair")(["p" * 50], ["answer"])).all()
