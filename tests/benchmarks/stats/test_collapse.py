"""Degenerate text is found, at and around each threshold, and sound text is left alone."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks.stats.text import collapse_reasons, collapsed, words_of

SOUND = (
    "You could start with a short walk after lunch and see how your back feels, then add a few minutes each day. "
    "If it hurts, rest for a while and talk to a doctor before you go on with anything harder than that."
)


def words(count: int) -> str:
    return " ".join(f"word{n}" for n in range(count))


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (SOUND, ()),
        ("", ("short",)),
        (" \n ", ("short",)),
        ("Certainly not.", ("short",)),
        ("I would not.", ()),
        ("no no no please", ()),
        ("no no no no", ("loop",)),
        ("No NO no nO", ("loop",)),
        ("well I am I am I am not", ()),
        ("well I am I am I am I am not", ("loop",)),
        (f"{words(8)} " * 3, ()),
        (f"{words(8)} " * 4, ("loop", "repetitive")),
        (f"{words(9)} " * 3, ()),
        (f"{words(9)} " * 4, ("repetitive",)),
        (words(100), ()),
    ],
)
def test_reasons(text, reasons):
    """Nine words said four times are 33 4-grams of which 9 differ: repetitive, but no loop of up to 8 words."""
    assert collapse_reasons(text) == reasons
    assert collapsed(text) == bool(reasons)


def test_a_loop_is_found_wherever_it_stands():
    for n in range(1, 9):
        loop = " ".join([words(n)] * 4)
        for text in (loop, f"{SOUND} {loop}", f"{loop} {SOUND}", f"{SOUND} {loop} {SOUND}"):
            assert collapsed(text), (n, text)


def test_repetitive_needs_thirty_words():
    """Sixteen words said twice less one word: 31 - 3 = 28 4-grams, 16 of them different, just above half.

    Said three times less one: 44 4-grams, still 16 different. 29 words of "a b" are a loop, yet too few for repetitive.
    """
    sixteen = words(16).split()
    assert collapse_reasons(" ".join((sixteen * 2)[:-1])) == ()
    assert collapse_reasons(" ".join((sixteen * 3)[:-1])) == ("repetitive",)
    assert collapse_reasons(" ".join((["a", "b"] * 15)[:-1])) == ("loop",)
    assert collapse_reasons(" ".join(["a", "b"] * 15)) == ("loop", "repetitive")


CHINESE = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u5427"
JAPANESE = "\u306f\u3044\u3001\u305d\u3046\u3067\u3059"
THAI = "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a"
KHMER = "\u179f\u17bd\u179f\u17d2\u178f\u17b8"


@pytest.mark.parametrize("text", [CHINESE, JAPANESE, THAI, KHMER])
def test_scripts_without_spaces_are_read_by_character(text):
    """A sentence is no "short" word. Its characters are its words: four times the same two in a row are a loop, and of
    nine said four times 9 of 33 4-grams differ."""
    assert collapse_reasons(text) == ()
    assert collapse_reasons(text[:2]) == ("short",)
    assert collapse_reasons(text[:2] * 4) == ("loop",)
    nine = CHINESE[3:12]
    assert len(set(nine)) == 9
    assert collapse_reasons(nine * 4) == ("repetitive",)
    assert collapse_reasons(f"well {text}") == ()


def test_words_of_two_scripts():
    """ "OK" is a word beside two characters that are one each; Korean puts spaces between its words."""
    assert words_of("OK\u597d\u7684 It is") == ["ok", "\u597d", "\u7684", "it", "is"]
    assert words_of("\ub124 \uadf8\ub807\uc2b5\ub2c8\ub2e4") == ["\ub124", "\uadf8\ub807\uc2b5\ub2c8\ub2e4"]


def test_fifty_thousand_answers_take_seconds():
    random = np.random.default_rng(0)
    texts = [" ".join(row) for row in random.choice(SOUND.split(), size=(2_000, 60))]
    started = time.process_time()
    sum(map(collapsed, texts))
    assert time.process_time() - started < 0.5, "2,000 texts: 50,000 must stay within ten seconds or so"
