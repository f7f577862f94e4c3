"""Conversations as lists of messages, `{"role": ..., "content": ...}`, written as one text in the form of HH-RLHF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.data.clean import blank, contrast
from benchmarks.spec import Answer, dialogue, told_apart

PARTS = [({"type": (str, None), "text": (str, None, ...)}, None)]
"""The schema of a content that is not one text."""


MESSAGES = [({"role": (str, None), "content": (str, PARTS, None)}, None)]
"""The schema of a conversation."""


Messages = Sequence[dict[str, Any] | None]
"""A conversation; nulls may be in it."""


def conversation(messages: Messages) -> Answer | str:
    """Prompt (all but the last message, up to and including its last "Assistant:") and response, or what is wrong.

    >>> conversation([{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello!"}])
    Answer(prompt='\\n\\nHuman: Hi.\\n\\nAssistant:', response='Hello!')
    """
    said = [{"role": m["role"], "content": _text(m["content"])} for m in messages if m]
    if len(said) < len(messages):
        return "a message is null"
    if any(turn["content"] is None for turn in said):
        return "content that is no text"
    if said and said[0]["role"] == "system" and blank(said[0]["content"]):
        said = said[1:]
    turns = said[1:] if said and said[0]["role"] == "system" else said
    roles = [turn["role"] for turn in turns]
    if odd := [role for role in roles if role not in ("user", "assistant")]:
        return "system message between others" if odd[0] == "system" else f"unknown role {odd[0]!r:.40}"
    if "user" not in roles:
        return "not a dialogue"
    if roles[-1] == "user":
        return "ends on a human turn"
    if any(blank(turn["content"]) for turn in turns[:-1]):
        return "empty prompt" if len(turns) == 2 else "empty message"
    if blank(turns[-1]["content"]):
        return "empty answer"
    if roles[-2] == "assistant":
        return "ends on two assistant turns"
    if not told_apart(said[:-1]):
        return "a turn holds the mark of another"
    return Answer(dialogue(said[:-1]), turns[-1]["content"])


def _text(content: str | list[Any] | None) -> str | None:
    """A content as one text, its parts joined as chat templates join them; None where one of them is no text."""
    if not isinstance(content, list):
        return (content or "").strip()
    texts = [part["text"] for part in content if part and part["type"] == "text" and part.get("text") is not None]
    return "".join(texts).strip() if len(texts) == len(content) else None


def compared(chosen: Messages, rejected: Messages, before: str | Messages | None) -> tuple[str, str, str] | str:
    """Prompt and both responses of two conversations that begin alike, or what is wrong with them.

    `before`, a text or the messages so far, is the prompt of those that begin with an answer.
    """
    asked = [{"role": "user", "content": before}] if isinstance(before, str) else before or []
    return contrast(conversation(_after(asked, chosen)), conversation(_after(asked, rejected)))


def _after(asked: Messages, turns: Messages) -> Messages:
    """The turns, with what was asked before an answer unless they say it themselves."""
    answers = [turn["role"] for turn in turns[:1] if turn] == ["assistant"] and turns[: len(asked)] != asked
    return [*asked, *turns] if answers else turns
