"""The samples a ceiling is estimated from, as a folder: `samples.json` (scale card, counts) and one array per file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.ceiling.tilt import Ceiling, balanced
from benchmarks.common import (
    BadInput,
    Document,
    check_file,
    digest,
    faulty,
    set_aside,
    stored_bytes,
    tell,
    to_type,
    written_at,
)
from benchmarks.prepare import Card
from benchmarks.spec import Signal

PROMPTS = 100
"""The first test prompts: many answers to some tell more about a ceiling than few answers to all."""


BASE, OTHERS = 64, 80
"""Answers per prompt of the starting policy, and of all others together; without others it gives these as well.
64 are what the best of 64 is chosen from."""


class SamplesRecord(Document):
    """`samples.json`; the arrays lie beside it."""

    SCHEMA: ClassVar[str] = "moa.samples/2"

    counts: tuple[int, ...]
    """(J,) answers per prompt of each policy."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """S answers to each of the first N test prompts: the starting policy's, then those of J - 1 other policies."""

    counts: tuple[int, ...]
    """(J,) answers per prompt of each policy, in the order of the samples; their sum is S."""
    rewards: np.ndarray
    """(N, S, M) what methods train on."""
    scores: np.ndarray
    """(N, S, M) what the held-out evaluators say."""
    log_probs: np.ndarray
    """(N, S, J) nats under each policy, as decoded."""

    @property
    def prompts(self) -> int:
        """N."""
        return len(self.rewards)

    def under(self, signal: Signal) -> np.ndarray:
        """(N, S, M) rewards or scores."""
        return self.rewards if signal == "rewards" else self.scores

    def ceiling(self, tilting: Signal, measured: Signal) -> Ceiling:
        """Tilted by the rewards or by the scores, and measured by the rewards or by the scores."""
        return Ceiling(self.under(tilting), balanced(self.log_probs, self.counts), self.under(measured))

    def base(self, signal: Signal) -> np.ndarray:
        """Those (N, counts[0], M) of the starting policy's own answers."""
        return self.under(signal)[:, : self.counts[0]]


def samples_folder(home: Path, card: Card, others: Sequence[str]) -> Path:
    """Where the samples lie that are drawn from the starting policy and from the policies of these names."""
    name = digest([PROMPTS, BASE, OTHERS, *others])
    return home / card.benchmark / "prepared" / f"ceiling-{card.hash}-{name}"


def find_samples(home: Path, card: Card) -> Samples | None:
    """The newest samples scored in the units of a card that are undamaged, None where there are none."""
    found = (home / card.benchmark / "prepared").glob(f"ceiling-{card.hash}-*")
    newest_first = sorted(found, key=lambda folder: written_at(folder / "samples.json"), reverse=True)
    whole = next(filter(has_samples, newest_first), None)  # older ones are not read for their checksums
    return None if whole is None else read_samples(whole)


def has_samples(folder: Path) -> bool:
    """Whether samples are there, as they were written. Damaged ones are set aside, which is told."""
    if name := faulty(folder):
        with suppress(OSError):  # for want of permission
            set_aside(folder)
        tell(f"{folder} is damaged: {name} is not what was written. moa compare --ceiling draws it again")
        return False
    return folder.exists()


def write_samples(folder: Path, samples: Samples) -> None:
    """Writes samples into a folder that is there."""
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(samples, name))
    SamplesRecord(counts=samples.counts).write(folder / "samples.json")


def read_samples(folder: Path) -> Samples:
    """What `write_samples` left. BadInput for something else."""
    try:
        record = SamplesRecord.from_json(stored_bytes(folder / "samples.json"))
        files = {name: folder / f"{name}.npy" for name in _ARRAYS}
        for file in files.values():
            check_file(file)
        return Samples(counts=record.counts, **{name: np.load(file) for name, file in files.items()})
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(
            f"cannot use {folder}",
            f"its samples cannot be read: {error}",
            f"{to_type('rm', '-r', folder)}; then moa compare --ceiling draws them again",
        ) from error


_ARRAYS = ("rewards", "scores", "log_probs")
