"""Making rows usable: dialogues split, faults named, what was skipped said once."""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Protocol, TypeVar

from benchmarks.spec import ASSISTANT, USER, Answer

Item = TypeVar("Item")


DEV_SHARE = 0.05
"""Share of the training prompts that are dev prompts where the data does not say which [choice]."""


UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""Categories of characters that nobody sees: control, format (such as those without width), white space."""


WITHOUT_FORM = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Characters that nobody sees either, though they count as letters, marks or symbols: Unicode's default ignorable ones,
such as fillers and what chooses a form of the character before, and braille without a dot."""


NO_DIALOGUE = "not a dialogue"
"""Why a text is skipped that has no turns."""


A_DIALOGUE = f"{USER} Hi.{ASSISTANT} Hello!"
"""What one looks like."""


def blank(text: str) -> bool:
    """Whether nothing is to be seen of a text.

    >>> blank(" \\n"), blank("\\u200b\\ufeff\\ufe0f\\u3164"), blank("?")
    (True, True, False)
    """
    return all(unicodedata.category(character) in UNSEEN for character in WITHOUT_FORM.sub("", text))


def alike(prompt: str) -> str:
    """A prompt up to white space, case, what nobody sees and how accents are put together: what is the same for people
    is in one split."""
    if not prompt.isascii():
        seen = "".join(c for c in WITHOUT_FORM.sub("", prompt) if unicodedata.category(c) != "Cf")
        prompt = unicodedata.normalize("NFC", seen)  # what nobody sees keeps accents apart
    return " ".join(prompt.split()).casefold()


class Asked(Protocol):
    """What is about a prompt."""

    @property
    def prompt(self) -> str:
        """That prompt."""
        ...


About = TypeVar("About", bound=Asked)


def without(items: Iterable[About], prompts: Iterable[str]) -> list[About]:
    """The items that are about none of these prompts, nor about one that is `alike`."""
    taken = set(map(alike, prompts))
    return [item for item in items if alike(item.prompt) not in taken]


def split_dialogue(text: str) -> Answer | str:
    """A dialogue as prompt (up to and including its last "Assistant:") and response, or what is wrong with it.

    It is read with other line ends, and without those at its beginning, too.

    >>> split_dialogue("\\n\\nHuman: Hi.\\n\\nAssistant: Hello!")
    Answer(prompt='\\n\\nHuman: Hi.\\n\\nAssistant:', response='Hello!')
    """
    before, turn, response = _published(text).rpartition(ASSISTANT)
    if not turn or USER not in before:
        return NO_DIALOGUE
    if USER in response:
        return "ends on a human turn"
    if blank(before.rpartition(USER)[2]):
        return "empty prompt"
    if blank(response):
        return "empty answer"
    return Answer(before + turn, response.strip())


def _published(text: str) -> str:
    """A dialogue with the line ends and the beginning of the published ones."""
    text = text.replace("\r\n", "\n")
    return f"\n\n{text.lstrip()}" if text.lstrip().startswith((USER.strip(), ASSISTANT.strip())) else text


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
    if any(map(blank, responses)):
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


def first_turn(prompt: str) -> str:
    """What the conversation of a prompt began with, as a prompt of its own: rows of one conversation are in one split,
    as a later one holds the answers to those before.

    >>> first_turn("\\n\\nHuman: Hi.\\n\\nAssistant: Hello!\\n\\nHuman: How?\\n\\nAssistant:")
    '\\n\\nHuman: Hi.\\n\\nAssistant:'
    """
    opened, asks, rest = prompt.partition(USER)  # by whom is in `opened`: an assistant may greet
    asked, mark, _ = rest.partition(ASSISTANT)
    return opened + asks + asked + mark


def parted(items: Sequence[About], share: float) -> tuple[list[About], list[About]]:
    """The items about all but a share of the conversations, and those about that share (`share_of`)."""
    drawn = set(map(alike, share_of((first_turn(item.prompt) for item in items), share)))
    began = [(item, alike(first_turn(item.prompt)) in drawn) for item in items]
    return [item for item, taken in began if not taken], [item for item, taken in began if taken]


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


def mending(skipped: Counter[str]) -> str:
    """What to do where rows were skipped so often that too few are left, by the commonest reason."""
    (reason, _), *_ = skipped.most_common(1)
    ways = {
        NO_DIALOGUE: f"dialogues are written as {A_DIALOGUE!r}; data.format names other forms",
        "longer than": "data.max_prompt_chars and data.max_response_chars say what is too long",
        "unknown role": "roles are system, user and assistant",
        "ends on": "the last turn has to be the answer",
        "prompt also in": "a prompt is in one split: let each file, or split, have prompts of its own",
    }
    usual = "mend the rows, or name the columns that hold them: data.columns"
    return next((way for part, way in ways.items() if part in reason), usual)


def report_skipped(name: str, kept: int, skipped: Mapping[str, int]) -> None:
    """One warning saying how many rows were skipped and why; the same line is not repeated in a process."""
    if skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in Counter(skipped).most_common())
        warn_once(f"{name}: kept {kept:,} rows, skipped {sum(skipped.values()):,} ({reasons})")


@lru_cache(maxsize=256)
def warn_once(message: str) -> None:
    """A warning that is not repeated in a process."""
    logging.getLogger("moa").warning(message)
