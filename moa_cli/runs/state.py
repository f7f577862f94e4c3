"""What of a run is there and still in force: trained, measured, scored, swept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import BadInput, Benchmark, Card
from benchmarks.common import (
    NotPermitted,
    error_words,
    json_of,
    missing_again,
    not_permitted,
    plain,
    stored_bytes,
    write_text,
    written_at,
)
from benchmarks.prepare import stored_card
from methods import Method
from moa_cli.runs.folders import SWEEP, SWEEP_BEFORE, front_name, fronts_in
from moa_cli.runs.record import FAILED, measured_again, read_record

if TYPE_CHECKING:
    from benchmarks import Front


def is_trained(folder: Path, benchmark: Benchmark, method: Method) -> bool:
    """Whether nothing is left to train."""
    if not (folder / "run.json").exists():
        return False
    record, stored = read_record(folder), stored_card(benchmark)
    if missing_again(folder / "policy"):
        return False  # damaged, and set aside
    if record.status != "trained" or (stored and stored.card.units_hash != record.units):
        return False
    wanted = method.points(benchmark) if method.steering == "retrain" else ()
    return all(tuple(w) in record.trained_at for w in wanted)


def is_measured(folder: Path, benchmark: Benchmark, method: Method) -> bool:
    """Whether the front of this configuration is there and undamaged, under the card in force and at all weights."""
    front = _in_force(folder / front_name(benchmark, method), benchmark)
    return front is not None and list(front.weights) == [tuple(w) for w in method.points(benchmark)]


def is_scored(folder: Path, benchmark: Benchmark) -> bool:
    """Whether the run has an undamaged front under the card in force, at whatever weights."""
    fronts = (_in_force(front, benchmark) for front in fronts_in(folder))
    return (folder / "run.json").exists() and any(front is not None for front in fronts)


def note_failure(folder: Path, error: BaseException | None) -> None:
    """Remembers why a training failed; None: it has not, so far."""
    if error is None:
        (folder / FAILED).unlink(missing_ok=True)
    else:
        told = error.what if isinstance(error, BadInput) else error_words(error)
        write_text(folder / FAILED, told.strip() + "\n")


def failed_for(folder: Path) -> str | None:
    """Why the training of a run failed, in a line; None where it did not."""
    try:
        return stored_bytes(folder / FAILED).decode().splitlines()[0]
    except (OSError, ValueError, IndexError):
        return None


def has_front(folder: Path) -> bool:
    """Whether a front of the run is measured. BadInput for a damaged one."""
    found = fronts_in(folder)
    for path in (front / "front.json" for front in found):
        try:
            if not {"weights", "card", "cost"} <= json_of(stored_bytes(path)).keys():
                raise ValueError("entries are missing")
        except PermissionError as error:
            raise not_permitted(path) from error
        except (OSError, ValueError, AttributeError) as error:
            fix = f"measure it again: {measured_again(folder)}"
            raise BadInput(f"cannot use {path}", "it is damaged", fix) from error
    return bool(found)


class Counting(NamedTuple):
    """What decides whether a front counts where nobody named it."""

    folder: Path
    card: Card
    row: str
    """Its method and settings: a row of a table."""

    @classmethod
    def of(cls, folder: Path, card: Card, method: str, config: Mapping[str, object]) -> Counting:
        """That of a front."""
        return cls(folder, card, json.dumps([method, plain(dict(config))], sort_keys=True))

    @property
    def on(self) -> tuple[int, str]:
        """How many prompts, and which."""
        return self.card.prompts, self.card.prompts_hash

    @property
    def when(self) -> float:
        """When it was measured."""
        return written_at(self.folder / "front.json")

    @property
    def identity(self) -> str | None:
        """Of the benchmark of its run, None where the record cannot be read."""
        try:
            return read_record(self.folder.parent).benchmark.identity
        except BadInput:
            return None


def counted_cards(fronts: Iterable[Counting]) -> frozenset[str]:
    """The hashes of the scale cards under which fronts count where nobody named any, of each benchmark's preparations.

    They are of the newest scale, and there of the most prompts on which two rows were measured, else of the most: then
    neither a quick look at few prompts nor one row on more takes the place of a comparison.
    """
    every = sorted(fronts, key=lambda front: front.when)
    counted: set[str] = set()
    for name in {front.card.benchmark for front in every}:
        own = [front for front in every if front.card.benchmark == name]
        newest = {front.card.preparation: front for front in own}
        scales = {front.card.scale_hash for front in newest.values()}
        own = [front for front in own if front.card.scale_hash in scales]
        # more prompts of data that have changed since are no more of the same
        identities = [front.identity for front in own]
        known = {front.card.preparation: told for front, told in zip(own, identities, strict=True) if told}
        now = [f for f, told in zip(own, identities, strict=True) if told in (None, known.get(f.card.preparation))]
        rows = {on: len({front.row for front in now if front.on == on}) for on in {front.on for front in now}}
        _, best = max(enumerate(now), key=lambda one: (rows[one[1].on] > 1, one[1].card.prompts, one[0]))
        counted |= {front.card.hash for front in own if front.on == best.on}
    return frozenset(counted)


def is_swept(folder: Path, benchmark: Benchmark, method: Method) -> bool:
    """Whether every intensity of every goal was measured, before and after training, under the card in force."""
    return all(
        _in_force(folder / front_name(benchmark, method, kind), benchmark) is not None for kind in (SWEEP_BEFORE, SWEEP)
    )


def _in_force(folder: Path, benchmark: Benchmark) -> Front | None:
    """The front in a folder; None where it is to be measured again.

    That is where it is missing, damaged or not under the card in force. NotPermitted for one that may not be read,
    which must not be replaced.
    """
    from benchmarks.measure import read_front

    stored = stored_card(benchmark)
    if stored is None:
        return None
    try:
        front = read_front(folder, texts=True)  # a damaged answer is damage
    except NotPermitted:
        raise
    except BadInput:
        return None
    return front if front.card == stored.card else None
