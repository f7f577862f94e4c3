"""Answers that were made elsewhere: read from a file, and matched to the prompts of a benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Benchmark, Weights
from benchmarks.common import digest, some_of
from benchmarks.data import SUFFIXES, Row, oddities, placed_rows
from benchmarks.measure import Given
from moa_cli.runs.folders import given_folder
from moa_cli.runs.record import Origin
from moa_cli.runs.response_rows import AnswerRow, checked_name, find_columns, parse

MISSING = 0.01
"""Up to this share of a point's answers may be missing. They count as empty ones, which is what they are."""


Placed = tuple[str, Row]
"""A row, behind its file and line."""


AtPoint = dict[int, tuple[str, AnswerRow]]
"""The answers of one point by the prompt's place in the benchmark: file and line of a row, and the row."""


ByRun = dict[tuple[str, int], dict[Weights | None, AtPoint]]
"""The points by method and seed, then by weights."""


@dataclass(frozen=True)
class Responses:
    """The answers of one method at one seed to all prompts of a benchmark."""

    method: str
    seed: int
    points: tuple[Given, ...]

    @cached_property
    def content(self) -> str:
        """Twelve hex digits: the same answers have the same, whatever file they came in."""
        return digest([self.method, self.points])

    def folder(self, benchmark: Benchmark) -> Path:
        """Where the run that they make lies: a function of what they are and what they are measured by."""
        return given_folder(benchmark, self.method, self.seed, self.content)


ODD = {
    "unknown": "to prompts that are not the benchmark's: left out, such as the one to",
    "respaced": "to prompts that are the benchmark's but for white space, such as",
    "repeated": "that another row gives too: left out, such as that at",
    "missing": "missing: they count as empty ones, such as the one to",
}
"""Which answers cannot be used as they are."""


@dataclass(frozen=True)
class Found:
    """What a file holds."""

    path: Path
    rows: int
    columns: dict[str, str]
    """The column that was read for each role."""
    runs: list[Responses] = field(default_factory=list)
    called: bool = True
    """Whether it was said what to call a method that no column names."""
    odd: dict[str, list[Any]] = field(default_factory=lambda: {what: [] for what in ODD})
    """By `ODD`: the prompts of answers that cannot be used as they are; of those that are repeated, where they are."""
    hints: list[str] = field(default_factory=list)
    """What may not be meant about the answers, see `oddities`."""

    def origin(self, run: Responses) -> Origin:
        """What the record of one of the runs keeps about the file."""
        count = {what: len(which) for what, which in self.odd.items()}
        return Origin(
            file=str(self.path), columns=self.columns, rows=self.rows, content=run.content, unknown=count["unknown"],
            respaced=count["respaced"], repeated=count["repeated"], missing=count["missing"],
        )  # fmt: skip

    @property
    def notes(self) -> list[str]:
        """What people should know about the file, a line each."""
        read = [column if column == role else f"{column} as {role}" for role, column in self.columns.items()]
        first = {
            what: which[0] if what == "repeated" else quoted(which[0]) for what, which in self.odd.items() if which
        }
        odd = [f"{len(self.odd[what]):,} answers {ODD[what]} {one}" for what, one in first.items()]
        after_file = not self.called and "method" not in self.columns
        called = ["the method is called as the file: neither --name nor a column says otherwise"] * after_file
        return [f"{self.path}: {self.rows:,} rows; columns read: {', '.join(read)}", *called, *odd, *self.hints]


