"""Runs on disk: where they lie, what is known about them, which of them are done.

<home>/<benchmark>/<method>/<digest>-s<seed>/run.json
"""

from __future__ import annotations

import inspect
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import (
    BadInput,
    Benchmark,
    NotPermitted,
    Weights,
    digest,
    is_locked,
    not_permitted,
    plain,
    write_text,
)
from methods import Method, find_method, method_name

if TYPE_CHECKING:
    from benchmarks import Front

SCHEMA = "moa.run/1"
FRONT, SWEEP, SWEEP_BEFORE = "front", "sweep", "sweep-before"
"""Folders in a run: its front, and what `moa study controllability` measures."""
GIVEN = "given"
"""The steering of answers that were made elsewhere: there is a front, but no policy."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """The content of a run.json."""

    status: str
    """"training" or "trained"."""
    method: str
    """Name or file, as `find_method` takes it; of answers that were made elsewhere, the name they came with."""
    steering: str
    benchmark: dict[str, Any]
    """What names it again (source, data_dir, options), and name, version, identity and training identity."""
    config: dict[str, Any]
    """All hyperparameters."""
    seed: int
    trained_at: list[list[float]]
    """The weights the training was for; only methods that retrain per weight depend on them."""
    command: str
    commit: str | None
    """Git commit of the folder in which the command was typed."""
    versions: dict[str, str]
    device: str
    threads: int
    card: str | None = None
    """Hash of the scale card in whose units it was trained."""
    rewards: list[str] = field(default_factory=list)
    cost: dict[str, float] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    """Where its answers came from: the file, and what was found in it; the run whose answers were scored again."""


def run_folder(benchmark: Benchmark, method: Method, seed: int) -> Path:
    """Where a run lies: a function of what is trained on what.

    A method that did not come with moa may change: its code counts.
    """
    return benchmark.home / benchmark.name / method_name(type(method)) / run_name(benchmark.identity, method, seed)


def run_name(identity: str, method: Method, seed: int) -> str:
    """The name of a run's folder, on a benchmark of this identity."""
    cls = type(method)
    code = [] if cls.__module__.startswith("methods.") else [Path(inspect.getfile(cls)).read_text(encoding="utf-8")]
    return f"{digest([identity, plain(asdict(method)), *code])[:8]}-s{seed}"


def given_folder(benchmark: Benchmark, method: str, seed: int, content: str) -> Path:
    """Where answers that were made elsewhere lie: a function of what they are and what they are measured by."""
    return benchmark.home / benchmark.name / slug(method) / f"{digest([benchmark.identity, content])[:8]}-s{seed}"


def slug(name: str) -> str:
    """A name as that of a folder: empty where nothing of it is left."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def foundation(method: Method) -> Method | None:
    """The method that this one builds on, with the same hyperparameters; None where it builds on none."""
    if method.builds_on is None:
        return None
    cls, ours = find_method(method.builds_on), {f.name for f in fields(method)}
    return cls(**{f.name: getattr(method, f.name) for f in fields(cls) if f.name in ours})


def method_source(cls: type[Method]) -> str:
    """What `find_method` finds the class by: its name, or its file where it did not come with moa."""
    name = method_name(cls)
    if cls.__module__ == f"methods.{name.replace('-', '_')}":
        return name
    return str(Path(str(sys.modules[cls.__module__].__file__)).resolve())


def read_record(folder: Path) -> Record:
    """The run.json of a run. BadInput for one that is missing, damaged or something else."""
    path = folder / "run.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("schema") != SCHEMA:
            raise ValueError("another schema")
        record = Record(**document)
        if record.status not in ("training", "trained") or not isinstance(record.config, dict):
            raise ValueError("its content is not that of a run")
        return record
    except FileNotFoundError as error:
        raise BadInput(
            f"there is no run in {folder}", "a run is a folder with a run.json", "moa list runs shows what there is"
        ) from error
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"cannot use {path}",
            "it is damaged, or something else than the record of a run",
            "make the run again: the command that made it, with --restart",
        ) from error


def write_record(folder: Path, record: Record) -> None:
    """Writes run.json, whole or not at all."""
    write_text(folder / "run.json", json.dumps({"schema": SCHEMA, **asdict(record)}, indent=2, ensure_ascii=False))


def status(folder: Path, record: Record) -> str:
    """Where a run stands: "training", "trained", "stopped" or "scored".

    It is stopped where the process that trained is gone. Answers made elsewhere are scored.
    """
    if record.steering == GIVEN:
        return "scored"
    gone = record.status == "training" and not is_locked(folder / "lock")
    return "stopped" if gone else record.status


def find_runs(home: Path, benchmarks: Sequence[str] = (), methods: Sequence[str] = ()) -> list[Path]:
    """Folders of the runs under `home`, of some benchmarks and methods or of all. BadInput where `home` is a file."""
    if home.is_file():
        raise BadInput(f"{home} is a file", "runs lie in a folder", "name the folder with --runs DIR")
    return [
        path.parent
        for path in sorted(home.glob("*/*/*-s*/run.json"))
        if (not benchmarks or path.parts[-4] in benchmarks) and (not methods or path.parts[-3] in methods)
    ]


def is_trained(folder: Path, benchmark: Benchmark, method: Method) -> bool:
    """Whether nothing is left to train."""
    if not (folder / "run.json").exists():
        return False
    record, card = read_record(folder), stored_card(benchmark)
    if record.status != "trained" or (card and card["card"]["hash"] != record.card):
        return False
    wanted = method.points(benchmark) if method.steering == "retrain" else ()
    return all(list(w) in record.trained_at for w in wanted)


def is_measured(folder: Path, benchmark: Benchmark, method: Method) -> bool:
    """Whether the run's front is there and undamaged, under the card in force and at all weights."""
    front = _in_force(folder / FRONT, benchmark)
    return front is not None and list(front.weights) == [tuple(w) for w in method.points(benchmark)]


