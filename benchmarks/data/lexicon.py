"""What an answer says that fits its prompt: sentences looked up in a lexicon, and what degenerate text loses."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

Meaning = TypeVar("Meaning")


DEGENERATE = 3.5
"""What an answer without a single fitting sentence loses on every objective: about 4 SDs of the demonstrations."""


@lru_cache(maxsize=4096)
def words(text: str) -> int:
    """Number of words and punctuation marks: about the number of tokens once a tokenizer knows the world."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def sentences(text: str) -> list[str]:
    """The sentences of a text, without surrounding space; the last one may lack its full stop."""
    return re.findall(r"[^\s.!?][^.!?]*[.!?]?", text)


class Reading(NamedTuple, Generic[Meaning]):
    """What an answer says that fits its prompt."""

    meanings: list[Meaning]
    """What each of the fitting sentences says, in order."""
    strays: int
    """Number of sentences that fit nothing."""
    validity: float
    """Share of the answer's words that stand in fitting sentences, in [0, 1]."""


def read(response: str, lexicon: Mapping[str, Meaning], *, limit: int, least: int) -> Reading[Meaning]:
    """Look every sentence up in the lexicon of what fits the prompt. Never raises.

    A sentence that is unknown, said before, or ends past `limit` words fits nothing, so repetition and rambling gain
    nothing. An answer of fewer than `least` words counts as if padded up to it, so an empty one has validity 0.
    """
    told: dict[str, Meaning] = {}
    total = fitting = strays = 0
    for sentence in sentences(response):
        length = words(sentence)
        total += length
        if sentence in lexicon and sentence not in told and total <= limit:
            told[sentence] = lexicon[sentence]
            fitting += length
        else:
            strays += 1
    return Reading(list(told.values()), strays, fitting / max(total, least))


def degeneracy(reading: Reading[Meaning]) -> float:
    """What every objective subtracts: a slip costs little, a wholly degenerate answer `DEGENERATE`."""
    return DEGENERATE * (1 - reading.validity) ** 2


def saturating(amount: float, scale: float) -> float:
    """Diminishing returns in [0, 1): 1 - exp(-amount / scale)."""
    return 1 - math.exp(-amount / scale)
