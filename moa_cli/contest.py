"""What `moa compare` does: makes what is missing, compares what is measured, judges it against a baseline."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Card, Front
from methods import method_name
from moa_cli import ceilings, fronts, plan, steps, store
from moa_cli.comparison import SCHEMA, compare
from moa_cli.config import Settings
from moa_cli.gate import gate
from moa_cli.job import Outcome

Failed = Collection[tuple[str, str]]
"""Benchmark and method of the runs that could not be measured."""
Check = Callable[[Iterable[Card]], None]
"""Raises BadInput where what is measured under these cards cannot be judged."""


def check_options(
    names: Sequence[str], what: Sequence[Path], of_made: Mapping[str, Any], of_found: Mapping[str, Any]
) -> None:
    """BadInput for an option that would do nothing.

    Those of runs that are made need methods; those of runs that are found or made need that no run was named.
    """
    for option, value in of_made.items():
        if value and not names:
            raise BadInput(
                f"{option} was given without -m",
                "it is for runs that are made",
                f"moa compare -m METHOD {option} ...",
            )
    for option, value in of_found.items():
        if value and what and not names:
            raise BadInput(
                f"{option} was given with {what[0]}",
                "what is named is compared, whatever its benchmark and seed",
                f"leave out {option}; or name nothing, and all runs that it picks are compared",
            )


def hold(
    settings: Settings, seeds: Sequence[int], home: Path, data_dir: Path | None, jobs: int | None, check: Check | None
) -> tuple[list[Path], Failed]:
    """Trains and measures whatever is missing: the folders of the measured runs, and what failed.

    Without a gate that could judge it, a failure ends the command; with one, `check` says whether it can, as soon as
    units are known.
    """
    chosen = plan.contestants(settings, seeds or [0], home=home, data_dir=data_dir)
    if check is None:
        steps.succeed(_made(chosen, settings, jobs))
    else:
        missing = {job.key: job for run in chosen for job in plan.prepares(run)}
        steps.show_failures(steps.execute([*missing.values()], settings.benchmarks.values(), jobs))
        cards = {name: store.stored_card(benchmark) for name, benchmark in settings.benchmarks.items()}
        check(Card.from_json(stored["card"]) for stored in cards.values() if stored)
        steps.show_failures(_made([run for run in chosen if cards[run.source.name]], settings, jobs))
    measured = [run.folder for run in chosen if run.measured]
    return measured, {
        (run.benchmark.name, method_name(type(run.method))) for run in chosen if run.folder not in measured
    }


def _made(runs: Sequence[plan.Contestant], settings: Settings, jobs: int | None) -> list[Outcome]:
    return steps.execute(plan.measuring(runs, may_train=True), settings.benchmarks.values(), jobs)


def document_of(
    measured: list[Front], failed: Failed, jobs: int | None, *, keep_collapsed: bool, ceiling: bool
) -> dict[str, Any]:
    """The comparison of these runs' fronts, with how it was made; empty where all have failed.

    What `ceiling` asks for is drawn first.
    """
    document: dict[str, Any] = {"schema": SCHEMA, "benchmarks": []}
    if measured or not failed:
        folders = [fronts.run_of(front) for front in measured]
        if ceiling:
            todo = ceilings.jobs(folders, measured)
            steps.succeed(steps.execute(todo, [job.source.load() for job in todo], jobs))
        document = compare(measured, keep_collapsed=keep_collapsed, ceilings=ceilings.stored(folders, measured))
    return document | {"command": shlex.join(["moa", *sys.argv[1:]]), "versions": store.versions()}


def saved(paths: Sequence[Path], *, keep_collapsed: bool, ceiling: bool) -> dict[str, Any] | None:
    """The comparison that was saved in a file, None where runs were named."""
    document = fronts.saved(paths)
    for option, typed in (("--keep-collapsed", keep_collapsed), ("--ceiling", ceiling)):
        if document and typed:
            raise BadInput(
                f"{option} was given with a saved comparison",
                "that holds tables, and this needs the answers",
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
