"""Tags: one token each, and what the data says of the answers behind them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from benchmarks import Answer, Benchmark
from benchmarks._scratch import train_tokenizer
from benchmarks._tags import EACH, LEVELS, described, known_levels, tag, tags_of
from tests.test_moslim import WithGrades

NAMES = ("helpful", "harmless")
ANSWERS = [Answer(f"Q{i}?", "Yes!") for i in range(2000)]
KNOWN = {"helpful": {a: [1 + i % 5] for i, a in enumerate(ANSWERS)}, "harmless": dict.fromkeys(ANSWERS[:1000], (4, 5))}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer([f"{a.prompt} {a.response}" for a in ANSWERS], 330, NAMES)


def test_a_tag_is_one_token(tokenizer: PreTrainedTokenizerFast) -> None:
    """Of a name that nobody announced, or beyond the last level, it is several."""
    assert len(tags_of(NAMES)) == len(set(tags_of(NAMES))) == 2 * LEVELS
    for text in tags_of(NAMES):
        assert len(tokenizer(text)["input_ids"]) == 1
        assert tokenizer.decode(tokenizer(f"{text} Q1?")["input_ids"]) == f"{text} Q1?"
    assert len(tokenizer(tag("humor", 1))["input_ids"]) > 1
    assert len(tokenizer(f"<helpful {LEVELS + 1}>")["input_ids"]) > 1


def test_tags_say_what_is_known() -> None:
    """.7 of the prompts are told of, with the level of their answer; both objectives in .6 * .6 of the cases where one at
    least was drawn, and of a tenth of the rest one."""
    told = described(ANSWERS, KNOWN, 0.7, 3)
    assert told == described(ANSWERS, KNOWN, 0.7, 3) != described(ANSWERS, KNOWN, 0.7, 4)
    assert [(re.sub(r"<.*?> ", "", a.prompt), a.response) for a in told] == [tuple(a) for a in ANSWERS]
    found = [dict(re.findall(r"<(\w+) (\d)>", a.prompt)) for a in told]
    assert sum(map(bool, found)) == pytest.approx(0.7 * 2000, abs=80)
    for i, tags in enumerate(found):
        assert tags.get("helpful") in (None, str(1 + i % 5))
        assert tags.get("harmless") in ((None, "4", "5") if i < 1000 else (None,))
    assert all("helpful" in tags for tags in found[1000:] if tags)
    both = sum(len(tags) == 2 for tags in found[:1000])
    assert both == pytest.approx(0.7 * EACH**2 * 1000, abs=60)
    levels = Counter(tags["harmless"] for tags in found if "harmless" in tags)
    assert levels["4"] == pytest.approx(levels["5"], abs=80)


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert described(ANSWERS, {"helpful": {}}, 1.0, 0) == ANSWERS
    assert described(ANSWERS, KNOWN, 0.0, 0) == ANSWERS


def test_levels_are_grades_or_else_what_pairs_tell(tiny: Benchmark) -> None:
    pair = tiny.preference_pairs("ah")[0]
    known = known_levels(tiny, "ah")
    assert set(map(tuple, known.values())) == {(1, 2), (4, 5)}
    assert max(known[Answer(pair.prompt, pair.rejected)]) < min(known[Answer(pair.prompt, pair.chosen)])
    data: Any = WithGrades(tiny.data, {"ah": [(Answer("p", "a"), 7)], "oh": []})
    graded = replace(tiny, data=data)
    assert known_levels(graded, "ah") == {Answer("p", "a"): [7]}
    assert known_levels(graded, "oh") == known_levels(tiny, "oh")


def test_scratch_policies_know_the_tags_of_their_benchmark(tiny: Benchmark) -> None:
    tokenizer = tiny.prepared.policy.tokenizer
    assert {len(tokenizer(text)["input_ids"]) for text in tags_of(tiny.names)} == {1}
