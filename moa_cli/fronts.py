"""The fronts that a comparison is about: named, found, or those of a comparison that was saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Front, read_front
from moa_cli import store
from moa_cli.saved import is_saved, read_shown


def saved(paths: Sequence[Path]) -> dict[str, Any] | None:
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
    return read_shown(files[0])


def named(folders: Sequence[Path]) -> list[Front]:
    """The fronts of these runs."""
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(
                f"there is no run {folder}", "a run is a folder with a run.json", "moa list runs shows what there is"
            )
    return [read_front(folder / "front") for folder in folders]


def found(home: Path, benchmarks: Sequence[str], seeds: Sequence[int], say: Callable[[str], None]) -> list[Path]:
    """The folders of all measured runs, on each benchmark only those that share the newest front's scale card."""
    documents = {p: d for p in store.find_runs(home, benchmarks) if (d := store.front_document(p)) is not None}
    folders = [p for p, d in documents.items() if not seeds or d["seed"] in seeds]
    if not folders:
        where = f"{home}{' on ' + ', '.join(benchmarks) if benchmarks else ''}"
        raise BadInput(
            f"there is nothing to compare in {where}",
            "no run there is measured",
            "moa compare -m METHOD does everything; or moa train -m METHOD, then moa eval --pareto",
        )
    newest: dict[str, str] = {}
    for folder in sorted(folders, key=lambda p: (p / "front" / "front.json").stat().st_mtime):
        newest[documents[folder]["benchmark"]] = documents[folder]["card"]["hash"]
    kept = [p for p in folders if documents[p]["card"]["hash"] == newest[documents[p]["benchmark"]]]
    for folder in folders:
        if folder not in kept:
            say(f"left out: {folder}, measured under an older scale card")
    return kept
