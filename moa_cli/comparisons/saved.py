"""A comparison that was saved as .json: read again, or refused for what in it does not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from benchmarks import BadInput
from benchmarks.common import typed_bytes
from moa_cli.comparisons.document import Comparison, OnBenchmark
from moa_cli.comparisons.parts import CeilingOf, Row
from moa_cli.words import one_line


def saved_comparison(paths: Sequence[Path]) -> Comparison | None:
    """The comparison in a .json file, None where folders were named."""
    files = [path for path in paths if is_saved(path)]
    if not files:
        return None
    if len(paths) > 1:
        raise BadInput(
            "a saved comparison cannot be compared with anything else",
            "it holds the scores of answers, which a gate reads, but not the fronts that are compared",
            "moa compare RUN... --baseline FILE.json judges runs by it; or name one .json file alone, or the runs",
        )
    return read_saved(files[0])


def is_saved(path: Path) -> bool:
    """Whether a path is called as a saved comparison is."""
    return path.suffix.lower() == ".json"


def read_saved(path: Path) -> Comparison:
    """The comparison in a file.

    BadInput where it cannot be read, is something else, is damaged, or was saved by an earlier version.
    """
    try:
        return comparison_of_json(typed_bytes(path))
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise _refused(path, one_line(str(error))) from error


def _refused(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path} is no saved comparison: {reason}",
        f'a saved comparison says "schema": "{Comparison.SCHEMA}"; what earlier versions saved has other names',
        "make one from the runs, again if need be: moa compare -o FILE.json",
    )


def comparison_of_json(text: str | bytes) -> Comparison:
    """The comparison of a file's content. ValueError that says in a line what is wrong with it: also where its numbers
    are not as many as its objectives, points and rows ask."""
    found = Comparison.from_json(text)
    for benchmark in found.benchmarks:
        if what := next(_faults(benchmark), ""):
            raise ValueError(what)
    return found


def _faults(on: OnBenchmark) -> Iterator[str]:
    M, names = len(on.objectives), [row.method for row in on.rows]
    if not names or len({*names}) < len(names):
        yield "there are no rows, or two of one name"
    if not M or {len(on.ref), len(on.card.objectives), len(on.card.rewards), len(on.card.evaluators)} != {M}:
        yield f"ref or card is not of {M} objectives"
    yield from _lengths(on.asked, M, "the asked weights")
    for row in on.rows:
        yield from _of_row(row, on.objectives)
    counted = [name for name, row in zip(names, on.rows, strict=True) if not on.left_out(row)]
    pairs = {frozenset((pair.a, pair.b)) for pair in on.pairs}
    if any(frozenset(two) not in pairs for two in combinations(counted, 2)):
        yield "a pair of rows is missing"
    if any(not pair <= {*names} for pair in pairs):
        yield "a pair is of a row that there is not"
    for other in on.refs:
        yield from _lengths([other.ref], M, "another ref")
        if {*other.hypervolume} != {*names} or any(not {*flip} <= {*names} for flip in other.flips):
            yield "what is said of another ref is not of the rows"
    for sample in on.samples:
        yield from _lengths([answer.scores for answer in sample.answers], M, "the scores of a sample")
    for ceiling in (on.ceiling.rewards, on.ceiling.scores, on.ceiling.evaluators) if on.ceiling else ():
        yield from _of_ceiling(ceiling, M, names)
    if on.ceiling and {*on.ceiling.scores.efficiency} != {*names}:
        yield "the ceiling's efficiency is not one for each row"


def _of_row(row: Row, objectives: Sequence[str]) -> Iterator[str]:
    if not row.points or not row.runs:
        yield f"{row.method} has no points, or no trainings"
    for point in row.points:
        yield from _lengths((point.weights, point.rewards, point.scores), len(objectives), f"a point of {row.method}")
    if {*row.kendall_tau} != {*objectives}:
        yield f"the tau of {row.method} is not one for each objective"


def _of_ceiling(ceiling: CeilingOf, M: int, names: Sequence[str]) -> Iterator[str]:
    fronts = [(front.weights, front.points) for front in ceiling.fronts]
    for weights, points in (*fronts, *((drawn.weights, drawn.points) for drawn in ceiling.best_of_n)):
        yield from _lengths((*weights, *points), M, "a front of the ceiling")
        if len(weights) != len(points):
            yield "a front of the ceiling has other weights than points"
    for point in ceiling.curve:
        yield from _lengths((point.weights, point.values), M, "a curve of the ceiling")
    if not {*names} >= {*ceiling.unreached, *ceiling.efficiency}:
        yield "the ceiling's efficiency is not of the rows"


def _lengths(values: Sequence[Sequence[float]], M: int, what: str) -> Iterator[str]:
    if any(len(value) != M for value in values):
        yield f"{what} has not {M} numbers each"
