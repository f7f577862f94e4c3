"""The model that answers, and how far its answers are from another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.common import answering, charge, check_texts, reading
from benchmarks.models.batching import by_length, pad_left
from benchmarks.models.counting import counted, language_models, uncounted
from benchmarks.models.device import attention, room, setup
from benchmarks.models.memory import MADE_HERE, Size, fitting
from benchmarks.models.opening import check_fit, held_in, in_4bit, open_config, open_model, open_reader
from benchmarks.models.pieces import next_logits
from benchmarks.models.reader import Reader
from benchmarks.models.sampler import cut, cut_tokens, draw_uniforms, growing, sample_tokens, settled, stopped
from benchmarks.spec import IN_4BIT, PLAIN, Answer, Description, Sampling, policy_source

ANSWERS_AT_ONCE = 136
"""Answers generated side by side, a third of the usual 400; results do not depend on it."""


def same(prompt: str) -> str:
    """The template of a policy that reads prompts as they are."""
    return prompt


@dataclass(frozen=True, eq=False)
class Policy:
    """A causal language model, its tokenizer, and how a prompt is presented to it.

    What passes through the model is charged to the ledger in force, in whoever's loop.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    template: Callable[[str], str] = same
    """Makes of a prompt, as a person asked it, the prompt that is shown: with desired rewards in it, for instance."""
    max_prompt_tokens: int = 512
    """Longer prompts lose their beginning."""
    form: str = PLAIN
    """How prompts are shown, see `Reader`."""
    pretrained: bool = False
    """Whether it was made elsewhere, not at preparation."""
    stored: torch.dtype = torch.float32
    """What its weights came in, and are stored in."""
    ends: tuple[int, ...] = ()
    """The tokens that end an answer; empty: EOS and whatever else the model's generation settings name."""

    def __post_init__(self) -> None:
        counted(self.model)
        ends = dict.fromkeys((self.reader.end, *_ends(self.model, self.tokenizer)))
        object.__setattr__(self, "ends", self.ends or tuple(ends))

    @cached_property
    def reader(self) -> Reader:
        """What makes token ids of prompts and answers."""
        return Reader(self.tokenizer, self.form, self.max_prompt_tokens)

    def steered(self, write: Callable[[str], str]) -> Policy:
        """This policy's model, told what `write` writes into what the user says, see `Reader.steer`; after what it is
        told already."""
        before, steer = self.template, partial(self.reader.steer, write=write)
        return replace(self, template=steer if before is same else lambda prompt: steer(before(prompt)))

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return self.model.num_parameters()

    def encode_prompts(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of each prompt under the template, cut from the left to `max_prompt_tokens`."""
        return self.reader.encode_prompts([self.template(prompt) for prompt in prompts])

    def encode_prompt(self, prompt: str) -> list[int]:
        """Token ids of one prompt, see `encode_prompts`."""
        return self.encode_prompts([prompt])[0]

    def encode(self, answer: Answer) -> tuple[list[int], list[int]]:
        """Token ids of prompt and response, with the token that ends it."""
        return self.reader.encode(self.template(answer.prompt), answer.response)

    def decode(self, ids: Sequence[int], stops: Sequence[str]) -> str:
        """The response that sampled token ids are, see `cut`."""
        said = ids[:-1] if ids and ids[-1] in self.ends else ids  # which may be no special token
        return cut(self.tokenizer.decode(said, skip_special_tokens=True), stops)

    def ended(self, ids: Sequence[int], stops: Sequence[str]) -> bool:
        """Whether a sampled answer ended by itself, at one of its `ends` or a stop, not for lack of room."""
        return any(token in self.ends for token in ids[-1:]) or stopped(self.tokenizer, ids, stops)

    def generate(
        self, prompts: Sequence[str], sampling: Sampling, seed: int, batch: int = ANSWERS_AT_ONCE
    ) -> list[str]:
        """One response per prompt, see `sample`."""
        return [self.decode(ids, sampling.stop) for ids in self.sample(prompts, sampling, seed, batch)]

    def stream(self, prompt: str, sampling: Sampling, seed: int) -> Iterator[str]:
        """The response that `generate` gives, as far as it is certain: each text begins with the one before."""
        encoded, uniforms = self.encode_prompts([prompt]), draw_uniforms([prompt], sampling.max_new_tokens, seed)
        said = ""
        for [ids] in growing(self.model, self.tokenizer, encoded, sampling, uniforms, self.ends):
            yield settled(said := self.decode(ids, sampling.stop), sampling.stop)
        yield said

    def finish(self, prompts: Sequence[str], sampling: Sampling, seed: int) -> list[Answer]:
        """A sampled answer to each prompt, without those that ran out of tokens: none where all of them did."""
        drawn = zip(prompts, self.sample(prompts, sampling, seed), strict=True)
        stop = sampling.stop
        return [Answer(prompt, self.decode(ids, stop)) for prompt, ids in drawn if self.ended(ids, stop)]

    def sample(
        self, prompts: Sequence[str], sampling: Sampling, seed: int, batch: int = ANSWERS_AT_ONCE
    ) -> list[list[int]]:
        """One response per prompt as token ids, with the token that ends it where it ended by itself.

        In float32 the same prompt and seed give the same ids whatever else is in the batch. In bfloat16 rounding
        depends on that.
        """
        check_texts("prompts", prompts)
        encoded = self.encode_prompts(prompts)
        uniforms = draw_uniforms(prompts, sampling.max_new_tokens, seed)
        answers: list[list[int]] = [[] for _ in prompts]
        done = 0
        batch = side_by_side(self, max(map(len, encoded), default=0) + sampling.max_new_tokens, batch)
        with uncounted(self.model):  # rows that are finished wait for the others, at nobody's cost
            for rows in by_length(encoded, batch):
                asked = [encoded[i] for i in rows]
                drawn = sample_tokens(self.model, self.tokenizer, asked, sampling, uniforms[rows], self.ends)
                for i, ids in zip(rows, drawn, strict=True):
                    answers[i] = cut_tokens(self.tokenizer, ids, sampling.stop, self.ends)
                done += len(rows)
                answering(done, len(prompts))
        tokens = sum(map(len, answers))
        prompt_tokens = sum(map(len, encoded))
        charge(generated_tokens=tokens, flops=2.0 * self.parameters * (tokens + prompt_tokens))
        return answers

    def divergence(
        self, reference: Policy, prompts: Sequence[str], answers: Sequence[Sequence[int]], temperature: float = 1.0
    ) -> Divergence:
        """How far each sampled answer is from another policy, see `sequence_divergence`.

        A policy whose answers are not drawn token by token from its model says here what it knows of its own
        divergence.
        """
        return sequence_divergence(self, reference, prompts, answers, temperature)

    def save(self, folder: Path) -> None:
        """Writes model and tokenizer, loadable by `from_pretrained`."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def side_by_side(policy: Policy, tokens: int, most: int) -> int:
    """How many answers are drawn at a time, of `tokens` each with their prompts: `most`, or what memory allows."""
    found = language_models(policy.model)
    if not found or policy.parameters < MADE_HERE:
        return most
    size = Size.of(found[0].config, policy.parameters)
    return fitting(size, tokens, next(policy.model.parameters()).element_size(), room(), most)


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """EOS, and the tokens that end an answer by the generation settings of a model, if it has some."""
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    others = named if isinstance(named, list) else [named]
    return tuple(dict.fromkeys(token for token in (tokenizer.eos_token_id, *others) if token is not None))


def load_policy(
    path: str | Path,
    max_prompt_tokens: int = 512,
    device: str | None = None,
    *,
    template: str = "",
    max_new_tokens: int = 0,
    precision: str = "",
    reader: Reader | None = None,
) -> Policy:
    """A policy from a local folder or a hub id, in evaluation mode, on this process's device.

    It reads as another does whose `reader` is given. `template` is as in `open_reader`, `precision` as in
    `Description`. BadInput for what the former refuses, for what is no such model or lacks weights, for a model without
    an embedding for each token, and for one with fewer positions than a prompt and an answer of `max_new_tokens` need.
    """
    device = device or setup()
    reader = reader or open_reader(path, max_prompt_tokens, template)
    tokenizer = reader.tokenizer
    stored = open_config(path).get_text_config().dtype or torch.float32
    if precision == IN_4BIT:
        model = in_4bit(path, device)
    else:
        held = held_in(path, device, precision)
        model = open_model(path, dtype=held, attn_implementation=attention(device)).to(device)
    check_fit(path, model, tokenizer, max_prompt_tokens, max_new_tokens)
    _make_storable(model)
    model.config.pad_token_id = tokenizer.pad_token_id
    return Policy(model.eval(), tokenizer, max_prompt_tokens=max_prompt_tokens, form=reader.form, stored=stored)


def _make_storable(model: PreTrainedModel) -> None:
    """Leaves of published generation settings that no checkpoint could be written with what moa reads of them: where an
    answer ends."""
    settings = model.generation_config
    try:
        if settings:
            settings.validate(strict=True)
    except ValueError:
        kept = ("eos_token_id", "bos_token_id", "pad_token_id")
        model.generation_config = GenerationConfig(**{name: getattr(settings, name) for name in kept})


def starting_policy(benchmark: Description, trained: Path | None = None) -> Policy:
    """A fresh copy of the policy that every method starts from, as the benchmark shows it prompts and holds it; or of
    what that became, whole in a folder, in the float32 that it was trained in."""
    reader, most = starting_reader(benchmark), benchmark.sampling.max_new_tokens
    precision = "float32" if trained else benchmark.precision
    with _reading(source := trained or policy_source(benchmark)):
        policy = load_policy(
            source, benchmark.max_prompt_tokens, max_new_tokens=most, precision=precision, reader=reader
        )
    return replace(policy, pretrained=benchmark.pretrained)


def starting_reader(benchmark: Description) -> Reader:
    """How that policy reads, for which it is not loaded."""
    with _reading(source := policy_source(benchmark)):
        return open_reader(source, benchmark.max_prompt_tokens, benchmark.template)


def _reading(source: str | Path) -> AbstractContextManager[None]:
    """Reads a policy; one that was made here is checked."""
    return reading(source) if isinstance(source, Path) else nullcontext()


class Divergence(NamedTuple):
    """How far N answers are from a reference policy, in nats."""

    kl: np.ndarray
    """KL(policy || reference) (N,): the exact one of next-token distributions, summed along the sampled answer.
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
    ours, theirs = policy.encode_prompts(prompts), reference.encode_prompts(prompts)
    kl, log_prob = np.zeros(len(prompts)), np.zeros(len(prompts))
    for rows in by_length([[*p, *a] for p, a in zip(ours, answers, strict=True)], batch):
        taken = [answers[i] for i in rows]
        per_token, likely = [], []
        others = _next_token_log_probs(reference, [theirs[i] for i in rows], taken, temperature)
        for start, p in _next_token_log_probs(policy, [ours[i] for i in rows], taken, temperature):
            _, q = next(others)
            likely.append(_of_tokens(q, taken, start))
            per_token.append(p.exp().mul_(p.sub_(q)).sum(-1))
            del p, q  # before the next piece, each being large
        lengths = torch.tensor([len(a) for a in taken], device=per_token[0].device)
        inside = torch.arange(int(lengths.max()), device=lengths.device)[None] < lengths[:, None]
        kl[rows] = (torch.cat(per_token, dim=1) * inside).sum(-1).clamp(min=0).double().cpu().numpy()
        log_prob[rows] = _along(likely, taken)
    return Divergence(kl, log_prob)


@torch.inference_mode()
def sequence_log_probs(
    policy: Policy, sequences: Sequence[tuple[Sequence[int], Sequence[int]]], batch: int = 64, temperature: float = 1.0
) -> np.ndarray:
    """log p(answer | prompt) in nats of each (prompt ids, answer ids) (N,): the sum over the answer's tokens."""
    values = np.zeros(len(sequences))
    for rows in by_length([[*p, *a] for p, a in sequences], batch):
        answers = [sequences[i][1] for i in rows]
        pieces = _next_token_log_probs(policy, [sequences[i][0] for i in rows], answers, temperature)
        values[rows] = _along([_of_tokens(piece, answers, start) for start, piece in pieces], answers)
    return values


def _of_tokens(log_probs: torch.Tensor, answers: Sequence[Sequence[int]], start: int) -> torch.Tensor:
    """Log-probabilities (B, t) of the answers' tokens from `start` on, from those of all next tokens (B, t, V)."""
    tokens = torch.tensor([[*a[start:], *[0] * log_probs.shape[1]][: log_probs.shape[1]] for a in answers])
    return log_probs.gather(2, tokens.to(log_probs.device)[..., None])[..., 0]


def _along(pieces: Sequence[torch.Tensor], answers: Sequence[Sequence[int]]) -> list[float]:
    """Log-probability of each answer, from those of its tokens in pieces (B, t)."""
    per_token = torch.cat([*pieces], dim=1)
    return [float(row[: len(answer)].double().sum()) for row, answer in zip(per_token, answers, strict=True)]


def _next_token_log_probs(
    policy: Policy, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], temperature: float
) -> Iterator[tuple[int, torch.Tensor]]:
    """Log-probabilities (B, t, V) of every next token along the answers, in pieces, and where each piece begins.

    Rows beyond an answer's end mean nothing.
    """
    device = next(policy.model.parameters()).device
    pad = policy.tokenizer.pad_token_id
    prompt_ids, prompt_mask = pad_left(prompts, pad, device)
    width = max(max(map(len, answers)), 1)
    filled = torch.tensor([[*a, *[pad] * (width - len(a))] for a in answers], device=device)
    mask = torch.cat([prompt_mask, torch.ones_like(filled)], dim=1)
    inputs = {
        "input_ids": torch.cat([prompt_ids, filled], dim=1),
        "attention_mask": mask,
        "position_ids": (mask.cumsum(-1) - 1).clamp(min=0),
    }
    charge(flops=2.0 * policy.parameters * (sum(map(len, prompts)) + sum(map(len, answers))))
    for start, logits in next_logits(policy.model, inputs, width):
        log_probs = torch.log_softmax(logits.float() / temperature, dim=-1)
        del logits
        yield start, log_probs
        del log_probs
