"""Conversations as lists of messages, `{"role": ..., "content": ...}`, written as one text in the form of HH-RLHF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.data.clean import ASSISTANT, USER, contrast
from benchmarks.spec import Answer

MESSAGES = [{"role": str, "content": (str, None)}]
"""The schema of a conversation."""


TURNS = {"user": USER, "assistant": ASSISTANT}
"""How a message of a role begins. A system message stands before the first turn, as it is."""


def conversation(messages: Sequence[dict[str, Any]]) -> Answer | str:
    """Prompt (all but the last message, up to and including its last "Assistant:") and response, or what is wrong.

    >>> conversation([{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello!"}])
    Answer(prompt='\\n\\nHuman: Hi.\\n\\nAssistant:', response='Hello!')
    """
    roles = [message["role"] for message in messages]
    texts = [(message["content"] or "").strip() for message in messages]
    system = texts[0] if roles[:1] == ["system"] else ""
    turns = list(zip(roles, texts, strict=True))[roles[:1] == ["system"] :]
    if odd := [role for role, _ in turns if role not in TURNS]:
        return "system message between others" if odd[0] == "system" else f"unknown role {odd[0]!r:.40}"
    if not turns or "user" not in roles:
        return "not a dialogue"
    if turns[-1][0] == "user":
        return "ends on a human turn"
    if not all(text for _, text in turns[:-1]):
        return "empty prompt" if len(turns) == 2 else "empty message"
    if not turns[-1][1]:
        return "empty answer"
    before = "".join(f"{TURNS[role]} {text}" for role, text in turns[:-1])
    return Answer(f"{system}{before}{ASSISTANT}", turns[-1][1])


def compared(
    chosen: Sequence[dict[str, Any]], rejected: Sequence[dict[str, Any]], before: Any
) -> tuple[str, str, str] | str:
    """Prompt and both responses of two conversations that begin alike, or what is wrong with them.

    Where they hold the answers alone, the prompt is `before`: a text, or the messages so far.
    """
    if max(len(chosen), len(rejected)) == 1 and before:
        asked = [{"role": "user", "content": before}] if isinstance(before, str) else list(before)
        chosen, rejected = [*asked, *chosen], [*asked, *rejected]
    return contrast(conversation(chosen), conversation(rejected))
