"""What a file of rows holds: its rows with their line numbers, by the format that its name tells.

A saved Arrow folder, as `Dataset.save_to_disk` makes it, counts as one file. Nothing is repaired unsaid.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

from benchmarks.common import DEEPEST, BadInput, error_words
from benchmarks.data.clean import warn_once

SUFFIXES = (
    ".jsonl.gz", ".jsonl", ".json.gz", ".json", ".csv.gz", ".csv", ".tsv.gz", ".tsv", ".parquet",
    ".arrow",
)  # fmt: skip
"""The names of formats. Of two files that are called alike, the one with the earlier suffix is read."""


LONGEST = 2**26
"""Characters of a line, and of a cell of a .csv or .tsv file [choice]: as many as a long book has a hundredfold. A file
of zeros of 3 MB, packed, holds a line of 3 GB."""


LARGEST = 2**30
"""Characters of a .json file [choice], all of which is in memory at once; .jsonl has no such limit."""


UNREADABLE = (
    OSError, EOFError, ValueError, ArithmeticError, KeyError, TypeError, NotImplementedError, RecursionError,
    zlib.error, csv.Error,
)  # fmt: skip
"""What readers raise at a file that is damaged, is something else than its name says, or holds what Python has no value
for, such as a time after the year 9999."""


def is_saved(path: Path) -> bool:
    """Whether it is a saved Arrow folder."""
    state = path / "state.json"
    return state.is_file() and b'"_data_files"' in state.read_bytes()


def numbered(path: Path) -> Iterator[tuple[int, Any]]:
    """Line (for .json, .parquet and saved folders: row) numbers from 1, and rows.

    Raises BadInput with file and line.
    """
    try:
        yield from _numbered(path)
    except FileNotFoundError:
        raise BadInput(f"no data file {path}", "the rows are read from it", "check the path") from None
    except UNREADABLE as error:
        name = path.name.removesuffix(".gz")
        expected = "" if path.suffix in (".parquet", ".arrow") or path.is_dir() else ", UTF-8 text"
        raise BadInput(
            f"{path} cannot be read: {error_words(error)}",
            "it is saved as Arrow" if path.is_dir() else f"its suffix promises {name.rpartition('.')[2]}{expected}",
            "is it damaged, or a download that was cut off?",
        ) from error


def _numbered(path: Path) -> Iterator[tuple[int, Any]]:
    if path.is_dir() and is_saved(path):
        yield from enumerate((row for shard in saved_shards(path) for row in _arrow(shard)), 1)
    elif not path.name.endswith(SUFFIXES):
        known = ", ".join(SUFFIXES)
        raise BadInput(f"{path} has an unknown suffix", "the suffix names the format", f"use one of: {known}")
    elif path.suffix == ".parquet":
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(path) as file:
            _once(path, file.schema_arrow.names)
            yield from enumerate((row for batch in file.iter_batches() for row in batch.to_pylist()), 1)
    elif path.suffix == ".arrow":
        yield from enumerate(_arrow(path), 1)
    elif (kind := path.name.removesuffix(".gz").rpartition(".")[2]) in ("csv", "tsv"):
        yield from _cells(path, "\t" if kind == "tsv" else ",")
    else:
        yield from _whole(path, _lines(path) if kind == "jsonl" else _json(path))


def saved_shards(folder: Path) -> list[Path]:
    """The files of a saved Arrow folder. BadInput for one that is missing."""
    files = [folder / file["filename"] for file in json.loads((folder / "state.json").read_bytes())["_data_files"]]
    for file in files:
        if not file.is_file():
            raise BadInput(f"there is no {file}", f"{folder / 'state.json'} names it", "is the folder a whole copy?")
    return files


def _arrow(path: Path) -> Iterator[Any]:
    """The rows of a stream, as saved folders and caches hold, or of a file in the Arrow format (Feather)."""
    import pyarrow.ipc

    with path.open("rb") as file:
        if file.read(6) == b"ARROW1":
            with pyarrow.ipc.open_file(path) as whole:
                _once(path, whole.schema.names)
                for i in range(whole.num_record_batches):
                    yield from whole.get_batch(i).to_pylist()
            return
        file.seek(0)
        with pyarrow.ipc.open_stream(file) as batches:
            _once(path, batches.schema.names)
            for batch in batches:
                yield from batch.to_pylist()


def _open(path: Path, newline: str | None = None) -> IO[str]:
    opened: IO[str] = (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline=newline)
    return opened


def _once(path: Path, names: list[str]) -> None:
    """BadInput for columns that are called alike; spreadsheets leave empty ones without a name."""
    if twice := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
        raise BadInput(f"{path} has two columns {twice[0]!r}", "which of them is meant?", "rename one of them")


def _cells(path: Path, delimiter: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Rows under the names in the first that is not empty; None where a row ends early."""
    csv.field_size_limit(LONGEST)
    with _open(path, newline="") as file:
        reader = csv.reader(_bounded(file), delimiter=delimiter, strict=True)
        header, line = next(filter(None, reader), []), 1
        _once(path, header)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                unclosed = "unexpected end" in str(error)
                raise BadInput(
                    f"{path}:{line} has a quote that is never closed" if unclosed else f"{path}:{line}: {error}",
                    "all that follows would be read as one cell" if unclosed else "cells would be cut at other places",
                    'mend the line: a quote inside a quoted cell is written ""',
                ) from None
            if len(cells) > len(header):
                raise BadInput(
                    f"{path}:{line} has more cells than the file has columns", f"{len(cells)} instead of {len(header)}",
                    "put cells that hold the separator in quotes",
                )  # fmt: skip
            if cells == header:
                raise BadInput(
                    f"{path}:{line} holds the names of the columns again", "it would be read as a row",
                    "are these several files in one? delete the line",
                )  # fmt: skip
            if cells:
                yield line, dict(zip_longest(header, cells))


