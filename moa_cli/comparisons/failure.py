"""What a command was to measure and could not, as `moa.compare` and `moa.study` hold it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field, JsonValue

from benchmarks.common import Part
from moa_cli.words import numbered, one_line, prepared_name


class Failure(Part):
    """A training that could not be made or measured, or a ceiling that could not be drawn."""

    benchmark: str
    preparation: int = 0
    method: str | None
    """The method alone, None for the ceiling, which is no method's."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int | None
    what: str
    """What went wrong; `why` it did, or where more is told; `fix`: what to type."""
    why: str
    fix: str

    @property
    def group(self) -> tuple[object, ...]:
        """The same for failures that differ in their seed alone."""
        return self.benchmark, self.preparation, self.method, str(self.config), self.what


def alike(failures: Iterable[Failure]) -> list[list[Failure]]:
    """Failures by what they are about and their reason: those of a group differ in their seed alone."""
    groups: dict[tuple[object, ...], list[Failure]] = {}
    for one in failures:
        groups.setdefault(one.group, []).append(one)
    return [*groups.values()]


def failed_who(failures: Sequence[Failure]) -> str:
    """Who failed, and at which seeds, of failures that are `alike`.

    >>> told = {"benchmark": "toy", "config": {}, "what": "no reward", "why": "", "fix": ""}
    >>> failed_who([Failure(method="ric", seed=seed, **told) for seed in (0, 2)])
    'ric seeds 0, 2'
    >>> failed_who([Failure(method=None, seed=None, preparation=1, **told)])
    'ceiling preparation 1'
    """
    seeds = [one.seed for one in failures if one.seed is not None]
    who = prepared_name(failures[0].method or "ceiling", failures[0].preparation)
    return one_line(f"{who} {numbered('seed', seeds)}" if seeds else who)


def failed_words(failures: Sequence[Failure]) -> str:
    """Who failed and why, of failures that are `alike`, on one line.

    >>> told = {"benchmark": "toy", "config": {}, "what": "no\\nreward", "why": "", "fix": ""}
    >>> failed_words([Failure(method="ric", seed=1, **told)])
    'ric seed 1 failed: no reward'
    """
    return one_line(f"{failed_who(failures)} failed: {' '.join(failures[0].what.split())}")
