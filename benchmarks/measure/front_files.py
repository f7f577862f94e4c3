"""Fronts on disk.

A folder: `w-000.parquet`, `w-001.parquet`, ..., each there as soon as its weight is measured, with one row per prompt
(prompt, response, reward:<objective>, evaluator:<objective>, kl, log_prob, ended, tokens, collapsed); and `front.json`,
last. What is not known of an answer that was made elsewhere (`UNKNOWABLE`) is null there, NaN in memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import BadInput, NotPermitted, not_permitted, plain, write_text
from benchmarks.measure.front import Front
from benchmarks.prepare import Card
from benchmarks.spec import Answer, Weights
from benchmarks.stats import text_statistics

FRONT_SCHEMA = "moa.front/2"


UNKNOWABLE = ("kl", "log_prob", "ended")


def weights_label(weights: Weights) -> str:
    """The short name of a point of which weights tell all."""
    return ",".join(f"{w:.3g}" for w in weights)


def point_file(folder: Path, k: int) -> Path:
    """Where the k-th point of a front lies."""
    return folder / f"w-{k:03d}.parquet"


def write_point(
    folder: Path,
    k: int,
    *,
    prompts: Sequence[str],
    responses: Sequence[str],
    scores: np.ndarray,
    evaluator: np.ndarray,
    kl: np.ndarray,
    log_prob: np.ndarray,
    ended: np.ndarray,
    tokens: np.ndarray,
    collapsed: np.ndarray,
    card: Card,
) -> None:
    """Writes the k-th point whole or not at all: N answers, scores and evaluator (N, M), the others (N,).

    kl, log_prob and ended may be NaN: unknown. ValueError for columns of different lengths; BadInput for any other
    number that is not finite.
    """
    columns: dict[str, Any] = {"prompt": list(prompts), "response": list(responses)}
    for kind, values in (("reward", scores), ("evaluator", evaluator)):
        for name, column in zip(card.objectives, np.asarray(values, dtype=float).T, strict=True):
            columns[f"{kind}:{name}"] = column
    for name, column in zip(UNKNOWABLE, (kl, log_prob, ended), strict=True):
        columns[name] = np.asarray(column, dtype=float)
    columns["tokens"] = np.asarray(tokens, dtype=np.int64)
    columns["collapsed"] = np.asarray(collapsed, dtype=bool)
    path = point_file(folder, k)
    for name, values in columns.items():
        if len(values) != card.prompts:
            raise ValueError(f"{name} of {path.name} has {len(values)} rows, the scale card {card.prompts} prompts")
        if isinstance(values, np.ndarray):
            check_finite(f"{name} of {path.name}", values[~np.isnan(values)] if name in UNKNOWABLE else values)
    types = {"ended": pa.bool_()}
    table = pa.table({name: pa.array(v, types.get(name), from_pandas=True) for name, v in columns.items()})
    write_table(folder, k, table, card)


def write_table(folder: Path, k: int, table: pa.Table, card: Card) -> None:
    """Writes the k-th point, as it is in a table, whole or not at all."""
    path = point_file(folder, k)
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    pq.write_table(table.replace_schema_metadata({"card": card.hash}), partial, write_page_checksum=True)
    os.replace(partial, path)


def check_finite(name: str, values: np.ndarray) -> None:
    """BadInput where one of these numbers is not finite."""
    if not np.isfinite(values).all():
        raise BadInput(
            f"{name} has numbers that are not finite",
            "one of them would make every mean of the front meaningless",
            f"look for what made {name} overflow: a diverged policy, or a reward that returns NaN",
        )


def has_point(folder: Path, k: int, card: Card) -> bool:
    """Whether the k-th point is there, undamaged and measured under this scale card.

    NotPermitted where nobody can know.
    """
    try:
        _read_point(point_file(folder, k), card)
    except NotPermitted:
        raise
    except BadInput:
        return False
    return True


def write_front(
    folder: Path,
    *,
    method: str,
    seed: int,
    steering: str,
    weights: Sequence[Weights],
    labels: Sequence[str],
    card: Card,
    cost: dict[str, float],
    config: dict[str, Any],
) -> None:
    """Completes a front whose points are written: `front.json` says what they are, and describes their texts."""
    texts = [[answer.response for answer in read_answers(folder, k)] for k in range(len(weights))]
    document = {
        "schema": FRONT_SCHEMA, "method": method, "seed": seed, "steering": steering, "benchmark": card.benchmark,
        "version": card.version, "weights": plain(list(weights)), "labels": list(labels), "card": card.to_json(),
        "cost": plain(cost), "config": plain(config), "language": [text_statistics(t) for t in texts],
    }  # fmt: skip
    write_text(folder / "front.json", json.dumps(document, indent=2, allow_nan=False))


def read_front(folder: Path) -> Front:
    """The numbers of a front, without its texts.

    BadInput for a front that is missing, damaged or mixed, NotPermitted for one that may not be read.
    """
    document = _read_document(folder)
    try:
        card = Card.from_json(document["card"])
        points = [_read_point(point_file(folder, k), card) for k in range(len(document["weights"]))]
        return Front(
            method=document["method"],
            seed=document["seed"],
            steering=document["steering"],
            weights=tuple(tuple(w) for w in document["weights"]),
            labels=tuple(document["labels"]),
            scores=np.stack([_matrix(p, "reward", card) for p in points]),
            evaluator=np.stack([_matrix(p, "evaluator", card) for p in points]),
            kl=np.stack([p["kl"] for p in points]),
            log_prob=np.stack([p["log_prob"] for p in points]),
            ended=np.stack([p["ended"] for p in points]),
            tokens=np.stack([p["tokens"] for p in points]),
            collapsed=np.stack([p["collapsed"] for p in points]),
            text_statistics=tuple(dict(statistics) for statistics in document["language"]),
            card=card,
            cost=document["cost"],
            config=document["config"],
            folder=folder,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        detail = f": {error}" if isinstance(error, ValueError) else ""  # others speak of Python
        raise _unusable(folder / "front.json", f"its content is not that of a front{detail}") from error


def read_answers(folder: Path, k: int) -> list[Answer]:
    """The N answers of the k-th point. BadInput where they are missing or damaged."""
    columns = _read_columns(point_file(folder, k), ["prompt", "response"])[0]
    return [Answer(*row) for row in zip(columns["prompt"].to_pylist(), columns["response"].to_pylist(), strict=True)]


def read_table(folder: Path, k: int) -> pa.Table:
    """All columns of the k-th point. BadInput where they are missing or damaged."""
    return _read_columns(point_file(folder, k))[0]


def _read_document(folder: Path) -> dict[str, Any]:
    path = folder / "front.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(
            f"there is no front in {folder}",
            "the run has not been measured, or not at all of its weights",
            f"moa eval {folder.parent} --pareto",
        ) from error
    except PermissionError as error:
        raise not_permitted(path) from error
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _unusable(path, "it is damaged: not JSON, or cut short") from error
    if not isinstance(document, dict) or document.get("schema") != FRONT_SCHEMA:
        raise _unusable(path, f'it does not say "schema": "{FRONT_SCHEMA}"')
    return document


def _matrix(point: dict[str, np.ndarray], kind: str, card: Card) -> np.ndarray:
    """(N, M) scores of one kind."""
    return np.stack([point[f"{kind}:{name}"] for name in card.objectives], axis=1)


def _read_point(path: Path, card: Card) -> dict[str, np.ndarray]:
    """The numbers of one point by column name."""
    scores = [f"{kind}:{name}" for kind in ("reward", "evaluator") for name in card.objectives]
    table, measured_under = _read_columns(path, [*scores, *UNKNOWABLE, "tokens", "collapsed"])
    if measured_under != card.hash:
        raise _unusable(path, f"it was measured under another scale card ({measured_under}, not {card.hash})")
    point = {name: table[name].to_numpy() for name in table.column_names}
    point |= {name: table[name].cast(pa.float64()).to_numpy() for name in UNKNOWABLE}  # null becomes NaN
    for name, values in point.items():
        unknown = np.isnan(values) if name in UNKNOWABLE else False
        if len(values) != card.prompts or not (np.isfinite(values) | unknown).all():
            raise _unusable(path, f"{name} is not {card.prompts} finite numbers")
    return point


def _read_columns(path: Path, names: Sequence[str] = ()) -> tuple[pa.Table, str]:
    """These columns of a point, else all, and the hash of the scale card it was measured under."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(columns=list(names) or None, use_threads=False)
    except FileNotFoundError as error:
        raise _unusable(path, "it is missing") from error
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, pa.ArrowException) as error:
        raise _unusable(path, f"it is damaged: {str(error).splitlines()[0]}") from error
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise _unusable(path, f"it has no column {missing[0]}")
    return table, (table.schema.metadata or {}).get(b"card", b"none").decode()


def _unusable(path: Path, why: str) -> BadInput:
    return BadInput(f"cannot use {path}", why, f"measure it again: moa eval {path.parent.parent} --pareto")
