"""Adapters as a benchmark sets them, for methods and for the fine-tuning of its start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.load.load import load_benchmark
from benchmarks.models.finetuning import with_adapter
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.spec.settings import Lora
from methods.engines.trained import to_train


def adapted(benchmark: Benchmark, settings: Lora) -> Any:
    """The model of a policy that a method is about to train."""
    return to_train(prepare(replace(benchmark, lora=settings)).benchmark, 4, seed=0).model


def test_as_it_is_without_settings(tiny: Benchmark) -> None:
    """On all seven linear layers of each block, at twice the rank, which is a scale of 2."""
    model = adapted(tiny, Lora())
    [config] = model.peft_config.values()
    assert (config.r, config.lora_alpha, config.lora_dropout) == (4, 8, 0.05)
    layers = [m for m in model.modules() if hasattr(m, "lora_A")]
    assert len(layers) == 7 * tiny.prepared.policy.model.config.num_hidden_layers
    assert {m.scaling["default"] for m in layers} == {2.0}


def test_what_is_set_reaches_the_model(own_tiny: Benchmark, tiny_size: None) -> None:
    """What is measured is in the same units: fronts can be compared."""
    model = adapted(own_tiny, Lora(alpha=12, targets=("q_proj", "v_proj"), dropout=0.0))
    names = {n.rpartition(".")[2] for n, m in model.named_modules() if hasattr(m, "lora_A")}
    assert prepare(replace(own_tiny, lora=Lora(dropout=0.0))).card.hash == own_tiny.card.hash
    assert names == {"q_proj", "v_proj"}
    assert {m.scaling["default"] for m in model.modules() if hasattr(m, "lora_A")} == {3.0}


def test_layers_that_are_not_there_are_refused(tiny: Benchmark) -> None:
    with pytest.raises(BadInput) as caught:
        with_adapter(tiny.prepared.load_starting_policy(), 4, Lora(targets=("q_proj", "c_attn")), seed=0)
    assert caught.value.what == "lora.targets: the policy has no linear layers called c_attn"
    assert "q_proj" in caught.value.why


def test_other_adapters_are_other_trainings() -> None:
    """Only where they are other ones."""
    plain, same, other = (
        load_benchmark("hh-rlhf-mini", options=options)
        for options in ({}, {"lora.dropout": 0.05}, {"lora.targets": ["q_proj"]})
    )
    assert plain.identity == same.identity
    assert plain.training_identity != other.training_identity
