"""Logits in pieces of bounded size: at a large vocabulary those of a batch are larger than the model they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.models.counting import language_models, uncounted

PIECE = 2**24
"""Most logits in a piece [choice]: 64 MiB in fp32, of which a divergence holds four at a time.
At 150,000 tokens a piece is one position of 64 answers: the head's matmul is still one of many rows."""


def vocabulary(model: torch.nn.Module) -> int:
    """How many logits a position has; 0 for what is made of no language model of transformers."""
    return max((one.config.get_text_config().vocab_size for one in language_models(model)), default=0)


def next_logits(
    model: torch.nn.Module, inputs: Mapping[str, Any], count: int, piece: int = PIECE
) -> Iterator[tuple[int, torch.Tensor]]:
    """Logits (B, t, V) at the `count` positions before the last one, and where among these each piece begins.

    Pieces have at most `piece` logits, or one position. Hidden states are computed once, with the cache that `inputs`
    may hold; the head, and what else a model does to its logits, is the model's own. Charged to nobody.
    """
    rows, width = inputs["input_ids"].shape
    step = max(1, piece // max(rows * vocabulary(model), 1))
    models = language_models(model)
    if step > count or any(one.base_model is one for one in models):
        yield 0, _logits(model, inputs, count + 1, {})[:, :-1]
        return
    bodies = {one.base_model: _once(one.base_model.forward) for one in models}
    for start in range(0, count, step):
        kept = torch.arange(start, min(start + step, count), device=inputs["input_ids"].device)
        yield start, _logits(model, inputs, kept + (width - 1 - count), bodies)  # not held here meanwhile


def _logits(
    model: torch.nn.Module,
    inputs: Mapping[str, Any],
    keep: int | torch.Tensor,
    bodies: Mapping[torch.nn.Module, Callable[..., Any]],
) -> torch.Tensor:
    """Logits (B, t, V) of the last `keep` positions or of those it lists, the bodies computing by these functions."""
    with uncounted(model), _replaced(bodies):
        logits: torch.Tensor = model(**inputs, logits_to_keep=keep).logits
    return logits


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is called once, and gives its result whenever it is called."""
    results: list[Any] = []

    def remembered(*args: Any, **kwargs: Any) -> Any:
        if not results:
            results.append(function(*args, **kwargs))
        return results[0]

    return remembered


@contextmanager
def _replaced(forwards: Mapping[torch.nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Inside the block, the modules compute by these functions."""
    before = {module: module.__dict__.get("forward") for module in forwards}
    for module, forward in forwards.items():
        module.forward = forward
    try:
        yield
    finally:
        for module, own in before.items():
            if own is None:
                del module.forward
            else:
                module.forward = own
