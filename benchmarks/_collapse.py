"""Degenerate text: what a policy writes when it has been optimised to pieces.

Counted in arXiv 2504.16628 as "repetition or extremely short answers" without saying how; the thresholds are ours.
Words are what white space separates, in lower case.
"""

from __future__ import annotations

from operator import eq

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
    words = text.lower().split()
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
