"""A benchmark: its description, and the door to what was prepared of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from benchmarks.spec import Description

if TYPE_CHECKING:
    import numpy as np

    from benchmarks.prepare.card import Card
    from benchmarks.prepare.prepared import Prepared


class Benchmark(Description):
    """A measuring stick: a description, prepared; what methods train on and what fronts are measured by.

    The models are loaded when first used.
    """

    @cached_property
    def prepared(self) -> Prepared:
        """The starting policy, loaded rewards and the scale card. Raises BadInput where `prepare` has not run."""
        from benchmarks.prepare.prepared import open_prepared  # loads torch, which a description does without

        return open_prepared(self)

    @property
    def card(self) -> Card:
        """The scale card: the units of every number below."""
        return self.prepared.card

    def rewards(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """What methods train on (N, M), in benchmark units: z-scored by the scale card, 0 = the SFT policy's mean."""
        return self.prepared.rewards(prompts, responses)

    def scores(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """What the held-out evaluators say (N, M), in benchmark units. Methods must not train on them."""
        return self.prepared.scores(prompts, responses)
