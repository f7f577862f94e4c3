"""Reading rows: from files in a local folder, or from the hub; what cannot be read is refused, bad rows are counted.

A *schema* is a row with types in place of values, such as `{"info": {"post": str}, "summaries": [{"text": str}]}`;
further keys are ignored.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.common import BadInput, digest, nearest

SUFFIXES = (".jsonl.gz", ".jsonl", ".json", ".csv", ".parquet")


LONGEST_CELL = 2**31 - 1
"""Characters in a cell of a .csv file (Python's own limit is 131,072)."""


Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Tables of rows with splits: `<folder>/<table>/<split>.jsonl.gz` (or another suffix), or a data set on the hub."""

    place: Path | str
    """Local folder (Path) or hub id (str)."""
    table_is: str = "config"
    """On the hub, a table is a "config" (configuration) or a "folder"."""
    revision: str | None = None

    def has(self, table: str) -> bool:
        """Whether a local folder has this table; the hub is not asked."""
        return isinstance(self.place, str) or (self.place / table).is_dir()

    def rows(self, table: str, split: str, schema: Any) -> Iterator[Row]:
        """The rows of one split, in order. Raises BadInput for what is missing, unreadable or of another schema."""
        if isinstance(self.place, Path):
            return read_rows(self._file(table, split), schema)
        return read_hub(self.place, split, schema, revision=self.revision, **{self.table_is: table})

    def fingerprint(self, files: Iterable[tuple[str, str]], optional: Collection[str] = ()) -> str:
        """Hash of the content of the local (table, split) files; of id and revision for the hub.

        BadInput for a file that is missing, of any but the tables that are optional: so it is told before anything is
        made for it.
        """
        if isinstance(self.place, str):
            return digest([self.place, self.revision])
        return digest([hash_file(self._file(*f)) for f in files if f[0] not in optional or self.has(f[0])])

    def _file(self, table: str, split: str) -> Path:
        assert isinstance(self.place, Path)
        return find_file(self.place / table, split, layout=f"{self.place}/{table}/{split}.jsonl.gz")


def has_file(folder: Path, stem: str) -> bool:
    """Whether there is a file `<folder>/<stem>.<suffix>` that can be read."""
    return any((folder / f"{stem}{suffix}").is_file() for suffix in SUFFIXES)


def find_file(folder: Path, stem: str, layout: str) -> Path:
    """The one file `<folder>/<stem>.<suffix>` that can be read. Raises BadInput, telling the expected layout."""
    for suffix in SUFFIXES:
        if (path := folder / f"{stem}{suffix}").is_file():
            return path
    if not folder.is_dir():
        there = f"there is no folder {folder}"
    else:
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:8])
        there = f"the folder holds: {names or 'nothing'}"
    raise BadInput(f"no data file {layout}", there, "put it there (.json, .csv, .parquet will do), or check the folder")


def read_rows(path: Path, schema: Any) -> Iterator[Row]:
    """The rows of a .jsonl, .jsonl.gz, .json, .csv or .parquet file. Raises BadInput with file and line."""
    if not path.name.endswith(SUFFIXES):
        known = ", ".join(SUFFIXES)
        raise BadInput(f"{path} has an unknown suffix", "the suffix names the format", f"use one of: {known}")
    try:
        for line, row in _numbered(path):
            if not matches(row, schema):
                raise _wrong(f"{path}:{line}", row, schema)
            yield row
    except FileNotFoundError:
        raise BadInput(f"no data file {path}", "the rows are read from it", "check the path") from None
    except (OSError, EOFError, UnicodeDecodeError, ValueError, csv.Error) as error:
        expected = "" if path.suffix == ".parquet" else ", UTF-8 text"
        raise BadInput(
            f"{path} cannot be read: {error}",
            f"its suffix promises {path.name.partition('.')[2]}{expected}",
            "is it damaged, or a download that was cut off?",
        ) from error


def _numbered(path: Path) -> Iterator[tuple[int, Any]]:
    """Line (for .json and .parquet: row) numbers from 1, and rows."""
    if path.suffix == ".parquet":
        import pyarrow.parquet

        yield from enumerate(pyarrow.parquet.read_table(path).to_pylist(), 1)
    elif path.suffix == ".csv":
        csv.field_size_limit(LONGEST_CELL)
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from enumerate(csv.DictReader(file), 2)
    elif path.suffix == ".json":
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(rows, list):
            raise ValueError("expected a list of rows")
        yield from enumerate(rows, 1)
    else:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _parse(line, f"{path}:{number}")


def _parse(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise BadInput(
            f"{where} is not JSON: {error}",
            "expected one JSON object on every line of the file",
            "repair or delete the line",
        ) from None


def read_hub(
    dataset: str,
    split: str,
    schema: Any,
    *,
    config: str | None = None,
    folder: str | None = None,
    revision: str | None = None,
) -> Iterator[Row]:
    """The rows of a data set on the hub. Raises BadInput where it cannot be reached or is another data set."""
    from datasets import load_dataset

    try:
        rows = load_dataset(dataset, config, data_dir=folder, split=split, revision=revision)
    except Exception as error:
        raise BadInput(
            f"the data set {dataset} ({split}) cannot be loaded from the hub: {type(error).__name__}: {error}",
            "it is neither in the local cache nor reachable from here",
            "name a local copy with --data-dir FOLDER, or check id and network",
        ) from error
    for number, row in enumerate(rows, 1):
        if not matches(row, schema):
            raise _wrong(f"{dataset} ({split}), row {number}", row, schema)
        yield row


def matches(value: Any, schema: Any) -> bool:
    """Whether a value has the types of a schema."""
    if isinstance(schema, dict):
        return isinstance(value, dict) and all(k in value and matches(value[k], s) for k, s in schema.items())
    if isinstance(schema, list):
        return isinstance(value, list) and all(matches(v, schema[0]) for v in value)
    return isinstance(value, schema)


def schema_words(schema: Any) -> str:
    """A schema as text.

    >>> schema_words({"summaries": [{"text": str}], "choice": int})
    '{"summaries": [{"text": str}, ...], "choice": int}'
    """
    if isinstance(schema, dict):
        return "{" + ", ".join(f'"{key}": {schema_words(kind)}' for key, kind in schema.items()) + "}"
    if isinstance(schema, list):
        return f"[{schema_words(schema[0])}, ...]"
    return schema.__name__ if isinstance(schema, type) else str(schema)


def _wrong(where: str, row: Any, schema: Any) -> BadInput:
    if not isinstance(row, dict):
        wanted = schema_words(schema) if schema else 'such as {"prompt": "...", "answer": "..."}'
        found = f"{type(row).__name__} {row!r:.40}"
        return BadInput(
            f"{where} is no object: {found}", f"each row must be an object, {wanted}", "is this the right file?"
        )
    found = f"keys {', '.join(map(str, row))}"
    missing = [key for key in schema if key not in row]
    hints = [f"{key!r} is missing{nearest(key, row)}" for key in missing]
    return BadInput(
        f"{where} is not a row of this data set: {'; '.join(hints) or 'a value has another type'}",
        f"expected {schema_words(schema)}, found {found}",
        "is this the right file?",
    )


@lru_cache(maxsize=256)
def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read once per process."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def local_folder(path: Path) -> Path:
    """The path, if it is a folder; otherwise raises BadInput."""
    if path.is_dir():
        return path
    raise BadInput(
        f"there is no folder {path}", "the data folder is where a benchmark's files are read from", "check --data-dir"
    )
