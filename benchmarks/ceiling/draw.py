"""Drawing what the ceiling is estimated from: answers of several policies, and how likely each finds them.

The starting policy is always one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import DynamicCache, PreTrainedModel

from benchmarks.ceiling.samples import BASE, OTHERS, PROMPTS, Samples, has_samples, read_samples, write_samples
from benchmarks.common import BadInput, Cost, Log, charged_to, kept, locked, silent, whole_folder
from benchmarks.models import Policy, by_length, next_logits, nucleus, pad_right
from benchmarks.prepare import Benchmark
from benchmarks.spec import Sampling

SEED = 10_000
"""Far from those of runs, whose answers the ceiling is held against."""


Load = Callable[[], Policy]


def draw_samples(benchmark: Benchmark, others: Sequence[Load], folder: Path, log: Log = silent) -> Samples:
    """Draws answers of the starting policy and of `others`, with what each policy and each reward makes of them.

    They are kept in `folder`: what is there is read unless it is damaged, what was interrupted goes on. No method is
    charged.

    Of the others one at a time is loaded. Of one that does more than sample from its model nobody can tell how likely
    its answers are: it draws none.
    """
    if benchmark.sampling.temperature == 0:
        raise BadInput(
            f"{benchmark.name} has no ceiling: it decodes greedily",
            "a starting policy that always gives the same answer cannot be tilted towards better ones",
            "measure with -c sampling.temperature=1.0",
        )
    with locked(folder.with_name(f".{folder.name}.lock")):
        if not has_samples(folder):
            with whole_folder(folder) as parts, charged_to(Cost()):
                write_samples(parts, _drawn(benchmark, [lambda: benchmark.prepared.policy, *others], parts, log))
    return read_samples(folder)


def _drawn(benchmark: Benchmark, policies: Sequence[Load], parts: Path, log: Log) -> Samples:
    """First every policy answers, then every policy reads all answers, then they are scored.

    What is done lies in `parts`.
    """
    prompts, sampling = benchmark.prompts("test")[:PROMPTS], benchmark.sampling
    others = len(policies) - 1
    asked_for = [BASE, *[OTHERS // others] * others] if others else [BASE + OTHERS]
    drawn = []
    for j, (load, count) in enumerate(zip(policies, asked_for, strict=True)):
        log("answers", j, len(policies), {})
        drawn.append(kept(parts / f"answers-{j}.json", partial(_answers, load, prompts, count, sampling, SEED + j)))
    answers = [[ids for each in drawn for ids in each[i]] for i in range(len(prompts))]
    counts = [len(each[0]) for each in drawn]
    log_probs = []
    for j, load in enumerate(policies):
        log("probabilities", j, len(policies), {})
        if counts[j]:
            read = partial(_log_probs, load, prompts, answers, sampling)
            log_probs.append(kept(parts / f"log-probs-{j}.json", read))
    log("scores", 0, 1, {})
    asked = [prompt for prompt, each in zip(prompts, answers, strict=True) for _ in each]
    responses = [benchmark.prepared.policy.decode(ids, sampling.stop) for each in answers for ids in each]
    shape = len(prompts), sum(counts), len(benchmark.objectives)
    return Samples(
        counts=tuple(n for n in counts if n),
        rewards=benchmark.rewards(asked, responses).reshape(shape),
        scores=benchmark.scores(asked, responses).reshape(shape),
        log_probs=np.stack(log_probs, axis=-1),
    )


def _answers(load: Load, prompts: Sequence[str], count: int, sampling: Sampling, seed: int) -> list[list[list[int]]]:
    """Token ids of a policy's answers (N, count) to the prompts; of a policy that is more than its model, none."""
    policy = load()
    if not (type(policy) is Policy and isinstance(policy.model, (PreTrainedModel, PeftModel))):
        return [[] for _ in prompts]
    ids = policy.sample([prompt for prompt in prompts for _ in range(count)], sampling, seed)
    return [ids[i * count : (i + 1) * count] for i in range(len(prompts))]


def _log_probs(
    load: Load, prompts: Sequence[str], answers: Sequence[Sequence[Sequence[int]]], sampling: Sampling
) -> list[list[float]]:
    """What a policy makes of the answers (N, S) to the prompts."""
    policy = load()
    return [decoded_log_probs(policy, p, each, sampling).tolist() for p, each in zip(prompts, answers, strict=True)]


@torch.inference_mode()
def decoded_log_probs(
    policy: Policy, prompt: str, answers: Sequence[Sequence[int]], sampling: Sampling, batch: int = 64
) -> np.ndarray:
    """log p(answer | prompt) in nats (S,) of answers as `Policy.sample` draws them.

    Temperature and nucleus count, so that -inf is what the policy never says. The prompt is read once per batch, not
    once per answer.
    """
    device = next(policy.model.parameters()).device
    asked = torch.tensor([policy.encode_prompt(prompt)], device=device)
    width = asked.shape[1]
    values = np.empty(len(answers))
    for rows in by_length(answers, batch):
        ids, mask = pad_right([answers[i] for i in rows], policy.tokenizer.pad_token_id, device)
        cache = DynamicCache()
        first = policy.model(input_ids=asked, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        cache.batch_repeat_interleave(len(rows))
        rest = {
            "input_ids": ids,
            "attention_mask": torch.cat([mask.new_ones(len(rows), width), mask], dim=1),
            "position_ids": torch.arange(width, width + ids.shape[1], device=device).expand(len(rows), -1),
            "past_key_values": cache,
            "use_cache": True,
        }
        log_probs = torch.zeros(ids.shape, dtype=torch.float64, device=device)
        following = ((start + 1, logits) for start, logits in next_logits(policy.model, rest, ids.shape[1] - 1))
        for start, logits in chain([(0, first.expand(len(rows), -1, -1))], following):
            columns = slice(start, start + logits.shape[1])
            inside = mask[:, columns].bool()
            log_probs[:, columns][inside] = token_log_probs(logits[inside], ids[:, columns][inside], sampling).double()
        values[rows] = log_probs.sum(dim=1).cpu().numpy()
    return values


def token_log_probs(logits: torch.Tensor, tokens: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """log p (L,) of tokens (L,) under softmax(logits / temperature) within its nucleus of mass top_p, -inf outside.

    Whether a token is just inside may depend on the last bits of its logits, which differ between sampling and reading.
    The edge is soft by what these can be wrong, so that no policy finds its own answers impossible.
    """
    soft = 0.02 if logits.dtype == torch.bfloat16 else 1e-4
    probabilities = torch.softmax(logits.float() / sampling.temperature, dim=-1)
    taken = probabilities.gather(1, tokens[:, None])
    if sampling.top_p >= 1:
        return taken.log()[:, 0]
    ranked, _, mass, edge = nucleus(probabilities, min(sampling.top_p + soft, 1.0))
    last = (mass < sampling.top_p).sum(-1, keepdim=True).minimum(edge)
    inside = taken >= ranked.gather(1, edge) * (1 - soft)
    return torch.where(inside, taken.log() - mass.gather(1, last).log(), -torch.inf)[:, 0]
