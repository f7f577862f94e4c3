"""What may be removed from a runs folder, how large it is, and how: never by a link, never under a lock."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks import BadInput
from benchmarks.common import is_locked, locked, written_at
from benchmarks.common import remove as remove_path
from benchmarks.rewards import TrainedReward
from benchmarks.spec import policy_source, tokenizer_folder
from moa_cli.runs import GIVEN, Record, bytes_of, find_runs, read_record, recorded_benchmark

Kind = Literal["checkpoints", "unfinished", "superseded", "preparations"]
KINDS: tuple[Kind, ...] = ("checkpoints", "unfinished", "superseded", "preparations")


class Removable(NamedTuple):
    """Something that nobody needs any more, as far as can be told."""

    path: Path
    kind: Kind
    why: str
    size: int
    """Bytes."""


def removable(home: Path, kinds: Collection[Kind] = KINDS) -> tuple[list[Removable], list[str]]:
    """What may be removed under `home`, and what was left alone for lack of knowledge. Links are not followed.

    checkpoints: of runs that are trained. unfinished: runs that stopped or failed, which would go on, and what a crash
    left. superseded: runs of earlier code of a method, see `moa compare`. preparations: starting policies, rewards and
    tokenizers that no run was trained on.
    """
    runs, notes = [run for run in find_runs(home) if not linked(run)], list[str]()
    records = {run: record for run in runs if (record := _record(run)) is not None}
    found: list[tuple[Path, Kind, str]] = []
    idle = {run: record for run, record in records.items() if not is_locked(run / "lock")}
    for run, record in idle.items():
        if (standing := record.standing(run)) in ("stopped", "failed"):
            found.append((run, "unfinished", f"{standing}; the command that made it would go on"))
        elif any((run / "checkpoints").glob("*")):
            found.append((run / "checkpoints", "checkpoints", "the run is trained"))
    taken = {path for path, kind, _ in found if kind == "unfinished"}
    earlier = [run for run in _superseded(idle) if run not in taken]
    found = [one for one in found if one[0].parent not in earlier]  # their checkpoints go with them
    found += [(run, "superseded", "earlier code") for run in earlier]
    taken |= {*earlier}
    found += [(path, "unfinished", "left by a crash") for run in idle if run not in taken for path in _left(run)]
    for prepared in sorted(home.glob("*/prepared")):
        if not linked(prepared, 1) and "preparations" in kinds:
            try:
                own = {run: record for run, record in records.items() if run.parts[-3] == prepared.parent.name}
                unread = [run for run in runs if run.parts[-3] == prepared.parent.name and run not in own]
                found += [(path, "preparations", "no run was trained on it") for path in _unused(prepared, own, unread)]
            except BadInput as error:
                notes.append(f"left alone: {prepared}: {error.what}")
    return [Removable(*one, bytes_of(one[0])) for one in found if one[1] in kinds], notes


def _record(run: Path) -> Record | None:
    try:
        return read_record(run)
    except BadInput:
        return None


def _superseded(records: dict[Path, Record]) -> Iterator[Path]:
    """The runs of all but the newest code of each method with the same settings on the same benchmark."""
    rows: dict[str, dict[str, list[Path]]] = {}
    for run, record in records.items():
        if record.steering != GIVEN:
            same = json.dumps([str(run.parent), record.benchmark.identity, record.config], sort_keys=True)
            rows.setdefault(same, {}).setdefault(run.name.rpartition("-s")[0], []).append(run)
    for versions in rows.values():
        _, *earlier = sorted(versions.values(), key=lambda own: -max(written_at(r / "run.json") for r in own))
        for own in earlier:
            yield from own


def _left(run: Path) -> list[Path]:
    """What was being written in a run when a process ended."""
    return sorted(path for pattern in (".*.partial", "front-*/.*.partial") for path in run.glob(pattern))


def _unused(prepared: Path, records: dict[Path, Record], unread: Sequence[Path]) -> list[Path]:
    """Folders of a preparation that none of the runs was trained on. BadInput where that cannot be told."""
    if unread:
        raise BadInput(f"{unread[0]} cannot be read", "it may have been trained on any of it", "moa list runs")
    if any(is_locked(lock) for lock in prepared.glob("*lock")):
        raise BadInput(f"{prepared} is in use", "somebody prepares", "wait for it to finish")
    used: set[str] = set()
    for run in records:
        _, _, benchmark = recorded_benchmark(run)
        used |= {tokenizer_folder(benchmark).name, Path(policy_source(benchmark)).name}
        for objective in benchmark.objectives:
            for reward in (objective.reward, objective.evaluator):
                if isinstance(reward, TrainedReward):
                    used.add(reward.folder(benchmark, objective.name).name)
    made = [path for kind in ("policy", "reward", "tokenizer") for path in sorted(prepared.glob(f"{kind}-*"))]
    return [path for path in made if path.name not in used and path.is_dir() and not path.is_symlink()]


def linked(path: Path, below: int = 2) -> bool:
    """Whether a folder, so many below one of a store, is reached by a link: what is there belongs elsewhere.

    The store itself may be one.
    """
    return any(one.is_symlink() for one in (path, *path.absolute().parents[:below]))


def check_removable(run: Path) -> None:
    """BadInput for what is no run in a folder of runs, and for one that is being worked on."""
    if not (run / "run.json").is_file() or not run.name.rpartition("-s")[2].isdecimal():
        raise BadInput(f"{run} is no run", "a run is a folder with a run.json", "moa list runs shows what there is")
    if linked(run):
        raise BadInput(
            f"{run} is reached by a link", "what it leads to may belong to others", f"name it itself: {run.resolve()}"
        )
    if is_locked(run / "lock"):
        raise BadInput(f"{run} is in use", "a process trains or measures it", "wait for it to finish, or stop it")


def remove(path: Path) -> None:
    """Removes a run or a part of one. A link in it is removed, and not what it leads to.

    BadInput where somebody has begun to work on the run meanwhile.
    """
    with locked(path / "lock", wait=False) if (path / "run.json").exists() else nullcontext():
        remove_path(path)
