"""The language of a point: how far its answers together repeat themselves and each other, and how long they are.

Words are what white space separates, in lower case; in scripts that are written without it, such as Chinese, Japanese
and Thai, every character is one. Distinct-n and self-BLEU depend on the number of answers and on their length: they
compare points that answer the same prompts.

Degenerate text is what a policy writes when it has been optimised to pieces (`collapse_reasons`). arXiv 2504.16628
counts "repetition or extremely short answers" without saying how; the thresholds are ours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp
from operator import eq
from statistics import fmean, geometric_mean

LONGEST = 4
"""Words of the longest n-grams of self-BLEU."""


UNMATCHED = 0.1
"""Matches that self-BLEU counts where n-grams of one length have none."""


Gram = tuple[str, ...]


UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u0f00-\u0fff"  # Tibetan
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    "\u3100-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese
)
"""Characters of the scripts that put no space between words (Unicode Standard Annex 29 leaves them to dictionaries)."""


_WORD = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case.

    >>> words_of("It is so"), words_of("OK, \u597d\u7684")
    (['it', 'is', 'so'], ['ok,', '\u597d', '\u7684'])
    """
    text = text.lower()
    return text.split() if text.isascii() else _WORD.findall(text)


def text_statistics(texts: Sequence[str]) -> dict[str, float | None]:
    """Statistics of the N answers of a point, by name.

    "repetition" and "short" are the shares that loop or are repetitive and that are too short, see `collapse_reasons`;
    then come "distinct_1", "distinct_2" and "self_bleu"; "words" is their mean number.
    """
    reasons = [collapse_reasons(text) for text in texts]
    answers = [words_of(text) for text in texts]
    return {
        "repetition": fmean("loop" in r or "repetitive" in r for r in reasons),
        "short": fmean("short" in r for r in reasons),
        "distinct_1": distinct(answers, 1),
        "distinct_2": distinct(answers, 2),
        "self_bleu": self_bleu(answers),
        "words": fmean(map(len, answers)),
    }


def distinct(answers: Sequence[Sequence[str]], n: int) -> float | None:
    """Different n-grams per n-gram over all answers together, at most 1; None where no answer has n words.

    Li et al. 2016, who divide by the number of words; for n > 1 a text of all different words then stays below 1.

    >>> distinct([["a", "b", "a"], ["a", "b"]], 2)  # ab, ba; ab
    0.6666666666666666
    """
    grams = [gram for words in answers for gram in _grams(words, n)]
    return len(set(grams)) / len(grams) if grams else None


def self_bleu(answers: Sequence[Sequence[str]]) -> float | None:
    """Mean BLEU-4 of each answer with all others as its references (Zhu et al. 2018, Texygen).

    From 0 (no two share a word) to 1 (all are the same); None for fewer than two answers.

    As in Texygen, smoothed by method 1 of Chen & Cherry 2014: n-grams of a length without a match count `UNMATCHED`,
    also where the answer is too short to have any. An answer of less than four words is therefore never at 1, one
    without words at 0. Time is linear in the number of words.
    """
    if len(answers) < 2:
        return None
    counts = [Counter(gram for n in range(1, LONGEST + 1) for gram in _grams(words, n)) for words in answers]
    second, nearest = _second_largest(counts), _nearest_lengths(answers)

    def bleu(words: Sequence[str], counted: Counter[Gram]) -> float:
        matches = [0] * LONGEST
        for gram, count in counted.items():
            matches[len(gram) - 1] += min(count, second[gram])
        if not matches[0]:
            return 0.0
        precisions = [(m or UNMATCHED) / max(len(words) - n, 1) for n, m in enumerate(matches)]
        return exp(min(0.0, 1 - nearest[len(words)] / len(words))) * geometric_mean(precisions)

    return fmean(map(bleu, answers, counts))


def _grams(words: Sequence[str], n: int) -> Iterable[Gram]:
    return zip(*(words[i:] for i in range(n)), strict=False)


def _second_largest(counts: Iterable[Counter[Gram]]) -> dict[Gram, int]:
    """The second largest of the counts of each n-gram over the answers, 0 where only one has it.

    A count clipped at the largest in all *other* answers is the count clipped at this: for the answer with the most,
    the largest elsewhere is the second; no other answer has more than the second.
    """
    largest: dict[Gram, int] = {}
    second: dict[Gram, int] = {}
    for counted in counts:
        for gram, count in counted.items():
            most = largest.get(gram, 0)
            largest[gram] = max(most, count)
            second[gram] = max(second.get(gram, 0), min(most, count))
    return second


def _nearest_lengths(answers: Sequence[Sequence[str]]) -> dict[int, int]:
    """For an answer of each length, the nearest length of another one; of two as near, the shorter."""
    tally = Counter(map(len, answers))
    return {
        length: min((n for n in tally if n != length or tally[n] > 1), key=lambda n: (abs(n - length), n))
        for length in tally
    }


SHORTEST = 3
"""Words that an answer needs."""


LOOP = 4
"""Repetitions in a row of the same words that make a loop."""


LONGEST_LOOP = 8
"""Words in what a loop repeats, at most."""


LONG = 30
"""Words from which on a text's variety is judged."""


VARIETY = 0.5
"""Least variety of a sound text: the number of different 4-grams over the number of 4-grams."""


def collapse_reasons(text: str) -> tuple[str, ...]:
    """What is degenerate about a text: any of "short", "loop" and "repetitive", in this order; empty for a sound one.

    >>> collapse_reasons("no idea"), collapse_reasons("I do not not not not know")
    (('short',), ('loop',))
    """
    words = words_of(text)
    found = {"short": len(words) < SHORTEST, "loop": _loops(words), "repetitive": _repetitive(words)}
    return tuple(reason for reason, holds in found.items() if holds)


def collapsed(text: str) -> bool:
    """Whether a text is degenerate for any reason."""
    return bool(collapse_reasons(text))


def _loops(words: list[str]) -> bool:
    """Whether n <= LONGEST_LOOP words come LOOP times in a row: (LOOP - 1) n words running equal their n-th next."""
    if len(set(words)) > len(words) - LOOP + 1:  # a loop needs a word LOOP times
        return False
    for n in range(1, min(LONGEST_LOOP, len(words) // LOOP) + 1):
        same = bytes(map(eq, words, words[n:]))
        if b"\1" * ((LOOP - 1) * n) in same:
            return True
    return False


def _repetitive(words: list[str]) -> bool:
    """Whether a long text keeps using the same four words."""
    if len(words) < LONG:
        return False
    grams = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    return len(set(grams)) < VARIETY * len(grams)
