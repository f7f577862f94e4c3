"""The document `moa.claims/2`: claims with what was measured, as types."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Literal

from benchmarks.common import Document, Part
from moa_cli.words import numbered, one_line

Verdict = Literal["replicated", "not replicated", "inconclusive", "not measured"]


class CheckedClaim(Part):
    """A claim with what was measured on one benchmark, or why nothing was."""

    claim: str
    source: str
    published: str
    measure: str
    of: tuple[str, ...]
    above: float | None
    below: float | None
    """Exactly one of them: the side on which the claim holds."""
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    """What was measured, with its 95 % interval; None where nothing was."""
    reason: str | None = None
    """Why nothing was measured."""
    command: str | None = None
    """What would measure it; there may be no such command."""

    @property
    def number(self) -> str:
        """What was measured, with its interval and what it had to be."""
        if self.value is None or self.low is None or self.high is None:
            return "-"
        side = f"> {self.above:g}" if self.above is not None else f"< {self.below:g}"
        digits = 2 if max(map(abs, (self.value, self.low, self.high))) >= 0.1 else 4
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}] {side}"


class ClaimsOn(Part):
    """The claims on one benchmark."""

    name: str
    seeds: tuple[int, ...]
    prompts: int
    under: str
    """What gives the scores."""
    warnings: tuple[str, ...]
    """What makes the verdicts unsafe."""
    claims: tuple[CheckedClaim, ...]

    @property
    def facts(self) -> list[str]:
        """Benchmark, what gives the scores, prompts, seeds."""
        return [
            one_line(self.name),
            self.under,
            f"{self.prompts} prompts",
            numbered("seed", self.seeds),
        ]

    def counts(self) -> Counter[Verdict]:
        """How many claims met which verdict."""
        return Counter(claim.verdict for claim in self.claims)


class Claims(Document):
    """What papers claim, checked on every benchmark."""

    SCHEMA: ClassVar[str] = "moa.claims/2"

    benchmarks: tuple[ClaimsOn, ...]
