"""Measuring a run at every intensity of every goal: what `moa study controllability` looks at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from benchmarks import Benchmark, Front
from benchmarks.common import Log, silent
from methods import Method, Run, method_name
from moa_cli.runs import SWEEP, SWEEP_BEFORE, as_config, front_name, read_record

if TYPE_CHECKING:
    from benchmarks import Policy


@runtime_checkable
class TakesGoals(Protocol):
    """A method that can be asked for each objective at an intensity 1..K, other objectives left out."""

    def intensities(self, run: Run) -> tuple[int, ...]:
        """The highest intensity of every goal (M,), of a trained run."""
        ...

    def with_goals(self, benchmark: Benchmark, run: Run | None, goals: tuple[int, ...]) -> Policy:
        """The policy asked for these intensities (M,), 0 for a goal left out; without a run, the starting policy."""
        ...


def sweep_goals(benchmark: Benchmark, method: Method, run: Run, *, log: Log = silent) -> Front:
    """Measures a trained run, and the starting policy, at every intensity of every goal alone.

    Stores that beside the run's front, and returns what the trained run reaches.

    What is measured stays. In place of weights (K, M) stand the intensities that were asked for.
    """
    from benchmarks.measure import evaluate
    from moa_cli.jobs.run import at_work

    assert isinstance(method, TakesGoals)
    takes, highest = method, method.intensities(run)
    asked = [(i, n) for i, most in enumerate(highest) for n in range(1, most + 1)]

    def policy(goals: Sequence[float], trained: Run | None) -> Policy:
        return takes.with_goals(benchmark, trained, tuple(int(n) for n in goals))

    record = read_record(run.dir)

    def measure(kind: str, trained: Run | None) -> Front:
        def watch(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
            log(kind, step, steps, measured)

        watch("", 0, len(asked), {})
        return evaluate(
            benchmark, partial(policy, trained=trained),
            [tuple(float(n) if i == m else 0.0 for m in range(len(highest))) for i, n in asked],
            run.dir / front_name(benchmark, method, kind),
            method=method_name(type(method)), steering=method.steering, seed=run.seed,
            cost=record.cost if trained else {}, used=record.used if trained else (), config=as_config(method),
            labels=[f"{benchmark.names[i]} {n}" for i, n in asked], log=watch,
        )  # fmt: skip

    with at_work(run.dir, benchmark.home):
        measure(SWEEP_BEFORE, None)
        return measure(SWEEP, run)
