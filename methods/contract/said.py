"""What a method says of itself before it is trained: its points and what they are called, its effort.

Own code says it, and later it would fail far from where it was said, or be measured as it is.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from numbers import Integral, Real
from traceback import extract_tb
from typing import Any, TypeVar

from benchmarks import BadInput, Benchmark, Weights
from benchmarks.common import error_words, refuse
from benchmarks.spec import on_simplex
from methods.contract.effort import Effort
from methods.contract.method import Method, method_name

T = TypeVar("T")


def checked_points(method: Method, benchmark: Benchmark) -> tuple[Weights, ...]:
    """The weights at which a method is measured (K, M).

    BadInput where `points` are not K different points on the simplex, or `labels` not as many different texts, or none.
    """
    found, labels = _asked(method.points, benchmark), _asked(method.labels, benchmark)
    refuse(
        f"points of {method_name(type(method))} on {benchmark.name}",
        [*_of_points(found, len(benchmark.objectives)), *_of_labels(labels, found)],
        "return benchmark.grid, or a tuple of such weights; labels are a text for each, or ()",
    )
    return tuple(tuple(map(float, point)) for point in found)


def _of_points(found: Any, M: int) -> Iterator[str]:
    if not isinstance(found, Collection):  # a generator is read once, and is asked for more than once
        yield f"points: expected a tuple of weights, found {found!r:.80}"
        return
    if len(found) == 0:
        yield "points: there are none"
    wrong = [point for point in found if not _is_point(point, M)]
    for point in wrong:
        yield f"points: expected {M} numbers that are not negative and add up to 1, found {point!r:.80}"
    if not wrong:
        yield from (f"points: {point} is there twice" for point, n in Counter(map(tuple, found)).items() if n > 1)


def _is_point(point: Any, M: int) -> bool:
    """Whether these are M weights, as exactly as those of a grid."""
    numbers = [*point] if isinstance(point, Collection) else []
    real = len(numbers) == M and all(isinstance(number, Real) for number in numbers)
    return real and on_simplex(numbers)


def _of_labels(labels: Any, found: Any) -> Iterator[str]:
    if not isinstance(labels, tuple | list) or not all(isinstance(label, str) and label.strip() for label in labels):
        yield f"labels: expected a tuple of texts, found {labels!r:.80}"
    elif labels and isinstance(found, Collection) and len(labels) != len(found):
        yield f"labels: there are {len(labels)}, and {len(found)} points"
    else:
        yield from (f"labels: {label!r:.80} is there twice" for label, n in Counter(labels).items() if n > 1)


def checked_effort(method: Method, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...] | None:
    """What a training will do, see `Method.effort`. BadInput for anything else."""
    found: Any = _asked(method.effort, benchmark, parameters)
    if found is not None and not (isinstance(found, tuple | list) and all(isinstance(one, Effort) for one in found)):
        raise _no_effort(method.effort, found, "a tuple of Effort, or None where nobody knows")
    for one in found or ():
        _check_amounts(method.effort, one)
    return found if found is None else tuple(found)


def checked_serving(method: Method, benchmark: Benchmark, prompts: int) -> Effort:
    """What answering takes, see `Method.serving`. BadInput for anything else."""
    found: Any = _asked(method.serving, benchmark, prompts)
    if not isinstance(found, Effort):
        raise _no_effort(method.serving, found, "one Effort")
    _check_amounts(method.serving, found)
    return found


MOST, LARGEST_BATCH = 1e15, 10**6
"""Answers, and answers of an update, of which nobody does as many [choice]: with more, sums of FLOPs and hours are soon
no numbers, and to split a batch takes hours."""


def _check_amounts(question: Callable[..., object], effort: Effort) -> None:
    """BadInput for amounts of nothing that can be done."""
    amounts = (effort.drawn, effort.learned, effort.read, effort.scored)
    real = all(isinstance(amount, Real) and 0 <= amount <= MOST for amount in amounts)
    least = 1 if real and effort.learned else 0
    whole = all(isinstance(number, Integral) for number in (effort.batch, effort.stages))
    if not (real and whole and least <= effort.batch <= LARGEST_BATCH and 0 <= effort.stages <= LARGEST_BATCH):
        expected = (
            f"of amounts from 0 to {MOST:g}, and of a batch and stages from 1 to {LARGEST_BATCH:,} where it learns"
        )
        raise _no_effort(question, effort, expected)


def _no_effort(question: Callable[..., object], found: object, expected: str) -> BadInput:
    return BadInput(
        f"{question.__qualname__} returned {found!r:.80}",
        f"a dry run makes FLOPs and hours of it: it is {expected}",
        "leave it out, or see what the methods that come with moa return: docs/methods.md",
    )


def _asked(question: Callable[..., T], *about: object) -> T:
    """What a method says. BadInput where its code raises instead, with the place."""
    try:
        return question(*about)
    except BadInput:
        raise
    except Exception as error:
        file, frames = inspect.getfile(question), extract_tb(error.__traceback__)
        last = [frame for frame in frames if frame.filename == file] or frames
        raise BadInput(
            f"{question.__qualname__} failed: {error_words(error)}",
            "it is asked before anything is trained, so nothing was started",
            f"look at {last[-1].filename}, line {last[-1].lineno}: {last[-1].line}",
        ) from error
