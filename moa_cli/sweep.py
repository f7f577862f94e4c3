"""Measuring a run at every intensity of every goal: what `moa study controllability` looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from benchmarks import Benchmark, Front, Log, locked, silent
from methods import Method, Run, method_name
from moa_cli import store
from moa_cli.config import as_config

if TYPE_CHECKING:
    from benchmarks import Policy


@runtime_checkable
class TakesGoals(Protocol):
    """A method that can be asked for each objective at an intensity 1..K, other objectives left out."""

    def intensities(self, run: Run) -> tuple[int, ...]:
        """The highest intensity of every goal (M,), of a trained run."""
        ...

    def with_goals(self, benchmark: Benchmark, run: Run, goals: tuple[int, ...]) -> Policy:
        """The policy that is asked for these intensities (M,), 0 where a goal is left out."""
        ...


def sweep(benchmark: Benchmark, method: Method, run: Run, *, log: Log = silent) -> Front:
    """Measures a trained run at every intensity of every goal alone and stores that beside its front.

    What is measured stays. In place of weights (K, M) stand the intensities that were asked for.
    """
    from benchmarks import evaluate

    assert isinstance(method, TakesGoals)
    takes, highest = method, method.intensities(run)
    asked = [(i, n) for i, most in enumerate(highest) for n in range(1, most + 1)]

    def policy(goals: Sequence[float]) -> Policy:
        return takes.with_goals(benchmark, run, tuple(int(n) for n in goals))

    def watch(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        log("sweep", step, steps, measured)

    watch("", 0, len(asked), {})
    with locked(run.dir / "lock", wait=False):
        return evaluate(
            benchmark, policy, [tuple(float(n) if i == m else 0.0 for m in range(len(highest))) for i, n in asked],
            run.dir / store.SWEEP, method=method_name(type(method)), steering=method.steering, seed=run.seed,
            cost=store.read_record(run.dir).cost, config=as_config(method),
            labels=[f"{benchmark.names[i]} {n}" for i, n in asked], log=watch,
        )  # fmt: skip
