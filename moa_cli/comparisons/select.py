"""The fronts that a comparison is about: named, or found in a runs folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import BadInput, Front
from benchmarks.common import plain, to_type, written_at
from moa_cli.comparisons.failure import Failure
from moa_cli.comparisons.saved import is_saved
from moa_cli.runs import GIVEN, Counting, counted_cards, find_runs, fronts_in, read_asked, read_measured, read_record
from moa_cli.words import from_here, numbered

SHOWN = 3
"""Runs that are not measured are told one by one up to this number."""


def named_fronts(folders: Sequence[Path], prompts: int | None = None) -> list[Front]:
    """The fronts of these runs, or those in these folders of runs.

    A run that was measured on several numbers of prompts stands for its fronts on that which most of these have, else
    on most prompts; or on as many as were asked for. BadInput for what is none, or whose front is missing or damaged.
    """
    named = [_named(folder, prompts) for folder in folders]
    having = Counter(on for fronts in named for on in {_counting(front).on for front in fronts})

    def preferred(front: Front) -> tuple[int, int, float]:
        one = _counting(front)
        return having[one.on], front.card.prompts, one.when

    found = []
    for fronts in named:
        best = max(fronts, key=preferred)
        found += [front for front in fronts if front.card.hash == best.card.hash]
    return list({front.folder and front.folder.resolve(): front for front in found}.values())


def _named(folder: Path, prompts: int | None) -> list[Front]:
    """What one name may stand for."""
    if is_saved(folder) and folder.is_file():
        raise BadInput(
            f"{folder} is a saved comparison, and no run",
            "it holds the scores of answers, which a gate reads, but not the fronts that are compared",
            f"{to_type('--baseline', folder)} judges runs by it; {to_type('moa', 'compare', folder)} shows it alone",
        )
    if (folder / "front.json").is_file():
        return [read_measured(folder)]
    if found := fronts_in(folder):
        fronts = [read_measured(front) for front in found]
        if kept := [front for front in fronts if _is_on(front, prompts)]:
            return kept
        raise _on_others(f"{folder} was not measured", fronts, prompts)
    if not (folder / "run.json").is_file():
        raise BadInput(
            f"there is no run {folder}", "a run is a folder with a run.json", "moa list runs shows what there is"
        )
    raise _unmeasured(folder)


def found_fronts(
    home: Path,
    benchmarks: Sequence[str],
    seeds: Sequence[int],
    preparations: Sequence[int],
    say: Callable[[str], None],
    *,
    prompts: int | None = None,
    earlier: bool = False,
) -> list[Front]:
    """The fronts of all measured runs, on each preparation of a benchmark those under the scale card that counts, or on
    as many prompts as were asked for.

    Where the code of a method has changed since some of its runs, the newest ones count; with `earlier` the others are
    rows of their own.

    `say` is told what is left out, since nobody named it: what is damaged, not measured, measured under another card
    or on other prompts, or trained by earlier code; and for which of the benchmarks and seeds there is none.
    """
    fronts: list[Front] = []
    unmeasured: list[BadInput] = []
    for folder in find_runs(home, benchmarks):
        if seeds and not folder.name.endswith(tuple(f"-s{seed}" for seed in seeds)):
            continue
        places: list[Path | None] = [*fronts_in(folder)]
        for place in places or [None]:
            try:
                if place is None:
                    unmeasured.append(_unmeasured(folder))
                    continue
                front = read_measured(place)
                if not preparations or front.card.preparation in preparations:
                    fronts.append(front)
            except BadInput as error:
                say(f"left out: {error.what}; {error.fix}")
    for one in unmeasured[: 1 if len(unmeasured) > SHOWN else SHOWN]:
        say(f"left out: {one.what}; {one.fix}")
    if len(unmeasured) > SHOWN:  # as after a search, whose trials are measured on dev prompts
        say(f"left out: {len(unmeasured) - 1} more runs that are not measured on test prompts")
    if not fronts:
        of = f" of {numbered('preparation', preparations)}" if preparations else ""
        where = f"{home}{' on ' + ', '.join(benchmarks) if benchmarks else ''}"
        raise BadInput(
            f"there is nothing to compare in {where}{' ' + _of_seeds(seeds) if seeds else ''}{of}",
            "no run there is measured",
            "moa compare -m METHOD does everything; or moa train -m METHOD, then moa eval --pareto",
        )
    asked = [front for front in fronts if _is_on(front, prompts)]
    if not asked:
        raise _on_others("no run is measured", fronts, prompts)
    _tell_gaps(asked, benchmarks, seeds, say)
    counted = counted_cards(map(_counting, asked))
    kept = [front for front in asked if front.card.hash in counted]
    _tell_others([front for front in asked if front.card.hash not in counted], kept, say)
    return _of_newest_code(kept, say, earlier=earlier)


def _tell_others(fronts: Sequence[Front], kept: Sequence[Front], say: Callable[[str], None]) -> None:
    """Says which fronts do not stand in the table for their scale card, and what shows them."""
    scales = {front.card.scale_hash for front in kept}
    others: dict[tuple[str, int], list[Front]] = {}
    other_units: dict[tuple[str, str], list[Front]] = {}
    for front in fronts:
        if front.card.scale_hash in scales:
            others.setdefault((front.card.benchmark, front.card.prompts), []).append(front)
        else:
            other_units.setdefault((front.card.benchmark, front.card.scale_hash), []).append(front)
    for (name, _), own in other_units.items():
        runs = list(dict.fromkeys(str(run_of(front)) for front in own))
        which = runs[0] if len(runs) == 1 else f"{len(runs)} runs on {name}"
        say(f"left out: {which}, measured under another scale card: {to_type('moa', 'compare', *runs)} shows such")
    for (name, prompts), own in others.items():
        which = str(own[0].folder) if len(own) == 1 else f"{len(own)} fronts on {name}"
        say(f"left out: {which}, measured on {prompts} prompts: -c eval_prompts={prompts} of moa compare shows such")


def _counting(front: Front) -> Counting:
    assert front.folder is not None
    return Counting.of(front.folder, front.card, front.method, front.config)


def _is_on(front: Front, prompts: int | None) -> bool:
    """Whether a front is on as many prompts as were asked for, or was to be: there may be fewer."""
    if prompts is None or front.card.prompts == prompts:
        return True
    assert front.folder is not None
    asked = read_asked(front.folder)
    return asked is not None and asked.eval_prompts == prompts


def _on_others(what: str, fronts: Sequence[Front], prompts: int | None) -> BadInput:
    there = sorted({front.card.prompts for front in fronts})
    return BadInput(
        f"{what} on {prompts} prompts",
        f"there are fronts on {', '.join(map(str, there))}",
        f"-c eval_prompts={there[-1]}; or -m METHOD beside it, which measures what is missing",
    )


def _of_newest_code(fronts: Sequence[Front], say: Callable[[str], None], *, earlier: bool) -> list[Front]:
    """The fronts with those of earlier code left out, or called so.

    A run's folder is named after all that its training depends on. Fronts of the same method and settings in folders
    of several names were trained by several versions of its code, at whatever seeds. Answers that were made elsewhere
    have a folder for every seed, named after the answers: there each seed stands alone.
    """
    rows: dict[str, dict[str, list[Front]]] = {}
    for front in fronts:
        alone = front.seed if front.steering == GIVEN else None
        same = [front.card.benchmark, front.card.preparation, front.method, plain(front.config), alone]
        version, _, _ = run_of(front).name.rpartition("-s")
        rows.setdefault(json.dumps(same, sort_keys=True), {}).setdefault(version, []).append(front)
    kept: list[Front] = []
    for versions in rows.values():
        newest, *others = sorted(versions.values(), key=lambda own: -max(map(_trained, own)))
        kept += newest
        for number, own in enumerate(others, 1):
            if earlier:
                name = f"{own[0].method} (earlier{f' {number}' if len(others) > 1 else ''})"
                kept += [replace(front, method=name) for front in own]
                continue
            for front in own:
                say(f"left out: {run_of(front)}, an earlier {front.method}: --earlier makes it a row of its own")
    return kept


def _trained(front: Front) -> float:
    """When a run was trained."""
    return written_at(run_of(front) / "run.json")


def _unmeasured(folder: Path) -> BadInput:
    """What says why a run has no front yet. BadInput where even that cannot be said."""
    record = read_record(folder)
    trained = record.status == "trained"
    if trained and record.code and record.code_now not in (None, record.code):
        return BadInput(
            f"{folder} is not measured, and was trained by earlier code of {from_here(record.method)}",
            "the code of now would answer in its place",
            f"train again: {record.training(folder)}",
        )
    return BadInput(
        f"{folder} is {'trained but not measured' if trained else 'not trained to its end'}",
        "only what is measured can be compared",
        record.evaluating(folder) if trained else f"it goes on with: {record.training(folder)}",
    )


def _tell_gaps(
    fronts: list[Front], benchmarks: Sequence[str], seeds: Sequence[int], say: Callable[[str], None]
) -> None:
    """Says which benchmarks and seeds were asked for and are not among the fronts."""
    for name in dict.fromkeys(benchmarks or [front.card.benchmark for front in fronts]):
        there = {front.seed for front in fronts if front.card.benchmark == name}
        if missing := [seed for seed in seeds if seed not in there]:
            say(f"no run on {name} {_of_seeds(missing)} is measured")
        elif not there:
            say(f"no run on {name} is measured")


def comparable(fronts: Sequence[Front], failures: Collection[Failure]) -> list[Front]:
    """The fronts that can stand in one table, also where something failed: all rows on the same preparations."""
    names = {failure.benchmark for failure in failures}
    kept = [front for front in fronts if front.card.benchmark not in names]
    for name in sorted(names):
        kept += _on_same_preparations([front for front in fronts if front.card.benchmark == name])
    return kept


def _on_same_preparations(fronts: Sequence[Front]) -> list[Front]:
    """Of the preparations that some row is on, or all are, those on which most fronts stand, and then most rows."""
    rows: dict[str, list[Front]] = {}
    for front in fronts:
        rows.setdefault(json.dumps([front.method, plain(front.config)], sort_keys=True), []).append(front)
    own = {row: frozenset(front.card.preparation for front in of) for row, of in rows.items()}

    def standing(on: frozenset[int]) -> list[list[Front]]:
        return [[f for f in of if f.card.preparation in on] for row, of in rows.items() if on <= own[row]]

    choices = {*own.values(), frozenset[int]().union(*own.values()).intersection(*own.values())} - {frozenset()}
    every = [standing(on) for on in sorted(choices, key=sorted)]
    most = max(every, key=lambda left: (sum(map(len, left)), len(left)), default=[])
    return [front for of in most for front in of]


def run_of(front: Front) -> Path:
    """The folder of the run whose front was read."""
    assert front.folder is not None
    return front.folder.parent


def _of_seeds(seeds: Sequence[int]) -> str:
    return f"at {numbered('seed', seeds)}"
