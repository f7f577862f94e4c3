"""Sampling and KL: against exact distributions, brute force and `generate` of transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models.batching import by_length
from benchmarks.models.policy import Policy, load_policy, sequence_divergence
from benchmarks.models.sampler import cut, cut_tokens, draw_uniforms, invert, nucleus
from benchmarks.models.scratch import _put_numbers_on_a_line
from benchmarks.spec.answers import Answer
from benchmarks.spec.settings import Sampling

MakePolicy = Callable[..., Policy]
PROMPTS = [f"{'Hello there, ' * (i % 4)}call {i}" for i in range(17)]
FREE = Sampling(max_new_tokens=12, top_p=0.95)


class Bigram(torch.nn.Module):
    """A policy one can compute by hand: the logits (V,) of the next token depend on the last one alone."""

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def num_parameters(self) -> int:
        return self.logits.numel()

    def forward(self, input_ids: torch.Tensor, logits_to_keep: int, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.logits[input_ids[:, -logits_to_keep:]])


class Script(torch.nn.Module):
    """Says the same tokens to every prompt of `width` tokens."""

    def __init__(self, tokens: Sequence[int], width: int, vocabulary: int):
        super().__init__()
        self.rows = torch.nn.Parameter(50.0 * torch.nn.functional.one_hot(torch.tensor(tokens), vocabulary).float())
        self.width = width

    def num_parameters(self) -> int:
        return 1

    def forward(self, input_ids: torch.Tensor, position_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.rows[position_ids[:, -1:] - self.width + 1])


def countdown(tokenizer: PreTrainedTokenizerFast) -> Policy:
    """After digit d it says d - 1, after 0 it ends."""
    digits = [tokenizer(str(d))["input_ids"] for d in range(10)]
    assert all(len(d) == 1 for d in digits)
    logits = torch.full((len(tokenizer), len(tokenizer)), -40.0)
    for d in range(1, 10):
        logits[digits[d][0], digits[d - 1][0]] = 0
    logits[digits[0][0], tokenizer.eos_token_id] = 0
    return Policy(Bigram(logits), tokenizer)


# The tokenizer of scratch models


@given(text=st.text())
@settings(deadline=None)
@example(" 4.05 -4.0 14.0 4.0.1 \u00e4\u2028\U0001f600\r\n\t")
def test_the_tokenizer_loses_nothing(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    """Any text, also one the tokenizer was not trained on, comes back as it was."""
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_numbers_never_read_are_on_a_line(tokenizer: PreTrainedTokenizerFast, random_policy: MakePolicy) -> None:
    """ " -4.0" to " 4.0" are one token each; equal steps in value are equal steps in their embeddings. Others stay as
    they are."""
    ids = [tokenizer(f" {n / 10:.1f}")["input_ids"] for n in range(-40, 41)]
    assert {len(i) for i in ids} == {1}
    assert len({i[0] for i in ids}) == 81
    model: Any = random_policy().model
    before = model.get_input_embeddings().weight.detach().clone()
    read = set(range(len(before))) - {i[0] for i in ids}
    _put_numbers_on_a_line(model, tokenizer, read)
    after = model.get_input_embeddings().weight.detach()
    steps = after[[i[0] for i in ids]].diff(dim=0)
    assert steps.norm(dim=1).min() > 0
    assert torch.allclose(steps, steps.mean(dim=0).expand_as(steps), atol=1e-5)
    assert torch.equal(after[sorted(read)], before[sorted(read)])


# Sampling


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_answers_do_not_depend_on_batch_or_order(random_policy: MakePolicy, batch: int) -> None:
    policy = random_policy()
    alone = [policy.sample([p], FREE, 5, batch=1)[0] for p in PROMPTS]
    assert policy.sample(PROMPTS, FREE, 5, batch=batch) == alone
    order = np.random.default_rng(batch).permutation(len(PROMPTS))
    assert policy.sample([PROMPTS[i] for i in order], FREE, 5, batch=batch) == [alone[i] for i in order]
    assert len(set(map(tuple, alone))) > 10
    assert policy.sample(PROMPTS, FREE, 6, batch=batch) != alone


def test_uniforms_belong_to_prompt_seed_and_repetition() -> None:
    """The third row repeats the first prompt: other numbers, the same whatever stands between them."""
    rows = draw_uniforms(["a", "b", "a"], 5, seed=1)
    assert np.array_equal(draw_uniforms(["b", "a", "a"], 5, seed=1), rows[[1, 0, 2]])
    assert np.array_equal(draw_uniforms(["a"], 3, seed=1)[0], rows[0, :3])
    others = [*rows, draw_uniforms(["a"], 5, seed=2)[0]]
    assert len({tuple(row) for row in others}) == 4
    many = draw_uniforms(["a"] * 2000, 2, seed=0)
    assert abs(many.mean() - 0.5) < 0.02
    assert 0 <= many.min() < 0.01
    assert 0.99 < many.max() < 1
    assert abs(np.corrcoef(many.T)[0, 1]) < 0.1


def test_a_repeated_prompt_gets_another_answer(random_policy: MakePolicy) -> None:
    first, second = random_policy().sample(["Hello"] * 2, FREE, 0)
    assert first != second


@pytest.mark.parametrize("sharpness", [0.05, 0.5])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_greedy_is_generate(random_policy: MakePolicy, sharpness: float, architecture: str) -> None:
    """GPT-2 has absolute positions, so padding must not count."""
    policy = random_policy(1, sharpness)
    if architecture == "gpt2":
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "initializer_range": sharpness}
        ends = {"bos_token_id": None, "eos_token_id": policy.tokenizer.eos_token_id}
        config = GPT2Config(vocab_size=len(policy.tokenizer), **sizes, **ends)
        policy = replace(policy, model=GPT2LMHeadModel(config).eval())
    policy.model.generation_config.eos_token_id = end = policy.tokenizer.eos_token_id
    expected = []
    for prompt in PROMPTS:
        ids = torch.tensor([policy.encode_prompt(prompt)])
        out = policy.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12)
        new = out[0, ids.shape[1] :].tolist()
        expected.append(new[: new.index(end) + 1] if end in new else new)
    assert policy.sample(PROMPTS, Sampling(max_new_tokens=12, temperature=0.0), 0) == expected


@pytest.mark.parametrize(
    ("sharpness", "temperature", "top_p"), [(0.4, 1.0, 0.9), (0.3, 0.7, 0.7), (0.4, 1.7, 1.0), (0.02, 1.0, 0.9)]
)
def test_sampled_tokens_follow_the_nucleus(
    random_policy: MakePolicy, sharpness: float, temperature: float, top_p: float
) -> None:
    """Pearson's chi-square of 6000 first tokens against the exact nucleus: mean df, variance 2 df; five SDs are
    allowed.

    The last case has a nucleus of some 300 tokens, more than the sampler looks at first.
    """
    policy, N = random_policy(2, sharpness), 6000
    ids = torch.tensor([policy.encode_prompt("Hello there")])
    with torch.no_grad():
        p = torch.softmax(policy.model(ids).logits[0, -1].double() / temperature, -1).numpy()
    order = np.argsort(-p)
    kept = order[: int(np.searchsorted(p[order].cumsum(), min(top_p, 1 - 1e-12))) + 1]
    exact = np.zeros_like(p)
    exact[kept] = p[kept] / p[kept].sum()
    sampling = Sampling(max_new_tokens=1, temperature=temperature, top_p=top_p)
    drawn = policy.sample(["Hello there"] * N, sampling, 0, batch=N)
    counts = np.bincount([ids[0] for ids in drawn], minlength=len(p))
    assert counts[exact == 0].sum() == 0
    common = exact * N >= 5
    observed = np.append(counts[common], counts[~common].sum())
    expected = np.append(exact[common], exact[~common].sum()) * N
    observed, expected = observed[expected > 0], expected[expected > 0]
    df = len(expected) - 1
    assert df > 3
    assert ((observed - expected) ** 2 / expected).sum() < df + 5 * np.sqrt(2 * df)


def test_invert_by_hand() -> None:
    """Tokens 0..3 have probabilities .3, .05, .5, .15.

    top_p .75: the nucleus is {2, 0} of mass .8. Quantile .6 is mass .48 < .5, token 2; .63 is .504, token 0.
    top_p .85: {2, 0, 3} of mass .95; .9 is .855 > .8, token 3.
    top_p 1, in the order of the vocabulary: .29 token 0, .31 token 1, .36 token 2, .86 token 3.
    Temperature 2: roots .548, .224, .707, .387 of sum 1.866, so token 0 up to .293.
    """
    logits = torch.tensor([0.3, 0.05, 0.5, 0.15]).log()

    def at(quantiles: list[float], **sampling: float) -> list[int]:
        numbers = torch.tensor(quantiles)
        rule = Sampling(max_new_tokens=1, **sampling)  # type: ignore[arg-type]
        return invert(logits.expand(len(numbers), 4), numbers, rule).tolist()

    assert at([0.0, 0.6, 0.63, 0.999999], top_p=0.75) == [2, 2, 0, 0]
    assert at([0.0, 0.9], top_p=0.85) == [2, 3]
    assert at([0.0, 0.29, 0.31, 0.36, 0.86, 0.999999], top_p=1.0) == [0, 0, 1, 2, 3, 3]
    assert at([0.28, 0.30], top_p=1.0, temperature=2.0) == [0, 1]
    assert at([0.0, 0.999], temperature=0.0) == [2, 2]
    assert at([0.0, 0.999], top_p=1e-6) == [2, 2]


def test_a_row_with_a_long_nucleus_leaves_the_others_as_they_are() -> None:
    """Rows from nearly one token to nearly all of 500, together and alone."""
    generator = torch.Generator().manual_seed(0)
    sharpness = torch.tensor([0.1, 1.0, 3.0, 0.2, 9.0])
    logits = sharpness[:, None] * torch.randn(5, 500, generator=generator)
    probabilities, uniforms = torch.softmax(logits, -1), torch.rand(5, generator=generator)
    ranked, order, mass, last = nucleus(probabilities, 0.9)
    assert [int(n) > 63 for n in last] == [True, True, False, True, False]
    everything = probabilities.sort(dim=-1, descending=True)
    for row, n in enumerate(last[:, 0].tolist()):
        assert torch.equal(ranked[row, : n + 1], everything.values[row, : n + 1])
        assert torch.equal(order[row, : n + 1], everything.indices[row, : n + 1])
        assert mass[row, n] >= 0.9 > mass[row, n] - ranked[row, n]
    rule = Sampling(max_new_tokens=1, top_p=0.9)
    alone = [int(invert(logits[[row]], uniforms[[row]], rule)) for row in range(5)]
    assert invert(logits, uniforms, rule).tolist() == alone


def test_a_token_without_probability_is_never_drawn() -> None:
    """Tokens 0 and 3 are impossible; the quantiles 0 and 1 - 2^-24 are the extremes that occur."""
    logits = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]] * 2)
    for top_p in (0.9, 1.0):
        rule = Sampling(max_new_tokens=1, top_p=top_p)
        assert invert(logits, torch.tensor([0.0, 1 - 2**-24]), rule).tolist() == [1, 2]


def test_end_of_sequence_ends_and_the_limit_holds(tokenizer: PreTrainedTokenizerFast) -> None:
    """Nine rows finish one after the other, so the batch is thinned out step by step; 9 would need ten tokens."""
    policy = countdown(tokenizer)
    prompts = [str(d) for d in (9, 0, 3, 7, 1, 5, 2, 8, 4)]
    answers = policy.sample(prompts, Sampling(max_new_tokens=6), 0)
    assert [policy.decode(ids, ()) for ids in answers] == [
        "876543",
        "",
        "210",
        "654321",
        "0",
        "43210",
        "10",
        "765432",
        "3210",
    ]
    ended = [policy.ended(ids, ()) for ids in answers]
    assert ended == [len(ids) < 6 or prompt == "5" for ids, prompt in zip(answers, prompts, strict=True)]
    assert list(map(len, answers)) == [6, 1, 4, 6, 2, 6, 3, 6, 5]


def test_a_stop_is_cut_with_what_follows_and_nothing_else(tokenizer: PreTrainedTokenizerFast) -> None:
    """str.strip("\\n\\nHuman:") would turn "Please call a doctor." into "lease call a doctor." and worse."""
    text, stop = " Please call a doctor.\n\nHuman: Why not now?", ("\n\nHuman:", "\n\nAssistant:")
    ids = tokenizer(text)["input_ids"]
    width = len(tokenizer("Hello")["input_ids"])
    policy = Policy(Script(ids, width, len(tokenizer)), tokenizer)
    sampling = Sampling(max_new_tokens=len(ids), stop=stop)
    assert policy.generate(["Hello"] * 2, sampling, 0) == ["Please call a doctor."] * 2
    kept = policy.sample(["Hello"], sampling, 0)[0]
    assert stop[0] in tokenizer.decode(kept)
    assert stop[0] not in tokenizer.decode(kept[:-1])
    assert kept == ids[: len(kept)]
    assert policy.ended(kept, stop)
    assert not policy.ended(kept[:-1], stop)
    assert policy.generate(["Hello"], Sampling(max_new_tokens=len(ids)), 0) == [text.strip()]


def test_only_whole_answers_are_finished(random_policy: Callable[..., Policy]) -> None:
    """Of twenty answers those that reach a stop, the same as otherwise; none where none does."""
    policy, prompts, sampling = (
        random_policy(1),
        [f"Say {i}" for i in range(20)],
        Sampling(max_new_tokens=6, stop=("a",)),
    )
    ended = [policy.ended(ids, sampling.stop) for ids in policy.sample(prompts, sampling, 0)]
    assert 0 < sum(ended) < 20
    answers = map(Answer, prompts, policy.generate(prompts, sampling, 0))
    assert policy.finish(prompts, sampling, 0) == [a for a, e in zip(answers, ended, strict=True) if e]
    cut_off = [p for p, e in zip(prompts, ended, strict=True) if not e]
    assert policy.finish(cut_off, sampling, 0) == []


def test_cutting_by_text_and_by_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    for text in ("Please call a doctor", "Human: please", "mas", ":", ""):
        assert cut(text, ("\n\nHuman:",)) == text
    assert cut("a \n\nAssistant: b\n\nHuman: c", ("\n\nHuman:", "\n\nAssistant:")) == "a"
    assert cut("\n\nHuman: b", ("\n\nHuman:",)) == "", "not what is left of the stop without its white space"
    assert cut(" a b\n", ()) == "a b"
    ids = tokenizer("Why not")["input_ids"]
    assert cut_tokens(tokenizer, ids, ("xyz",), ()) == ids
    assert cut_tokens(tokenizer, ids, (), ()) == ids
    assert tokenizer.decode(cut_tokens(tokenizer, ids, ("W",), ())).startswith("W")
    assert len(cut_tokens(tokenizer, ids, ("W",), ())) == 1


def test_a_long_prompt_loses_its_beginning(random_policy: MakePolicy) -> None:
    policy = random_policy(max_prompt_tokens=5)
    full = policy.tokenizer("I say so: Why not now?")["input_ids"]
    assert len(full) > 5
    assert policy.encode_prompt("I say so: Why not now?") == full[-5:]
    twice = policy.steered(lambda prompt: f"{prompt} 7").steered(lambda prompt: f"{prompt} 8")
    assert twice.template("Why?") == "Why? 7 8", "what it was told before stays"
    steered = policy.steered(lambda prompt: prompt + " 7")
    assert (
        steered.encode_prompt("I say so: Why not now?")
        == policy.tokenizer("I say so: Why not now? 7")["input_ids"][-5:]
    )


def test_encoding_puts_a_space_before_and_an_end_behind_the_response(random_policy: MakePolicy) -> None:
    policy = random_policy()
    prompt, response = policy.encode(Answer("Hello there:", "Because I say so."))
    assert policy.tokenizer.decode([*prompt, *response[:-1]]) == "Hello there: Because I say so."
    assert response[-1] == policy.tokenizer.eos_token_id
    assert policy.decode(response, ()) == "Because I say so."


def test_batches_cover_every_index_once_longest_first() -> None:
    sequences = [[0] * n for n in (3, 1, 4, 1, 5)]
    batches = list(by_length(sequences, 2))
    assert [[len(sequences[i]) for i in rows] for rows in batches] == [[5, 4], [3, 1], [1]]
    assert sorted(i for rows in batches for i in rows) == [0, 1, 2, 3, 4]


def test_generation_is_charged(tokenizer: PreTrainedTokenizerFast) -> None:
    """ "3" gives 2, 1, 0, end: 4 tokens; "1" gives 2; with the two prompt tokens 8 are read or written: 2 x V^2 x 8."""
    cost = Cost()
    with charged_to(cost):
        countdown(tokenizer).sample(["3", "1"], Sampling(max_new_tokens=9), 0)
    assert cost.generated_tokens == 6
    assert cost.flops == 2.0 * len(tokenizer) ** 2 * 8


def test_saved_and_loaded_it_answers_the_same(random_policy: MakePolicy, tmp_path: Path) -> None:
    policy = random_policy()
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    assert not loaded.model.training
    assert loaded.sample(PROMPTS, FREE, 3) == policy.sample(PROMPTS, FREE, 3)


# KL


def brute_force_kl(policy: Policy, reference: Policy, prompt: str, answer: Sequence[int], temperature: float) -> float:
    """One unpadded forward per token in double precision."""
    total = 0.0
    for t in range(len(answer)):
        p, q = (
            torch.log_softmax(
                one.model.double()(torch.tensor([[*one.encode_prompt(prompt), *answer[:t]]])).logits[0, -1]
                / temperature,
                -1,
            )
            for one in (policy, reference)
        )
        total += float((p.exp() * (p - q)).sum())
    return total


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@torch.no_grad()
def test_kl_is_the_sum_along_the_answer(random_policy: MakePolicy, temperature: float) -> None:
    """The reference reads another, longer prompt than the policy: steering is written into the prompt."""
    policy, reference = random_policy(3), random_policy(4)
    policy, reference = policy.steered(lambda p: p + "!"), reference.steered(lambda p: "I say so: " * 3 + p)
    answers = policy.sample(PROMPTS, FREE, 0)
    answers[0] = answers[0][:1]
    kl = sequence_divergence(policy, reference, PROMPTS, answers, temperature, batch=5).kl
    expected = [brute_force_kl(policy, reference, p, a, temperature) for p, a in zip(PROMPTS, answers, strict=True)]
    assert np.allclose(kl, expected, rtol=1e-4)
    assert kl.min() > 0.01


def test_kl_of_a_policy_to_itself_is_zero(random_policy: MakePolicy) -> None:
    policy, twin = random_policy(5), random_policy(5)
    answers = policy.sample(PROMPTS, FREE, 0)
    assert np.array_equal(sequence_divergence(policy, twin, PROMPTS, answers).kl, np.zeros(len(PROMPTS)))


def test_kl_does_not_depend_on_the_batch(random_policy: MakePolicy) -> None:
    policy, reference = random_policy(6), random_policy(7)
    answers = policy.sample(PROMPTS, FREE, 0)
    together = sequence_divergence(policy, reference, PROMPTS, answers, batch=17).kl
    for batch in (1, 4):
        assert np.allclose(
            sequence_divergence(policy, reference, PROMPTS, answers, batch=batch).kl, together, rtol=1e-4
        )
    assert (together > 0).all()


def test_kl_is_unbiased(tokenizer: PreTrainedTokenizerFast) -> None:
    """Two bigram policies over x, y and end, answers of two tokens at most. The expectation of the per-answer KL over
    all seven answers is sum_a P(a) log(P(a) / Q(a)), here with P = (.5, .3, .2), Q = (.25, .25, .5) after any token."""
    x, y, end = tokenizer("x")["input_ids"][0], tokenizer("y")["input_ids"][0], tokenizer.eos_token_id
    P, Q = {x: 0.5, y: 0.3, end: 0.2}, {x: 0.25, y: 0.25, end: 0.5}

    def policy(probability: dict[int, float]) -> Policy:
        row = torch.full((len(tokenizer),), -60.0)
        for token, p in probability.items():
            row[token] = np.log(p)
        return Policy(Bigram(row.repeat(len(tokenizer), 1)), tokenizer)

    answers = [[end], *(list(a) for a in product((x, y), (x, y, end)))]
    mass = np.array([np.prod([P[t] for t in a]) for a in answers])
    other = np.array([np.prod([Q[t] for t in a]) for a in answers])
    assert mass.sum() == pytest.approx(1)
    kl = sequence_divergence(policy(P), policy(Q), ["x"] * 7, answers).kl
    assert mass @ kl == pytest.approx(float(mass @ np.log(mass / other)), rel=1e-5)
