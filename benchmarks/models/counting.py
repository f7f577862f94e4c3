"""Counting what passes through a policy's model, whoever wrote the loop that it passes through in.

A hook on the model charges the ledger in force: 2 operations per parameter and token for a forward pass, 4 for a
backward pass (Kaplan et al. 2020). Padding is not charged, as it would cost nothing in a better batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from benchmarks.common import Cost, in_force


def counted(model: torch.nn.Module) -> None:
    """Has passes through the language models in `model` charged from now on. Once is enough, twice does no harm."""
    for language_model in language_models(model):
        body = language_model.base_model  # what all passes go through, those without the head too
        if not _counters(body):
            body.register_forward_hook(_Counter(language_model), with_kwargs=True)


@contextmanager
def uncounted(model: torch.nn.Module) -> Iterator[None]:
    """Inside the block, passes through `model` are not charged: who opens it charges them."""
    counters = [counter for one in language_models(model) for counter in _counters(one.base_model)]
    before = [counter.on for counter in counters]
    for counter in counters:
        counter.on = False
    try:
        yield
    finally:
        for counter, on in zip(counters, before, strict=True):
            counter.on = on


class _Counter:
    """The hook on a language model: a copy of the model is counted, too, by a copy of the hook."""

    def __init__(self, model: PreTrainedModel):
        self.model, self.on = model, True

    def __call__(self, body: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        cost = in_force()
        if cost is None or not self.on:
            return
        states = output[0]
        tokens = _tokens(states, kwargs.get("attention_mask", args[1] if len(args) > 1 else None))
        parameters = _parameters(self.model)
        cost.flops += 2.0 * parameters * tokens
        if states.requires_grad:
            states.register_hook(lambda _: _charge_backward(cost, parameters, tokens))


def _parameters(model: PreTrainedModel) -> int:
    """As many as there are: weights in 4 bits lie two in a number. `num_parameters` takes time with every pass."""
    if getattr(model, "is_quantized", False):
        return model.num_parameters()
    return sum(p.numel() for p in model.parameters())


def _charge_backward(cost: Cost, parameters: int, tokens: int) -> None:
    """To the ledger of the forward pass: that in force is not known to the threads that a GPU's gradients come from."""
    cost.trained_tokens += tokens
    cost.flops += 4.0 * parameters * tokens


def _tokens(states: torch.Tensor, mask: Any) -> int:
    """How many tokens hidden states (B, T, H) are of: without padding, where a mask (B, past + T) tells it."""
    rows, width = states.shape[:2]
    if isinstance(mask, torch.Tensor) and mask.shape[0] == rows and mask.dim() == 2:
        return int(mask[:, -width:].sum())
    return rows * width


def language_models(model: torch.nn.Module) -> list[PreTrainedModel]:
    """The language models in a module, such as the one in an adapted model and all in a mixture; not parts of one."""
    if isinstance(model, PreTrainedModel):
        return [model]
    return [one for child in model.children() for one in language_models(child)]


def _counters(body: torch.nn.Module) -> list[_Counter]:
    return [hook for hook in body._forward_hooks.values() if isinstance(hook, _Counter)]