def _json(path: Path) -> Iterator[tuple[int, Any]]:
    """The rows of a list, or of a file that is called .json and has an object on every line, as many are."""
    with _open(path) as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} characters: as .jsonl, with a row on a line, it may be as long")
    if not text.strip():
        return
    try:
        rows = _loads(text)
    except ValueError:
        try:
            _loads(text.lstrip().partition("\n")[0])
        except ValueError:
            pass
        else:
            yield from _lines(path)
            return
        raise
    yield from enumerate(rows if isinstance(rows, list) else [rows], 1)


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    with _open(path) as file:
        for number, line in enumerate(_bounded(file), 1):
            if number == 1 and line.replace(" ", "").strip()[:2] in ("[", "[{"):
                raise BadInput(
                    f"{path} holds a list", "its suffix promises an object on every line", "call it .json, which may"
                )
            if line.strip():
                try:
                    yield number, _loads(line)
                except (ValueError, RecursionError) as error:
                    raise BadInput(
                        f"{path}:{number} is not JSON: {error}",
                        "expected one JSON object on every line of the file",
                        "repair or delete the line",
                    ) from None


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: of two values none is the right one."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {next(name for name in names if names.count(name) > 1)!r} twice")
    return made


def _bounded(file: IO[str]) -> Iterator[str]:
    """The lines of a file. ValueError for one that is too long to be meant."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise ValueError(f"line {number} has more than {LONGEST:,} characters")
        yield line


def _whole(path: Path, rows: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """The rows, a "?" for each half of a surrogate pair, which no file and no tokenizer takes; told once."""
    mended = 0
    for number, row in rows:
        whole = _mended(row)
        mended += whole != row
        yield number, whole
    if mended:
        warn_once(f"{path}: {mended:,} rows hold half a character, which is read as '?'")


def _mended(value: Any, depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise ValueError(f"a row is nested deeper than {DEEPEST} levels")
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_mended(key): _mended(item, depth + 1) for key, item in value.items()}
    return [_mended(item, depth + 1) for item in value] if isinstance(value, list) else value
