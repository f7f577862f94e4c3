"""The rows of a comparison under one signal: what counts, and the two headline numbers that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from benchmarks import Front, Weights
from benchmarks.spec import Signal
from benchmarks.stats import Bootstrap, Interval, bootstrap_hypervolume, bootstrap_means, utility
from moa_cli.comparisons import row
from moa_cli.comparisons.contributions import (
    Contributions,
    Sides,
    Volume,
    differences,
    over_preparations,
    to_utility,
    to_volume,
    training,
    volume_by_chance,
    worth,
)
from moa_cli.comparisons.equal import answering
from moa_cli.comparisons.pairs import Counted, Headlines


@dataclass(frozen=True, kw_only=True)
class Under:
    """Rows by name, each with the fronts of its trainings, under one signal."""

    signal: Signal
    rows: Mapping[str, Sequence[Front]]
    compared: Mapping[str, Sequence[int]]
    """The points of each row by which rows are compared."""
    asked: Sequence[Weights]
    """What all rows are asked for."""
    keep_collapsed: bool

    @property
    def ref(self) -> tuple[float, ...]:
        return next(iter(self.rows.values()))[0].card.ref

    @cached_property
    def counted(self) -> Counted:
        """All points (K, N, M) of each row and training, as they count for a hypervolume."""
        return {
            name: {training(f): row.counted(f, self.signal, keep_collapsed=self.keep_collapsed) for f in fronts}
            for name, fronts in self.rows.items()
        }

    @cached_property
    def equal(self) -> Counted:
        """Those by which rows are compared."""
        return {
            name: {key: one[list(self.compared[name])] for key, one in trainings.items()}
            for name, trainings in self.counted.items()
        }

    @cached_property
    def means(self) -> dict[str, list[np.ndarray]]:
        """All points (K, M) of each row, training by training."""
        return {name: [one.mean(axis=1) for one in trainings.values()] for name, trainings in self.counted.items()}

    @cached_property
    def best(self) -> np.ndarray:
        """The non-dominated points (R, M) of all rows together, of those by which rows are compared."""
        return row.best_points([one.mean(axis=1) for trainings in self.equal.values() for one in trainings.values()])

    @cached_property
    def volumes(self) -> dict[str, Bootstrap]:
        """The hypervolume of each row at as many policies."""
        found = bootstrap_hypervolume([*self.equal.values()], self.ref)
        return {name: over_preparations(one, self.equal[name]) for name, one in zip(self.rows, found, strict=True)}

    @cached_property
    def _worth(self) -> Counted:
        """All points (K, N, M) of each row and training, as they count for the utility."""
        return {
            name: {training(f): worth(f, self.signal, keep_collapsed=self.keep_collapsed) for f in fronts}
            for name, fronts in self.rows.items()
        }

    @cached_property
    def utilities(self) -> dict[str, tuple[Contributions, float]]:
        """What prompts contribute to the utility of each row, and the utility itself, whatever the base's is."""
        found = {}
        for name, trainings in self._worth.items():
            answers = answering(self.rows[name][0].weights, self.asked)
            value = row.mean([utility(one.mean(axis=1)[answers], self.asked) for one in trainings.values()])
            found[name] = to_utility(trainings, self.asked, answers), value
        return found

    def gains(self, base: str | None) -> dict[str, tuple[float, float, float]]:
        """The utility of every row with its interval, less that of the base where there is one."""
        if base is None:
            return {name: self._utility(name) for name in self.rows}
        theirs, of_base = self.utilities[base]
        others = {name: Sides(ours, theirs, value - of_base) for name, (ours, value) in self.utilities.items()}
        del others[base]
        found = differences([*others.values()])
        return {base: (0.0, 0.0, 0.0)} | {name: one.interval for name, one in zip(others, found, strict=True)}

    def _utility(self, name: str) -> Interval:
        """The utility of a row by itself."""
        contributions, _ = self.utilities[name]
        trainings = dict(zip(self._worth[name], np.concatenate(contributions)[:, None, :, None], strict=True))
        [[mean]] = bootstrap_means(trainings)
        return over_preparations(mean, trainings).interval()

    @cached_property
    def _volumes(self) -> dict[str, Volume]:
        return {
            name: Volume(trainings, to_volume(trainings, self.ref), self.volumes[name].value)
            for name, trainings in self.equal.items()
        }

    @cached_property
    def headlines(self) -> Headlines:
        """What pairs are tested in."""
        volumes = {name: (volume.contributions, volume.value) for name, volume in self._volumes.items()}
        return {"hypervolume": volumes, "utility": self.utilities}

    @cached_property
    def by_chance(self) -> dict[tuple[str, str], float]:
        """By how much the hypervolumes of any two rows differ without any reason."""
        rows = self._volumes
        found = {(a, b): volume_by_chance(rows[a], rows[b], self.ref) for a, b in combinations(rows, 2)}
        return found | {(b, a): 0 - gain for (a, b), gain in found.items()}
