"""What to take at given weights: the measured points that are best for them, as `moa.compare` holds it."""

from __future__ import annotations

from typing import Literal

from benchmarks.common import Part
from benchmarks.spec import Weights
from moa_cli.comparisons.parts.numbers import LEAST_PROMPTS, Difference
from moa_cli.words import interval, kl_words, one_line, typed_weights

Limit = Literal["collapse", "max_answer_cost", "max_kl"]
"""What excludes a point: too many degenerate answers in any training, or what was asked for."""


class Wish(Part):
    """What somebody wants: how much each objective counts, and what an answer may cost."""

    weights: Weights
    max_answer_cost: float | None = None
    """Operations of an answer, as a multiple of the starting policy's."""
    max_kl: float | None = None
    """Nats per answer from the starting policy."""


class Candidate(Part):
    """The point of a row that is best for the wish, chosen on some prompts; all its numbers are from the others."""

    method: str
    weights: Weights | None
    """What to ask the row for; None for one that knows no weights."""
    value: float
    low: float
    high: float
    """w . score, in SFT standard deviations, with its 95 % interval over prompts and trainings."""
    scores: tuple[float, ...]
    """(M,)."""
    kl: float | None
    answer_cost: float | None
    """As a multiple of the starting policy's; None where unknown."""
    probability: float
    """That it is the best of all candidates: the share of draws of other prompts and trainings in which it is."""
    ahead: Difference | None = None
    """The first one's value less this one's; None for the first. p is corrected for all that the first is ahead of."""

    @property
    def name(self) -> str:
        """The row, with the weights to ask it for."""
        asked = "" if self.weights is None else f" at {typed_weights(self.weights, 3)}"
        return one_line(f"{self.method}{asked}")


class Beyond(Part):
    """Points of a row that a limit excludes, and how far beyond it they are."""

    method: str
    limit: Limit
    points: int
    of: int
    """How many the row has."""
    least: float | None
    most: float | None
    """What they have of what is limited (of collapse: in how many trainings); None where nobody knows it."""

    @property
    def told(self) -> str:
        """For instance "ric (4 of 11 points: 3.2 to 4.9)"."""
        which = "" if self.points == self.of else f"{self.points} of {self.of} points"
        if self.limit == "collapse":
            return one_line(f"{self.method} ({which or 'all points'})")
        write = times_words if self.limit == "max_answer_cost" else kl_words
        ends = "unknown" if self.least is None else " to ".join(dict.fromkeys(map(write, (self.least, self.most))))
        return one_line(f"{self.method} ({which}{': ' * bool(which)}{ends})")


class Choice(Part):
    """What to take for a wish: of every row its best point, from the best to the worst.

    Rows and points are ordered on some of the test prompts, and reported on the others.
    """

    wish: Wish
    chosen_on: int
    reported_on: int
    """Prompts."""
    candidates: tuple[Candidate, ...]
    beyond: tuple[Beyond, ...]

    @property
    def first(self) -> Candidate | None:
        """The one to take; None where nothing is within the limits."""
        return self.candidates[0] if self.candidates else None

    @property
    def title(self) -> str:
        """For whom it is, such as "at 0.3,0.7, KL up to 3.0"."""
        cost, kl = self.wish.max_answer_cost, self.wish.max_kl
        told = [f"at {typed_weights(self.wish.weights, 3)}"]
        told += [] if cost is None else [f"an answer up to {times_words(cost)}"]
        told += [] if kl is None else [f"KL up to {kl_words(kl)}"]
        return ", ".join(told)

    def told(self, score: str) -> list[str]:
        """What to take and how sure that is, what comes second, what was excluded, and what it was chosen on: a line
        each. `score` is what a score is called."""
        first = self.first
        if first is None:
            return ["no measured point is within these limits", *self.excluded]
        held = interval(first.value, first.low, first.high, sign="+")
        lines = [f"take {first.name}: w . {score} {held}, the best of these with probability {first.probability:.0%}"]
        for second in self.candidates[1:2]:
            assert second.ahead is not None
            apart = "told apart" if second.ahead.clear else "not told apart"
            apart = self.unsure if second.ahead.p_holm is None else apart
            lead = interval(*second.ahead.interval, sign="+")
            lines.append(f"second {second.name}: the first less it {lead}, {apart}")
        likely = max(self.candidates, key=lambda one: one.probability)
        if likely.probability > first.probability:
            close = "" if likely.ahead and likely.ahead.clear else "; the two are too close to choose between"
            told = f"on the prompts reported the best is more probably {likely.name}"
            lines.append(f"{told} ({likely.probability:.0%}){close}")
        return [*lines, *self.excluded, self.basis]

    @property
    def unsure(self) -> str:
        """Why nothing may be concluded of the first and the second."""
        few = self.reported_on < LEAST_PROMPTS
        return f"on {self.reported_on} prompts, too few to tell apart" if few else "on these trainings"

    @property
    def excluded(self) -> list[str]:
        """What each limit excludes, a line each."""
        cost, kl = self.wish.max_answer_cost, self.wish.max_kl
        limits = {
            "max_answer_cost": f"an answer of more than {times_words(cost)} the starting policy's operations",
            "max_kl": f"a KL above {kl_words(kl)}",
            "collapse": "too many degenerate answers",
        }
        found = {words: [one.told for one in self.beyond if one.limit == limit] for limit, words in limits.items()}
        return [f"left out for {words}: {', '.join(told)}" for words, told in found.items() if told]

    @property
    def basis(self) -> str:
        """What was chosen on what."""
        return (
            f"chosen on {self.chosen_on} of the {self.chosen_on + self.reported_on} test prompts; these numbers are "
            f"from the other {self.reported_on}, on which nothing was chosen"
        )


def times_words(value: float | None) -> str:
    """A multiple of what the starting policy takes, a dash where it is not known.

    >>> times_words(1.84), times_words(47.9), times_words(1.0), times_words(None)
    ('1.8x', '48x', '1x', '-')
    """
    if value is None:
        return "-"
    return (f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}") + "x"
