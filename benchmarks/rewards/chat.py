"""Dialogues as messages, which chat templates take."""

from __future__ import annotations

import re

from benchmarks.data import ASSISTANT, USER

Message = dict[str, str]
"""A turn: its "role" ("user" or "assistant") and "content"."""


ROLES = {USER: "user", ASSISTANT: "assistant"}


_TURN = re.compile(f"({USER}|{ASSISTANT})")


def messages(prompt: str, response: str) -> list[Message]:
    r"""A prompt and its response as messages. A prompt that is no dialogue in HH-RLHF's form is a single turn.

    >>> [m["role"] for m in messages("\n\nHuman: Hi.\n\nAssistant: Hello!\n\nHuman: Why?\n\nAssistant:", "So.")]
    ['user', 'assistant', 'user', 'assistant']
    >>> messages("Why?", "So.")
    [{'role': 'user', 'content': 'Why?'}, {'role': 'assistant', 'content': 'So.'}]
    """
    before, *said = _TURN.split("\n\n" + prompt.lstrip())
    turns = [(ROLES[who], text.strip()) for who, text in zip(said[::2], said[1::2], strict=True)]
    if before.strip() or not turns or turns[0][0] != "user" or turns[-1][0] != "assistant":
        turns = [("user", prompt)]
    if turns[-1] == ("assistant", ""):
        turns.pop()  # where the prompt ends: the response is this turn
    found: list[Message] = []
    for role, text in (*turns, ("assistant", response)):
        if found and found[-1]["role"] == role:  # templates want them in turn
            found[-1]["content"] += f"\n\n{text}"
        else:
            found.append({"role": role, "content": text})
    return found
