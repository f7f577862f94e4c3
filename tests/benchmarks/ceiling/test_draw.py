"""Drawing the samples of a ceiling: how likely answers are as decoded, what is kept, that few tell what many do."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from benchmarks.ceiling import draw
from benchmarks.ceiling.draw import decoded_log_probs, draw_samples, token_log_probs
from benchmarks.ceiling.samples import Samples, find_samples, has_samples, samples_folder, write_samples
from benchmarks.ceiling.tilt import Ceiling
from benchmarks.common.atomic import whole_folder, write_sums
from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to, telling
from benchmarks.common.sums import read_json
from benchmarks.models.policy import Policy, _next_token_log_probs
from benchmarks.models.sampler import invert
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.grid import simplex_grid
from benchmarks.spec.settings import Sampling
from benchmarks.stats.indicators import hypervolume
from tests.kit.fronts import other_card

MakePolicy = Callable[..., Policy]
GRID = simplex_grid(2, 2)


class Bigram(torch.nn.Module):
    """The logits (V,) of the next token depend on the last one alone."""

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, input_ids: torch.Tensor, logits_to_keep: int = 0, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.logits[input_ids[:, -logits_to_keep:]])


# How likely an answer is


@pytest.mark.parametrize(
    ("spread", "temperature", "top_p"), [(3.0, 1.0, 0.9), (2.0, 0.7, 0.7), (0.05, 1.0, 0.9), (3.0, 1.5, 1.0)]
)
def test_tokens_are_as_likely_as_they_are_drawn(spread: float, temperature: float, top_p: float) -> None:
    """The sampler at 20,001 evenly spread quantiles gives every token its probability, to the spacing; others never.

    The third case has a nucleus of some 260 tokens, more than are looked at first.
    """
    for seed in range(3):
        logits = spread * torch.randn(300, generator=torch.Generator().manual_seed(seed))
        sampling, Q = Sampling(max_new_tokens=1, temperature=temperature, top_p=top_p), 20_001
        quantiles = (torch.arange(Q) + 0.5) / Q
        drawn = torch.cat([invert(logits.expand(len(q), -1), q, sampling) for q in quantiles.split(4000)])
        counts = torch.bincount(drawn, minlength=300) / Q
        said = token_log_probs(logits.expand(300, -1), torch.arange(300), sampling).exp()
        assert torch.allclose(said, counts, atol=1e-4)
        assert bool((said[counts > 0] > 0).all())
        assert float(said.sum()) == pytest.approx(1, abs=1e-4)
        assert int((said > 0).sum()) > 64 or spread > 1


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_row_does_not_depend_on_its_neighbours(kind: torch.dtype) -> None:
    """The first row's 64 likeliest tokens have just more than the nucleus, the second row's hardly any of it."""
    rest = torch.linspace(1, 0.01, 1936)
    probabilities = torch.cat([torch.full((64,), 0.90005 / 64), 0.09995 * rest / rest.sum()])
    logits = torch.stack([probabilities.log(), torch.zeros(2000)]).to(kind)
    tokens, sampling = torch.tensor([1999, 0]), Sampling(max_new_tokens=1, top_p=0.9)
    together = token_log_probs(logits, tokens, sampling)
    assert torch.equal(together[:1], token_log_probs(logits[:1], tokens[:1], sampling))
    assert together.tolist() == [-torch.inf, pytest.approx(-np.log(1800), abs=1e-2)]


def test_all_answers_together_have_probability_one(tokenizer: PreTrainedTokenizerFast) -> None:
    """Six tokens, one of them the end, answers of up to four tokens: enumerated, whether they end or run out of
    tokens."""
    V, end = 6, tokenizer.eos_token_id
    assert end < V
    logits = torch.full((len(tokenizer), len(tokenizer)), -60.0)
    logits[:, :V] = 1.5 * torch.randn(len(tokenizer), V, generator=torch.Generator().manual_seed(0))
    policy = Policy(Bigram(logits), tokenizer)  # type: ignore[arg-type]
    sampling = Sampling(max_new_tokens=4, top_p=0.8)
    others = [t for t in range(V) if t != end]
    ended = [[*first, end] for n in range(4) for first in product(others, repeat=n)]
    answers = [*ended, *map(list, product(others, repeat=4))]
    chances = np.exp(decoded_log_probs(policy, "Hello", answers, sampling))
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    assert 0 < (chances == 0).sum() < len(chances)


@pytest.mark.parametrize("batch", [3, 64])
def test_answers_are_read_as_they_are_drawn(random_policy: MakePolicy, batch: int) -> None:
    """Against a plain forward pass over prompt and answer, token by token; no answer of its own is impossible to a
    policy."""
    policy, sampling = random_policy(3, 0.4), Sampling(max_new_tokens=9, temperature=1.2, top_p=0.9)
    prompt = "Hello there, call 3"
    answers = [ids[: 1 + i % 9] for i, ids in enumerate(policy.sample([prompt] * 40, sampling, 0))]
    found = decoded_log_probs(policy, prompt, answers, sampling, batch)
    assert np.isfinite(found).all()
    for ids, value in zip(answers, found, strict=True):
        ((_, logs),) = _next_token_log_probs(policy, [policy.encode_prompt(prompt)], [ids], 1.2)
        plain = logs.exp()[0].detach()
        total = 0.0
        for row, token in zip(plain, ids, strict=False):
            ranked = row.sort(descending=True).values
            inside = ranked[: int((ranked.cumsum(0) < 0.9).sum()) + 1]
            total += float((row[token] / inside.sum()).log())
        assert value == pytest.approx(total, abs=1e-4)


# What is drawn and kept


def leaning(policy: Policy, word: str, strength: float) -> Policy:
    """A policy that says a word more often: as if it had been trained to."""
    model: Any = deepcopy(policy.model)
    tokens = [policy.tokenizer(f" {word}")["input_ids"][0]]
    head = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size)
    with torch.no_grad():
        head.weight.copy_(model.lm_head.weight)
        head.bias.zero_()
        head.bias[tokens] = strength
    model.lm_head = head.eval()
    return replace(policy, model=model)


@dataclass(frozen=True, eq=False)
class Choosy(Policy):
    """A policy that does more than sample from its model."""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten samples per prompt, of which four are the starting policy's."""
    monkeypatch.setattr(draw, "BASE", 4)
    monkeypatch.setattr(draw, "OTHERS", 6)


