"""Where rows lie: files, their shards, and what a path, a glob or a folder means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from benchmarks.common import BadInput, file_content
from benchmarks.data.formats import SUFFIXES, is_saved, saved_shards

SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d+)-of-(?P<count>\d+)(?P<rest>.*)")
"""What a shard is called, as in train-00000-of-00002.parquet; the rest may begin with a hash."""


def named_files(place: str | Sequence[str]) -> list[Path]:
    """The files that a path, a glob or a list of such means, in order; of a folder of files, all of it.

    BadInput for what is not there, a missing shard of a glob or a folder among it.
    """
    if not isinstance(place, str):
        return [file for one in place for file in named_files(one)]
    path = Path(place)
    if path.is_dir() and not is_saved(path):
        found = _readable(path.iterdir())
    elif path.exists() or not any(sign in place for sign in "*?["):
        if not path.exists():
            raise BadInput(f"no data file {path}", "the rows are read from it", "check the path")
        return [path]
    else:
        anchor = Path(path.anchor)
        found = _readable(anchor.glob(str(path.relative_to(anchor)) if path.anchor else place))
    if not found:
        known = ", ".join(SUFFIXES)
        raise BadInput(f"no data file {path}", f"nothing there has a suffix that is read: {known}", "check the path")
    return _complete(found)


def has_files(folder: Path, stem: str) -> bool:
    """Whether `split_files` finds any."""
    return bool(_split_files(folder, stem))


def split_files(folder: Path, stem: str, layout: str) -> list[Path]:
    """`<folder>/<stem>.<suffix>`, or its shards, or the saved Arrow folder `<folder>/<stem>`; or those in subfolders.

    Raises BadInput, telling the expected layout, where there are none, and for a missing shard.
    """
    if found := _split_files(folder, stem):
        return found
    if not folder.is_dir():
        there = f"there is no folder {folder}"
    else:
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:8])
        there = f"the folder holds: {names or 'nothing'}"
    raise BadInput(
        f"no data file {layout}", there, "put it there (.json, .csv, .tsv, .parquet will do), or check the folder"
    )


def _split_files(folder: Path, stem: str) -> list[Path]:
    if not folder.is_dir():
        return []
    for suffix in SUFFIXES:
        if (path := folder / f"{stem}{suffix}").is_file():
            return [path]
    if is_saved(folder / stem):
        return [folder / stem]
    shards = [file for file in _readable(folder.iterdir()) if _stem(file) == stem]
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return _complete(shards) or [file for path in inner for file in _split_files(path, stem)]


def _stem(file: Path) -> str:
    shard = SHARD.fullmatch(file.name)
    return shard["stem"] if shard else ""


def _readable(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.name.endswith(SUFFIXES) or is_saved(path))


def _complete(files: list[Path]) -> list[Path]:
    """The files, if no shard is missing among them; otherwise raises BadInput that names it."""
    numbers: dict[tuple[Path, str, str], set[int]] = {}
    for file in files:
        if shard := SHARD.fullmatch(file.name):
            numbers.setdefault((file.parent, shard["stem"], shard["count"]), set()).add(int(shard["number"]))
    for (folder, stem, count), there in numbers.items():
        if missing := sorted(set(range(int(count))) - there):
            name = f"{folder / stem}-{missing[0]:0{len(count)}}-of-{count}"
            more = f", and {len(missing) - 1} more" * (len(missing) > 1)
            raise BadInput(
                f"there is no {name}{more}", f"the names of the others say that there are {int(count)} shards",
                "put it beside them, or name the files to read one by one",
            )  # fmt: skip
    return files


@lru_cache(maxsize=1024)
def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, or of those of a saved Arrow folder; the same for all of a process."""
    if path.is_dir():
        return hashlib.sha256("".join(map(file_content, saved_shards(path))).encode()).hexdigest()
    return file_content(path)
