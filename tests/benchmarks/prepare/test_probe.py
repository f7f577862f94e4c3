"""Policies whose answers would not be what their models say are refused before anything is made for them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from benchmarks.common.errors import BadInput
from benchmarks.models.opening import check_policy, open_config
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import missing_parts
from benchmarks.prepare.probe import probe_policy
from tests.kit.tokenizers import CHAT, tiny_policy_in, tiny_tokenizer

pytestmark = pytest.mark.usefixtures("tiny_size")


def stored(folder: Path, kind: str, head: str = "ForCausalLM", **config: Any) -> PreTrainedModel:
    """A random model of a kind, written to a folder with a tokenizer."""
    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    settings = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), pad_token_id=0, bos_token_id=1, eos_token_id=2, **config
    )
    model: PreTrainedModel = getattr(transformers, f"{kind}{head}")(settings)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def small(folder: Path, kind: str, head: str = "ForCausalLM", **config: Any) -> PreTrainedModel:
    """One of two layers and 16 numbers per token."""
    shape = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    return stored(folder, kind, head, **shape, **config)


@pytest.fixture
def started(unprepared: Benchmark, tmp_path: Path) -> Benchmark:
    """The tiny world with a policy that a test writes into a folder."""
    return replace(unprepared, policy=str(tmp_path / "model"), home=tmp_path / "runs", max_prompt_tokens=60)


def refused(benchmark: Benchmark, words: str) -> None:
    """Before anything is made."""
    with pytest.raises(BadInput, match=words):
        missing_parts(benchmark)
    assert not list(benchmark.home.glob("**/*"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["Llama", "Mistral", "Bloom", "GPT2", "Mixtral", "BertLMHead"])
def test_what_answers_as_it_says_is_taken(kind: str, precision: str, started: Benchmark) -> None:
    """Whether positions turn, are learned or lean on distance; in a window; with experts; a decoder made of BERT."""
    folder = Path(started.policy)
    if kind == "BertLMHead":
        small(folder, "Bert", "LMHeadModel", is_decoder=True)
    elif kind == "GPT2":
        stored(folder, kind, "LMHeadModel", n_embd=16, n_layer=2, n_head=2)
    elif kind == "Bloom":
        stored(folder, kind, hidden_size=16, n_layer=2, n_head=2)
    else:
        more = {"sliding_window": 4} if kind == "Mistral" else {"num_local_experts": 2} if kind == "Mixtral" else {}
        small(folder, kind, num_key_value_heads=1, **more)
    assert "policy" not in missing_parts(replace(started, precision=precision))


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("Mamba", {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4}),
        ("Rwkv", {"hidden_size": 16, "num_hidden_layers": 2, "attention_hidden_size": 16}),
    ],
)
def test_a_cache_of_another_kind(kind: str, config: dict[str, Any], started: Benchmark) -> None:
    """A model that passes on a state would begin anew at every token."""
    stored(Path(started.policy), kind, **config)
    refused(started, "answers otherwise with its cache")


def test_what_fails_when_it_answers(started: Benchmark) -> None:
    stored(Path(started.policy), "OpenAIGPT", "LMHeadModel", n_embd=16, n_layer=2, n_head=2)
    refused(started, "cannot answer: RuntimeError")


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "Electra"])
def test_encoders(kind: str, started: Benchmark) -> None:
    """That is in the configuration: their weights are not read for it."""
    small(Path(started.policy), kind, "ForMaskedLM")
    (Path(started.policy) / "model.safetensors").unlink()
    refused(started, "is an encoder: it reads what comes later")


def test_an_encoder_with_a_decoder(started: Benchmark) -> None:
    shape = {f"{part}_{size}": 2 for part in ("encoder", "decoder") for size in ("layers", "attention_heads")}
    stored(Path(started.policy), "Bart", "ForConditionalGeneration", d_model=16, **shape)
    with pytest.raises(BadInput, match="reads with an encoder"):
        open_config(started.policy)
    refused(started, "reads with an encoder")


def test_what_reads_ahead_whatever_its_configuration_says(started: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    small(Path(started.policy), "Bert", "ForMaskedLM")
    config = transformers.AutoConfig.from_pretrained(started.policy)
    monkeypatch.setattr("benchmarks.models.policy.open_config", lambda _: config)
    with pytest.raises(BadInput, match="reads what comes later"):
        probe_policy(started)


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_damaged_weights(number: str, started: Benchmark) -> None:
    """One number of the embedding is enough."""
    model = small(Path(started.policy), "Llama")
    model.get_input_embeddings().weight.data[3, 3] = float(number)
    model.get_output_embeddings().weight.data[3, 3] = float(number)
    model.save_pretrained(started.policy)
    refused(started, "gives no finite numbers")


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_weights_that_are_not_all_there(damage: str, started: Benchmark) -> None:
    """A shard that is missing, a file that was not downloaded whole: not after rewards were trained."""
    folder = tiny_policy_in(Path(started.policy), tiny_tokenizer())
    assert "policy" not in missing_parts(started)
    weights = folder / "model.safetensors"
    if damage == "cut":
        os.truncate(weights, weights.stat().st_size // 2)
    else:
        weights.unlink()
    check_policy(started)
    refused(started, "cannot be opened")


def test_a_chat_template_that_does_not_ask_for_an_answer(
    started: Benchmark, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, once; not of templates that ask, nor of one that writes nothing before answers."""
    silent = CHAT.partition("{% if add")[0]
    told = []
    for name, chat in (("asks", CHAT), ("silent", silent), ("bare", silent.replace("<|turn|>{{ m['role'] }}\n", ""))):
        folder = tiny_policy_in(tmp_path / name, tiny_tokenizer(chat=chat))
        for _ in range(2):
            probe_policy(replace(started, policy=str(folder)))
        told.append([r.getMessage() for r in caplog.records if str(folder) in r.getMessage()])
    assert [len(lines) for lines in told] == [0, 1, 0]
    assert "writes '<|turn|>assistant' before answers" in told[1][0]
