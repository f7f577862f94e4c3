"""Where rows lie: files, their shards, and what a path, a glob or a folder means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.common import BadInput, check_no_pipe, file_content, some_of
from benchmarks.data.clean import warn_once
from benchmarks.data.formats import SUFFIXES, is_saved, saved_shards

SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d+)-of-(?P<count>\d+)(?P<rest>.*)")
"""What a shard is called, as in train-00000-of-00002.parquet; the rest may begin with a hash."""

BESIDE = ("dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json")
"""Files about a data set that lie among its rows."""


ROWS = re.compile(
    r".+\.(jsonl?|jsonlines|ndjson|csv|tsv|parquet|arrow|feather)(\.(gz|zst|bz2|xz|zip|lz4))?", re.IGNORECASE
)
"""What files of rows are called, in forms that are read and in others."""


def named_files(place: str | Sequence[str]) -> list[Path]:
    """The files that a path, a glob or a list of such means, in order; of a folder of files, all of it.

    BadInput for what is not there, a missing shard, rows in a form that is not read, or a folder in a list.
    """
    if not isinstance(place, str):
        if folders := [one for one in place if Path(one).is_dir() and not is_saved(Path(one))]:
            raise BadInput(f"{folders[0]} is a folder", "a list is of files", f"name its files: {folders[0]}/*.jsonl")
        return [file for one in place for file in named_files(one)]
    path = Path(place)
    if path.is_dir() and not is_saved(path):
        found = _readable(path.iterdir())
    elif path.exists() or not any(sign in place for sign in "*?["):
        if not path.exists():
            raise BadInput(f"no data file {path}", "the rows are read from it", "check the path")
        check_no_pipe(path)
        return [path]
    else:
        anchor = Path(path.anchor)
        try:
            matching = list(anchor.glob(str(path.relative_to(anchor)) if path.anchor else place))
        except ValueError as error:  # until Python 3.13, of ** in a name
            raise BadInput(
                f"{place} is no glob: {error}", "it says which files are read", "**/*.jsonl means all below a folder"
            ) from error
        found = _readable(matching)
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
    forms = [path for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()]
    forms += [folder / stem] * is_saved(folder / stem)
    shards = _readable(file for file in folder.iterdir() if _stem(file) == stem)
    if forms:
        if others := [path.name for path in (*forms[1:], *shards)]:
            warn_once(f"{forms[0]} is read, and not {some_of(others, 3)} beside it")
        return forms[:1]
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return _complete(shards) or [file for path in inner for file in _split_files(path, stem)]


def _stem(file: Path) -> str:
    shard = SHARD.fullmatch(file.name)
    return shard["stem"] if shard else ""


def _readable(paths: Iterable[Path]) -> list[Path]:
    """Those with rows, neither hidden nor about the data set. BadInput for rows in a form that is not read."""
    seen = sorted(path for path in paths if not path.name.startswith(".") and path.name not in BESIDE)
    unread = [p for p in seen if ROWS.fullmatch(p.name) and not p.name.endswith(SUFFIXES) and p.is_file()]
    if unread:
        raise BadInput(
            f"{unread[0]} would not be read",
            f"the suffix names the format, and its own is none of {', '.join(SUFFIXES)}",
            "unpack or rename it, or name the files to read one by one",
        )
    return [path for path in seen if path.name.endswith(SUFFIXES) or is_saved(path)]


def _complete(files: list[Path]) -> list[Path]:
    """The files, if no shard is missing among them, and none is a pipe; otherwise raises BadInput that names it."""
    numbers: dict[tuple[Path, str, str], set[int]] = {}
    for file in files:
        check_no_pipe(file)
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


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, or of those of a saved Arrow folder, as they are now."""
    if path.is_dir():
        return hashlib.sha256("".join(map(file_content, saved_shards(path))).encode()).hexdigest()
    return file_content(path)
