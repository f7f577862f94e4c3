"""How much room on the disk a job needs, by what is known of its models before they are loaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from benchmarks.spec import adapter_rank
from methods import Adapter, Effort, Method
from moa_cli.jobs.estimate.amounts import Known
from moa_cli.jobs.estimate.document import Disk, JobRow
from moa_cli.jobs.estimate.memory import size_of_model
from moa_cli.jobs.estimate.models import Model
from moa_cli.jobs.estimate.parts import other_base


def training_disk(efforts: Iterable[Effort], known: Known, method: Method) -> Disk:
    """What the trainings of a method write."""
    rank = method.lora_rank if isinstance(method, Adapter) else None
    learning = [effort for effort in efforts if effort.learned]
    models = [other_base(known.benchmark, effort.model, known.policy) for effort in learning]
    made = [(one.stages, _learned_bytes(model, rank)) for one, model in zip(learning, models, strict=True)]
    return Disk(
        kept=sum(stages * size for stages, size in made), meanwhile=max((3 * size for _, size in made), default=0)
    )


def part_disk(part: str, known: Known) -> Disk | None:
    """What making a part of a preparation writes."""
    if part == "scale card":
        return Disk()
    model = next(role.model for role in known.roles if role.role == part)
    rank = known.benchmark.finetuning.lora_rank if part == "policy" else None
    kept = 4 * model.parameters  # adapters are merged
    return Disk(kept=kept, meanwhile=3 * _learned_bytes(model, rank)) if kept else None


def _learned_bytes(model: Model, lora_rank: int | None) -> int:
    """Of the weights that a training changes, in float32."""
    rank = adapter_rank(model.parameters, lora_rank)
    return 4 * (size_of_model(model).adapters(rank) if rank else model.parameters)


def disk_bytes(rows: Iterable[JobRow], workers: int) -> int:
    """All that is kept, and the largest checkpoints of as many jobs as there are workers."""
    found = [(row.disk, row.times) for row in rows if row.disk]
    meanwhile = sorted((disk.meanwhile for disk, times in found for _ in range(times)), reverse=True)
    return sum(disk.kept * times for disk, times in found) + sum(meanwhile[:workers])


def free_bytes(home: Path) -> int:
    """Where a folder is, or will be."""
    there = next(path for path in (home, *home.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
