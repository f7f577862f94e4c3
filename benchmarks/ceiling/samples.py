"""The samples a ceiling is estimated from, as a folder: `samples.json` (scale card, counts) and one array per file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ceiling.tilt import Ceiling, balanced
from benchmarks.common import BadInput, digest, write_text
from benchmarks.prepare import Card

SCHEMA = "moa.samples/1"


PROMPTS = 100
"""The first test prompts: many answers to some tell more about a ceiling than few answers to all."""


BASE, OTHERS = 32, 80
"""Answers per prompt of the starting policy, and of all others together; without others it gives these as well."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """S answers to each of the first N test prompts: the starting policy's, then those of J - 1 other policies."""

    counts: tuple[int, ...]
    """(J,) answers per prompt of each policy, in the order of the samples; their sum is S."""
    scores: np.ndarray
    """(N, S, M) training rewards."""
    evaluator: np.ndarray
    """(N, S, M) held-out evaluators."""
    log_probs: np.ndarray
    """(N, S, J) nats under each policy, as decoded."""

    @property
    def prompts(self) -> int:
        """N."""
        return len(self.scores)

    def ceiling(self, *, held_out: bool = False) -> Ceiling:
        """Tilted and scored by the training rewards, or by the held-out evaluators."""
        return Ceiling(self.evaluator if held_out else self.scores, balanced(self.log_probs, self.counts))

    def base(self, *, held_out: bool = False) -> np.ndarray:
        """Scores (N, counts[0], M) of the starting policy's own answers."""
        return (self.evaluator if held_out else self.scores)[:, : self.counts[0]]


def samples_folder(home: Path, card: Card, others: Sequence[str]) -> Path:
    """Where the samples lie that are drawn from the starting policy and from the policies of these names."""
    name = digest([PROMPTS, BASE, OTHERS, *others])
    return home / card.benchmark / "prepared" / f"ceiling-{card.hash}-{name}"


def find_samples(home: Path, card: Card) -> Samples | None:
    """The newest samples scored in the units of a card, None where there are none."""
    found = (home / card.benchmark / "prepared").glob(f"ceiling-{card.hash}-*/samples.json")
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return None if newest is None else read_samples(newest.parent)


def write_samples(folder: Path, samples: Samples) -> None:
    """Writes samples into a folder that is there."""
    for name in ("scores", "evaluator", "log_probs"):
        np.save(folder / f"{name}.npy", getattr(samples, name))
    write_text(folder / "samples.json", json.dumps({"schema": SCHEMA, "counts": samples.counts}))


def read_samples(folder: Path) -> Samples:
    """What `write_samples` left. BadInput for something else."""
    try:
        document = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f'it does not say "schema": "{SCHEMA}"')
        arrays = {name: np.load(folder / f"{name}.npy") for name in ("scores", "evaluator", "log_probs")}
        return Samples(counts=tuple(document["counts"]), **arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"cannot use {folder}", f"it is damaged: {error}", "delete it, then: moa compare --ceiling"
        ) from error
