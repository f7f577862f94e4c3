"""Fronts on disk.

A folder: `w-000.parquet`, `w-001.parquet`, ..., each there as soon as its weight is measured (`Point`); and
`front.json`, last.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, JsonValue

from benchmarks.common import BadInput, Document, NotPermitted, not_permitted, stored_bytes, tell, to_type
from benchmarks.measure.front import Front
from benchmarks.measure.point import Point, read_texts, unusable
from benchmarks.prepare import Card
from benchmarks.spec import Answer, Signal, Weights


class FrontRecord(Document):
    """`front.json`: whose front it is, and what it was measured under. The points lie beside it."""

    SCHEMA: ClassVar[str] = "moa.front/4"
    SUMMED: ClassVar[bool] = True

    method: str
    seed: int
    steering: str
    weights: tuple[Weights, ...]
    """(K, M)."""
    card: Card
    policy_name: str = ""
    """What the starting policy was made of, in words; empty in what earlier versions wrote."""
    cost: dict[str, int | float | None]
    """Of training and of an answer; None for what was not counted."""
    used: dict[str, dict[str, int | float]] = Field(default_factory=dict)
    """What it took of the preparation that not all share, by part: what that cost."""
    config: dict[str, JsonValue]
    trials: int = 0
    """How many configurations were tried to find this one."""
    tuned_on: Signal = "rewards"
    """What decided between them."""

    def complete(self, folder: Path) -> None:
        """Completes a front whose points are written."""
        self.write(folder / "front.json")


def weights_label(weights: Weights) -> str:
    """The short name of a point of which weights tell all."""
    return ",".join(f"{w:.3g}" for w in weights)


def point_file(folder: Path, k: int) -> Path:
    """Where the k-th point of a front lies."""
    return folder / f"w-{k:03d}.parquet"


def has_point(folder: Path, k: int, card: Card, weights: Weights, label: str) -> bool:
    """Whether the k-th point is there, undamaged, of these weights and measured under this scale card.

    It is told why a file is not. NotPermitted where nobody can know.
    """
    path = point_file(folder, k)
    try:
        point = Point.read(path, card, texts=True)  # what is not read may be damaged, too
    except NotPermitted:
        raise
    except BadInput as error:
        if path.exists():
            tell(f"{path}: {error.why}. It is measured again")
        return False
    return (point.weights, point.label) == (weights, label)


def read_front_record(folder: Path) -> FrontRecord:
    """What `front.json` says. BadInput for a front that is missing or damaged, NotPermitted for one not to be read."""
    path = folder / "front.json"
    try:
        return FrontRecord.from_json(stored_bytes(path))
    except FileNotFoundError as error:
        raise BadInput(
            f"there is no front in {folder}",
            "the run has not been measured, or not at all of its weights",
            to_type("moa", "eval", folder.parent, "--pareto"),
        ) from error
    except PermissionError as error:
        raise not_permitted(path) from error
    except OSError as error:
        raise unusable(path, f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise unusable(path, str(error)) from error


def read_front(folder: Path, *, texts: bool = False) -> Front:
    """A front with its texts or, faster, without.

    BadInput for a front that is missing, damaged or mixed, NotPermitted for one that may not be read.
    """
    record = read_front_record(folder)
    points = []
    for k, weights in enumerate(record.weights):
        point = Point.read(point_file(folder, k), record.card, texts=texts)
        if point.weights != weights:
            raise unusable(point_file(folder, k), f"it is the point {point.label}, not that of {weights}")
        points.append(point)
    try:
        return Front(
            method=record.method, seed=record.seed, steering=record.steering, points=tuple(points), card=record.card,
            cost=record.cost, used=record.used, config=record.config, trials=record.trials,
            tuned_on=record.tuned_on, policy_name=record.policy_name, folder=folder,
        )  # fmt: skip
    except ValueError as error:
        raise unusable(folder / "front.json", f"its content is not that of a front: {error}") from error


def read_answers(folder: Path, k: int) -> list[Answer]:
    """The N answers of the k-th point. BadInput where they are missing or damaged."""
    return [Answer(*texts) for texts in read_texts(point_file(folder, k))]