def test_what_is_drawn_is_kept(tiny: Benchmark, few: None, tmp_path: Path) -> None:
    """Shapes, scores of the answers that are kept, nothing charged; and from then on nothing is drawn."""
    start = tiny.prepared.policy
    folder = samples_folder(tmp_path, tiny.card, ["a", "b"])
    with charged_to(Cost()) as spent:
        samples = draw_samples(tiny, [lambda: leaning(start, "ah", 1.0), lambda: leaning(start, "oh", 1.0)], folder)
    assert spent == Cost()
    prompts = tiny.prompts("test")
    assert samples.counts == (4, 3, 3)
    assert samples.rewards.shape == samples.scores.shape == (len(prompts), 10, 2)
    assert samples.log_probs.shape == (len(prompts), 10, 3)
    assert np.isfinite(samples.log_probs[:, :4, 0]).all()
    assert np.isfinite(samples.log_probs[:, 4:7, 1]).all()
    ids = read_json(folder / "answers-1.json")
    texts = [start.decode(answer, ()) for answer in ids[2]]
    np.testing.assert_allclose(samples.scores[2, 4:7], tiny.scores([prompts[2]] * 3, texts))
    again = draw_samples(tiny, [], folder)
    found = find_samples(tmp_path, tiny.card)
    assert found is not None
    for other in (again, found):
        assert np.array_equal(other.log_probs, samples.log_probs)
        assert np.array_equal(other.rewards, samples.rewards)
    assert find_samples(tmp_path, other_card(tiny.card, version="2")) is None


def test_alone_the_starting_policy_gives_all(tiny: Benchmark, few: None, tmp_path: Path) -> None:
    """So it does beside one that cannot tell how likely its answers are. Its weights are equal: nothing is reweighted.
    Beside itself, too, and then it gives other answers as the other."""
    start = tiny.prepared.policy
    odd = Choosy(start.model, start.tokenizer, max_prompt_tokens=start.max_prompt_tokens)
    assert draw_samples(tiny, [], tmp_path / "alone").counts == (10,)
    samples = draw_samples(tiny, [lambda: odd], tmp_path / "odd")
    assert samples.counts == (4,)
    assert (samples.ceiling("rewards", "rewards").log_weights == 0).all()
    assert np.array_equal(samples.base("scores"), samples.scores)
    twice = draw_samples(tiny, [lambda: start], tmp_path / "twice")
    assert twice.counts == (4, 6)
    np.testing.assert_allclose(twice.ceiling("rewards", "rewards").log_weights, 0, atol=1e-9)
    first, second = (read_json(tmp_path / "twice" / f"answers-{j}.json") for j in (0, 1))
    assert all(one != other[:4] for one, other in zip(first, second, strict=True))


