"""The model that answers: loading, batched sampling, and the KL divergence between two policies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from benchmarks._benchmark import Answer, Sampling
from benchmarks._cost import charge
from benchmarks._torch import attention, setup

BATCH = 128
"""Answers generated side by side on a CPU; results do not depend on it."""


def same(prompt: str) -> str:
    """The template of a policy that reads prompts as they are."""
    return prompt


@dataclass(frozen=True, eq=False)
class Policy:
    """A causal language model, its tokenizer, and how a prompt is presented to it."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    template: Callable[[str], str] = same
    """Writes steering into the prompt, e.g. desired rewards."""
    max_prompt_tokens: int = 512
    """Longer prompts lose their beginning."""

    def steered(self, template: Callable[[str], str]) -> Policy:
        """The same model under another template."""
        return replace(self, template=template)

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return self.model.num_parameters()

    def encode_prompt(self, prompt: str) -> list[int]:
        """Token ids of a prompt under the template, cut from the left to `max_prompt_tokens`."""
        return self.tokenizer(self.template(prompt))["input_ids"][-self.max_prompt_tokens :]

    def encode_response(self, response: str) -> list[int]:
        """Token ids of a response with its leading space and end-of-sequence token."""
        return [*self.tokenizer(" " + response, add_special_tokens=False)["input_ids"], self.tokenizer.eos_token_id]

    def encode(self, answer: Answer) -> tuple[list[int], list[int]]:
        """Token ids of prompt and response."""
        return self.encode_prompt(answer.prompt), self.encode_response(answer.response)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of sampled token ids."""
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()

    def ended(self, ids: Sequence[int], stops: Sequence[str]) -> bool:
        """Whether a sampled answer ended by itself, at its end-of-sequence token or a stop, and did not run out of tokens."""
        return self.tokenizer.eos_token_id in ids[-1:] or _stopped(self.tokenizer, ids, stops)

    def generate(self, prompts: Sequence[str], sampling: Sampling, seed: int, batch: int = BATCH) -> list[str]:
        """One response per prompt. The same prompt and seed give the same response whatever else is in the batch."""
        return [cut(self.decode(ids), sampling.stop) for ids in self.sample(prompts, sampling, seed, batch)]

    def sample(self, prompts: Sequence[str], sampling: Sampling, seed: int, batch: int = BATCH) -> list[list[int]]:
        """Like `generate`, as token ids (with the end-of-sequence token where the answer ended by itself)."""
        encoded = [self.encode_prompt(p) for p in prompts]
        uniforms = draw_uniforms(prompts, sampling.max_new_tokens, seed)
        answers: list[list[int]] = [[] for _ in prompts]
        for rows in by_length(encoded, batch):
            drawn = sample_tokens(self.model, self.tokenizer, [encoded[i] for i in rows], sampling, uniforms[rows])
            for i, ids in zip(rows, drawn, strict=True):
                answers[i] = cut_tokens(self.tokenizer, ids, sampling.stop)
        tokens = sum(map(len, answers))
        prompt_tokens = sum(map(len, encoded))
        charge(generated_tokens=tokens, flops=2.0 * self.parameters * (tokens + prompt_tokens))
        return answers

    def divergence(
        self, reference: Policy, prompts: Sequence[str], answers: Sequence[Sequence[int]], temperature: float = 1.0
    ) -> Divergence:
        """How far each sampled answer is from another policy, see `sequence_divergence`.

        A policy whose answers are not drawn token by token from its model says here what it knows of its own divergence.
        """
        return sequence_divergence(self, reference, prompts, answers, temperature)

    def save(self, folder: Path) -> None:
        """Writes model and tokenizer, loadable by `from_pretrained`."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def load_policy(path: str | Path, max_prompt_tokens: int = 512, device: str | None = None) -> Policy:
    """A policy from a local folder or a hub id, in evaluation mode, on this process's device."""
    device = device or setup()
    tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    kwargs: dict[str, Any] = {"attn_implementation": attention(device)}
    kwargs["dtype"] = torch.bfloat16 if device == "cuda" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(path, **kwargs).to(device).eval()
    if model.num_parameters() < 300_000_000:  # small models stay exact
        model = model.float()
    model.config.pad_token_id = tokenizer.pad_token_id
    return Policy(model, tokenizer, max_prompt_tokens=max_prompt_tokens)


