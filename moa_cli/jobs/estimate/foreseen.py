"""What jobs would take: models, operations, hours and memory, before any of them is started."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil

from benchmarks import Benchmark
from benchmarks.models import USABLE, Memory
from benchmarks.spec import adapter_rank
from methods import Adapter, Effort
from methods.contract import checked_effort, checked_serving
from moa_cli.jobs import Job, Look, Workers, make_run, measure_point
from moa_cli.jobs.estimate.amounts import (
    SIDE,
    Known,
    Spent,
    preparation_efforts,
    seconds_of,
    spent_on,
    spent_on_front,
    spent_on_part,
    summed,
)
from moa_cli.jobs.estimate.disk import disk_bytes, free_bytes, part_disk, training_disk
from moa_cli.jobs.estimate.document import Disk, DryRun, JobRow, ModelRow
from moa_cli.jobs.estimate.lengths import lengths
from moa_cli.jobs.estimate.machine import Machine, machine
from moa_cli.jobs.estimate.memory import memory_of, scorers_memory
from moa_cli.jobs.estimate.parts import nowhere, other_base, roles_of
from moa_cli.runs import Contestant
from moa_cli.words import prepared_name


def forecast(
    jobs: Sequence[Job],
    runs: Sequence[Contestant],
    workers: Workers,
    *,
    times: int = 1,
    timed: bool = True,
    notes: Sequence[str] = (),
    carried: Collection[str] = (),
) -> DryRun:
    """What these jobs about these runs would take, those that train `times` times over. What is made for benchmarks of
    the measuring identities `carried` is taken to be here.

    Nothing is loaded, made or downloaded. With `timed`, the device's rate is measured, which takes a moment.
    """
    foreseen = _Foreseen(jobs, runs, machine(workers.gpus, timed=timed), workers, times, carried)
    rows = tuple(foreseen.rows())
    models = tuple(foreseen.models())
    here = foreseen.machine
    return DryRun(
        models=models,
        data=tuple(known.lengths for known in foreseen.known.values()),
        jobs=rows,
        device=here.device,
        rate=here.rate,
        memory_bytes=here.memory,
        workers=workers.count,
        flops=sum((row.flops or 0.0) * row.times for row in rows),
        seconds=_side_by_side(rows, workers.count),
        disk_bytes=disk_bytes(rows, workers.count),
        disk_free_bytes=min((free_bytes(run.benchmark.home) for run in runs), default=0),
        download_bytes=sum({m.name: m.download_bytes or 0 for m in models}.values()),
        too_large=tuple(row.job for row in rows if row.memory and row.memory.total > here.memory),
        notes=(*_left_out(foreseen, rows), *notes),
    )


@dataclass(frozen=True)
class _Foreseen:
    """The jobs of a command, and what they are about."""

    jobs: Sequence[Job]
    runs: Sequence[Contestant]
    machine: Machine
    workers: Workers
    times: int
    carried: Collection[str]

    @cached_property
    def known(self) -> dict[str, Known]:
        """By identity, the benchmarks that jobs are about."""
        sources = [job.source for job in self.jobs]
        benchmarks = {run.benchmark.identity: run.benchmark for run in self.runs if run.source in sources}
        return {name: known_of(b, made=b.measuring_identity in self.carried) for name, b in benchmarks.items()}

    def models(self) -> Iterator[ModelRow]:
        """The models of the benchmarks, and those that methods bring."""
        for known in self.known.values():
            for role in known.roles:
                model = role.model
                yield ModelRow(
                    benchmark=known.benchmark.name, role=role.role, name=model.name, place=model.place, how=role.how,
                    parameters=model.parameters or None, about=model.about,
                    download_bytes=(model.stored or None) if model.downloaded else 0,
                )  # fmt: skip

    def rows(self) -> Iterator[JobRow]:
        """The jobs, a preparation in its parts."""
        by_folder = {run.folder: run for run in self.runs}
        for job in self.jobs:
            if isinstance(job, Look):
                continue
            same = (run for run in self.runs if run.source == job.source)
            run = by_folder.get(job.folder) if job.folder else next(same, None)
            if run is None:
                yield self._row(job.purpose, job.label, "", None, None, None)
            elif job.folder is None:
                yield from self._preparation(self.known[run.benchmark.identity])
            else:
                yield self._about(job, run, self.known[run.benchmark.identity])

    def _preparation(self, known: Known) -> Iterator[JobRow]:
        name = prepared_name(known.benchmark.name, known.benchmark.preparation)
        can_read = known.lengths.prompts is not None
        for part, effort in preparation_efforts(known).items() if can_read else [("as far as missing", None)]:
            spent = spent_on_part(part, effort, known) if effort else None
            memory = _part_memory(part, effort, known, here=self.machine) if effort else None
            disk = part_disk(part, known) if effort else None
            yield self._row("prepare", f"{name}: {part}", "", spent, memory, disk)

    def _about(self, job: Job, run: Contestant, known: Known) -> JobRow:
        func, asked = (job.work.func, job.work.keywords) if isinstance(job.work, partial) else (job.work, {})
        spent, disk = None, None if asked.get("training") else Disk()
        is_sized = known.lengths.prompts is not None and known.policy.parameters
        if is_sized and func is measure_point:
            points = len(run.method.points(known.benchmark))
            spent = Spent(*(amount / points for amount in spent_on_front(run.method, known)))
        elif is_sized and func is make_run:
            trained = self._training(run, known) if asked.get("training") else Spent()
            if disk is None and (efforts := _efforts(run, known)) is not None:
                disk = training_disk(efforts, known, run.method)
            # intensities of goals are measured twice, each time at about as many points as a front has
            fronts = [spent_on_front(run.method, known)] * (bool(asked.get("front")) + 2 * bool(asked.get("goals")))
            spent = None if trained is None else summed([trained, *fronts])
        memory = _run_memory(run, known, here=self.machine)
        return self._row(job.purpose, job.label, str(job.folder), spent, memory, disk, self.times)

    def _training(self, run: Contestant, known: Known) -> Spent | None:
        """What is left to train, without what is taken over from a run that it builds on."""
        own = _efforts(run, known)
        if own is None:
            return None
        other = run.foundation()
        planned = {one.folder for one in self.runs}
        taken = _efforts(other, known) if other and (other.trained or other.folder in planned) else ()
        less = summed(spent_on(effort, known) for effort in taken or ())
        return Spent(*(max(0.0, a - b) for a, b in zip(summed(spent_on(e, known) for e in own), less, strict=True)))

    def _row(
        self, do: str, job: str, path: str, spent: Spent | None, memory: Memory | None, disk: Disk | None,
        times: int = 1,
    ) -> JobRow:  # fmt: skip
        rate = self.machine.rate * (1 if self._gpu else self.workers.threads)
        seconds = seconds_of(spent, rate, self.machine.device) if spent and rate else None
        return JobRow(
            do=do, job=job, path=path, times=times, flops=spent.flops if spent else None, seconds=seconds,
            memory=memory, disk=disk,
        )  # fmt: skip

    @property
    def _gpu(self) -> bool:
        return self.machine.device == "GPU"


def known_of(benchmark: Benchmark, *, made: bool = False) -> Known:
    """What is known of a benchmark before anything is made, or as if all of it was `made`."""
    roles = [
        role._replace(model=role.model._replace(place="made here"), ready=True) if made and not role.ready else role
        for role in roles_of(benchmark)
    ]
    return Known(benchmark, roles, lengths(benchmark, roles[0].model))


def _efforts(run: Contestant, known: Known) -> tuple[Effort, ...] | None:
    return checked_effort(run.method, known.benchmark, known.policy.parameters)


def _run_memory(run: Contestant, known: Known, *, here: Machine) -> Memory | None:
    """The peak of a run: of the part of its training that takes most, or of its answers."""
    if not known.policy.parameters:
        return None
    efforts = _efforts(run, known) if known.lengths.prompts is not None else None
    serving = checked_serving(run.method, known.benchmark, 1)
    models = 1 + ceil(serving.drawn / len(run.method.points(known.benchmark))) if efforts else 1
    answering = _memory(known, Effort(own=True, drawn=1), None, scorers_memory(known), here=here)
    answering = replace(answering, weights=models * answering.weights)
    rank = run.method.lora_rank if isinstance(run.method, Adapter) else None
    needed = [answering]
    for effort in efforts or ():
        rewards = scorers_memory(known, ("rewards",)) if effort.scored else 0
        needed.append(_memory(known, effort, rank, rewards, here=here))
    return max(needed, key=lambda memory: memory.total)


def _part_memory(part: str, effort: Effort, known: Known, *, here: Machine) -> Memory | None:
    """The peak of a part of a preparation."""
    if part == "scale card":
        return _memory(known, effort, None, scorers_memory(known), here=here)
    model = next(role.model for role in known.roles if role.role == part)
    rank = known.benchmark.finetuning.lora_rank if part == "policy" else None
    learner = replace(known, roles=[known.roles[0]._replace(model=model), *known.roles[1:]])
    return _memory(learner, effort, rank, 0, here=here) if model.parameters else None


def _memory(known: Known, effort: Effort, lora_rank: int | None, rewards: int, *, here: Machine) -> Memory:
    """Of a part of an effort. Where no rank is set, adapters are for large models."""
    model = other_base(known.benchmark, effort.model, known.policy)
    rank = adapter_rank(model.parameters, lora_rank)
    return memory_of(
        model, gpu=here.device == "GPU", rank=rank if effort.learned else None,
        drawn=((effort.learned and effort.batch) or SIDE) if effort.drawn else 0, batch=effort.batch,
        tokens=known.tokens(own=effort.own), reference=bool(effort.own and effort.read), rewards=rewards,
        room=round(USABLE * here.memory),
    )  # fmt: skip


def _side_by_side(rows: Sequence[JobRow], workers: int) -> float | None:
    """How long all jobs take: preparation first, then as many as there are workers at a time."""
    if any(row.seconds is None for row in rows):
        return None
    total = 0.0
    for preparing in (True, False):
        found = [(row.seconds or 0.0, row.times) for row in rows if (row.do == "prepare") == preparing]
        each = [seconds for seconds, times in found for _ in range(times)]
        total += max(sum(each) / workers, max(each, default=0.0))
    return total


def _left_out(foreseen: _Foreseen, rows: Iterable[JobRow]) -> list[str]:
    """What the numbers do not say."""
    told = []
    for known in foreseen.known.values():
        if known.lengths.place:
            told.append(
                f"the data of {known.benchmark.name} would be downloaded from the hub ({known.lengths.place}): what "
                "jobs take is unknown without them"
            )
        unknown = [role.model.name for role in known.roles if not role.model.parameters and role.model.downloaded]
        told += [f"size unknown (not in the cache): {name}" for name in dict.fromkeys(unknown)]
        told += nowhere(known.benchmark)
    side, there = foreseen.workers.count, foreseen.machine.memory
    largest = max((row.bytes for row in rows), default=0)
    if not foreseen._gpu and largest <= there < side * largest:
        told.append(f"{side} of the largest jobs do not fit side by side: --jobs 1 does one at a time")
    return told
