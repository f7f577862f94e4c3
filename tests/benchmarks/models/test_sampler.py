"""The sampler: which token a quantile is, where an answer ends as it grows, and what is read how often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from benchmarks.models import sampler
from benchmarks.models.policy import Policy
from benchmarks.models.sampler import cut_tokens, invert, stopped
from benchmarks.spec.settings import Sampling
from tests.benchmarks.models.test_policy import PROMPTS, Script
from tests.kit.tokenizers import tiny_tokenizer

MakePolicy = Callable[..., Policy]


@pytest.mark.parametrize("vocabulary", [900, 49_152])
def test_the_token_is_that_of_ranking_all(vocabulary: int) -> None:
    """Rows whose nucleus has from a few to nearly all tokens; ranking is done by hand, in double precision."""
    sharpness = torch.tensor([8.0, 4.0, 2.5, 2.0, 1.5, 1.0, 0.5, 0.02]).repeat(5)
    generator = torch.Generator().manual_seed(1)
    logits = sharpness[:, None] * torch.randn(len(sharpness), vocabulary, generator=generator)
    uniforms = torch.rand(len(sharpness), generator=generator)
    drawn = invert(logits, uniforms, Sampling(max_new_tokens=1, top_p=0.9)).tolist()
    sizes = []
    for p, u, token in zip(torch.softmax(logits, -1).numpy(), uniforms.tolist(), drawn, strict=True):
        order = np.argsort(-p, kind="stable")
        mass = p[order].astype(float).cumsum()
        sizes.append(int(np.searchsorted(mass, 0.9)) + 1)
        assert token == order[np.searchsorted(mass, u * mass[sizes[-1] - 1], side="right")]
    assert min(sizes) <= 64
    assert max(sizes) > 2048 or vocabulary < 2048
    assert any(64 < size <= 2048 for size in sizes)


def test_equal_probabilities_are_drawn_alike() -> None:
    """Half precision makes many logits equal, so ranks are not unique; which mass a quantile falls on is.

    2^14 tokens of 64 different probabilities, each 256 times: the quantile q of the nucleus has the same probability
    in every order.
    """
    values = (0.25 * torch.arange(64.0)).bfloat16()
    logits = values[torch.randperm(2**14, generator=torch.Generator().manual_seed(0)) % 64].expand(50, -1)
    uniforms = torch.linspace(0, 0.999, 50)
    tokens = invert(logits.float(), uniforms, Sampling(max_new_tokens=1, top_p=0.9))
    p = torch.softmax(logits[0].double(), -1)
    ranked = p.sort(descending=True).values
    mass = ranked.cumsum(0)
    inside = int((mass < 0.9).sum())
    places = torch.searchsorted(mass, uniforms.double() * mass[inside], right=True)
    assert torch.equal(p[tokens], ranked[places])
    assert inside > 64


def test_an_answer_ends_as_it_reaches_a_stop(tokenizer: PreTrainedTokenizerFast) -> None:
    """The model is asked once for every token up to the stop's last, and not again."""
    text, stop = " Please call a doctor.\n\nHuman: Why not now?", ("\n\nHuman:",)
    ids = tokenizer(text)["input_ids"]
    policy = Policy(Script(ids, len(tokenizer("Hello")["input_ids"]), len(tokenizer)), tokenizer)
    calls: list[None] = []
    policy.model.register_forward_hook(lambda *_: calls.append(None))
    kept = policy.sample(["Hello"] * 3, Sampling(max_new_tokens=len(ids), stop=stop), 0)
    assert tokenizer.decode(kept[0]).endswith("\n\nHuman:")
    assert len(calls) == len(kept[0]) < len(ids)