def cut(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop.

    >>> cut("Please call a doctor.\\n\\nHuman: Why?", ("\\n\\nHuman:",))
    'Please call a doctor.'
    """
    ends = [position for stop in stops if (position := text.find(stop)) >= 0]
    return text[: min(ends)].rstrip() if ends else text


def cut_tokens(tokenizer: PreTrainedTokenizerBase, ids: list[int], stops: Sequence[str]) -> list[int]:
    """The shortest prefix of the token ids whose text contains a stop; all of them where none occurs."""
    if not _stopped(tokenizer, ids, stops):
        return ids
    return next(ids[:n] for n in range(1, len(ids) + 1) if _stopped(tokenizer, ids[:n], stops))


def _stopped(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: Sequence[str]) -> bool:
    """Whether the text of token ids contains a stop."""
    return any(stop in tokenizer.decode(ids) for stop in stops)


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


def by_length(sequences: Sequence[Sequence[int]], batch: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first (the first batch then shows the memory peak)."""
    order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    for start in range(0, len(order), batch):
        yield order[start : start + batch]


def pad_left(sequences: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (B, S) and attention mask (B, S)."""
    width = max(map(len, sequences))
    ids = torch.full((len(sequences), width), pad, dtype=torch.long)
    mask = torch.zeros((len(sequences), width), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, width - len(sequence) :] = torch.tensor(sequence)
        mask[row, width - len(sequence) :] = 1
    return ids.to(device), mask.to(device)


def pad_right(
    sequences: Sequence[Sequence[int]], pad: int, device: torch.device, multiple: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (B, S) and attention mask (B, S), S a multiple of `multiple`."""
    width = -max(map(len, sequences)) // multiple * -multiple
    ids = torch.full((len(sequences), width), pad, dtype=torch.long)
    mask = torch.zeros((len(sequences), width), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids.to(device), mask.to(device)


@torch.inference_mode()
def sample_tokens(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    uniforms: np.ndarray,
) -> list[list[int]]:
    """Samples one answer per prompt by inverting the cumulative distribution at the given uniforms (B, steps).

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
                finished[row] = token == tokenizer.eos_token_id
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
    """Of probabilities (..., V): the highest R in order, whose they are, their cumulative sum (..., R), and which of them
    (..., 1) is the last one inside the nucleus."""
    ranked, order = probabilities.topk(min(64, probabilities.shape[-1]), dim=-1)
    if bool((ranked.sum(-1) < top_p).any()):  # rarely are 64 tokens not enough
        ranked, order = probabilities.sort(dim=-1, descending=True)
    mass = ranked.cumsum(-1)
    return ranked, order, mass, (mass < top_p).sum(-1, keepdim=True).clamp(max=ranked.shape[-1] - 1)


class Divergence(NamedTuple):
    """Of N answers from a reference policy, in nats."""

    kl: np.ndarray
    """KL(policy || reference) (N,): the exact divergence of the next-token distributions, summed along the sampled answer.
    Unbiased for answers sampled without a nucleus, and never negative, unlike log-ratios."""
    log_prob: np.ndarray
    """log reference(answer | prompt) (N,): the sum over the answer's tokens."""


@torch.inference_mode()
def sequence_divergence(
    policy: Policy,
    reference: Policy,
    prompts: Sequence[str],
    answers: Sequence[Sequence[int]],
    temperature: float = 1.0,
    batch: int = 64,
) -> Divergence:
    """How far the policy's answers are from the reference, both at `temperature`."""
    ours = [policy.encode_prompt(p) for p in prompts]
    theirs = [reference.encode_prompt(p) for p in prompts]
    kl, log_prob = np.zeros(len(prompts)), np.zeros(len(prompts))
    for rows in by_length([[*p, *a] for p, a in zip(ours, answers, strict=True)], batch):
        taken = [answers[i] for i in rows]
        p = _next_token_log_probs(policy, [ours[i] for i in rows], taken, temperature)
        q = _next_token_log_probs(reference, [theirs[i] for i in rows], taken, temperature)
        lengths = torch.tensor([len(a) for a in taken], device=p.device)
        inside = torch.arange(p.shape[1], device=p.device)[None] < lengths[:, None]
        kl[rows] = ((p.exp() * (p - q)).sum(-1) * inside).sum(-1).clamp(min=0).double().cpu().numpy()
        log_prob[rows] = [_along(path, answer) for path, answer in zip(q, taken, strict=True)]
    return Divergence(kl, log_prob)


@torch.inference_mode()
def sequence_log_probs(
    policy: Policy, sequences: Sequence[tuple[Sequence[int], Sequence[int]]], batch: int = 64, temperature: float = 1.0
) -> np.ndarray:
    """log p(answer | prompt) in nats of each (prompt ids, answer ids) (N,): the sum over the answer's tokens."""
    values = np.zeros(len(sequences))
    for rows in by_length([[*p, *a] for p, a in sequences], batch):
        answers = [sequences[i][1] for i in rows]
        log_probs = _next_token_log_probs(policy, [sequences[i][0] for i in rows], answers, temperature)
        values[rows] = [_along(path, answer) for path, answer in zip(log_probs, answers, strict=True)]
    charge(flops=2.0 * policy.parameters * sum(len(p) + len(a) for p, a in sequences))
    return values


def _along(log_probs: torch.Tensor, answer: Sequence[int]) -> float:
    """Log-probability of an answer, from those of all next tokens along it (T, V)."""
    return float(log_probs[range(len(answer)), list(answer)].double().sum())


def _next_token_log_probs(
    policy: Policy, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], temperature: float
) -> torch.Tensor:
    """Log-probabilities (B, T, V) of every next token along the answers; rows beyond an answer's length are meaningless."""
    device = next(policy.model.parameters()).device
    pad = policy.tokenizer.pad_token_id
    prompt_ids, prompt_mask = pad_left(prompts, pad, device)
    width = max(max(map(len, answers)), 1)
    filled = torch.tensor([[*a, *[pad] * (width - len(a))] for a in answers], device=device)
    ids = torch.cat([prompt_ids, filled], dim=1)
    mask = torch.cat([prompt_mask, torch.ones_like(filled)], dim=1)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = policy.model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=width + 1).logits
    return torch.log_softmax(logits[:, :-1].float() / temperature, dim=-1)
