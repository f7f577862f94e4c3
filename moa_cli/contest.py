"""What `moa compare` does: makes what is missing, compares what is measured, judges it against a baseline."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from benchmarks import BadInput
from methods import method_name
from moa_cli import fronts, plan, steps, store
from moa_cli.comparison import SCHEMA, compare
from moa_cli.config import Settings
from moa_cli.gate import gate

Failed = Collection[tuple[str, str]]
"""Benchmark and method of the runs that could not be measured."""


def hold(
    settings: Settings, seeds: Sequence[int], home: Path, data_dir: Path | None, jobs: int | None, *, gated: bool
) -> tuple[list[Path], Failed]:
    """Trains and measures whatever is missing: the folders of the measured runs, and what failed. Without a gate that could
    judge it, a failure ends the command."""
    chosen = plan.contestants(settings, seeds or [0], home=home, data_dir=data_dir)
    outcomes = steps.execute(plan.measuring(chosen, may_train=True), settings.benchmarks.values(), jobs)
    if gated:
        steps.show_failures(outcomes)
    else:
        steps.succeed(outcomes)
    measured = [run.folder for run in chosen if run.measured]
    return measured, {(run.benchmark.name, method_name(type(run.method))) for run in chosen if not run.measured}


def document_of(folders: Sequence[Path], failed: Failed, *, keep_collapsed: bool) -> dict[str, Any]:
    """The comparison of these runs, with how it was made. If all have failed, it is empty."""
    if folders or not failed:
        document = compare(fronts.named(folders), keep_collapsed=keep_collapsed)
    else:
        document = {"schema": SCHEMA, "benchmarks": []}
    return document | {"command": shlex.join(["moa", *sys.argv[1:]]), "versions": store.versions()}


def saved(paths: Sequence[Path], *, keep_collapsed: bool) -> dict[str, Any] | None:
    """The comparison that was saved in a file, None where runs were named."""
    document = fronts.saved(paths)
    if document and keep_collapsed:
        raise BadInput(
            "--keep-collapsed was given with a saved comparison",
            "which points count was decided when it was made",
            "name the runs instead",
        )
    return document


def judged(
    document: dict[str, Any], baseline: Path | None, before: dict[str, Any] | None, allowed: float, failed: Failed
) -> dict[str, Any]:
    """The comparison with the gate's verdicts, where there is a baseline."""
    if before is None:
        return document | {"gate": None}
    return document | {"gate": gate(document, before, name=str(baseline), tolerance=allowed, failed=failed)}
