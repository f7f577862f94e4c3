"""The size of a model is found without loading it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from benchmarks.common.errors import BadInput
from benchmarks.models.scratch import scratch_classifier, untrained_policy
from benchmarks.prepare.benchmark import Benchmark
from moa_cli.jobs.estimate import models
from moa_cli.jobs.estimate.models import find_model, scratch_model


def llama() -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, tie_word_embeddings=True,
        )
    )  # fmt: skip


def bert() -> BertForSequenceClassification:
    return BertForSequenceClassification(
        BertConfig(vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4)
    )


@pytest.mark.parametrize("make", [llama, bert])
@pytest.mark.parametrize("shards", [1, 4])
def test_a_folder_tells_the_size(make: type[PreTrainedModel], shards: int, tmp_path: Path) -> None:
    model = make().bfloat16()
    count = model.num_parameters()
    model.save_pretrained(tmp_path, max_shard_size="1GB" if shards == 1 else 2 * count // 3)
    assert (len(list(tmp_path.glob("*.safetensors"))) == 1) == (shards == 1)
    found = find_model(str(tmp_path))
    assert (found.place, found.parameters, found.about) == ("in a local folder", count, False)
    assert 2 * count < found.stored < 2 * count + 20_000
    assert (found.hidden, found.layers, found.heads, found.vocabulary) == (16, 3, 4, 50)
    assert found.cached == (16 if isinstance(model, LlamaForCausalLM) else 32)  # two key heads of four, and all


@pytest.mark.parametrize("header", [b"{", b"[]", b'{"a": {}}', b'{"a": {"shape": ["x"]}}', b'{"a": 1}', b"\xff" * 9])
def test_a_damaged_header_is_refused(header: bytes, tmp_path: Path) -> None:
    """As is a configuration that is none."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(BadInput, match=r"model\.safetensors"):
        find_model(str(tmp_path))
    (tmp_path / "config.json").write_bytes(b"[]")
    with pytest.raises(BadInput, match=r"config\.json"):
        find_model(str(tmp_path))


@pytest.mark.parametrize("make", [llama, bert])
def test_a_configuration_tells_the_size(make: type[PreTrainedModel], tmp_path: Path) -> None:
    """Of weights that are not safetensors: their file is not opened."""
    model = make()
    model.config.save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"no weights" * 7)
    found = find_model(str(tmp_path), classifier=isinstance(model, BertForSequenceClassification))
    assert (found.parameters, found.stored) == (model.num_parameters(), 70)


def test_what_is_cached_but_for_its_weights_is_to_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama().config.save_pretrained(tmp_path)
    told = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(told | {"dtype": "bfloat16"}))
    monkeypatch.setattr(models, "_cached", lambda *_: tmp_path / "config.json")
    found = find_model("someone/llama-7b")
    assert found.downloaded
    assert (found.parameters, found.about) == (llama().num_parameters(), False)
    assert found.stored == 2 * found.parameters


def test_a_name_is_all_there_is_of_what_is_not_here() -> None:
    small, unknown, nonsense = map(find_model, ("someone/llama-7b", "someone/llama", "no//such id"))
    assert (small.parameters, small.about, small.stored) == (7_000_000_000, True, 14_000_000_000)
    assert small.downloaded
    assert (unknown.parameters, unknown.about, unknown.stored) == (0, False, 0)
    assert nonsense.parameters == 0


@pytest.mark.parametrize("size", ["0.3m", "4m"])
def test_what_is_made_here_has_the_size_it_is_said_to_have(size: str, tiny: Benchmark) -> None:
    """To 2 %: how many tokens a vocabulary gets is known when it is made."""
    tokenizer = tiny.prepared.policy.tokenizer
    policy = untrained_policy(tiny, tokenizer, size, 0)
    said = scratch_model(size, tiny.scratch.vocabulary)
    assert said.parameters == pytest.approx(policy.parameters, rel=0.02)
    exact = scratch_model(size, len(tokenizer) - models.ADDED)
    assert exact.parameters == policy.parameters
    head = scratch_classifier(size, tokenizer, 64, labels=1, seed=0)
    assert scratch_model(size, len(tokenizer) - models.ADDED, head=False).parameters == head.num_parameters()
    with torch.device("meta"):
        assert LlamaForCausalLM(policy.model.config).num_parameters() == exact.parameters
