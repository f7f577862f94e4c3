"""A point of a front: N answers at one weight, measured, and the file in which it lies.

A parquet file with one row per prompt: prompt, response, reward:<objective>, score:<objective>, kl, log_prob, ended,
tokens, collapsed; what is said once of all rows is its metadata. What is not known of an answer that was made elsewhere
(`UNKNOWABLE`) is null there, NaN in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import BadInput, Document, check_file, not_permitted, to_type, write_whole
from benchmarks.prepare import Card
from benchmarks.spec import SIGNALS, Signal, Weights, column
from benchmarks.stats import collapsed, text_statistics

TEXTS = ("prompt", "response")


NUMBERS = {
    "kl": pa.float64(), "log_prob": pa.float64(), "ended": pa.bool_(), "tokens": pa.int64(), "collapsed": pa.bool_(),
}  # fmt: skip
"""Columns beside those of objectives, by the name that they have in memory too."""


UNKNOWABLE = ("kl", "log_prob", "ended")


class PointRecord(Document):
    """What the file of a point says once of all its rows."""

    SCHEMA: ClassVar[str] = "moa.point/1"

    card: str
    """Hash of the scale card it was measured under."""
    weights: Weights
    label: str
    text_statistics: dict[str, float | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Point:
    """N answers at one weight, measured under M objectives. Arrays of other shapes: ValueError."""

    weights: Weights
    """(M,)."""
    label: str
    """A short name, e.g. "0.3,0.7"."""
    rewards: np.ndarray
    """(N, M) what methods train on, in benchmark units."""
    scores: np.ndarray
    """(N, M) what the held-out evaluators say, in benchmark units."""
    kl: np.ndarray
    """(N,) nats per answer from the starting policy, along the sampled answer; NaN where unknown."""
    log_prob: np.ndarray
    """(N,) log-probability in nats of each answer, over all its tokens; NaN where unknown.
    It is under the starting policy at the temperature of decoding."""
    ended: np.ndarray
    """(N,) 1 where the answer ended by itself, 0 where it ran out of tokens; NaN where unknown."""
    tokens: np.ndarray
    """(N,) length of each answer in tokens."""
    collapsed: np.ndarray
    """(N,) bool: degenerate text (`collapse_reasons`)."""
    text_statistics: dict[str, float | None]
    """Of all answers' texts, see `text_statistics`."""
    prompts: tuple[str, ...] = ()
    """N, where texts were read."""
    responses: tuple[str, ...] = ()
    """N, where texts were read."""

    def __post_init__(self) -> None:
        N, M = len(self.tokens), len(self.weights)
        expected = {"rewards": (N, M), "scores": (N, M)} | dict.fromkeys(NUMBERS, (N,))
        for name, shape in expected.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise ValueError(f"{name} of the point {self.label} must have shape {shape}, got {found}")

    @classmethod
    def of_answers(
        cls,
        prompts: Sequence[str],
        responses: Sequence[str],
        *,
        weights: Weights,
        label: str,
        rewards: np.ndarray,
        scores: np.ndarray,
        kl: np.ndarray,
        log_prob: np.ndarray,
        ended: np.ndarray,
        tokens: np.ndarray,
    ) -> Self:
        """The point with what the N responses' texts tell."""
        return cls(
            weights=weights, label=label, rewards=rewards, scores=scores, kl=kl, log_prob=log_prob, ended=ended,
            tokens=tokens, collapsed=np.array([collapsed(response) for response in responses]),
            text_statistics=text_statistics(responses), prompts=tuple(prompts), responses=tuple(responses),
        )  # fmt: skip

    def under(self, signal: Signal) -> np.ndarray:
        """(N, M) rewards or scores."""
        return self.rewards if signal == "rewards" else self.scores

    def write(self, path: Path, card: Card) -> None:
        """Writes the point whole or not at all.

        ValueError where it has not one answer per prompt of the card; BadInput for a number that is not finite, other
        than a NaN that means unknown.
        """
        measured = {column(s, name): self.under(s)[:, m] for s in SIGNALS for m, name in enumerate(card.objectives)}
        numbers = measured | {name: getattr(self, name) for name in NUMBERS}
        for name, values in {"prompts": self.prompts, "responses": self.responses, "tokens": self.tokens}.items():
            if len(values) != card.prompts:
                raise ValueError(f"{name} of {path.name} has {len(values)} rows, the scale card {card.prompts} prompts")
        for name, values in numbers.items():
            check_finite(f"{name} of {path.name}", values[~np.isnan(values)] if name in UNKNOWABLE else values)
        arrays = {name: pa.array(v, NUMBERS.get(name, pa.float64()), from_pandas=True) for name, v in numbers.items()}
        record = PointRecord(
            card=card.hash, weights=self.weights, label=self.label, text_statistics=self.text_statistics
        )
        table = pa.table(dict(zip(TEXTS, (self.prompts, self.responses), strict=True)) | arrays)
        table = table.replace_schema_metadata({"moa": record.to_json()})
        write_whole(path, lambda partial: pq.write_table(table, partial, write_page_checksum=True))

    @classmethod
    def read(cls, path: Path, card: Card, *, texts: bool = False) -> Self:
        """The point in a file, with its texts or without.

        BadInput where it is missing, damaged, or measured under another scale card.
        """
        measured = {s: [column(s, name) for name in card.objectives] for s in SIGNALS}
        names = [*(name for columns in measured.values() for name in columns), *NUMBERS]
        table, record = _read(path, [*(TEXTS if texts else ()), *names])
        if record.card != card.hash:
            raise unusable(path, f"it was measured under another scale card ({record.card}, not {card.hash})")
        # null becomes NaN
        found = {name: (table[name].cast(pa.float64()) if name in UNKNOWABLE else table[name]) for name in names}
        numbers = {name: values.to_numpy() for name, values in found.items()}
        for name, values in numbers.items():
            unknown = np.isnan(values) if name in UNKNOWABLE else False
            if len(values) != card.prompts or not (np.isfinite(values) | unknown).all():
                raise unusable(path, f"{name} is not {card.prompts} finite numbers")
        read: dict[str, Any] = {name: numbers[name] for name in NUMBERS}
        read |= {s: np.stack([numbers[name] for name in columns], axis=1) for s, columns in measured.items()}
        read |= {f"{name}s": tuple(table[name].to_pylist()) for name in TEXTS if texts}
        return cls(weights=record.weights, label=record.label, text_statistics=record.text_statistics, **read)


