"""Values that are in force inside a block, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[T]:
    """Inside the block the variable has this value."""
    token = variable.set(value)
    try:
        yield value
    finally:
        variable.reset(token)
