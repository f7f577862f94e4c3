"""Goals such as <helpful 5>: which are drawn, which are asked for, and running means of what meets them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks import Weights
from methods.contract import NORM, Template

if TYPE_CHECKING:
    from benchmarks import Benchmark


Goals = tuple[int, ...]
"""One intensity 1..K_i per objective, 0 where the goal is left out."""


WeightsToGoals = Literal["linf", "l2", "linear", "middle"]
"""How weights become goals, see `goals_for`."""


@dataclass
class Moments:
    """Running mean and (population) standard deviation of columns, each over the rows that count in it.

    Chan et al. 1983. Kept with checkpoints.
    """

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    """Sums of squared deviations from the mean."""

    @classmethod
    def none(cls, columns: int) -> Moments:
        """Moments of no rows yet."""
        return cls(np.zeros(columns, int), np.zeros(columns), np.zeros(columns))

    def add(self, rows: np.ndarray, counted: np.ndarray) -> None:
        """Counts entries of rows (N, columns) in: where `counted` (N, columns) is true."""
        here = counted.sum(axis=0)
        mean = np.where(counted, rows, 0.0).sum(axis=0) / np.maximum(here, 1)
        total, shift = self.count + here, mean - self.mean
        share = here / np.maximum(total, 1)
        within = np.where(counted, (rows - mean) ** 2, 0.0).sum(axis=0)
        self.squares = self.squares + within + shift**2 * self.count * share
        self.mean = self.mean + shift * share
        self.count = total

    @property
    def std(self) -> np.ndarray:
        """Standard deviations; infinite where nothing counts yet, so that what is divided by it is nothing."""
        return np.where(self.count > 0, np.sqrt(self.squares / np.maximum(self.count, 1)), np.inf)

    def state(self) -> Any:
        """The moments as JSON types."""
        return [self.count.tolist(), self.mean.tolist(), self.squares.tolist()]

    def restore(self, state: Any) -> None:
        """Takes up moments as `state` gave them."""
        self.count, self.mean, self.squares = map(np.array, state)


def intensities(benchmark: Benchmark, otherwise: int) -> tuple[int, ...]:
    """The highest intensity K_i of every goal (M,): the data's highest grade, `otherwise` where it has no grades."""
    if not benchmark.graded:
        return (otherwise,) * len(benchmark.names)
    return tuple(max(grade for _, grade in benchmark.graded_labels(name)) for name in benchmark.names)


def random_goals(classes: Sequence[int], generator: np.random.Generator) -> list[Goals]:
    """Goals for the max(K_i) tasks of a prompt: a random subset of the objectives, with random intensities.

    The subset is not empty; it and each intensity are drawn uniformly [choice].

    The tasks share the subset and take the intensities of each objective in random order, every one once: the
    probabilities of all grades sum to one, so an answer that ignores its goal gains nothing on balance.
    """
    subset = int(generator.integers(1, 2 ** len(classes)))
    most = max(classes)
    columns = [
        np.concatenate([generator.permutation(K) + 1 for _ in range(-(-most // K))])[:most] * (subset >> i & 1)
        for i, K in enumerate(classes)
    ]
    return [tuple(row) for row in np.stack(columns, axis=1).tolist()]


def goals_for(weights: Weights, classes: Sequence[int], mapping: WeightsToGoals) -> Goals:
    """Goals for weights: 1 + round((K_i - 1) s_i), where `mapping` says how s follows from w.

    s is w / max(w) ("linf"), w / ||w||_2 ("l2"), w ("linear"), or the power of w that is 1/2 at equal weights
    ("middle", which is "linear" for two objectives).

    A goal of intensity 1 is left out [choice]: little weight on an objective is indifference, not a wish for its worst.

    >>> [goals_for((0.25, 0.75), (5, 5), mapping) for mapping in ("linf", "middle")]
    [(2, 5), (2, 4)]
    >>> goals_for((0.1, 0.9), (5, 5), "linf")
    (0, 5)
    """
    w = np.asarray(weights)
    middle = w ** (np.log(2) / np.log(max(len(w), 2)))
    share = {"linf": w / w.max(), "l2": w / np.linalg.norm(w), "linear": w, "middle": middle}[mapping]
    intensities = [int(1 + np.floor((K - 1) * s + 0.5 + 1e-9)) for K, s in zip(classes, share, strict=True)]
    return tuple(n if n > 1 else 0 for n in intensities)


def goals_template(names: Sequence[str], classes: Sequence[int], mapping: WeightsToGoals) -> Template:
    """Jinja that writes what `tagged` does, of the goals that `goals_for` has for `weights`."""
    power = float(np.log(2) / np.log(max(len(names), 2)))
    shares = {"linf": "w / weights|max", "l2": "w / (norm.squares ** 0.5)", "linear": "w", "middle": f"w ** {power}"}
    return Template(
        before=f"{NORM if mapping == 'l2' else ''}{{% set goals = {[*map(list, zip(names, classes, strict=True))]} %}}"
        "{% for w in weights %}{% set name, most = goals[loop.index0] %}"
        f"{{% set level = 1 + ((most - 1) * ({shares[mapping]}) + 0.5 + 1e-9)|int %}}"
        "{% if level > 1 %}<{{ name }} {{ level }}> {% endif %}{% endfor %}"
    )


def unwrap(text: str, names: Sequence[str]) -> tuple[str, Goals]:
    """The prompt behind the goals in a text, and these goals, 0 where an objective has none.

    The prompt itself must not begin with a goal.

    >>> unwrap("<helpful 5> <harmless 3> How?", ("helpful", "humor", "harmless"))
    ('How?', (5, 0, 3))
    """
    pattern = "".join(rf"(?:<{re.escape(name)} (\d+)> )?" for name in names)
    match = re.match(pattern, text)
    assert match is not None  # every part is optional
    return text[match.end() :], tuple(int(n or 0) for n in match.groups())
