"""What a method of one's own says of itself is told before anything is trained for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.effort import Effort
from methods.contract.find import find_method, method_names
from methods.contract.method import Method
from methods.contract.said import checked_effort, checked_points, checked_serving
from moa_cli.jobs.plan import measuring_jobs, training_jobs
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant

NAN = float("nan")
ENDS = ((1.0, 0.0), (0.0, 1.0))


@dataclass(frozen=True)
class Saying(Method):
    """A method that says what it is told to."""

    steering = "prompt"
    says: ClassVar[dict[str, Any]] = {}

    def _say(self, name: str) -> Any:
        if isinstance(self.says[name], Exception):
            raise self.says[name]
        return self.says[name]

    def points(self, benchmark: Benchmark) -> Any:
        return self._say("points")

    def labels(self, benchmark: Benchmark) -> Any:
        return self._say("labels")

    def effort(self, benchmark: Benchmark, parameters: int) -> Any:
        return self._say("effort")

    def serving(self, benchmark: Benchmark, prompts: int) -> Any:
        return self._say("effort")


def saying(monkeypatch: pytest.MonkeyPatch, points: Any = ENDS, labels: Any = (), effort: Any = None) -> Method:
    monkeypatch.setattr(Saying, "says", {"points": points, "labels": labels, "effort": effort})
    return Saying()


@pytest.mark.parametrize("points", [ENDS, [[1, 0], [0, 1]], np.eye(2)])
def test_points_are_taken_as_numbers(points: Any, unprepared: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked_points(saying(monkeypatch, points, ["one", "two"]), unprepared) == ENDS


@pytest.mark.parametrize(
    ("points", "labels", "wrong"),
    [
        ((w for w in ENDS), (), "points: expected a tuple of weights, found <generator"),
        (None, (), "points: expected a tuple of weights, found None"),
        ([], (), "points: there are none"),
        ([(1.0,)], (), "expected 2 numbers that are not negative and add up to 1, found (1.0,)"),
        ([(1.0, 1.0)], (), "found (1.0, 1.0)"),
        ([(2.0, -1.0)], (), "found (2.0, -1.0)"),
        ([(NAN, 1.0)], (), "found (nan, 1.0)"),
        (["10"], (), "found '10'"),
        ([0.5, 0.5], (), "found 0.5"),
        ([*ENDS, (1, 0)], (), "(1.0, 0.0) is there twice"),
        (ENDS, ("one",), "labels: there are 1, and 2 points"),
        (ENDS, [1, None], "labels: expected a tuple of texts, found [1, None]"),
        (ENDS, "ab", "labels: expected a tuple of texts, found 'ab'"),
        (ENDS, ("a", "a"), "labels: 'a' is there twice"),
        (KeyError("nope"), (), "KeyError: 'nope'"),
    ],
)
def test_points_that_are_none_start_nothing(
    points: Any, labels: Any, wrong: str, unprepared: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = saying(monkeypatch, points, labels)
    run = Contestant(Source("cries", tmp_path), unprepared, method, 0, tmp_path / "run")
    for plan in (lambda: training_jobs([run], restart=False), lambda: measuring_jobs([run], may_train=True)):
        with pytest.raises(BadInput) as refused:
            plan()
        assert wrong in refused.value.what


@pytest.mark.parametrize("effort", [3, Effort(), [1.0], ValueError("no idea")])
def test_an_effort_that_is_none(effort: Any, unprepared: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"Saying\.effort (returned|failed: ValueError: no idea)"):
        checked_effort(saying(monkeypatch, effort=effort), unprepared, 1)
    if not isinstance(effort, Effort):
        with pytest.raises(BadInput, match=r"Saying\.serving (returned|failed: ValueError: no idea)"):
            checked_serving(saying(monkeypatch, effort=effort), unprepared, 1)


@pytest.mark.parametrize("amount", [-1e9, NAN, float("inf"), 1e300, "many", None])
def test_amounts_of_nothing_that_can_be_done(
    amount: Any, unprepared: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (Effort(learned=amount, batch=1), Effort(drawn=amount), Effort(learned=1, batch=amount),
                  Effort(learned=1, batch=1, stages=amount)):  # fmt: skip
        with pytest.raises(BadInput, match=r"(?s)Saying\.effort returned Effort.*of amounts from 0 to 1e\+15"):
            checked_effort(saying(monkeypatch, effort=(Effort(), wrong)), unprepared, 1)
        with pytest.raises(BadInput, match=r"Saying\.serving returned Effort"):
            checked_serving(saying(monkeypatch, effort=wrong), unprepared, 1)


@pytest.mark.parametrize("batch", [0, 0.5, 10**9])
def test_what_is_learned_from_goes_through_in_batches(
    batch: Any, unprepared: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match=r"(?s)Saying\.effort returned Effort.*a batch and stages from 1 to 1,000,000"):
        checked_effort(saying(monkeypatch, effort=(Effort(learned=2, batch=batch),)), unprepared, 1)


@pytest.mark.parametrize("name", method_names())
def test_what_comes_with_moa_says_what_it_should(name: str, unprepared: Benchmark) -> None:
    method = find_method(name)()
    assert checked_points(method, unprepared) == method.points(unprepared)
    assert checked_effort(method, unprepared, 30_000) == method.effort(unprepared, 30_000)
    assert checked_serving(method, unprepared, 10) == method.serving(unprepared, 10)
