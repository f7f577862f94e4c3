"""What is told of runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import time

from pydantic import JsonValue, model_serializer

from benchmarks import BadInput
from benchmarks.common import NotPermitted, Part, plain, written_at
from methods import find_method, method_names
from moa_cli.runs import (
    GIVEN,
    Counting,
    LogRow,
    Record,
    bytes_of,
    counted_cards,
    default_config,
    failed_for,
    find_runs,
    fronts_in,
    has_front,
    is_earlier,
    last_rows,
    read_record,
)


class RunRow(Part):
    """A run, in a line."""

    path: str
    status: str
    """Where it stands; of one that failed with the reason."""
    seed: int | None
    """None where the record cannot be read."""
    front: bool
    """Whether its front is measured."""
    hypervolume: float | None
    """Of all points under the evaluators, of the front that a comparison of all runs takes; None where that is none."""
    size: int
    """Bytes on disk."""
    age: float
    """Seconds since something of its record was written."""
    settings: dict[str, JsonValue]
    """What was set for it: options of the benchmark, and hyperparameters other than the method's defaults."""


class RunFacts(Part):
    """A run's run.json, where it stands, its fronts, and the end of its log."""

    record: Record
    standing: str
    fronts: dict[str, dict[str, JsonValue]]
    """Its fronts by their folders, each with its number of prompts and what was set otherwise than in training."""
    log: tuple[LogRow, ...]

    @model_serializer
    def told(self) -> dict[str, JsonValue]:
        """The entries of the record, with the others beside them."""
        rows = [{**row._asdict(), **row.measured} for row in self.log]
        for row in rows:
            del row["measured"]
        found = self.record.model_dump(mode="json")
        return found | {"status": self.standing, "fronts": {**self.fronts}, "log": rows}


def run_rows(home: Path) -> list[RunRow]:
    """All runs under a folder; one that cannot be read says so."""
    fronts = {folder: _counting(folder) for folder in find_runs(home)}
    counted = counted_cards(front for own in fronts.values() for front in own)
    return [_run_row(folder, [one for one in own if one.card.hash in counted]) for folder, own in fronts.items()]


def _run_row(folder: Path, counted: Sequence[Counting]) -> RunRow:
    """A run, with its fronts that count."""
    bare = RunRow(
        path=str(folder), status="no permission", seed=None, front=False, settings={}, hypervolume=None, size=0, age=0.0
    )
    try:
        record = read_record(folder)
        status = record.standing(folder)
        status += f": {failed_for(folder) or 'nobody knows why'}" if status == "failed" else ""
        return RunRow(
            path=str(folder), status=status, seed=record.seed, front=has_front(folder), settings=_settings(record),
            hypervolume=_hypervolume(counted), size=bytes_of(folder), age=_age(folder),
        )  # fmt: skip
    except (NotPermitted, PermissionError):
        return bare
    except BadInput:
        status = "of an earlier version" if is_earlier(folder) else "damaged"
        return bare.model_copy(update={"status": status, "size": bytes_of(folder), "age": _age(folder)})


def _age(folder: Path) -> float:
    """Seconds since a run was last noted anything of."""
    return max(0.0, time() - written_at(folder / "run.json"))


def _hypervolume(counted: Sequence[Counting]) -> float | None:
    """That of the newest of a run's fronts that count."""
    from benchmarks.measure import read_front

    try:
        return read_front(max(counted, key=lambda front: front.when).folder).hypervolume("scores") if counted else None
    except BadInput:
        return None


def _counting(folder: Path) -> list[Counting]:
    """The fronts of a run, as far as they can be read."""
    from benchmarks.measure import read_front_record

    found = []
    try:
        for place in fronts_in(folder):
            with suppress(BadInput):
                record = read_front_record(place)
                found.append(Counting.of(place, record.card, record.method, record.config))
    except PermissionError:
        return []
    return found


def _settings(record: Record) -> dict[str, JsonValue]:
    """What was set for a run.

    All hyperparameters where the method is none that is installed: to look at a runs folder must not run the code that
    it names.
    """
    config = record.config
    if record.steering != GIVEN and record.method in method_names():
        defaults = _defaults(record.method)
        config = {name: value for name, value in config.items() if name not in defaults or value != defaults[name]}
    return {**record.benchmark.options, **config}


@cache
def _defaults(method: str) -> dict[str, JsonValue]:
    """The hyperparameters of a method of which nothing is set; found once for all its runs."""
    found: dict[str, JsonValue] = plain(dict(default_config(find_method(method))))
    return found


def run_facts(folder: Path) -> RunFacts:
    """What is told of a run."""
    record = read_record(folder)
    return RunFacts(
        record=record,
        standing=record.standing(folder),
        fronts={place.name: _front_facts(place, record) for place in fronts_in(folder)},
        log=tuple(last_rows(folder, 5)),
    )


def _front_facts(place: Path, record: Record) -> dict[str, JsonValue]:
    """What a front was measured with."""
    from benchmarks.measure import read_front_record

    front = read_front_record(place)
    other = {name: value for name, value in front.config.items() if value != record.config.get(name)}
    return {"prompts": front.card.prompts, **other}
