"""Control tags: true of their answers, one token each, in order where they were never read."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from benchmarks import Answer, Benchmark
from benchmarks._scratch import train_tokenizer
from benchmarks._tags import LEVELS, described, fifths, first_word, put_tags_on_lines, tag, tags_of, words_per_sentence
from tests.test_policy import MakePolicy

NAMES = ("helpful", "harmless")
WORDS = ["Ash", "Bee", "Cow", "Dog", "Elk", "Fox", "Gnu", "Hen", "Ibis", "Jay"]
ANSWERS = [Answer(f"Q{i}?", f"{WORDS[i % 10]}{' and so on' * (i // 10)}. Yes!") for i in range(100)]


@pytest.fixture(scope="module")
def tagged() -> PreTrainedTokenizerFast:
    return train_tokenizer([f"{a.prompt} {a.response}" for a in ANSWERS], 330, NAMES)


@pytest.mark.parametrize(
    ("response", "words", "first"),
    [
        ("Stop. Look at me!", 2, "stop"),
        ("no stop at all", 4, "no"),
        ("", 0, ""),
        ("...", 0, ""),
        ('"Well," he said?!', 3, "well"),
    ],
)
def test_properties(response: str, words: float, first: str) -> None:
    assert words_per_sentence(response) == words
    assert first_word(response) == first


def test_fifths_hold_a_fifth_each() -> None:
    """100 answers with ten first words and ten lengths: two of each per fifth."""
    told = " ".join(a.prompt for a in described(ANSWERS * 30, fifths(ANSWERS), 0.7, 0))
    found = Counter(re.findall(r"<(\w+) (\d)>", told))
    assert set(found) == {(name, str(level)) for name in ("words", "initial") for level in range(1, 6)}
    for name in ("words", "initial"):
        counts = [found[name, str(level)] for level in range(1, 6)]
        assert counts == pytest.approx([sum(counts) / 5] * 5, rel=0.15)


def test_tags_are_true_and_the_rest_is_as_it_was() -> None:
    """Same prompts behind the tags, same answers, about .7 of them tagged; a tag's level orders what it tells."""
    told = described(ANSWERS * 10, fifths(ANSWERS), 0.7, 3)
    assert told == described(ANSWERS * 10, fifths(ANSWERS), 0.7, 3)
    assert [(re.sub(r"<.*?> ", "", a.prompt), a.response) for a in told] == [tuple(a) for a in ANSWERS * 10]
    assert sum(a.prompt[0] == "<" for a in told) == pytest.approx(700, abs=50)
    for name, measure in (("words", words_per_sentence), ("initial", first_word)):
        levels: dict[int, list[Any]] = {}
        for answer in told:
            if found := re.search(rf"<{name} (\d)>", answer.prompt):
                levels.setdefault(int(found[1]), []).append(measure(answer.response))
        ordered = [levels[k] for k in sorted(levels)]
        assert len(ordered) > 3
        assert all(max(lower) < min(higher) for lower, higher in pairwise(ordered))


def test_a_tag_is_one_token(tagged: PreTrainedTokenizerFast) -> None:
    """So are those of objectives; of a name that nobody announced it is several."""
    assert len(tags_of(NAMES)) == len(set(tags_of(NAMES))) == 4 * LEVELS
    for text in tags_of(NAMES):
        assert len(tagged(text)["input_ids"]) == 1
        assert tagged.decode(tagged(f"{text} Q1?")["input_ids"]) == f"{text} Q1?"
    assert len(tagged(tag("humor", 1))["input_ids"]) > 1
    assert len(tagged(f"<helpful {LEVELS + 1}>")["input_ids"]) > 1


def test_tags_of_objectives_are_on_lines(tagged: PreTrainedTokenizerFast, random_policy: MakePolicy) -> None:
    """Equal steps from one tag that was read to another, four of them for two objectives; everything else stays."""
    model: Any = random_policy().model
    model.resize_token_embeddings(len(tagged))
    weight = model.get_input_embeddings().weight
    before = weight.detach().clone()
    put_tags_on_lines(model, tagged, NAMES, 0)
    after = weight.detach()
    read = tagged.convert_tokens_to_ids([tag(name, n) for name in ("words", "initial") for n in range(1, 6)])
    ends = []
    for name in NAMES:
        line = after[tagged.convert_tokens_to_ids([tag(name, n) for n in range(1, LEVELS + 1)])]
        steps = line.diff(dim=0)
        assert torch.allclose(steps, steps[0].expand_as(steps), atol=1e-5)
        ends += [int((before[read] - end).norm(dim=1).argmin()) for end in (line[0], line[-1])]
        assert torch.allclose(before[read][ends[-2:]], line[[0, -1]], atol=1e-6)
    assert len(set(ends)) == 4
    untouched = sorted(set(range(len(before))) - set(tagged.convert_tokens_to_ids(tags_of(NAMES)[2 * LEVELS :])))
    assert torch.equal(after[untouched], before[untouched])


def test_scratch_policies_know_the_tags_of_their_benchmark(tiny: Benchmark) -> None:
    tokenizer = tiny.prepared.policy.tokenizer
    assert {len(tokenizer(text)["input_ids"]) for text in tags_of(tiny.names)} == {1}
    weight = tiny.prepared.policy.model.get_input_embeddings().weight
    low, high = tokenizer.convert_tokens_to_ids([tag(tiny.names[0], 1), tag(tiny.names[0], 5)])
    assert (weight[low] - weight[high]).norm() > 0
