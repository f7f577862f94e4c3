"""What no method may see while it trains and answers: held-out means that the measurement alone has seen it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar

from benchmarks.common.blocks import holding
from benchmarks.common.errors import BadInput

_AT_WORK = ContextVar("at_work", default=False)


def method_at_work() -> AbstractContextManager[object]:
    """Inside the block a method trains or answers, and what it may not see is refused."""
    return holding(_AT_WORK, True)


def check_sight(what: str, instead: str) -> None:
    """BadInput where a method at work asks for something that is held out."""
    if _AT_WORK.get():
        raise BadInput(
            f"a method asked for {what} while it trained or answered",
            "what is reported would not be held-out: it would have been learned from, or chosen by",
            instead,
        )
