"""What `moa show RUN --reproduce` says: how a run is made again, and what would be different here and now."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.common import Part
from benchmarks.spec import REVISION
from moa_cli.runs import GIVEN, Record, git_commit, processor, read_record, versions, working_folder

UNKNOWN = "unknown"


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
        found = _differences(record)
        threads = "" if record.steering == GIVEN else f"OMP_NUM_THREADS={record.threads} "
        return cls(
            folder=record.folder or UNKNOWN, command=f"{threads}{record.command}", recorded=_recorded(record, run),
            differences=found, effects=_effects({difference.what for difference in found}),
        )  # fmt: skip


def _recorded(record: Record, run: Path) -> str:
    """The command that takes settings from the record; nothing for answers that were made elsewhere."""
    if record.steering == GIVEN:
        return ""
    words = ["moa", "--no-project", "train", "-m", record.method, "-b", record.benchmark.source]
    words += ["-c", str(run / "run.json")]
    words += ["--data-dir", record.benchmark.data_dir] if record.benchmark.data_dir else []
    return f"OMP_NUM_THREADS={record.threads} {shlex.join([*words, '--seed', str(record.seed), '--runs', 'again'])}"


def _differences(record: Record) -> tuple[Difference, ...]:
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
    ]
    cores = os.cpu_count() or 1
    if record.threads > cores:
        pairs.append(("threads", str(record.threads), f"at most {cores}"))
    return tuple(Difference(what=what, then=then, now=here) for what, then, here in pairs if then != here)


def _effects(what: set[str]) -> tuple[str, ...]:
    """What follows from differences in these."""
    told = []
    if "commit" in what:
        told.append("another commit: whatever was changed since in methods, benchmarks or files that the command names")
    if "folder" in what:
        told.append("another folder: paths in the command are seen from where it was typed")
    if "preparation code" in what:
        told.append("the benchmark is prepared anew, in other units: results cannot be compared")
    if numeric := sorted(what - {"commit", "folder", "preparation code"}):
        told.append(
            f"{', '.join(numeric)}: results move in their last digits, which training makes larger; "
            "expect the same within the intervals of a comparison, not the same bits"
        )
    return tuple(told) or ("nothing: the same command gives the same policy, bit for bit",)


def reproduction_page(again: Reproduction) -> RenderableType:
    """How to make a run again, to read."""
    parts: list[RenderableType] = [Text(f"cd {again.folder}"), Text(again.command)]
    if again.recorded:
        parts += [Text(), Text("or, from what its record holds:"), Text(again.recorded)]
    if again.differences:
        table = Table.grid(padding=(0, 2))
        table.add_row("", Text("then", style="bold"), Text("here and now", style="bold"))
        for one in again.differences:
            table.add_row(Text(one.what, style="bold"), one.then, one.now)
        parts += [Text(), table]
    parts += [Text(), Text("What would differ:"), *(Text(f"- {effect}") for effect in again.effects)]
    return Group(*parts)
