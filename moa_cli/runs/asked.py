"""What a front was asked for, written before it is measured: asked.json beside its points."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import JsonValue

from benchmarks.common import Document, not_permitted


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
        return Asked.from_json(path.read_bytes())
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError):
        return None
