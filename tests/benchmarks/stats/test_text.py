"""Statistics of a point's texts: against numbers by hand, and self-BLEU against a slow twin that compares all pairs."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.stats.text import distinct, self_bleu, text_statistics


def naive_bleu(words: list[str], others: list[list[str]]) -> float:
    """BLEU-4 with all references at hand, straight from the definition, smoothed as Texygen does."""
    logs = 0.0
    for n in (1, 2, 3, 4):
        grams = [words[k : k + n] for k in range(len(words) - n + 1)]
        matches = 0
        for gram in {tuple(gram): gram for gram in grams}.values():
            most = max(sum(other[k : k + n] == gram for k in range(len(other))) for other in others)
            matches += min(grams.count(gram), most)
        if n == 1 and matches == 0:
            return 0.0
        logs += math.log((matches or 0.1) / max(len(grams), 1)) / 4
    nearest = min((len(other) for other in others), key=lambda length: (abs(length - len(words)), length))
    penalty = 1.0 if len(words) > nearest else math.exp(1 - nearest / len(words))
    return penalty * math.exp(logs)


def naive_self_bleu(answers: list[list[str]]) -> float:
    return sum(naive_bleu(a, answers[:i] + answers[i + 1 :]) for i, a in enumerate(answers)) / len(answers)


def split(*texts: str) -> list[list[str]]:
    return [text.split() for text in texts]


def test_self_bleu_by_hand() -> None:
    """ "a b c d e" and "a b c d f" share 4 of 5 words, 3 of 4 pairs, 2 of 3 triples and 1 of 2 fours: the product is
    1/5, the fourth root .668740; each is the other's nearest length. "x" shares nothing: 0. The mean is 2 x .668740 /
    3."""
    assert self_bleu(split("a b c d e", "a b c d f", "x")) == pytest.approx(0.445827, abs=1e-6)


def test_a_shorter_answer_pays_for_its_brevity() -> None:
    """ "a b c d" has all its n-grams in "a b c d e f": exp(1 - 6/4) = .606531. The other way 4/6, 3/5, 2/4 and 1/3 of
    them match, whose product is 1/15, and longer answers pay nothing: .508133."""
    assert self_bleu(split("a b c d", "a b c d e f")) == pytest.approx((0.606531 + 0.508133) / 2, abs=1e-6)


def test_of_two_lengths_as_near_the_shorter_counts() -> None:
    """ "a b c" lies between 2 and 4 words and pays nothing. Its n-grams: 3/3, 2/2, 1/1 and .1/1, the fourth root of .1.
    "a b": exp(1 - 3/2) times the fourth root of .1 x .1; "a b c d" matches 3/4, 2/3 and 1/2, and of one four none: 1/4
    x .1."""
    expected = (0.1**0.25 + math.exp(-0.5) * 0.01**0.25 + 0.025**0.25) / 3
    assert self_bleu(split("a b c", "a b", "a b c d")) == pytest.approx(expected)


def test_matches_are_clipped() -> None:
    """Three times "a" where another answer has it at most twice: 2 of 3 words, 1 of 2 pairs, 0 of 1 triples, no
    fours."""
    clipped = (2 / 3 * 1 / 2 * 0.1 * 0.1) ** 0.25
    twice = (0.1 * 0.1) ** 0.25 * 1.0
    assert self_bleu(split("a a a", "a a", "a a")) == pytest.approx((clipped + 2 * twice) / 3)


def test_extremes() -> None:
    assert self_bleu(split("a b c d e", "a b c d e")) == pytest.approx(1)
    assert self_bleu(split("a b", "c d", "e")) == 0
    assert self_bleu(split("", "", "a")) == 0
    assert self_bleu(split("a b c d")) is None
    short = self_bleu(split("a b", "a b"))
    assert short == pytest.approx(0.1**0.5), "two words have no triple and no four: not 0, and not 1"


texts = st.lists(st.lists(st.sampled_from("abcd"), max_size=9), min_size=2, max_size=7)


@given(answers=texts)
def test_self_bleu_is_that_of_its_slow_twin(answers: list[list[str]]) -> None:
    assert self_bleu(answers) == pytest.approx(naive_self_bleu(answers), abs=1e-12)


def test_two_thousand_answers_take_a_second() -> None:
    """Of the processor's time. Comparing all pairs would take minutes."""
    random = np.random.default_rng(0)
    vocabulary = [f"word{i}" for i in range(200)]
    answers = [random.choice(vocabulary, random.integers(0, 60)).tolist() for _ in range(2000)]
    started = time.process_time()
    self_bleu(answers)
    assert time.process_time() - started < 2
    assert self_bleu(answers[:60]) == pytest.approx(naive_self_bleu(answers[:60]), abs=1e-12)


def test_distinct_by_hand() -> None:
    """a b a, a c: five words of which three differ; pairs ab, ba, ac all differ. Across answers there are no pairs."""
    answers = split("a b a", "a c")
    assert distinct(answers, 1) == 3 / 5
    assert distinct(answers, 2) == 1
    assert distinct([*answers, *answers], 2) == 0.5
    assert distinct(split("a", ""), 2) is None
    assert distinct(split("", ""), 1) is None


def test_statistics_of_a_point_by_hand() -> None:
    """Four answers of 6, 2, 36 and 0 words. The first loops, the third is repetitive (nine words, four times: no loop
    of up to eight), two are short. 3 + 2 + 9 of 44 words differ; of 5 + 1 + 35 pairs 3 (i am, am am, am not), 1, and 9
    (one across the seams). No two answers share a word."""
    nine = " ".join(f"word{n}" for n in range(9))
    assert text_statistics(["I am am AM am not", "No way", " ".join([nine] * 4), " "]) == {
        "repetition": 0.5,
        "short": 0.5,
        "distinct_1": pytest.approx(14 / 44),
        "distinct_2": pytest.approx(13 / 41),
        "self_bleu": 0.0,
        "words": 11.0,
    }


def test_statistics_of_text_without_spaces_by_hand():
    """Three different characters and two of them turned round: 3 of 5 unigrams differ, of the bigrams 3 of 3."""
    told = text_statistics(["\u6211\u4eec\u53bb", "\u4eec\u6211"])
    assert (told["words"], told["distinct_1"], told["distinct_2"]) == (2.5, 3 / 5, 1.0)
    assert told["short"] == 0.5
