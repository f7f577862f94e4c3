"""Making rows usable: dialogues split, faults named, what was skipped said once."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import TypeVar

from benchmarks.spec import ASSISTANT, USER, Answer

Item = TypeVar("Item")


DEV_SHARE = 0.05
"""Share of the training prompts that are dev prompts where the data does not say which [choice]."""


def split_dialogue(text: str) -> Answer | str:
    """A dialogue as prompt (up to and including its last "Assistant:") and response, or what is wrong with it.

    >>> split_dialogue("\\n\\nHuman: Hi.\\n\\nAssistant: Hello!")
    Answer(prompt='\\n\\nHuman: Hi.\\n\\nAssistant:', response='Hello!')
    """
    before, turn, response = text.rpartition(ASSISTANT)
    if not turn or USER not in before:
        return "not a dialogue"
    if USER in response:
        return "ends on a human turn"
    if not response.strip():
        return "empty answer"
    return Answer(before + turn, response.strip())


def contrast(chosen: Answer | str, rejected: Answer | str) -> tuple[str, str, str] | str:
    """The prompt of two dialogues, and the response of each, or what is wrong with them."""
    if isinstance(chosen, str):
        return chosen
    if isinstance(rejected, str):
        return rejected
    if chosen.prompt != rejected.prompt:
        return "two different last prompts"
    return chosen.prompt, chosen.response, rejected.response


def fault(prompt: str, responses: Sequence[str], max_prompt_chars: int, max_response_chars: int) -> str | None:
    """Why a prompt with its one answer, or with the chosen and the rejected, cannot be used; None if it can."""
    if not all(responses):
        return "empty answer"
    if len(set(responses)) < len(responses):
        return "chosen equals rejected"
    if len(prompt) > max_prompt_chars:
        return f"prompt longer than {max_prompt_chars} characters"
    if max(map(len, responses)) > max_response_chars:
        return f"answer longer than {max_response_chars} characters"
    return None


def distinct(items: Iterable[Item]) -> list[Item]:
    """Each item once, where it first came."""
    return list(dict.fromkeys(items))


def share_of(prompts: Iterable[str], share: float) -> set[str]:
    """That share of the distinct prompts, those whose hashes come first: at least one unless the share is 0, never all.

    Their order does not matter, and which they are is independent of every other choice by hash.
    """
    by_hash = sorted(set(prompts), key=lambda prompt: hashlib.sha256(prompt.encode()).digest()[8:])
    count = max(round(share * len(by_hash)), 1) if share else 0
    return set(by_hash[: min(count, len(by_hash) - 1)])


def alternate(*groups: Sequence[Item]) -> list[Item]:
    """One of each group in turn, until all are used up.

    >>> alternate([1, 2, 3], [10])
    [1, 10, 2, 3]
    """
    end = object()
    return [item for items in zip_longest(*groups, fillvalue=end) for item in items if item is not end]  # type: ignore[misc]


def report_skipped(name: str, kept: int, skipped: Mapping[str, int]) -> None:
    """One warning saying how many rows were skipped and why; the same line is not repeated in a process."""
    if skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in Counter(skipped).most_common())
        warn_once(f"{name}: kept {kept:,} rows, skipped {sum(skipped.values()):,} ({reasons})")


@lru_cache(maxsize=256)
def warn_once(message: str) -> None:
    """A warning that is not repeated in a process."""
    logging.getLogger("moa").warning(message)
