"""A reward can be trained from any encoder or decoder, and scores the tokens that it was trained on."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from benchmarks.common.errors import BadInput
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.classifier import Classifier
from benchmarks.rewards.train import by_base, train_reward
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.answers import PreferencePair
from tests.kit.classifiers import KINDS, card_call, of_kind, saved, tokenizer

PAIRS = [PreferencePair(f"{'go on ' * (i % 3 * 9)}Hello {i}:", f"Please {i}", "no") for i in range(6)]
"""Some prompts are of more than 100 tokens."""
POSITIONS, PROMPT, NEW = 60, 50, 16


def train(base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> list[dict[str, list[int]]]:
    """Trains two steps; the rows that it was trained on."""
    seen: list[dict[str, list[int]]] = []
    from_list = Dataset.from_list
    monkeypatch.setattr(Dataset, "from_list", lambda rows: seen.extend(rows) or from_list(rows))
    reward = TrainedReward(base=str(base), steps=2, batch=3, learning_rate=1e-2)
    train_reward(
        replace(reward, **more), PAIRS, of_kind("GPT2"), folder, stage="s", max_prompt_tokens=PROMPT, max_new_tokens=NEW
    )  # fmt: skip
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_any_base_is_trained_on_what_it_scores(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base has three labels of its own, and fewer positions than the longest prompt and answer have tokens."""
    base, folder = tmp_path / "base", tmp_path / "reward"
    before = saved(base, kind, num_labels=3, positions=POSITIONS)
    rows = train(base, folder, monkeypatch)
    trained = Classifier(folder, prompt_tokens=PROMPT)
    assert len(rows) == len(PAIRS)
    assert max(len(row["chosen_ids"]) for row in rows) == POSITIONS
    chosen = trained.reading.rows([p.prompt for p in PAIRS], [p.chosen for p in PAIRS])
    assert [row["chosen_ids"] for row in rows] == [row["input_ids"] for row in chosen]
    assert [row.get("chosen_token_type_ids") for row in rows] == [row.get("token_type_ids") for row in chosen]
    after = trained.model.state_dict()
    moved = [name for name, value in before.state_dict().items() if name in after and not after[name].equal(value)]
    assert len(moved) > len(after) / 2
    assert trained.opened.labels.keys() == {0}
    end = "" if trained.inputs == "pair" else trained.tokenizer.eos_token
    for prompt, response in (("Hello 0:", "Please 0"), ("Hello 3:", "no")):
        texts = (prompt, response) if trained.inputs == "pair" else (f"{prompt} {response}{end}",)
        assert trained([prompt], [response]) == pytest.approx([card_call(folder, *texts)], abs=1e-5)


