"""A row of a file of answers: which columns are read, and what their cells say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from benchmarks import Benchmark, Weights
from benchmarks.common import LARGEST, nearest, refuse, some_of
from benchmarks.data import number_in
from benchmarks.spec import are_weights, rounded_from
from methods import TAKEN, method_names
from moa_cli.runs.folders import as_slug

ROLES = {
    "prompt": ("prompt",),
    "answer": ("answer", "response"),
    "weights": ("weights",),
    "method": ("method",),
    "seed": ("seed",),
}
"""What a column can hold, and the names by which it is found where --column names none."""


PER_OBJECTIVE = ("weight", "reward", "score")
"""What a column can hold for one objective, as in "weight:helpful".
Only read where it is named: moa's own files have such columns in other units."""


SCORES = ("reward:", "score:")
"""How roles begin that hold scores. Those of two may be one column: an objective's evaluator can be its reward."""


LONGEST_NAME = 60


class AnswerRow(NamedTuple):
    """What is read from one row."""

    prompt: str
    answer: str | None
    """None where it is said that there is none."""
    method: str
    seed: int
    weights: Weights | None
    raw: dict[str, float]
    """Scores by "reward:<objective>" or "score:<objective>"."""


def find_columns(typed: Sequence[str], header: Sequence[str], objectives: Sequence[str]) -> dict[str, str]:
    """The column of each role, from ROLE=COLUMN and the names in a file. BadInput that lists every mistake."""
    roles = [*ROLES, *(f"{kind}:{name}" for kind in PER_OBJECTIVE for name in objectives)]
    mistakes, columns = [], dict[str, str]()
    for item in typed:
        if "=" not in item:
            mistakes.append(f"{item}: expected ROLE=COLUMN")
            continue
        named = [role for role in roles if item.startswith(f"{role}=")]
        role = max(named, key=len, default=item.partition("=")[0])  # an objective's name may have a "=" in it
        column = item[len(role) + 1 :]
        if not named:
            mistakes.append(f"{item}: there is nothing called {role!r} to read{nearest(role, roles)}")
            continue
        if column not in header:
            mistakes.append(
                f"{item}: the file has no column {column!r}{nearest(column, filter(str.isprintable, header))}"
            )
        if (first := columns.setdefault(role, column)) != column:
            mistakes.append(f"{item}: {role} is column {first!r} already")
    weights = [f"weight:{name}" for name in objectives if f"weight:{name}" in columns]
    if weights and len(weights) < len(objectives):
        mistakes.append(f"{weights[0]}: each of {', '.join(objectives)} needs its weight")
    if weights and "weights" in columns:
        mistakes.append(f"weights: {weights[0]} says them too; name one column with all, or one for each")
    for role, names in ROLES.items():
        there = [name for name in names if name in header]
        if role not in columns and there and not (role == "weights" and weights):
            columns[role] = there[0]
        elif role in ("prompt", "answer") and role not in columns:
            mistakes.append(f"{role}: the file has no column {' or '.join(names)}; name it with --column {role}=COLUMN")
    for column in header:
        its = [role for role in columns if columns[role] == column]
        if len(its) > 1 and not all(role.startswith(SCORES) for role in its):
            mistakes.append(f"column {column!r} would be {' and '.join(its)}; each is a column of its own")
    there_are = some_of([repr(name) for name in header], 12)
    refuse("columns", mistakes, f"--column ROLE=COLUMN; roles: {', '.join(roles)}", why=f"the file has {there_are}")
    return columns


def parse(
    row: Mapping[str, object], columns: Mapping[str, str], benchmark: Benchmark, method: str, seed: int
) -> AnswerRow:
    """What a row says; `method` and `seed` where no column does. ValueError for cells that cannot be used."""
    cells = {role: row.get(column) for role, column in columns.items()}
    answer = None if cells["answer"] is None else _text(cells["answer"], "answer")
    scored = [role for role in columns if role.startswith(SCORES)]
    return AnswerRow(
        prompt=_text(cells["prompt"], "prompt"),
        answer=answer,
        method=checked_name(_text(cells["method"], "method")) if "method" in cells else method,
        seed=_seed(cells["seed"]) if "seed" in cells else seed,
        weights=_weights(cells, benchmark),
        raw={} if answer is None else {role: _number(cells[role], role) for role in scored},
    )


@cache
def checked_name(name: str) -> str:
    """A name for a method that was trained elsewhere. ValueError for one that is taken, or that could not be shown."""
    slug = as_slug(name)
    if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME or not slug:
        raise ValueError(f"{name[:LONGEST_NAME]!r} is no name for a method: one line, 1 to {LONGEST_NAME} characters")
    if slug.lower().replace("_", "-") in (*method_names(), *TAKEN):
        raise ValueError(f"{name!r} is the name of something that moa itself makes")
    return name


def _text(value: Any, role: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{role} is {'missing' if value is None else type(value).__name__}, not a text")
    return value.encode(errors="replace").decode()  # half a surrogate pair cannot be stored


def _number(value: Any, role: str) -> float:
    number = number_in(value)
    if not math.isfinite(number):
        raise ValueError(f"{role} is {str(value)[:40]!r}, not a finite number")
    return number


def _seed(value: Any) -> int:
    number = _number(value, "seed")
    if not number.is_integer() or not 0 <= number <= LARGEST:  # so far, no two seeds are one as a float
        raise ValueError(f"seed is {str(value)[:40]}, not a whole number from 0 to {LARGEST}")
    return int(number)


def _weights(cells: Mapping[str, Any], benchmark: Benchmark) -> Weights | None:
    """The weights that a row says, as the benchmark's grids have them where they differ by a rounding error."""
    value = cells.get("weights")
    if f"weight:{benchmark.names[0]}" in cells:
        value = [cells[f"weight:{name}"] for name in benchmark.names]
    if isinstance(value, str):
        value = [part for part in re.split(r"[\s,;()\[\]]+", value) if part]
    if value is None or (isinstance(value, list) and all(weight in (None, "") for weight in value)):
        return None
    if not isinstance(value, list):
        raise ValueError(f"its weights are {value!r:.40}, not a list of numbers")
    weights = tuple(_number(weight, "a weight") for weight in value)
    M = len(benchmark.names)
    if not are_weights(weights, M):
        names = ", ".join(benchmark.names)
        raise ValueError(f"its weights are {weights}, not {M} numbers ({names}), none negative, with sum 1")
    known = (*benchmark.grid, *benchmark.trained_grid)
    return rounded_from(weights, known) or tuple(weight / sum(weights) for weight in weights)
