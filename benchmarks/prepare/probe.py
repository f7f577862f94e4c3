"""Trying a pretrained policy before anything is made for it: whether its answers are what its model says."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from benchmarks.common import BadInput, error_words, no_memory
from benchmarks.data import warn_once
from benchmarks.models import Policy, load_policy, sample_tokens, uncounted
from benchmarks.spec import Description, Sampling

ASKED = ("Hi", "Why is that so?")
STEPS = 6
EXACT, ROUNDED = 0.01, 0.1
"""How far two computations of the same logits may be apart, as a part of what lies between the highest and the median
[choice]: in float32, and in fewer bits. What is wrong is apart by about the whole."""
KIND = "its cache may be of another kind than keys and values"
OTHER = "policy = a causal language model with attention alone, such as Llama, Qwen or GPT-2"


def probe_policy(benchmark: Description) -> None:
    """Has a pretrained policy answer two short prompts of different length, as it answers all.

    BadInput for one that does not open, gives no finite numbers, reads what comes later, or says something else with
    its cache and beside another prompt than alone: whatever is trained from it would be wrong.
    """
    path = benchmark.policy
    if not benchmark.pretrained:
        return
    policy = load_policy(
        path, benchmark.max_prompt_tokens, template=benchmark.template,
        max_new_tokens=benchmark.sampling.max_new_tokens, precision=benchmark.precision,
    )  # fmt: skip
    if missing := policy.reader.unasked:
        warn_once(
            f"the chat template of {path} writes {missing!r:.60} before answers, but not where it asks for one: "
            "prompts end otherwise than those that the policy learned from (-c template=... shows them in another)"
        )
    try:
        _compare(policy, path, min(STEPS, benchmark.sampling.max_new_tokens))
    except BadInput:
        raise
    except Exception as error:  # whatever its class is not made for
        if no_memory(error):
            raise
        raise BadInput(
            f"the policy {path} cannot answer: {error_words(error).splitlines()[0][:200]}",
            f"{type(policy.model).__name__} was given two short prompts, and {KIND}",
            OTHER,
        ) from error


@torch.inference_mode()
def _compare(policy: Policy, path: str, steps: int) -> None:
    """BadInput for logits along two greedy answers of so many tokens that are not what the model says of each alone."""
    prompts = policy.encode_prompts(ASKED)
    seen: list[torch.Tensor] = []
    hook = policy.model.register_forward_hook(lambda _, __, output: seen.append(output.logits[:, -1].float()))
    greedy = Sampling(max_new_tokens=steps, temperature=0)
    try:
        with uncounted(policy.model):
            answers = sample_tokens(policy.model, policy.tokenizer, prompts, greedy, np.zeros((2, steps)), ())
    finally:
        hook.remove()
    exact = policy.model.dtype == torch.float32 and not getattr(policy.model, "is_quantized", False)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        whole = [*prompt, *answer]
        alone = _logits(policy, whole)
        top = alone.amax(-1)
        if not top.isfinite().all():  # a NaN is the highest, too
            raise BadInput(
                f"the policy {path} gives no finite numbers",
                f"it says {float(top[~top.isfinite()][0])} of the next token: its weights may be damaged",
                "download or save it again",
            )
        slack = EXACT if exact else ROUNDED
        same = partial(torch.allclose, rtol=0.0, atol=slack * float((top - alone.median(-1).values).max()))
        if not same(_logits(policy, [*whole[:-1], (whole[-1] + 1) % alone.shape[-1]])[:-1], alone[:-1]):
            raise BadInput(
                f"the policy {path} reads what comes later",
                "another last token moved what it says of the next token before that",
                OTHER,
            )
        if not same(torch.stack([step[row] for step in seen]), alone[len(prompt) - 1 : -1]):
            raise BadInput(
                f"the policy {path} answers otherwise with its cache, and beside another prompt, than alone",
                f"{KIND}, or it reads what is padding",
                OTHER,
            )


def _logits(policy: Policy, ids: list[int]) -> torch.Tensor:
    """Logits (T, V) of T tokens, read alone, at once and without a cache."""
    read = torch.tensor([ids], device=policy.model.device)
    with uncounted(policy.model):
        logits: torch.Tensor = policy.model(
            input_ids=read, attention_mask=torch.ones_like(read), use_cache=False
        ).logits[0]
    return logits.float()