def test_half_precision_and_another_attention_draw_from_the_same_distribution(random_policy: MakePolicy) -> None:
    """Pearson's chi-square of 6000 second tokens against what fp32 and plain attention say of them: mean df, variance
    2 df; five SDs are allowed. A rounding of half a percent adds 6000 * .005^2, less than one."""
    policy, rule, N = random_policy(2, 0.4), Sampling(max_new_tokens=2, temperature=0.8, top_p=1.0), 6000
    half: Any = random_policy(2, 0.4).model
    policy.model.set_attn_implementation("eager")
    half.set_attn_implementation("sdpa")
    ids = torch.tensor([policy.encode_prompt("Hello there, you")])
    every = torch.arange(len(policy.tokenizer))[:, None]
    with torch.no_grad():
        rows = policy.model(torch.cat([ids.expand(len(every), -1), every], dim=1)).logits[:, -2:].double() / 0.8
    first, second = rows[0, 0].softmax(-1), rows[:, 1].softmax(-1)
    first[list(policy.ends)] = 0  # answers that end have no second token
    exact = (first @ second).numpy()
    drawn = replace(policy, model=half.bfloat16()).sample(["Hello there, you"] * N, rule, 0, batch=N)
    counts = np.bincount([ids[1] for ids in drawn if len(ids) > 1], minlength=len(exact))
    common = exact * N >= 5
    observed = np.array([*counts[common], counts[~common].sum()])
    expected = np.array([*exact[common], exact[~common].sum()]) * counts.sum() / exact.sum()
    df = len(expected) - 1
    assert df > 20
    assert ((observed - expected) ** 2 / expected).sum() < df + 5 * np.sqrt(2 * df)


PIECES = st.sampled_from(["\n\nHuman:", "Human", ":", "\n", " ", "a", "Why not", "\u00e4", "\U0001f600", "\U0001f601"])
TOKENIZERS = {kind: tiny_tokenizer(kind) for kind in ("bytes", "pieces")}


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_the_cut_is_the_shortest_prefix_with_a_stop(kind: str, data: st.DataObject) -> None:
    """Token ids of texts with stops and halves of them, and any ids, whose bytes may be no text at all."""
    tokenizer = TOKENIZERS[kind]
    stops = tuple(data.draw(st.lists(PIECES, min_size=1, max_size=2)))
    written = tokenizer("".join(data.draw(st.lists(PIECES, max_size=12))))["input_ids"]
    ids = [*written, *data.draw(st.lists(st.integers(0, len(tokenizer) - 1), max_size=25))]
    shortest = next((ids[:n] for n in range(len(ids) + 1) if stopped(tokenizer, ids[:n], stops)), ids)
    assert cut_tokens(tokenizer, ids, stops, ()) == shortest


def test_a_long_answer_is_cut_in_linear_time(tokenizer: PreTrainedTokenizerFast) -> None:
    """What is decoded: the whole twice, every token once, and a window of the stop's bytes and four for each of the
    400 tokens that have its last character; not every prefix, which would be 800 * 801 / 2 tokens."""
    ids = [*tokenizer("a:")["input_ids"] * 400, *tokenizer("\n\nHuman:")["input_ids"]]
    decoded = 0

    class Counting:
        def decode(self, ids: Sequence[int]) -> str:
            nonlocal decoded
            decoded += len(ids)
            return str(tokenizer.decode(ids))

    assert cut_tokens(Counting(), ids, ("\n\nHuman:",), ()) == ids  # type: ignore[arg-type]
    assert decoded < 3 * len(ids) + 401 * (8 + 4)


def test_a_prompt_answered_several_times_is_read_once(
    random_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers are those to a prompt that is read for each of them, also as rows end one after the other."""
    policy = random_policy(1, 0.3)
    prompts = [prompt for prompt in PROMPTS[:5] for _ in range(6)] + PROMPTS[1:3]
    read: list[int] = []
    policy.model.register_forward_hook(
        lambda _, __, kwargs, ___: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    sampling = Sampling(max_new_tokens=12, stop=("a",))
    each = policy.sample(prompts, sampling, 3)
    first = read[0]
    read.clear()
    monkeypatch.setattr(sampler, "READ_ONCE", 0)
    assert policy.sample(prompts, sampling, 3) == each
    assert (read[0], first) == (read[0], read[0] // 5 * len(prompts))
    assert len(set(map(len, each))) > 2
