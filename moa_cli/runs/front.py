"""The front of a run, as a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Front, Weights
from benchmarks.common import not_permitted, plain, write_text
from benchmarks.measure import known, read_front
from moa_cli.runs.folders import FRONT


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


def last_rows(folder: Path, count: int) -> list[dict[str, Any]]:
    """The last rows of a run's log; a line that a crash cut short is left out."""
    try:
        lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-count:]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("}")]


def front_facts(front: Front) -> dict[str, Any]:
    """A front as numbers: its points and its hypervolume under rewards and under the held-out evaluators."""
    return {
        "method": front.method,
        "seed": front.seed,
        "benchmark": front.card.benchmark,
        "objectives": list(front.card.objectives),
        "points": [
            {
                "weights": list(front.weights[k]),
                "label": front.labels[k],
                "evaluator": front.evaluator_points[k].tolist(),
                "reward": front.points[k].tolist(),
                "kl": known(front.mean_kl[k]),
                "collapse": float(front.collapse_rate[k]),
                "language": language,
            }
            for k, language in enumerate(front.language)
        ],
        "hypervolume": front.hypervolume(),
        "evaluator_hypervolume": front.hypervolume(held_out=True),
    }


def stored_front_facts(folder: Path) -> dict[str, Any]:
    """The points of a measured run."""
    return front_facts(read_front(folder / "front")) | {"path": str(folder)}
