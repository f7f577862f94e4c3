"""What a reward says is looked at as it comes: values beyond sense, and a reward that varies no more, get a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.common import tell

FAR = 1000.0
"""Standard deviations of the scale card beyond which a value is told of [choice]: no reward that still means what it
did when the card was taken goes there, and one such value makes the mean."""


ALIKE = 500
"""Different answers in a row, all with one value, at which a reward is told to vary no more [choice]."""


@dataclass
class Sense:
    """Looks at the values of one reward, in units of the scale card, and tells each of the two once."""

    name: str
    last: float | None = None
    """The value of the last answer."""
    alike: set[int] = field(default_factory=set)
    """Hashes of the answers in a row that had it."""
    told_far: bool = False
    told_alike: bool = False

    def look(self, responses: Sequence[str], values: np.ndarray) -> None:
        """At the values (N,) of these answers."""
        if not len(values):
            return
        furthest = values[np.abs(values).argmax()]
        if abs(furthest) > FAR and not self.told_far:
            self.told_far = True
            tell(f"{self.name} gives an answer {furthest:.3g} standard deviations of the scale card. Is that meant?")
        others = np.flatnonzero(values != values[-1])
        if len(others) or values[-1] != self.last:
            self.last = values[-1]
            self.alike.clear()
        self.alike.update(map(hash, responses[others[-1] + 1 if len(others) else 0 :]))
        if len(self.alike) >= ALIKE:
            self.alike.clear()
            if not self.told_alike:
                self.told_alike = True
                tell(
                    f"{self.name} gave {ALIKE} different answers in a row the same value: it tells nothing apart there"
                )
