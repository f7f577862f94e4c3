"""What a benchmark's rows are: answers, preference pairs, grades, and where they come from."""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple, Protocol, runtime_checkable

Split = Literal["train", "dev", "test"]
"""What prompts are for: to learn from, to choose settings on, to report; nothing is chosen on the last."""


SPLITS: tuple[Split, ...] = ("train", "dev", "test")


Half = Literal["all", "even", "odd"]
"""Which labels somebody learns from: all, or those of half of the prompts."""


OTHER_HALF: dict[Half, Half] = {"even": "odd", "odd": "even"}


def in_half(prompt: str, half: Half) -> bool:
    """Whether labels on a prompt are in a half: the number that it hashes to is even, or odd."""
    return half == "all" or hashlib.blake2b(prompt.encode(), digest_size=1).digest()[0] % 2 == (half == "odd")


class Answer(NamedTuple):
    """A response to a prompt. The prompt ends where the assistant speaks; the response carries no leading space."""

    prompt: str
    response: str


class PreferencePair(NamedTuple):
    """Two responses to one prompt, the first preferred under one objective."""

    prompt: str
    chosen: str
    rejected: str


class Data(Protocol):
    """Where a benchmark's rows come from: an embedded world, a published data set, a user's table.

    Splits are "train", "dev" and "test"; no prompt is in two. Every call returns the same rows in the same order.
    """

    def prompts(self, split: Split) -> list[str]:
        """Distinct prompts."""
        ...

    def demonstrations(self) -> list[Answer]:
        """Training answers worth imitating: what the SFT policy learns from."""
        ...

    def responses(self) -> list[Answer]:
        """All training answers, good and bad.

        Offline methods learn from them, and a scratch policy is pre-trained on them.
        """
        ...

    def preference_pairs(self, objective: str, split: Split) -> list[PreferencePair]:
        """Pairs labelled under one objective. Empty where the data has none for it."""
        ...

    def fingerprint(self) -> str:
        """Hash of the content: equal fingerprints mean equal rows, and equal grades where there are any."""
        ...


@runtime_checkable
class Graded(Protocol):
    """Data with graded annotations."""

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """Training answers with grades 1, 2, ...; empty where there are none for the objective.

        Who learns from grades should see what is seen by who learns from pairs: the answers of the training pairs are
        among those that are graded.
        """
        ...


@runtime_checkable
class ForPolicies(Protocol):
    """Data with other rows for other policies."""

    def for_policy(self, policy: str) -> Data:
        """The rows that this policy can learn from."""
        ...