def read_texts(path: Path) -> list[tuple[str, str]]:
    """The N prompts and responses of a point. BadInput where they are missing or damaged."""
    table, _ = _read(path, TEXTS)
    return list(zip(*(table[name].to_pylist() for name in TEXTS), strict=True))


def check_finite(name: str, values: np.ndarray) -> None:
    """BadInput where one of these numbers is not finite."""
    if not np.isfinite(values).all():
        raise BadInput(
            f"{name} has numbers that are not finite",
            "one of them would make every mean of the front meaningless",
            f"look for what made {name} overflow: a diverged policy, or a reward that returns NaN",
        )


def unusable(path: Path, why: str) -> BadInput:
    """The refusal of a front's file."""
    again = to_type("moa", "eval", path.parent.parent, "--pareto")
    return BadInput(f"cannot use {path}", why, f"measure it again: {again}")


def _read(path: Path, names: Sequence[str]) -> tuple[pa.Table, PointRecord]:
    """These columns of a point, and what it says once."""
    try:
        check_file(path)
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(columns=list(names), use_threads=False)
        record = PointRecord.from_json((table.schema.metadata or {}).get(b"moa", b"{}"))
    except FileNotFoundError as error:
        raise unusable(path, "it is missing") from error
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, pa.ArrowException) as error:
        raise unusable(path, f"it is damaged: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise unusable(path, str(error)) from error
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise unusable(path, f"it has no column {missing[0]}")
    return table, record
