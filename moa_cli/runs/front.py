"""The front of a run as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import JsonValue

from benchmarks import BadInput, Front
from benchmarks.common import Document, NotPermitted, Part, not_permitted, stored_bytes
from benchmarks.measure import known
from benchmarks.spec import Signal
from moa_cli.runs.record import Record, measured_again, read_record

if TYPE_CHECKING:
    from benchmarks.measure import FrontRecord


def note_trials(run: Path, front: Path, trials: int, tuned_on: Signal) -> None:
    """Notes in a run and its front, where these are, that their settings are the best of so many trials, and by what.

    What says more stays: more trials, or that evaluators decided.
    """
    from benchmarks.measure import read_front_record

    def untold(record: Record | FrontRecord) -> dict[str, object]:
        by = {record.tuned_on, tuned_on}
        found = {"trials": max(record.trials, trials), "tuned_on": "scores" if "scores" in by else "rewards"}
        return {} if found == {"trials": record.trials, "tuned_on": record.tuned_on} else found

    if (run / "run.json").exists() and (more := untold(record := read_record(run))):
        record.model_copy(update=more).write(run / "run.json")
    if (front / "front.json").exists() and (more := untold(measured := read_front_record(front))):
        measured.model_copy(update=more).complete(front)


def read_measured(place: Path) -> Front:
    """A front of a run, its answers checked too: they are read later. BadInput that names the command which measures it
    again, with the files that this needs."""
    from benchmarks.measure import read_front

    try:
        return read_front(place, texts=True)
    except NotPermitted:
        raise
    except BadInput as error:
        raise BadInput(error.what, error.why, f"measure it again: {measured_again(place.parent)}") from error


class PointFacts(Part):
    """A point of a front: means over prompts."""

    weights: tuple[float, ...]
    label: str
    scores: tuple[float, ...]
    rewards: tuple[float, ...]
    """(M,) each, in SFT standard deviations."""
    kl: float | None
    """Nats per answer from the starting policy; None where unknown."""
    collapse: float
    """Share of degenerate answers."""
    language: dict[str, float | None]


class BothVolumes(Part):
    """The hypervolume of a front under what evaluators say, and under what methods train on."""

    scores: float
    rewards: float


class FrontFacts(Part):
    """A front as numbers: its points and its hypervolumes."""

    method: str
    seed: int
    benchmark: str
    objectives: tuple[str, ...]
    held_out: bool
    """Whether every objective has an evaluator that is not its reward."""
    points: tuple[PointFacts, ...]
    hypervolume: BothVolumes
    path: str | None = None
    """The folder of the run; None where the front is not kept."""

    @classmethod
    def of(cls, front: Front) -> FrontFacts:
        """A front that was read or just measured."""
        points = [
            PointFacts(
                weights=front.weights[k], label=front.labels[k],
                scores=front.means("scores")[k].tolist(), rewards=front.means("rewards")[k].tolist(),
                kl=known(front.mean_kl[k]), collapse=float(front.collapse_rate[k]),
                language=language,
            )
            for k, language in enumerate(front.language)
        ]  # fmt: skip
        return cls(
            method=front.method,
            seed=front.seed,
            benchmark=front.card.benchmark,
            objectives=front.card.objectives,
            held_out=not front.card.not_held_out,
            points=tuple(points),
            hypervolume=BothVolumes(scores=front.hypervolume("scores"), rewards=front.hypervolume("rewards")),
        )

    @classmethod
    def stored(cls, folder: Path) -> FrontFacts:
        """The front in a folder of a run."""
        return cls.of(read_measured(folder)).model_copy(update={"path": str(folder.parent)})


class Asked(Document):
    """The content of an asked.json: what finds out again what is to be measured, should the front be damaged."""

    SCHEMA: ClassVar[str] = "moa.asked/1"

    weights: tuple[tuple[float, ...], ...]
    """(K, M). The files of points bear numbers, not weights."""
    config: dict[str, JsonValue]
    """All hyperparameters; empty for answers that were made elsewhere."""
    eval_prompts: int
    """How many prompts, at most."""


def write_asked(folder: Path, asked: Asked) -> None:
    """Begins a front, or goes on with it. Points that are there for other weights are removed."""
    if read_asked(folder) != asked:
        for file in (*folder.glob("w-*.parquet"), *folder.glob("front.json")):
            file.unlink()
        asked.write(folder / "asked.json")


def read_asked(folder: Path) -> Asked | None:
    """What a front was asked for, None where that is missing or damaged. NotPermitted where nobody can know."""
    path = folder / "asked.json"
    try:
        return Asked.from_json(stored_bytes(path))
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError):
        return None
