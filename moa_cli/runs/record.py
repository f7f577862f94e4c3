"""The record of a run, run.json: what was trained, on what, by which command."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Benchmark
from benchmarks.common import is_locked, not_permitted, write_text
from benchmarks.models import setup
from moa_cli.runs.config import Source

RUN_SCHEMA = "moa.run/1"


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


def read_record(folder: Path) -> Record:
    """The run.json of a run. BadInput for one that is missing, damaged or something else."""
    path = folder / "run.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("schema") != RUN_SCHEMA:
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
    write_text(folder / "run.json", json.dumps({"schema": RUN_SCHEMA, **asdict(record)}, indent=2, ensure_ascii=False))


def run_status(folder: Path, record: Record) -> str:
    """Where a run stands: "training", "trained", "stopped" or "scored".

    It is stopped where the process that trained is gone. Answers made elsewhere are scored.
    """
    if record.steering == GIVEN:
        return "scored"
    gone = record.status == "training" and not is_locked(folder / "lock")
    return "stopped" if gone else record.status


def versions() -> dict[str, str]:
    """Versions of Python and of the packages on which results depend."""
    found = {"python": platform.python_version()}
    for name in ("moa-cli", "torch", "transformers", "trl", "peft", "moocore"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_commit() -> str | None:
    """The git commit of the current folder, None outside a repository."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def new_record(benchmark: Benchmark, source: Source | None, **facts: Any) -> Record:
    """The record of a run on a prepared benchmark that this command makes."""
    import torch

    source, card = source or Source(benchmark.name, benchmark.home), benchmark.card
    data_dir = str(source.data_dir.resolve()) if source.data_dir else None
    name = str(Path(source.name).resolve()) if source.name.endswith((".toml", ".py")) else source.name
    told = {"source": name, "data_dir": data_dir, "options": dict(source.options)}
    return Record(
        benchmark=benchmark_record(benchmark) | told,
        command=shlex.join(["moa", *sys.argv[1:]]),
        commit=git_commit(),
        versions=versions(),
        device=setup(),
        threads=torch.get_num_threads(),
        card=card.hash,
        rewards=list(card.rewards),
        **facts,
    )


def benchmark_record(benchmark: Benchmark) -> dict[str, Any]:
    """What a record says of a benchmark, whatever it was called by."""
    return {
        "name": benchmark.name, "version": benchmark.version, "identity": benchmark.identity,
        "training_identity": benchmark.training_identity,
    }  # fmt: skip
