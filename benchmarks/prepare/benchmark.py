"""A benchmark: its description, and the door to what was prepared of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from benchmarks.common import BadInput
from benchmarks.spec import Description

if TYPE_CHECKING:
    import numpy as np

    from benchmarks.prepare.card import Card
    from benchmarks.prepare.prepared import Prepared
    from benchmarks.spec import Split


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
        """The scale card: the units of every number below, and the test prompts."""
        return self.prepared.card

    def card_on(self, split: Split) -> Card:
        """The card of fronts that are measured on these prompts. BadInput where there are none."""
        if split == "test":
            return self.card
        prompts = self.prompts(split)
        if not prompts:
            raise BadInput(
                f"{self.name} has no {split} prompts",
                "nothing can be measured on them",
                "give data.dev_share in its file a value above 0, or name a dev file (docs/benchmarks.md)",
            )
        return self.card.on(split, prompts)

    def rewards(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """What methods train on (N, M), in benchmark units: z-scored by the scale card, 0 = the SFT policy's mean."""
        return self.prepared.rewards(prompts, responses)

    def scores(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """What the held-out evaluators say (N, M), in benchmark units. BadInput where a method that trains or answers
        asks for it."""
        return self.prepared.scores(prompts, responses)