def is_scored(folder: Path, benchmark: Benchmark) -> bool:
    """Whether the run has an undamaged front under the card in force, at whatever weights."""
    return (folder / "run.json").exists() and _in_force(folder / FRONT, benchmark) is not None


def is_swept(folder: Path, benchmark: Benchmark) -> bool:
    """Whether every intensity of every goal was measured, before and after training, under the card in force."""
    return all(_in_force(folder / name, benchmark) is not None for name in (SWEEP_BEFORE, SWEEP))


def _in_force(folder: Path, benchmark: Benchmark) -> Front | None:
    """The front in a folder; None where it is to be measured again.

    That is where it is missing, damaged or not under the card in force. NotPermitted for one that may not be read,
    which must not be replaced.
    """
    from benchmarks import read_front  # loads what reads fronts, which training does not

    card = stored_card(benchmark)
    if card is None:
        return None
    try:
        front = read_front(folder)
    except NotPermitted:
        raise
    except BadInput:
        return None
    return front if front.card.hash == card["card"]["hash"] else None


def front_document(folder: Path, name: str = FRONT) -> dict[str, Any] | None:
    """What the front.json of a run's front or sweep says, None where it is not measured. BadInput for a damaged one."""
    path = folder / name / "front.json"
    command = f"moa eval {folder} --pareto" if name == FRONT else "moa study controllability"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not {"weights", "card", "cost"} <= document.keys():
            raise ValueError("entries are missing")
        return document
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput(f"cannot use {path}", "it is damaged", f"measure it again: {command}") from error


def forget_other_points(folder: Path, weights: Sequence[Weights]) -> None:
    """Removes measured points that belong to other weights: their files bear numbers, not weights."""
    plan, wanted = folder / "weights.json", json.dumps(plain(list(weights)))
    if not plan.exists() or plan.read_text(encoding="utf-8") != wanted:
        for file in (*folder.glob("w-*.parquet"), *folder.glob("front.json")):
            file.unlink()
        write_text(plan, wanted)


def stored_card(benchmark: Benchmark) -> dict[str, Any] | None:
    """What `prepare` left: "card" and "report", None where it has not run. (`benchmark.card` would load torch.)"""
    path = benchmark.home / benchmark.name / "prepared" / f"card-{benchmark.identity}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot use {path}", f"it is damaged: {error}", f"delete it, then: moa prepare -b {benchmark.name}"
        ) from error


def last_rows(folder: Path, count: int) -> list[dict[str, Any]]:
    """The last rows of a run's log; a line that a crash cut short is left out."""
    try:
        lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-count:]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("}")]


def check_home(home: Path) -> None:
    """BadInput where nothing could be written under `home`. Writes nothing."""
    there = next(path for path in (home, *home.absolute().parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return
    reason = "the folder is not ours to write to" if there.is_dir() else f"{there} is a file"
    raise BadInput(
        f"cannot write to {home}: {reason}",
        "results are kept there, so nothing was started",
        "choose another folder with --runs DIR, or mend the permissions",
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the packages on which results depend."""
    found = {"python": platform.python_version()}
    for name in ("moa-cli", "torch", "transformers", "trl", "peft", "moocore"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def commit() -> str | None:
    """The git commit of the current folder, None outside a repository."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None
