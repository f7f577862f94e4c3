"""Prompts that are dialogues, in HH-RLHF's form, and as the messages that chat templates take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

USER, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
"""How a turn begins in HH-RLHF's dialogues."""


Message = dict[str, str]
"""A turn: its "role" ("user" or "assistant"; the first may be the "system"'s) and "content"."""


_ROLES = {USER: "user", ASSISTANT: "assistant"}
_MARKS = {role: mark for mark, role in _ROLES.items()}
_TURN = re.compile(f"({USER}|{ASSISTANT})")


def messages(prompt: str) -> list[Message]:
    """A prompt as the turns of a chat, the last one the user's; one that is no dialogue in HH-RLHF's form is one turn.

    What stands before the first turn of a dialogue is the system's.

    >>> [m["content"] for m in messages("\\n\\nHuman: Hi.\\n\\nAssistant: Yes?\\n\\nHuman: Why?\\n\\nAssistant:")]
    ['Hi.', 'Yes?', 'Why?']
    >>> messages("Why?")
    [{'role': 'user', 'content': 'Why?'}]
    """
    alone = [{"role": "user", "content": prompt}]
    text = "\n\n" + prompt.strip()
    before, *said = _TURN.split(text.removesuffix(ASSISTANT))
    if not text.endswith(ASSISTANT) or said[-2:-1] != [USER]:
        return alone
    turns = [{"role": "system", "content": before.strip()}] if before.strip() else []
    marked = zip(said[::2], said[1::2], strict=True)
    turns += [{"role": _ROLES[mark], "content": content.strip()} for mark, content in marked]
    return _in_turn(turns)


def _in_turn(turns: Sequence[Message]) -> list[Message]:
    """Turns of one role that follow each other as one: templates want the two in turn."""
    by_role = groupby(turns, key=lambda turn: turn["role"])
    return [{"role": role, "content": "\n\n".join(turn["content"] for turn in same)} for role, same in by_role]


def is_dialogue(prompt: str) -> bool:
    """Whether a prompt is a dialogue in HH-RLHF's form."""
    return messages(prompt)[0]["content"] != prompt


def dialogue(turns: Sequence[Message]) -> str:
    """Turns as a prompt in HH-RLHF's form, to be answered."""
    system, turns = (turns[0]["content"], turns[1:]) if turns[0]["role"] == "system" else ("", turns)
    said = (f"{_MARKS[turn['role']]} {turn['content']}" for turn in turns)
    return f"{system}{''.join(said)}{ASSISTANT}"


def told_apart(turns: Sequence[Message]) -> bool:
    """Whether turns can be read from their dialogue again, those of one role that follow each other as one."""
    turns = _in_turn(turns)
    return messages(dialogue(turns)) == turns
