"""Sampling answers token by token: common random numbers, the nucleus, and where an answer is cut."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from torch.nn.functional import pad
from transformers import DynamicCache, PreTrainedTokenizerBase

from benchmarks.models.batching import pad_left
from benchmarks.spec import Sampling

READ_ONCE = 50_000_000
"""Parameters from which on a prompt is read once however often it is answered [choice]. Below, reading costs little,
and the last bits of what a model computes depend on the rows it computes side by side."""
RANKED = (64, 2048)
"""How many of the likeliest tokens are ranked before all are [choice]. With SmolLM2's 49,152 tokens at temperature 1,
64 hold a nucleus of .9 in 60 % of steps, 2,048 in more than 99 %; ranking these takes a quarter of ranking all."""


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


def sample_tokens(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    uniforms: np.ndarray,
    ends: Collection[int],
) -> list[list[int]]:
    """Samples one answer per prompt by inverting the cumulative distribution at the given uniforms (B, steps).

    The tokens `ends` and the stops of `sampling` end it.

    Faster than `generate` on a CPU (`make bench`): finished rows leave the batch, a prompt that is answered several
    times is read once, and no multinomial kernel is called.
    """
    [answers] = deque(growing(model, tokenizer, prompts, sampling, uniforms, ends), maxlen=1)
    return answers


@torch.inference_mode()
def growing(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    uniforms: np.ndarray,
    ends: Collection[int],
) -> Iterator[list[list[int]]]:
    """What `sample_tokens` does: the answers as far as they are, after every token; the last are whole."""
    device = next(model.parameters()).device
    asked, copies = _distinct(prompts, sum(p.numel() for p in model.parameters()))
    input_ids, mask = pad_left(asked, tokenizer.pad_token_id, device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    numbers = torch.as_tensor(uniforms, dtype=torch.float32, device=device)
    cache = DynamicCache()
    stops = Stops(tokenizer, sampling.stop)
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
        if len(logits) < len(rows):  # the prompts are read: from here on every answer has its own row
            each = torch.as_tensor(copies, device=device)
            cache.batch_select_indices(each)
            logits, mask, positions = logits[each], mask[each], positions[each]
        tokens = invert(logits.float(), numbers[:, step], sampling)
        for row, token in enumerate(tokens.tolist()):
            if not finished[row]:
                answer = answers[rows[row]]
                answer.append(token)
                finished[row] = token in ends or stops.reached(answer, len(answer))
        yield answers
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


def _distinct(prompts: Sequence[Sequence[int]], parameters: int) -> tuple[Sequence[Sequence[int]], list[int]]:
    """The prompts that a model of so many parameters has to read, and which of them each one is."""
    if parameters < READ_ONCE:
        return prompts, list(range(len(prompts)))
    places: dict[tuple[int, ...], int] = {}
    copies = [places.setdefault(tuple(prompt), len(places)) for prompt in prompts]
    return list(places), copies


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
    vocabulary, (first, wider) = probabilities.shape[-1], RANKED
    ranked, order = probabilities.topk(min(first, vocabulary), dim=-1)
    mass = ranked.cumsum(-1)
    for width in [vocabulary] if vocabulary < 8 * wider else [wider, vocabulary]:
        short = mass[..., -1] < top_p
        if not bool(short.any()):
            break
        ranked, order = (pad(x, (0, width - x.shape[-1])) for x in (ranked, order))
        some = probabilities[short]
        ranked[short], order[short] = some.topk(width) if width < vocabulary else some.sort(dim=-1, descending=True)
        mass = ranked.cumsum(-1)
    return ranked, order, mass, (mass < top_p).sum(-1, keepdim=True).clamp(max=ranked.shape[-1] - 1)


def cut(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop, without surrounding space; what begins with a stop says nothing.

    >>> cut("Please call a doctor.\\n\\nHuman: Why?", ("\\n\\nHuman:",))
    'Please call a doctor.'
    """
    ends = [position for stop in stops if (position := text.find(stop)) >= 0]
    return text[: min(ends, default=None)].strip()


def settled(text: str, stops: Sequence[str]) -> str:
    """What of an answer that grows will stay: not what may become a stop, or the rest of a letter.

    >>> settled("Please call.\\n\\nHum", ("\\n\\nHuman:",))
    'Please call.'
    """
    text = text.rstrip("\N{REPLACEMENT CHARACTER}")
    held = max((n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0)
    return text[: len(text) - held]


def cut_tokens(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], stops: Sequence[str], ends: Collection[int]
) -> list[int]:
    """The shortest prefix of the token ids that has one of `ends`, or whose text contains a stop; all of them where
    none occurs."""
    ids = ids[: next((n for n, token in enumerate(ids, start=1) if token in ends), None)]
    if not stopped(tokenizer, ids, stops):
        return ids
    lengths, watched = range(1, len(ids) + 1), Stops(tokenizer, stops)
    first = next((n for n in lengths if watched.reached(ids, n)), None)
    return ids[: first or next(n for n in lengths if stopped(tokenizer, ids[:n], stops))]


def stopped(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: Sequence[str]) -> bool:
    """Whether the text of token ids contains a stop."""
    text = tokenizer.decode(ids) if stops else ""
    return any(stop in text for stop in stops)


class Stops:
    """Looks for stops in an answer that grows token by token, at its last few tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stops: Sequence[str]):
        self.tokenizer, self.stops = tokenizer, stops
        self._last = {stop[-1:] for stop in stops} | {"\N{REPLACEMENT CHARACTER}"}
        self._window = max((len(stop.encode()) for stop in stops), default=0) + 4  # a token has a byte or more
        self._may_end: dict[int, bool] = {}

    def reached(self, ids: Sequence[int], length: int) -> bool:
        """Whether the text of the first `length` token ids contains a stop that the last of them completes."""
        if not self.stops or not self._may_complete(ids[length - 1]):
            return False
        seen = ids[max(length - self._window, 0) : length]
        return stopped(self.tokenizer, seen, self.stops) and stopped(self.tokenizer, ids[:length], self.stops)

    def _may_complete(self, token: int) -> bool:
        """Whether the last character of a stop is in a token, or bytes are of which it may be one."""
        if token not in self._may_end:
            text = self.tokenizer.decode([token, token])  # some tokenizers take the space off what comes first
            self._may_end[token] = not self._last.isdisjoint(text)
        return self._may_end[token]