def test_the_end_of_an_answer_is_read_where_padding_is_the_same_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GPT-2 has no padding token: the trained one reads the end of the text, which is not passed over as padding."""
    saved(tmp_path / "base", "GPT2")
    train(tmp_path / "base", tmp_path / "reward", monkeypatch)
    trained = Classifier(tmp_path / "reward")
    [ids] = trained.encode(["Hello 0:"], ["Please 0"])
    assert ids[-1] == trained.tokenizer.eos_token_id
    with torch.no_grad():
        out = trained.model.transformer(torch.tensor([ids])).last_hidden_state
        last = float(trained.model.score(out)[0, -1, 0])
    assert trained(["Hello 0:"], ["Please 0"]) == pytest.approx([last], abs=1e-5)


def test_a_base_that_cannot_end_an_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = tokenizer(("<pad>",), pad_token="<pad>")
    saved(tmp_path / "base", "GPT2", words=words)
    with pytest.raises(BadInput, match=rf"{tmp_path}/base: its tokenizer has no eos token"):
        train(tmp_path / "base", tmp_path / "reward", monkeypatch)


def test_a_base_that_is_not_whole_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language model without a head of ours is one; a layer that is not there, and a token, are not drawn."""
    for kind, head in (("Llama", "CausalLM"), ("Bert", "MaskedLM")):
        saved(tmp_path / kind, kind, head=head)
        assert train(tmp_path / kind, tmp_path / "whole", monkeypatch)
    config = json.loads((tmp_path / "Llama" / "config.json").read_text())
    (tmp_path / "Llama" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(BadInput, match=r"the base .*Llama of a trained reward lacks weights: model\.layers\.2\."):
        train(tmp_path / "Llama", tmp_path / "reward", monkeypatch)
    (tmp_path / "Llama" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(BadInput, match=r"the base .*Llama of a trained reward would leave out weights .*: layers\.1\."):
        train(tmp_path / "Llama", tmp_path / "reward", monkeypatch)
    words = of_kind("GPT2")
    saved(tmp_path / "GPT2", "GPT2", words=words)
    words.add_special_tokens({"pad_token": "<padding>"})  # which nobody reads
    words.save_pretrained(tmp_path / "GPT2")
    assert train(tmp_path / "GPT2", tmp_path / "padded", monkeypatch)
    assert Classifier(tmp_path / "padded")(["Hello"], ["Please"]).shape == (1,)
    words.add_tokens(["<more>"])
    words.save_pretrained(tmp_path / "GPT2")
    with pytest.raises(BadInput, match=r"embeds 257 tokens, its tokenizer has 259: not '<more>'"):
        train(tmp_path / "GPT2", tmp_path / "reward", monkeypatch)


def test_answers_that_become_one_when_they_are_cut_teach_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They differ in their 51st character, and an answer has 16 tokens, here bytes."""
    saved(tmp_path / "base", "GPT2")
    same = PreferencePair("Hi", "x" * 50 + "A", "x" * 50 + "B")
    monkeypatch.setattr(f"{__name__}.PAIRS", [same, *PAIRS])
    with caplog.at_level(logging.WARNING, logger="moa"):
        rows = train(tmp_path / "base", tmp_path / "reward", monkeypatch)
    assert len(rows) == 6
    assert "s: 1 of 7 pairs left out, the same within max_new_tokens" in caplog.text
    monkeypatch.setattr(f"{__name__}.PAIRS", [same])
    with caplog.at_level(logging.WARNING, logger="moa"):
        train(tmp_path / "base", tmp_path / "none", monkeypatch)
    assert "s: none of 1 pairs differ within max_new_tokens" in caplog.text


def test_a_half_without_pairs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "base", "GPT2")
    monkeypatch.setattr(f"{__name__}.PAIRS", [PreferencePair("Hi", "a", "b")] * 3)
    said = []
    for half in ("even", "odd"):
        try:
            train(tmp_path / "base", tmp_path / half, monkeypatch, fold=half)
        except BadInput as error:
            said.append(error.what)
    assert len(said) == 1
    assert said[0].endswith("half of the preference pairs for s is empty")


def test_a_large_base_is_adapted_and_stored_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of the linear layers have the adapters' rank of at most 16, of 32; all else but the head stays."""
    before = saved(tmp_path / "base", "Llama").state_dict()
    monkeypatch.setattr("benchmarks.rewards.train.ADAPTER_FROM", 1)
    train(tmp_path / "base", tmp_path / "reward", monkeypatch)
    after = Classifier(tmp_path / "reward").model.state_dict()
    assert after.keys() == before.keys()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    linear = {name for name in after if name.endswith("_proj.weight")}
    assert moved == {*linear, "score.weight"}
    assert max(int(torch.linalg.matrix_rank(after[name] - before[name], rtol=1e-3)) for name in linear) <= 16


@pytest.mark.parametrize(
    ("pretrained", "large", "rate"), [(False, False, 7e-4), (True, False, 2e-5), (True, True, 2e-4)]
)
def test_the_rate_follows_from_the_base(
    pretrained: bool, large: bool, rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none is set; large ones get adapters."""
    monkeypatch.setattr("benchmarks.rewards.train.ADAPTER_FROM", 1 if large else 10**9)
    adapter, found = by_base(saved(tmp_path, "Llama"), pretrained=pretrained)
    assert found == rate
    assert (adapter is not None) == large


def test_the_rate_of_what_is_made_here_is_in_its_identity(unprepared: Benchmark) -> None:
    """As it was before it could be left open; the rate of a pretrained base is another matter."""
    for base in ("policy", "0.3m"):
        assert TrainedReward(base=base).identity == TrainedReward(base=base, learning_rate=7e-4)
    assert TrainedReward(base="some/model").identity.learning_rate is None
    one, other = (TrainedReward(base="tiny", learning_rate=rate).id(unprepared, "ah") for rate in (7e-4, 1e-3))
    assert one != other
