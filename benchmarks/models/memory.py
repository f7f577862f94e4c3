"""How much memory a job takes, added up before it starts from the sizes of its models. Nothing heavy is imported here.

What a model holds for its backward pass is counted per layer and token: 9 h + 3 k + 4 i numbers, and S for each head
where attention is eager; 8 h + i more under adapters on all linear layers (h hidden size, k width of the keys, i inner
width, S tokens). These are what transformers' Llama layers save, measured with SmolLM2-135M.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.common import model_settings

PROCESS = 1_000_000_000
"""Bytes of a process with its libraries and data, and of logits in pieces [choice: .6 GB and .3 GB were measured]."""

USABLE = 0.8
"""Share of the memory there is that jobs may plan with [choice]: the rest is the system's and of other programs."""

MADE_HERE = 25_000_000
"""Parameters below which nothing is split by memory: the models made here do the same on every machine."""

SMALL = 300_000_000
"""Parameters below which a policy is held in float32 anywhere: it is small enough to be exact."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, kw_only=True)
class Size:
    """What of a model its memory follows from."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    heads: int
    keys: int
    """Width of the keys, and of the values, of all heads together."""
    embedded: int = 0
    """Parameters of its embeddings and its head, which no adapter is on."""

    @classmethod
    def of(cls, config: Any, parameters: int) -> Size:
        """By the configuration of a model, as an object or as what is in its config.json."""
        told = config if isinstance(config, dict) else config.to_dict()
        told = told.get("text_config") or told
        hidden = _first(told, "hidden_size", "n_embd", "d_model")
        heads = _first(told, "num_attention_heads", "n_head")
        own = told.get("num_key_value_heads") or heads
        tied = 1 if told.get("tie_word_embeddings", True) else 2
        return cls(
            parameters=parameters,
            layers=_first(told, "num_hidden_layers", "n_layer"),
            hidden=hidden,
            inner=told.get("intermediate_size") or told.get("n_inner") or 4 * hidden,
            heads=heads,
            keys=(told.get("head_dim") or hidden // heads) * own,
            embedded=tied * told["vocab_size"] * hidden,
        )

    @classmethod
    def about(cls, parameters: int) -> Size:
        """Where only its parameters are known, a model is taken for a Llama, 128 times as wide as it is deep."""
        hidden = max(128, round((parameters * 128 / 12) ** (1 / 3)))
        return cls(
            parameters=parameters, layers=max(1, hidden // 128), hidden=hidden, inner=4 * hidden, heads=hidden // 64,
            keys=hidden,
        )  # fmt: skip

    def adapters(self, rank: int) -> int:
        """Parameters of LoRA on every linear layer of the blocks: one from a to b has rank (a + b) of them."""
        attention = 2 * (2 * self.hidden) + 2 * (self.hidden + self.keys)  # q and o, k and v
        return rank * self.layers * (attention + 3 * (self.hidden + self.inner))

    def cache(self, tokens: int, held: int) -> int:
        """Bytes of the keys and values of tokens, each number in `held` bytes."""
        return 2 * self.layers * self.keys * held * tokens

    def kept(self, tokens: int, *, eager: bool, adapters: bool) -> int:
        """Numbers that a layer keeps of a token for the backward pass, in a text of `tokens`."""
        own = 9 * self.hidden + 3 * self.keys + 4 * self.inner + (self.heads * tokens if eager else 0)
        return own + (8 * self.hidden + self.inner if adapters else 0)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that a job holds at its peak, by what they are for."""

    weights: int = 0
    gradients: int = 0
    optimiser: int = 0
    activations: int = 0
    """What a backward pass needs of the forward pass."""
    cache: int = 0
    """Keys and values of what is being generated."""
    rewards: int = 0
    process: int = PROCESS

    @property
    def total(self) -> int:
        """All together. Nothing is generated while a backward pass is under way."""
        return sum(getattr(self, f.name) for f in fields(self)) - min(self.activations, self.cache)

    @property
    def words(self) -> str:
        """The sum for people, largest part first.

        >>> Memory(weights=2_000_000_000, optimiser=4_000_000_000).words
        '7.0 GB: optimiser 4.0, weights 2.0, process 1.0'
        """
        parts = sorted(((getattr(self, f.name), f.name) for f in fields(self)), reverse=True)
        told = ", ".join(f"{name} {value / 1e9:.1f}" for value, name in parts if value >= 5e7)
        return f"{self.total / 1e9:.1f} GB: {told}"


def planned(
    size: Size,
    *,
    rows: int,
    tokens: int,
    held: int,
    adapter_rank: int = 0,
    checkpointing: bool = False,
    eager: bool = False,
    answers: int = 0,
    reference: bool = False,
    rewards: int = 0,
) -> Memory:
    """What training with AdamW holds: `rows` texts of `tokens` at a time, the cache of `answers` drawn side by side.

    Weights have `held` bytes each, and four where all of them are trained, beside a `reference` in `held` bytes.
    Checkpointing keeps the input of each layer, and of one layer all. `rewards` are the bytes of resident rewards.
    """
    trained = size.adapters(adapter_rank) or size.parameters
    weights = (held * size.parameters + 4 * trained) if adapter_rank else 4 * size.parameters
    if reference and not adapter_rank:
        weights += held * size.parameters
    each = size.kept(tokens, eager=eager, adapters=bool(adapter_rank))
    numbers = size.layers * size.hidden + each if checkpointing else size.layers * each
    return Memory(
        weights=weights,
        gradients=4 * trained,
        optimiser=8 * trained,
        activations=4 * rows * tokens * numbers,
        cache=size.cache(answers * tokens, held),
        rewards=rewards,
    )


class Split(NamedTuple):
    """How a batch goes through a model."""

    rows: int
    """Texts at a time."""
    checkpointing: bool
    memory: Memory


def split(batch: int, room: int, memory: Callable[[int, bool], Memory], most: int | None = None) -> Split:
    """The largest even part of a batch, of `most` rows, with which `memory(rows, checkpointing)` fits in `room` bytes.

    Hidden states are recomputed where not even one row fits without that [choice: it costs a third more computation].
    Where nothing fits, it is the least: the caller refuses, or says so.
    """
    parts = [rows for rows in range(batch, 0, -1) if batch % rows == 0 and rows <= (most or batch)]
    tried = [Split(rows, on, memory(rows, on)) for on in (False, True) for rows in parts]
    return next((one for one in tried if one.memory.total <= room), tried[-1])


def fitting(size: Size, tokens: int, held: int, room: int, most: int) -> int:
    """How many answers of `tokens`, prompts included, can be drawn side by side in `room` bytes: 1 to `most`."""
    left = room - PROCESS - held * size.parameters
    return max(1, min(most, left // max(size.cache(tokens, held), 1)))


def named_parameters(name: str) -> int:
    """The number of parameters that a model's name tells; 0 where it tells none.

    >>> named_parameters("HuggingFaceTB/SmolLM2-135M-Instruct"), named_parameters("alpaca-7b-reproduced")
    (135000000, 7000000000)
    >>> named_parameters("Qwen2.5-1.5B"), named_parameters("Mixtral-8x7B-v0.1"), named_parameters("gpt2-large-4bit")
    (1500000000, 56000000000, 0)
    """
    last = name.rstrip("/").rpartition("/")[2].lower()
    found = re.search(r"(?<![a-z\d.])(?:(\d+)x)?(\d+(?:\.\d+)?)([mb])(?![a-z\d])", last)
    return round(int(found[1] or 1) * float(found[2]) * {"m": 1e6, "b": 1e9}[found[3]]) if found else 0


def size_of(source: str) -> tuple[Size, int] | None:
    """The size of a model in a folder or in the hub's cache, and the bytes of its files; about that which its name
    tells where it is still to be downloaded.

    None where neither is told, or not as transformers tells it. BadInput for a configuration that is damaged.
    """
    folder = Path(source)
    if not folder.is_dir():
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(source, "config.json") if source.count("/") == 1 else None
        if not isinstance(found, str):
            named = named_parameters(source)
            return (Size.about(named), 2 * named) if named else None
        folder = Path(found).parent
    stored = sum(f.stat().st_size for f in folder.glob("*.safetensors"))
    stored = stored or sum(f.stat().st_size for f in folder.glob("pytorch_model*.bin"))
    try:
        told = model_settings(folder / "config.json")
        held = BYTES.get(told.get("dtype") or told.get("torch_dtype") or "float32", 4)
        return Size.of(told, stored // held), stored
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
        return None


def there_is() -> int:
    """Bytes of memory that this machine has, or that the container it runs in may use."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 16_000_000_000
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            whole = min(whole, int(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError):  # "max", or another system
            continue
    return whole


def _first(told: dict[str, Any], *names: str) -> int:
    """The first of these that a configuration has. KeyError where it has none."""
    return next((int(told[name]) for name in names if told.get(name)), None) or int(told[names[0]])
