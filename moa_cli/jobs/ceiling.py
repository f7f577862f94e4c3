"""The jobs that draw what a ceiling is estimated from, and from which policies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import JsonValue

from benchmarks import Benchmark, Front, Weights
from benchmarks.ceiling import Samples, find_samples, has_samples, samples_folder
from benchmarks.common import Log, staying
from methods import Method
from moa_cli.jobs.job import Job, benchmark_label
from moa_cli.runs import (
    GIVEN,
    check_in_force,
    check_method_named,
    check_same_code,
    read_record,
    recorded_benchmark,
    restore,
)

if TYPE_CHECKING:
    from benchmarks import Policy


NEAR = 2.5
"""How far from the starting policy, in nats per answer, policies whose answers are drawn may be [choice].
Of policies farther away nearly all answers are unlikely under what is in reach."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A trained policy whose answers help to estimate a ceiling: one point of a run."""

    method: str
    config: Mapping[str, JsonValue]
    front: Path
    """The folder of its front, in that of the run."""
    weights: Weights

    @property
    def name(self) -> str:
        """What tells it from any other policy: folders are named after what was trained, and what it was asked with."""
        return f"{'/'.join(self.front.parts[-3:])} {','.join(map(str, self.weights))}"


def ceiling_jobs(folders: Sequence[Path], fronts: Sequence[Front], *, named: Collection[Path] = ()) -> list[Job]:
    """What is left to draw for the ceilings of these runs and their fronts, a job per benchmark.

    BadInput where that needs code that is not among the files `named`, or of a run that other code trained.
    """
    todo = []
    for card in {f.card.hash: f.card for f in fronts}.values():
        runs = [(folder, f) for folder, f in zip(folders, fronts, strict=True) if f.card.hash == card.hash]
        own = [folder for folder, f in runs if f.steering != GIVEN]
        if not own:
            continue  # nothing here knows the starting policy
        record, source, benchmark = recorded_benchmark(own[0], named=named)
        check_in_force(benchmark, record, own[0])
        pool = _pool([f for _, f in runs], benchmark.trained_grid, named)
        if not has_samples(samples_folder(source.home, card, [m.name for m in pool])):
            for member in pool:
                as_trained(member)
            label = f"{benchmark_label(source)}: ceiling"
            work = partial(draw_ceiling, pool=pool)
            todo.append(Job(key=f"ceiling {label}", label=label, purpose="eval", source=source, work=work))
    return todo


def draw_ceiling(benchmark: Benchmark, log: Log, *, pool: Sequence[Member]) -> None:
    """Draws the samples of a ceiling and leaves them beside what was prepared."""
    from benchmarks.ceiling import draw_samples

    folder = samples_folder(benchmark.home, benchmark.card, [m.name for m in pool])
    draw_samples(benchmark, [partial(_policy, benchmark, member) for member in pool], folder, log)


def stored_samples(folders: Sequence[Path], fronts: Sequence[Front]) -> dict[str, Samples]:
    """The newest samples for each scale card, by its hash; none where no ceiling was asked for yet."""
    places = {(folder.resolve().parents[2], f.card.hash): f.card for folder, f in zip(folders, fronts, strict=True)}
    found = {name: find_samples(home, card) for (home, name), card in places.items()}
    return {name: samples for name, samples in found.items() if samples is not None}


def _pool(fronts: Sequence[Front], grid: Sequence[Weights], named: Collection[Path] = ()) -> tuple[Member, ...]:
    """For each weight of the grid the point of the highest w . r that is NEAR, of the first seed.

    At most M + 1 of them, evenly spread.

    Policies made while they answer are left out, since nobody can tell how likely their answers are.
    """
    first = min(front.seed for front in fronts)
    able = [f for f in fronts if f.seed == first and f.steering not in ("none", "decode", GIVEN)]
    near = [(f, k) for f in able for k in np.flatnonzero(f.mean_kl <= NEAR)]
    if not near:
        return ()
    points = [(f, f.weights[k]) for f, k in near]
    values = np.array([f.means("rewards")[k] for f, k in near]) @ np.asarray(grid).T
    distinct = list(dict.fromkeys(points[k] for k in values.argmax(axis=0)))
    spread = np.unique(np.linspace(0, len(distinct) - 1, len(grid[0]) + 1).round().astype(int))
    return tuple(_member(*distinct[i], named=named) for i in spread)


def _member(front: Front, weights: Weights, *, named: Collection[Path]) -> Member:
    assert front.folder is not None
    method = read_record(front.folder.parent).method
    check_method_named(method, named=named)
    return Member(method=method, config=front.config, front=front.folder, weights=weights)


def _policy(benchmark: Benchmark, member: Member) -> Policy:
    from moa_cli.jobs.run import opened

    with staying():
        return as_trained(member).policy(benchmark, opened(member.front.parent), member.weights)


def as_trained(member: Member) -> Method:
    """The method of a member. BadInput where its run was trained by other code."""
    method, run = restore(member.method, member.config), member.front.parent
    check_same_code(run, read_record(run), method)
    return method
