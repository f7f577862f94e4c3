"""What no method may see while it trains and answers: held-out means that the measurement alone has seen it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from benchmarks.common.errors import BadInput

_AT_WORK = ContextVar("at_work", default=False)


@contextmanager
def method_at_work() -> Iterator[None]:
    """Inside the block a method trains or answers, and what it may not see is refused."""
    token = _AT_WORK.set(True)
    try:
        yield
    finally:
        _AT_WORK.reset(token)


def check_sight(what: str, instead: str) -> None:
    """BadInput where a method at work asks for something that is held out."""
    if _AT_WORK.get():
        raise BadInput(
            f"a method asked for {what} while it trained or answered",
            "what is reported would not be held-out: it would have been learned from, or chosen by",
            instead,
        )
