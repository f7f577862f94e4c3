"""What `moa show RUN --reproduce` says: how a run is made again, and what would be different here and now."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import BadInput
from benchmarks.common import Part
from benchmarks.spec import REVISION
from moa_cli.runs import GIVEN, Record, git_commit, processor, read_record, source_of, versions, working_folder

UNKNOWN, GONE = "unknown", "gone"
METHOD, BENCHMARK = "code of the method", "benchmark"


class Difference(Part):
    """Something that was otherwise when the run was made."""

    what: str
    then: str
    now: str


class Reproduction(Part):
    """How a run is made again."""

    folder: str
    """In which the command was typed."""
    command: str
    """As it was typed; with the number of threads, where a run was trained."""
    recorded: str
    """A command that makes the run again from what its record holds, whatever became of files that were named."""
    differences: tuple[Difference, ...]
    effects: tuple[str, ...]
    """What would differ in the result, and why."""

    @classmethod
    def of(cls, run: Path) -> Reproduction:
        """That of the run in a folder. BadInput where there is none."""
        record = read_record(run)
        found = _differences(record, run)
        threads = "" if record.steering == GIVEN else f"OMP_NUM_THREADS={record.threads} "
        return cls(
            folder=record.folder or UNKNOWN, command=f"{threads}{record.command}",
            recorded="" if record.steering == GIVEN else f"{threads}{record.training(run, home='again')}",
            differences=found, effects=_effects(record, found),
        )  # fmt: skip


def _differences(record: Record, run: Path) -> tuple[Difference, ...]:
    """Everything that a result depends on and that is otherwise now."""
    from benchmarks.models import setup  # loads torch

    device, now = setup(), versions()
    pairs = [(name, then, now.get(name, "not installed")) for name, then in record.versions.items()]
    pairs += [
        ("commit", record.commit or UNKNOWN, git_commit() or UNKNOWN),
        ("folder", record.folder or UNKNOWN, working_folder()),
        ("device", record.device, device),
        ("processor", record.processor or UNKNOWN, processor(device)),
        ("preparation code", str(record.benchmark.revision or UNKNOWN), str(REVISION)),
        (BENCHMARK, record.benchmark.identity, _benchmark_now(record, run)),
    ]
    if record.steering != GIVEN and record.method.endswith(".py"):
        pairs.append((METHOD, record.code or UNKNOWN, record.code_now or GONE))
    cores = os.cpu_count() or 1
    if record.threads > cores:
        pairs.append(("threads", str(record.threads), f"at most {cores}"))
    return tuple(Difference(what=what, then=then, now=here) for what, then, here in pairs if then != here)


def _benchmark_now(record: Record, run: Path) -> str:
    """The identity that the benchmark has by now, as far as that is known without running a file of Python."""
    source = source_of(record, run)
    if source.name.endswith(".py"):
        return UNKNOWN
    try:
        return source.load().identity
    except BadInput:
        return GONE


def _effects(record: Record, found: Sequence[Difference]) -> tuple[str, ...]:
    """What follows from these differences."""
    told, what = [], {one.what for one in found}
    for one in found:
        if one.what in (METHOD, BENCHMARK) and not (one.what == BENCHMARK and "preparation code" in what):
            name = record.method if one.what == METHOD else record.benchmark.source
            told.append(f"{name}: {_changed(one)}")
    if "commit" in what:
        told.append("another commit: whatever was changed since in methods, benchmarks or files that the command names")
    if "folder" in what:
        told.append("another folder: paths in the command are seen from where it was typed")
    if "preparation code" in what:
        told.append("the benchmark is prepared anew, in other units: results cannot be compared")
    if numeric := sorted(what - {"commit", "folder", "preparation code", METHOD, BENCHMARK}):
        told.append(
            f"{', '.join(numeric)}: results move in their last digits, which training makes larger; "
            "expect the same within the intervals of a comparison, not the same bits"
        )
    return tuple(told) or ("nothing: the same command gives the same policy, bit for bit",)


def _changed(one: Difference) -> str:
    """What follows where a method or a benchmark is not, or perhaps not, what the run was made of."""
    kind = "the code" if one.what == METHOD else "the data, rewards, policy, decoding or evaluators"
    if one.now == GONE:
        return "it is not here, or cannot be used: the command makes no run"
    if UNKNOWN in (one.then, one.now):
        return f"whether {kind} changed since is not known: if so, the command makes another run"
    return f"{kind} changed since: the command makes another run, with another policy"


def reproduction_page(again: Reproduction) -> tuple[RenderableType, ...]:
    """How to make a run again, to read. Commands are texts, which are not to be broken."""
    parts: list[RenderableType] = [f"cd {again.folder}", again.command]
    if again.recorded:
        parts += ["", "or, from what its record holds:", again.recorded]
    if again.differences:
        table = Table.grid(padding=(0, 2))
        table.add_row("", Text("then", style="bold"), Text("here and now", style="bold"))
        for one in again.differences:
            table.add_row(Text(one.what, style="bold"), one.then, one.now)
        parts += ["", table]
    return *parts, "", "What would differ:", *(Text(f"- {effect}") for effect in again.effects)
