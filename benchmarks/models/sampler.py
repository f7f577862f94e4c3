"""Sampling answers token by token: common random numbers, the nucleus, and where an answer is cut."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch.nn.functional import pad
from transformers import DynamicCache, PreTrainedTokenizerBase

from benchmarks.models.batching import pad_left
from benchmarks.spec import Sampling


def draw_uniforms(prompts: Sequence[str], steps: int, seed: int) -> np.ndarray:
    """One uniform number per prompt and token (N, steps), a function of seed, prompt and how often it came before.

    Shared by all policies and weights: common random numbers make their differences less noisy.
    """
    seen: dict[str, int] = {}
    rows = np.empty((len(prompts), steps))
    for i, prompt in enumerate(prompts):
        repeat = seen[prompt] = seen.get(prompt, -1) + 1
        key = hashlib.blake2b(f"{seed}\0{repeat}\0{prompt}".encode(), digest_size=16).digest()
        rows[i] = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little"))).random(steps)
    return rows


@torch.inference_mode()
def sample_tokens(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    uniforms: np.ndarray,
    ends: Collection[int],
) -> list[list[int]]:
    """Samples one answer per prompt by inverting the cumulative distribution at the given uniforms (B, steps).

    The tokens `ends` end it.

    Faster than `generate` on a CPU (`make bench`): finished rows leave the batch, and no multinomial kernel is called.
    """
    device = next(model.parameters()).device
    input_ids, mask = pad_left(prompts, tokenizer.pad_token_id, device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    numbers = torch.as_tensor(uniforms, dtype=torch.float32, device=device)
    cache = DynamicCache()
    answers: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # which prompt each row of the batch answers
    finished = np.zeros(len(rows), dtype=bool)
    for step in range(sampling.max_new_tokens):
        logits = model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        tokens = invert(logits.float(), numbers[:, step], sampling)
        for row, token in enumerate(tokens.tolist()):
            if not finished[row]:
                answers[rows[row]].append(token)
                finished[row] = token in ends
        if finished.all():
            break
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        positions = positions[:, -1:] + 1
        if finished.mean() > 0.15:  # below that, copying the cache costs more than it saves
            alive = np.flatnonzero(~finished)
            keep = torch.as_tensor(alive, device=device)
            cache.batch_select_indices(keep)
            mask, positions, tokens, numbers = mask[keep], positions[keep], tokens[keep], numbers[keep]
            rows = [rows[i] for i in alive]
            finished = finished[alive]
        input_ids = tokens[:, None]
    return answers


def invert(logits: torch.Tensor, uniforms: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Tokens (B,) at the given quantiles of softmax(logits / temperature) restricted to its nucleus of mass top_p.

    Temperature 0 is greedy. The nucleus is the smallest set of most probable tokens whose mass reaches top_p
    (Holtzman et al. 2020).
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits / sampling.temperature, dim=-1)
    if sampling.top_p >= 1:
        mass = probabilities.cumsum(-1)
        chosen = torch.searchsorted(mass, (uniforms * mass[:, -1])[:, None], right=True)[:, 0]
        return chosen.clamp(max=logits.shape[-1] - 1)
    _, order, mass, last = nucleus(probabilities, sampling.top_p)
    target = uniforms[:, None] * mass.gather(1, last)
    chosen = torch.searchsorted(mass, target, right=True).minimum(last)
    return order.gather(1, chosen)[:, 0]


def nucleus(probabilities: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ranks probabilities (..., V) and finds where their nucleus ends.

    Returns the highest R in order, whose they are, their cumulative sum (..., R), and which of them (..., 1) is the
    last one inside the nucleus. Beyond that one, zeros may stand for the rest.
    """
    ranked, order = probabilities.topk(min(64, probabilities.shape[-1]), dim=-1)
    mass = ranked.cumsum(-1)
    short = mass[..., -1] < top_p
    if bool(short.any()):  # rarely are 64 tokens not enough
        ranked, order = (pad(x, (0, probabilities.shape[-1] - x.shape[-1])) for x in (ranked, order))
        ranked[short], order[short] = probabilities[short].sort(dim=-1, descending=True)
        mass = ranked.cumsum(-1)
    return ranked, order, mass, (mass < top_p).sum(-1, keepdim=True).clamp(max=ranked.shape[-1] - 1)


def cut(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop, without surrounding space; what begins with a stop says nothing.

    >>> cut("Please call a doctor.\\n\\nHuman: Why?", ("\\n\\nHuman:",))
    'Please call a doctor.'
    """
    ends = [position for stop in stops if (position := text.find(stop)) >= 0]
    return text[: min(ends, default=None)].strip()


def cut_tokens(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], stops: Sequence[str], ends: Collection[int]
) -> list[int]:
    """The shortest prefix of the token ids that has one of `ends`, or whose text contains a stop; all of them where
    none occurs."""
    ids = ids[: next((n for n, token in enumerate(ids, start=1) if token in ends), None)]
    if not stopped(tokenizer, ids, stops):
        return ids
    return next(ids[:n] for n in range(1, len(ids) + 1) if stopped(tokenizer, ids[:n], stops))


def stopped(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: Sequence[str]) -> bool:
    """Whether the text of token ids contains a stop."""
    return any(stop in tokenizer.decode(ids) for stop in stops)