def test_an_interrupted_drawing_goes_on(
    tiny: Benchmark, few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered before the crash is not answered again, and the samples are the same."""
    whole = draw_samples(tiny, [], tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(draw, "decoded_log_probs", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            draw_samples(tiny, [], tmp_path / "cut")
    assert not (tmp_path / "cut").exists()
    monkeypatch.setattr(Policy, "sample", lambda *_: 1 / 0)
    resumed = draw_samples(tiny, [], tmp_path / "cut")
    assert np.array_equal(resumed.rewards, whole.rewards)
    assert np.array_equal(resumed.log_probs, whole.log_probs)


@pytest.mark.parametrize("name", ["rewards.npy", "scores.npy", "log_probs.npy", "samples.json"])
def test_damaged_samples_are_set_aside_and_drawn_again(name: str, tiny: Benchmark, few: None, tmp_path: Path) -> None:
    """One bit, which numpy does not see. Those of others, drawn before, are found instead."""
    (folder := samples_folder(tmp_path, tiny.card, [])).mkdir(parents=True)
    samples = Samples(counts=(1,), **dict.fromkeys(("rewards", "scores", "log_probs"), np.ones((2, 1, 2))))
    for place in (other := samples_folder(tmp_path, tiny.card, ["other"]), folder):
        with whole_folder(place) as parts:
            write_samples(parts, samples)
    data = bytearray((folder / name).read_bytes())
    data[-2] ^= 64
    (folder / name).write_bytes(data)
    lines: list[str] = []
    with telling(lines.append):
        found = find_samples(tmp_path, tiny.card)
    assert found is not None
    assert (found.scores == 1).all()
    again = "is not what was written. moa compare --ceiling draws it again"
    assert lines == [f"{folder} is damaged: {name} {again}"]
    assert {path.name for path in other.parent.iterdir()} == {other.name, f".{folder.name}.damaged"}
    assert not has_samples(folder)
    assert draw_samples(tiny, [], folder).counts == (10,)


def test_what_cannot_be_used_is_refused(tiny: Benchmark, few: None, tmp_path: Path) -> None:
    folder = samples_folder(tmp_path, tiny.card, [])
    draw_samples(tiny, [], folder)
    for content in (b"no array", b""):  # of a time when there were no checksums
        (folder / "sums.json").unlink(missing_ok=True)
        (folder / "scores.npy").write_bytes(content)
        with pytest.raises(BadInput, match="its samples cannot be read"):
            find_samples(tmp_path, tiny.card)
    greedy = replace(tiny, sampling=replace(tiny.sampling, temperature=0.0))
    with pytest.raises(BadInput, match="greedily"):
        draw_samples(greedy, [], tmp_path / "greedy")
    assert not (tmp_path / "greedy").exists()


def test_samples_of_an_earlier_version_are_refused_by_their_name(tiny: Benchmark, few: None, tmp_path: Path) -> None:
    folder = samples_folder(tmp_path, tiny.card, [])
    draw_samples(tiny, [], folder)
    assert sorted(path.name for path in folder.glob("*.npy")) == ["log_probs.npy", "rewards.npy", "scores.npy"]
    record = folder / "samples.json"
    record.write_text(record.read_text().replace("moa.samples/2", "moa.samples/1"))
    write_sums(folder)
    with pytest.raises(BadInput) as caught:
        find_samples(tmp_path, tiny.card)
    assert str(caught.value).splitlines() == [
        f"cannot use {folder}",
        "its samples cannot be read: an earlier version of moa wrote it (moa.samples/1, now moa.samples/2)",
        f"rm -r {folder}; then moa compare --ceiling draws them again",
    ]


def test_few_samples_and_a_pool_tell_what_many_do(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A world too large to enumerate, by 500 answers of the starting policy to each prompt: with 64 of them and 80 of
    two others the hypervolume at KL .5 and 1 is the same within 2 %, on the mean of four drawings (there are five
    prompts)."""
    monkeypatch.setattr(draw, "PROMPTS", 5)
    start, prompts = tiny.prepared.policy, tiny.prompts("test")[:5]
    asked = [p for p in prompts for _ in range(500)]
    texts = [start.decode(ids, ()) for ids in start.sample(asked, tiny.sampling, 5)]
    scores = tiny.scores(asked, texts).reshape(len(prompts), 500, 2)
    truth = Ceiling(scores, np.zeros(scores.shape[:2]))
    others = [lambda word=word: leaning(start, word, 1.0) for word in ("ah", "oh")]
    drawn = []
    for seed in range(4):
        monkeypatch.setattr(draw, "SEED", 100 * seed)
        drawn.append(draw_samples(tiny, others, tmp_path / str(seed)).ceiling("scores", "scores"))
    for kl in (0.5, 1.0):
        volumes = [hypervolume([c.at(w, kl).scores.mean(0) for w in GRID], (-2, -2)) for c in (truth, *drawn)]
        assert np.mean(volumes[1:]) == pytest.approx(volumes[0], rel=0.02)
