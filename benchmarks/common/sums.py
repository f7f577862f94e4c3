"""Checksums: damage of what was written here is found when it is read, and named.

What can be made again is set aside, beside where it lay, and the command that finds it missing makes it. What was
written before there were checksums is read as it is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common.atomic import SUMS_FILE, remove, write_text
from benchmarks.common.errors import BadInput, error_words, no_memory, to_type
from benchmarks.common.identity import digest, file_content
from benchmarks.common.ledger import Cost, tell
from benchmarks.common.parse import json_of
from benchmarks.common.stored import LONGEST_KEPT, stored_bytes


def write_json(path: Path, content: Any, *, lasting: bool = True) -> None:
    """Writes JSON types with their checksum, whole or not at all."""
    told = content if isinstance(content, dict) else {"content": content}
    write_text(path, json.dumps({**told, "sum": digest(told)}), lasting=lasting)


def read_json(path: Path) -> Any:
    """What `write_json` wrote. FileNotFoundError; ValueError that says what is wrong with the file."""
    written = stored_bytes(path, LONGEST_KEPT)
    try:
        content = json_of(written)
    except ValueError as error:
        raise ValueError("it is not JSON, or was cut short") from error
    if not isinstance(content, dict) or "sum" not in content:
        return content
    told = content.pop("sum")
    if told != digest(content):
        raise ValueError("its content is not what was written")
    return content["content"] if set(content) == {"content"} else content


def read_cost(path: Path) -> Cost:
    """The ledger that `write_json` wrote. FileNotFoundError; ValueError that says what is wrong with the file."""
    try:
        return Cost.from_json(read_json(path))
    except (TypeError, KeyError) as error:
        raise ValueError("it is no ledger") from error


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What a JSON file holds; made and written first where there is none, or a damaged one, which is told."""
    try:
        return read_json(path)
    except FileNotFoundError:
        pass
    except ValueError as error:
        set_aside(path)
        tell(f"{path} is damaged: {error}. It is made again")
    write_json(path, make())
    return read_json(path)


def set_aside(path: Path) -> Path:
    """Moves a damaged file or folder out of the way, in place of what was set aside there before; where it is then."""
    aside = path.with_name(f".{path.name}.damaged")
    first = aside.with_name(f"{aside.name}.{os.getpid()}")
    try:
        os.replace(path, first)  # of several processes that find the damage, one can
    except FileNotFoundError:
        return aside
    remove(aside)
    os.replace(first, aside)
    return aside


def missing_again(folder: Path) -> list[Path]:
    """What in a folder was set aside and has not been made again."""
    named = (re.fullmatch(r"\.(.+)\.damaged(\.\d+)?", path.name) for path in folder.glob(".*.damaged*"))
    names = dict.fromkeys(found[1] for found in named if found)
    return [folder / name for name in names if not (folder / name).exists()]


def faulty(folder: Path) -> str:
    """The first file of a folder that is missing, or is not what was written; empty where all are, or nobody knows.

    Every file is read, once in a process.
    """
    try:
        sums = read_json(folder / SUMS_FILE)
    except FileNotFoundError:
        return ""
    except ValueError:
        return SUMS_FILE
    for name, told in sums.items():
        path = folder / name
        if not path.is_file() or file_content(path) != told:
            return name
    return ""


_AGAIN = "the same moa train, compare -m or prepare makes it again"


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Inside the block, a folder is read that `whole_folder` wrote.

    BadInput where it is missing, or damaged: it is set aside then, and the same command makes it again.
    """
    if not folder.is_dir():
        raise BadInput(f"there is no {folder}", "it was removed, or set aside as damaged", _AGAIN)
    if name := faulty(folder):
        try:
            place = f"it is set aside as {set_aside(folder).name}"
        except OSError:
            place = "it could not be set aside, for want of permission or room"
        raise BadInput(
            f"{folder} is damaged: {name} is not what was written",
            f"a disk or a copy has changed it, so nothing is measured with it; {place}",
            _AGAIN,
        )
    try:
        yield
    except Exception as error:
        if isinstance(error, BadInput) or no_memory(error) or (folder / SUMS_FILE).exists():
            raise
        aside = to_type("mv", folder, folder.with_name(f".{folder.name}.damaged"))
        raise BadInput(
            f"{folder} cannot be read: {(error_words(error).splitlines() or [''])[0]}",
            "it is damaged, most likely; it was made before there were checksums",
            f"{aside}; then the same command makes it again",
        ) from error


def copied_whole(source: Path, target: Path) -> None:
    """Copies a folder into an empty one. BadInput for one that is damaged."""
    for inner in (path for path in source.iterdir() if path.is_dir() and not path.name.startswith(".")):
        with reading(inner):
            shutil.copytree(inner, target / inner.name, dirs_exist_ok=True)