def quoted(value: Any) -> str:
    """Something from a file in few characters, inert."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}...{text[-16:]}"


def read_responses(
    path: Path, benchmark: Benchmark, *, columns: Sequence[str] = (), method: str | None = None, seed: int | None = None
) -> Found:
    """The answers in a file, a folder or a glob of files, a row each, by method, seed and weights.

    `columns` are ROLE=COLUMN. `method` and `seed` win over columns; without either, the file's name and 0. Prompts
    match as they are, else up to white space. BadInput for rows that cannot be used, for a `method` or `seed` that
    would make one of several, and for a point at which more than `MISSING` of the benchmark's prompts have no answer.
    """
    rows = list(placed_rows(path, {}))
    if not rows:
        raise BadInput(f"{path} has no rows", "each row is an answer to a prompt", "check the file")
    header = list(dict.fromkeys(name for _, row in rows for name in row))
    read = find_columns(columns, header, benchmark.names)
    for role, option, value in (("method", "--name", method), ("seed", "--seed", seed)):
        if value is not None and role in read:
            _check_single(path, rows, role, read.pop(role), option)
    found = Found(path, len(rows), read, called=method is not None)
    for (name, at), points in _collect(rows, found, benchmark, method, seed or 0).items():
        found.runs.append(_run(f"{path}: {name}, seed {at}", name, at, points, benchmark, found))
    return found


def _check_single(path: Path, rows: Sequence[Placed], role: str, column: str, option: str) -> None:
    """BadInput where an option gives one name to what a column tells apart."""
    told = dict.fromkeys(str(row.get(column)) for _, row in rows)
    if len(told) > 1:
        raise BadInput(
            f"{path} has answers of {len(told)} {role}s, as its column {column!r} says: "
            f"{some_of([quoted(name) for name in told], 5)}",
            f"{option} makes one of them all, and a prompt has one answer at a {role}",
            f"leave {option} out; or give each a file of its own",
        )


def _collect(rows: Sequence[Placed], found: Found, benchmark: Benchmark, method: str | None, seed: int) -> ByRun:
    """The answers to the benchmark's prompts; what is odd about others is noted."""
    own = found.path.name
    name = method or next((own.removesuffix(suffix) for suffix in SUFFIXES if own.endswith(suffix)), own)
    if "method" not in found.columns:
        with _refusing(str(found.path), "--name NAME"):
            checked_name(name)
    find, runs = _finder(benchmark.prompts("test"), found), ByRun()
    answers: list[tuple[str, str]] = []
    for where, cells in rows:
        with _refusing(where, "mend the row, or remove it"):
            row = parse(cells, found.columns, benchmark, name, seed)
            place = find(row.prompt)
            points = runs.setdefault((row.method, row.seed), {})
            if points and (None in points) != (row.weights is None):
                has, have = ("no weights", "some") if row.weights is None else ("weights", "none")
                raise ValueError(f"it has {has}, and those before it, of the same method and seed, have {have}")
            point = points.setdefault(row.weights, {})
            if place is not None and row.answer is not None:
                _put(point, place, where, row, found)
            answers.append((row.prompt, row.answer or ""))
    found.hints.extend(oddities(answers))
    return runs


def _run(
    where: str, method: str, seed: int, points: dict[Weights | None, AtPoint], benchmark: Benchmark, found: Found
) -> Responses:
    """All answers of a method at a seed. BadInput where too many are missing."""
    prompts, even = benchmark.prompts("test"), (1 / len(benchmark.names),) * len(benchmark.names)
    for point in points.values():
        _check_complete(where, benchmark, prompts, point, found)
    in_order = sorted(points.items(), key=lambda item: item[0] or (), reverse=True)
    return Responses(method, seed, tuple(_given(weights or even, len(prompts), point) for weights, point in in_order))


@contextmanager
def _refusing(where: str, fix: str) -> Iterator[None]:
    """Turns a ValueError into a BadInput that says where."""
    try:
        yield
    except ValueError as error:
        raise BadInput(f"{where}: {error}", "nothing was scored", fix) from error


def _finder(prompts: Sequence[str], found: Found) -> Callable[[str], int | None]:
    """A function that finds a prompt's place, None where it has none, and notes where it is not quite the same."""
    exact = {prompt: place for place, prompt in enumerate(prompts)}
    times = Counter(map(_spaced, prompts))
    spaced = {_spaced(prompt): place for prompt, place in exact.items() if times[_spaced(prompt)] == 1}

    def find(prompt: str) -> int | None:
        if prompt in exact:
            return exact[prompt]
        place = spaced.get(_spaced(prompt))
        found.odd["unknown" if place is None else "respaced"].append(prompt)
        return place

    return find


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _put(point: AtPoint, place: int, where: str, row: AnswerRow, found: Found) -> None:
    """Adds an answer to a point, unless it is there. ValueError where another is."""
    earlier, known = point.setdefault(place, (where, row))
    if (known.answer, known.raw) != (row.answer, row.raw):
        raise ValueError(f"{earlier} says something else of this prompt, at the same method, seed and weights")
    if earlier != where:
        found.odd["repeated"].append(where)


def _check_complete(where: str, benchmark: Benchmark, prompts: Sequence[str], point: AtPoint, found: Found) -> None:
    """Notes which prompts have no answer; BadInput where they are too many."""
    missing = [prompt for place, prompt in enumerate(prompts) if place not in point]
    found.odd["missing"] += missing
    if len(missing) > MISSING * len(prompts):
        unknown = found.odd["unknown"][:1]
        raise BadInput(
            f"{where} has answers to {len(point):,} of the {len(prompts):,} prompts of {benchmark.name}",
            f"methods are compared prompt by prompt, on all of them; missing is {quoted(missing[0])}"
            + "".join(f"; not among them is {quoted(prompt)}" for prompt in unknown),
            'moa eval --prompts, with the same -b, prints them; where there is no answer, give ""',
        )


def _given(weights: Weights, prompts: int, point: AtPoint) -> Given:
    """A point with its answers in the order of the prompts; a missing one is empty, and without scores."""
    rows = [point[place][1] if place in point else None for place in range(prompts)]
    scored = dict.fromkeys(role for row in rows if row for role in row.raw)
    return Given(
        weights=weights,
        responses=tuple(row.answer or "" if row else "" for row in rows),
        raw={role: tuple(row.raw[role] if row else None for row in rows) for role in scored},
    )
