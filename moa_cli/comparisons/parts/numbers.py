"""What a comparison says in numbers: differences with what they are worth, indicators of a front, probabilities."""

from __future__ import annotations

from benchmarks.common import Part

LEAST_PROMPTS = 50
"""Test prompts below which nothing is told apart."""


ALPHA = 0.05
"""Below it a corrected p value tells two rows apart."""


class Difference(Part):
    """One row's number less another's, with its 95 % interval over prompts and trainings, or over preparations."""

    value: float
    low: float
    high: float
    by_chance: float = 0.0
    """What equals would differ by: several noisy points have a larger hypervolume than a single one."""
    p: float
    """Of the nested test of what exceeds that, alone."""
    p_holm: float | None
    """Corrected for all that were tested (Holm). None where nothing may be concluded: on one training of a row, or on
    too few prompts."""

    @property
    def clear(self) -> bool:
        """Whether the two can be told apart. Every star and every "better" comes from here."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def interval(self) -> tuple[float, float, float]:
        """Value, low, high."""
        return self.value, self.low, self.high

    @property
    def beyond_chance(self) -> tuple[float, float, float]:
        """The same of what exceeds what equals would differ by: 0 where the value has less of that sign.

        >>> Difference(value=0.5, low=0.1, high=0.9, by_chance=0.25, p=0.2, p_holm=None).beyond_chance
        (0.25, -0.15, 0.65)
        """
        chance = max(min(self.by_chance, max(self.value, 0)), min(self.value, 0))
        return self.value - chance, self.low - chance, self.high - chance

    def turned(self) -> Difference:
        """The other row's number less this one's."""
        turned = {"value": -self.value, "low": -self.high, "high": -self.low, "by_chance": 0 - self.by_chance}
        return self.model_copy(update=turned)


class Quality(Part):
    """The indicators of a row under one signal, means over its seeds, at as many policies as every row is compared by.

    But for `all_weights`, which more points make larger, and for the utility, which asks all rows the same.
    """

    hypervolume: float
    low: float
    high: float
    """95 % interval of the hypervolume, over prompts and seeds."""
    all_weights: float
    """The hypervolume of all points."""
    corrected: float
    """The hypervolume less part of what choosing among noisy points adds."""
    utility: float
    """Mean over the asked weights w of w . score(w), less the base's; as it is where there is no base."""
    utility_low: float
    utility_high: float
    """95 % interval of the utility."""
    igd_plus: float
    """Distance to the non-dominated points of all rows."""
    expected_utility: float
    """Best weighted score, mean over an even grid of weights."""

    @property
    def volume(self) -> tuple[float, float, float]:
        """The hypervolume with its interval."""
        return self.hypervolume, self.low, self.high

    @property
    def worth(self) -> tuple[float, float, float]:
        """The utility with its interval."""
        return self.utility, self.utility_low, self.utility_high


class Dominance(Part):
    """How probable it is that one row's point is better than the other's in everything, at the same weights."""

    a: float
    b: float


class OtherRef(Part):
    """Held-out hypervolumes above another ref, and the pairs of rows whose order is another there."""

    sds: float
    """SFT standard deviations below the SFT mean."""
    ref: tuple[float, ...]
    hypervolume: dict[str, float]
    flips: tuple[tuple[str, str], ...]
