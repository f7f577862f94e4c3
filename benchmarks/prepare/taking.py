"""Taking preparations from an archive: what a benchmark's recipe asks for, all of it checked before any is in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from benchmarks.common import BadInput, check_links, check_no_pipe, file_content, locked, passing_folder, to_type
from benchmarks.prepare.archive import FILE, CarriedFile, CarriedPreparation, damaged, extract, members, read_table
from benchmarks.prepare.card import StoredCard, stored_card
from benchmarks.prepare.parts import carried_parts
from benchmarks.spec import REVISION, Description, card_file, root


def unpack(path: Path, benchmarks: Sequence[Description], *, dry: bool = False) -> list[Description]:
    """Takes the preparations of these benchmarks from an archive; returns those that were not there already.

    BadInput, before anything is taken, where the archive is damaged or has not the preparations that these benchmarks
    need, or where another one is there: what is trained under that is in its units. A `dry` run writes nothing, and
    reads all but the cards.
    """
    wanted = {b.measuring_identity: b for b in benchmarks}
    check_no_pipe(path)
    try:
        with open(path, "rb") as file, ExitStack() as stack:
            found = members(file, path)
            table = read_table(file, found, path)
            for benchmark in wanted.values():
                _check_described(benchmark, table, path)
            taken = [b for key, b in wanted.items() if not _is_here(b, table[key])]
            _check_room(taken, table, path)
            targets: dict[CarriedFile, list[Path]] = {}
            if dry:
                every = [part for b in taken for part in table[b.measuring_identity].parts.values()]
                extract(file, found, {told: [] for files in every for told in files.values()}, path)
                return taken
            places = [(b, table[b.measuring_identity], _place(b, stack)) for b in taken]
            for _, one, place in places:
                for part, files in one.parts.items():
                    for name, told in files.items():
                        target = place / name if FILE.fullmatch(part) else place / part / name
                        targets.setdefault(told, []).append(target)
            extract(file, found, targets, path)
            for benchmark, _, place in places:
                _check_card(place, benchmark, path)
            for benchmark, _, place in places:
                _install(place, benchmark)
    except OSError as error:
        raise BadInput(
            f"cannot take preparations from {path}: {error.strerror}", "they are to come from that file",
            "check the path, and that there is room for it; moa prepare -o FILE.tar makes such a file",
        ) from error  # fmt: skip
    return taken


def _check_described(benchmark: Description, table: Mapping[str, CarriedPreparation], path: Path) -> None:
    """BadInput where an archive has no preparation of a benchmark as it is now, or another than one's parts."""
    one = table.get(benchmark.measuring_identity)
    if one is None:
        raise BadInput(
            f"{path} has no preparation of {benchmark.name} as it is here",
            _difference(benchmark, [*table.values()]),
            f"give the settings that it was made with, or make another: moa prepare -b {benchmark.typed} -o FILE.tar",
        )
    parts = {place.name: needed for place, needed in carried_parts(benchmark).items()}
    if missing := [name for name, needed in parts.items() if needed and not one.parts.get(name)]:
        damaged(path, f"there is no {missing[0]} in it")
    for part, files in one.parts.items():
        alone = FILE.fullmatch(part)  # a part that is one file
        if odd := [n for n in files if part not in parts or not FILE.fullmatch(n) or (alone and n != part)]:
            damaged(path, f"{odd[0]!r:.80} belongs to no preparation of {benchmark.name}")


def _difference(benchmark: Description, others: Sequence[CarriedPreparation]) -> str:
    """Why none of the preparations is that of a benchmark."""
    same = [one for one in others if one.name == benchmark.name]
    if not same:
        return f"it has those of {', '.join(sorted({one.name for one in others})) or 'no benchmark'}"
    near = [one for one in same if one.preparation == benchmark.preparation]
    if not near:
        numbers = ", ".join(str(number) for number in sorted({one.preparation for one in same}))
        return f"it has preparation {numbers}, and not {benchmark.preparation}"
    if near[0].identity == benchmark.identity:
        return f"its fronts are measured on up to {near[0].eval_prompts} prompts, here on {benchmark.eval_prompts}"
    if near[0].revision != REVISION:
        return "another version of moa made it, whose preparations have other units"
    return "its data, rewards, policy or decoding are others"


def _is_here(benchmark: Description, one: CarriedPreparation) -> bool:
    """Whether the preparation is in the store. BadInput where another one is."""
    stored = stored_card(benchmark)
    if stored and stored.card.hash != one.card:
        _differs(benchmark)
    return stored is not None and all(place.exists() for place, needed in carried_parts(benchmark).items() if needed)


def _differs(benchmark: Description) -> NoReturn:
    removal = to_type("rm", "-r", root(benchmark))
    raise BadInput(
        f"{root(benchmark)} has another preparation of {benchmark.name} than the file",
        "it was made elsewhere and has other units, in which runs beside it may be trained",
        f"choose another folder with --runs DIR; or, if nothing there is to be kept: {removal}",
    )


def _check_room(benchmarks: Sequence[Description], table: Mapping[str, CarriedPreparation], path: Path) -> None:
    """BadInput where what is to be taken cannot be in the archive, or has no room on the disk."""
    for benchmark in benchmarks:
        sizes = [file.size for files in table[benchmark.measuring_identity].parts.values() for file in files.values()]
        if max(sizes) > path.stat().st_size:
            damaged(path, "its files would be longer than it is")
        there = next(folder for folder in root(benchmark).absolute().parents if folder.exists())
        if sum(sizes) > shutil.disk_usage(there).free:
            raise BadInput(
                f"{there} has no room for the preparation of {benchmark.name}: it takes {sum(sizes) / 1e9:.1f} GB",
                "it is unpacked there", "make room, or choose another folder with --runs DIR",
            )  # fmt: skip


def _place(benchmark: Description, stack: ExitStack) -> Path:
    """A folder in the store for what is not checked yet. BadInput where a link leads out of that."""
    check_links(root(benchmark), benchmark.home)
    root(benchmark).mkdir(parents=True, exist_ok=True)
    return stack.enter_context(passing_folder(root(benchmark) / "taken"))


def _check_card(folder: Path, benchmark: Description, path: Path) -> None:
    """BadInput for a scale card that is none, or is another benchmark's."""
    try:
        card = StoredCard.from_json((folder / card_file(benchmark).name).read_bytes()).card
    except ValueError as error:
        damaged(path, f"the scale card of {benchmark.name}: {error}")
    told = (card.benchmark, card.preparation, card.objectives)
    if told != (benchmark.name, benchmark.preparation, benchmark.names):
        damaged(path, f"the scale card of {benchmark.name} is that of another benchmark")


def _install(folder: Path, benchmark: Description) -> None:
    """Moves what was checked to where it belongs, the card last. BadInput where something else is there."""
    with ExitStack() as stack:
        parts = [(folder / p.name, p) for p in carried_parts(benchmark) if (folder / p.name).exists()]
        stack.enter_context(locked(root(benchmark) / "card.lock"))
        for _, place in parts:
            if place.suffix != ".json":
                stack.enter_context(locked(place.with_name(f".{place.name}.lock")))
        if any(place.exists() and _content(place) != _content(new) for new, place in parts):
            _differs(benchmark)
        for new, place in parts:
            if not place.exists():
                os.replace(new, place)


def _content(place: Path) -> dict[str, str]:
    """What is in a file or folder of a preparation, but for what making it cost."""
    files = [place] if place.is_file() else [f for f in place.iterdir() if f.is_file() and f.name != "cost.json"]
    return {file.name: file_content(file) for file in files}
