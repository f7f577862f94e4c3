"""Tags: one token each, and what the data says of the answers behind them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models import scratch
from benchmarks.models.scratch import TAGGED, _added, train_scratch_policy, train_tokenizer
from benchmarks.models.tags import EACH, LEVELS, described, known_levels, tag, tagged, tags_of
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import Answer, PreferencePair
from tests.kit.worlds import WithGrades

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
    """.7 of the prompts are told of, with the level of their answer. Where two are known, both are told of in .6 * .6
    of those."""
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


def test_levels_are_grades_where_all_have_them(tiny: Benchmark) -> None:
    """Else one objective's 5 would be a grade and the other's a guess."""
    a, b = Answer("p", "a"), Answer("p", "b")
    graded = replace(tiny, data=WithGrades(tiny.data, {"ah": [(a, 7)], "oh": [(b, 2)]}))
    assert known_levels(graded) == {"ah": {a: [7]}, "oh": {b: [2]}}
    some = replace(tiny, data=WithGrades(tiny.data, {"ah": [(a, 7)], "oh": []}))
    assert known_levels(some) == known_levels(tiny)
    for grade in (0, LEVELS + 1):
        with pytest.raises(BadInput, match=f"the grade {grade} for ah"):
            known_levels(replace(tiny, data=WithGrades(tiny.data, {"ah": [(a, grade)], "oh": [(b, 2)]})))


def test_levels_are_what_pairs_tell(tiny: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    """Preferred answers have the upper levels, an answer that won and lost has both, every level is read."""
    pairs = [PreferencePair("p", "a", "b"), PreferencePair("p", "b", "c")]
    monkeypatch.setattr(Benchmark, "preference_pairs", lambda _, name: pairs if name == "ah" else [])
    known = known_levels(tiny)
    assert known["ah"] == {
        Answer("p", "a"): [3, 4, 5],
        Answer("p", "b"): [1, 2, 3, 3, 4, 5],
        Answer("p", "c"): [1, 2, 3],
    }
    assert known["oh"] == {}


def test_scratch_policies_read_the_tags_of_their_benchmark(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the shares say, of the prompts whose answers something is known of."""
    tokenizer = tiny.prepared.policy.tokenizer
    tags = {tokenizer.convert_tokens_to_ids(text) for text in tags_of(tiny.names)}
    read: list[list[int]] = []
    monkeypatch.setattr(scratch, "supervised", lambda policy, pairs, *_, **__: read.extend(p for p, _ in pairs))
    _, share = train_scratch_policy(tiny, tokenizer, "0.3m", tmp_path)
    known = known_levels(tiny)["ah"]
    expected = sum(a in known for a in tiny.responses()) * TAGGED[0]
    expected += sum(a in known for a in tiny.demonstrations()) * TAGGED[1]
    assert expected > 10
    assert sum(bool(tags & set(ids)) for ids in read) == pytest.approx(expected, rel=0.3)
    assert {len(tokenizer(text)["input_ids"]) for text in tags_of(tiny.names)} == {1}
    assert 0 < share < 0.2


def test_the_share_of_tags_among_the_tokens() -> None:
    """30 steps on 10 tokens each, 2 of them tags, then 10 steps on 6 without: 60 of 360."""
    rows = [([1] * n, [2] * 4) for n in (6, 4, 2)]
    assert _added((([rows[0]], [rows[1]], 30), ([rows[2]], [rows[2]], 10))) == pytest.approx(1 / 6)


def test_the_ledger_notes_that_tags_were_used() -> None:
    with charged_to(Cost()) as cost:
        tagged("How?", (0, 0), ("helpful", "harmless"))
        assert cost == Cost()
        tagged("How?", (0, 4), ("helpful", "harmless"))
    assert cost == Cost(used=("tags",))
