"""The fronts that a comparison is about: named, found, or those of a comparison that was saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import BadInput, Front
from benchmarks.measure import read_front
from moa_cli.comparisons.document import Comparison
from moa_cli.comparisons.saved import is_saved, read_saved
from moa_cli.runs import FRONT, find_runs, has_front, read_record


def saved_comparison(paths: Sequence[Path]) -> Comparison | None:
    """The comparison in a .json file, None where folders were named."""
    files = [path for path in paths if is_saved(path)]
    if not files:
        return None
    if len(paths) > 1:
        raise BadInput(
            "a saved comparison cannot be compared with anything else",
            "it holds tables, not the answers that a comparison needs",
            "name one .json file alone, or the runs themselves",
        )
    return read_saved(files[0])


def named_fronts(folders: Sequence[Path]) -> list[Front]:
    """The fronts of these runs. BadInput for what is none, or whose front is missing or damaged."""
    for folder in folders:
        if is_saved(folder) and folder.is_file():
            raise BadInput(
                f"{folder} is a saved comparison, and no run",
                "it holds tables, not the answers that a comparison needs",
                f"--baseline {folder} judges runs by it; alone it is shown: moa compare {folder}",
            )
        if not ((folder / "run.json").is_file() or (folder / FRONT).is_dir()):
            raise BadInput(
                f"there is no run {folder}", "a run is a folder with a run.json", "moa list runs shows what there is"
            )
    return [read_front(folder / FRONT) for folder in folders]


def found_fronts(
    home: Path, benchmarks: Sequence[str], seeds: Sequence[int], say: Callable[[str], None]
) -> list[Front]:
    """The fronts of all measured runs, on each benchmark only those that share the newest one's scale card.

    `say` is told what is left out, since nobody named it: what is damaged, not measured or measured under an older
    card; and for which of the benchmarks and seeds there is none.
    """
    fronts = []
    for folder in find_runs(home, benchmarks):
        if seeds and not folder.name.endswith(tuple(f"-s{seed}" for seed in seeds)):
            continue
        try:
            front = _measured(folder, say)
        except BadInput as error:
            say(f"left out: {error.what}; {error.fix}")
            continue
        fronts += [front] if front else []
    if not fronts:
        where = f"{home}{' on ' + ', '.join(benchmarks) if benchmarks else ''}"
        raise BadInput(
            f"there is nothing to compare in {where}{' ' + _of_seeds(seeds) if seeds else ''}",
            "no run there is measured",
            "moa compare -m METHOD does everything; or moa train -m METHOD, then moa eval --pareto",
        )
    _tell_gaps(fronts, benchmarks, seeds, say)
    return _newest(fronts, say)


def _measured(folder: Path, say: Callable[[str], None]) -> Front | None:
    """The front of a run, None where it has none yet. BadInput for one that is damaged."""
    if has_front(folder):
        return read_front(folder / FRONT)
    if read_record(folder).status == "trained":
        say(f"left out: {folder} is trained but not measured; moa eval {folder} --pareto")
    else:
        say(f"left out: {folder} is not trained to its end")
    return None


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


def _newest(fronts: list[Front], say: Callable[[str], None]) -> list[Front]:
    """The fronts under each benchmark's newest scale card."""
    newest: dict[str, str] = {}
    for front in sorted(fronts, key=lambda front: (run_of(front) / FRONT / "front.json").stat().st_mtime):
        newest[front.card.benchmark] = front.card.hash
    kept = []
    for front in fronts:
        if front.card.hash == newest[front.card.benchmark]:
            kept.append(front)
        else:
            say(f"left out: {run_of(front)}, measured under an older scale card")
    return kept


def run_of(front: Front) -> Path:
    """The folder of the run whose front was read."""
    assert front.folder is not None
    return front.folder.parent


def _of_seeds(seeds: Sequence[int]) -> str:
    return f"at seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
