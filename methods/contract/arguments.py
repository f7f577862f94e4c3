"""What functions of the kit are called with: numbers lie in the ranges of their signatures, as settings do, and what is
made with moa is of the class that is meant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from types import NoneType
from typing import Annotated, ParamSpec, Protocol, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from benchmarks import Benchmark
from benchmarks.common import fit, misfit, refuse, type_words

P = ParamSpec("P")
R = TypeVar("R")


OURS = ("benchmarks.", "methods.")
"""Where classes of moa's are."""


def in_range(function: Callable[P, R]) -> Callable[P, R]:
    """A function that raises BadInput, which lists them, for arguments that are out of the ranges in its signature, or
    of another class than those of moa's in it. TypeError, as any function, for names that it does not have."""

    @wraps(function)
    def checked(*args: P.args, **named: P.kwargs) -> R:
        hints = get_type_hints(function, include_extras=True)
        ranges = {name: hint for name, hint in hints.items() if _has_range(hint)}
        try:
            bound = inspect.signature(function).bind(*args, **named)
        except TypeError:
            return function(*args, **named)  # it says which name it does not know, before which it misses
        given = bound.arguments
        given |= {name: _as_meant(value, hints[name]) for name, value in given.items()}
        mistakes = [f"{name}: {wrong}" for name, value in given.items() if (wrong := _misplaced(value, hints[name]))]
        for name, value in ((name, given[name]) for name in ranges if name in given):
            try:
                fit(value, ranges[name])
            except TypeError:
                mistakes.append(f"{name}: {misfit(value, ranges[name])}")
        expected = "; ".join(f"{name}: {type_words(hint)}" for name, hint in ranges.items())
        expected = expected or f"help(moa_cli.{function.__name__}) says what it takes"
        refuse(f"arguments of {function.__name__}", mistakes, expected)
        return function(*bound.args, **bound.kwargs)

    return checked


def _has_range(hint: object) -> bool:
    return any(get_origin(kind) is Annotated for kind in (hint, *get_args(hint)))


def _as_meant(value: object, hint: object) -> object:
    """A number of numpy's, which no checkpoint could hold, as Python's; plain tuples as the named ones meant."""
    if isinstance(value, np.generic):
        return value.item()
    kinds = get_args(hint) if get_origin(hint) is Sequence else ()
    if isinstance(value, list | tuple) and kinds and hasattr(kinds[0], "_fields"):
        count = len(kinds[0]._fields)
        return [kinds[0](*one) if type(one) is tuple and len(one) == count else one for one in value]
    return value


def _misplaced(value: object, hint: object) -> str:
    """What is wrong with something that is to be of a class of moa's, or a sequence of such; "" where nothing is."""
    several = get_origin(hint) is Sequence
    classes = [kind for kind in (get_args(hint) or (hint,)) if isinstance(kind, type)]
    ours = [kind for kind in classes if kind.__module__.startswith(OURS)]
    if not ours or Benchmark in ours or any(Protocol in kind.__bases__ for kind in ours):
        return ""
    found = value if several and isinstance(value, Sequence) and not isinstance(value, str) else [value]
    wrong = [one for one in found if not isinstance(one, tuple(classes))]
    if not wrong:
        return ""
    names = " or ".join(kind.__name__ for kind in classes if kind is not NoneType)
    return f"expected {names}{'s' * several}, found {wrong[0]!r:.60} ({type(wrong[0]).__name__})"
