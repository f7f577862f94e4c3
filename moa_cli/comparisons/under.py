"""The rows of a comparison under one signal: what counts, and the two headline numbers that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks import Front, Weights
from benchmarks.spec import Signal
from benchmarks.stats import Bootstrap, bootstrap_hypervolume, utility
from moa_cli.comparisons import row
from moa_cli.comparisons.contributions import Sides, differences, to_utility, to_volume, worth
from moa_cli.comparisons.equal import answering
from moa_cli.comparisons.pairs import Counted, Headlines


@dataclass(frozen=True, kw_only=True)
class Under:
    """Rows by name, each with the fronts of its seeds, under one signal."""

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
        """All points (K, N, M) of each row and seed, as they count for a hypervolume."""
        return {
            name: {f.seed: row.counted(f, self.signal, keep_collapsed=self.keep_collapsed) for f in seeds}
            for name, seeds in self.rows.items()
        }

    @cached_property
    def equal(self) -> Counted:
        """Those by which rows are compared."""
        return {
            name: {seed: one[list(self.compared[name])] for seed, one in seeds.items()}
            for name, seeds in self.counted.items()
        }

    @cached_property
    def means(self) -> dict[str, list[np.ndarray]]:
        """All points (K, M) of each row, by seed."""
        return {name: [one.mean(axis=1) for one in seeds.values()] for name, seeds in self.counted.items()}

    @cached_property
    def best(self) -> np.ndarray:
        """The non-dominated points (R, M) of all rows together, of those by which rows are compared."""
        return row.best_points([one.mean(axis=1) for seeds in self.equal.values() for one in seeds.values()])

    @cached_property
    def volumes(self) -> dict[str, Bootstrap]:
        """The hypervolume of each row at as many policies."""
        return dict(zip(self.rows, bootstrap_hypervolume([*self.equal.values()], self.ref), strict=True))

    @cached_property
    def _worth(self) -> dict[str, list[np.ndarray]]:
        """All points (K, N, M) of each row, by seed, as they count for the utility."""
        return {
            name: [worth(f, self.signal, keep_collapsed=self.keep_collapsed) for f in seeds]
            for name, seeds in self.rows.items()
        }

    @cached_property
    def utilities(self) -> dict[str, tuple[np.ndarray, float]]:
        """What prompts contribute to the utility of each row (S, N), and the utility itself, whatever the base's is."""
        found = {}
        for name, seeds in self._worth.items():
            answers = answering(self.rows[name][0].weights, self.asked)
            value = row.mean([utility(one.mean(axis=1)[answers], self.asked) for one in seeds])
            found[name] = to_utility(seeds, self.asked, answers), value
        return found

    def gain(self, name: str, base: str | None) -> tuple[float, float, float]:
        """The utility of a row with its interval, less that of the base where there is one."""
        ours, value = self.utilities[name]
        if name == base:
            return 0.0, 0.0, 0.0
        theirs, of_base = (np.zeros((1, ours.shape[1])), 0.0) if base is None else self.utilities[base]
        (found,) = differences([Sides(ours, theirs, value - of_base)])
        return found.interval

    @property
    def headlines(self) -> Headlines:
        """What pairs are tested in."""
        volumes = {
            name: (to_volume(seeds.values(), self.ref), self.volumes[name].value) for name, seeds in self.equal.items()
        }
        return {"hypervolume": volumes, "utility": self.utilities}
