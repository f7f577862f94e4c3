"""What is odd about answers, and may be meant: people are told of it, nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.data.clean import alike

_TOKEN = (
    r"(?:<\|[^|<>\s]+\|>|<\uff5c[^\uff5c<>]+\uff5c>|</?s>|<(?:eos|bos|pad|unk)>|<(?:start|end)_of_turn>"
    r"|\[(?:EOS|BOS|CLS|SEP|PAD|UNK|/?INST)\])"
)
"""A special token of the usual models."""


_AT_AN_END = re.compile(rf"^\s*({_TOKEN})|({_TOKEN})\s*$")


def oddities(answers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What is odd about N prompts and responses, a line each.

    Most of them begin with their prompt, or some begin or end in a special token that is written out: what a model
    generated was written down whole, and whoever scores or learns that scores or learns something else.
    """
    asked = list(answers)
    repeating = sum(_repeats(prompt, response) for prompt, response in asked)
    if 2 * repeating > len(asked):
        yield (
            f"{repeating:,} of {len(asked):,} answers begin with their prompt: where that is what a model was given, "
            "cut it off"
        )
    tokens = [found[1] or found[2] for _, response in asked if (found := _AT_AN_END.search(response))]
    if tokens:
        yield (
            f"{len(tokens):,} of {len(asked):,} answers begin or end in a special token, such as {tokens[0]!r}: "
            "it is read as text; where a model's decoding left it there, cut it off"
        )


def _repeats(prompt: str, response: str) -> bool:
    begins = prompt.lstrip()[:1].casefold()
    return bool(begins) and response.lstrip()[:1].casefold() == begins and alike(response).startswith(alike(prompt))
