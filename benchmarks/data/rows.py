"""Reading rows: from files in a local folder, or from the hub; what cannot be read is refused, bad rows are counted.

A *schema* is a row with types in place of values, such as `{"info": {"post": str}, "summaries": [{"text": str}]}`;
further keys are ignored. A tuple of schemas is any of them; one with `...` is of a key that may be missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.common import BadInput, changed_since, digest, hub_commit, nearest, to_type
from benchmarks.data.files import hash_file, named_files, split_files
from benchmarks.data.formats import numbered

Row = dict[str, Any]


class NamedFiles(dict[Path, str]):
    """Hashes of files of rows, as of when each was first asked for: what is made of the rows is named after them."""

    def __missing__(self, file: Path) -> str:
        self[file] = hash_file(file)
        return self[file]

    def rows(self, file: Path, schema: Any) -> Iterator[tuple[str, Row]]:
        """`placed_rows` of a file. BadInput once they are read where they are not what its hash says."""
        told = self[file]
        yield from placed_rows(file, schema)
        if hash_file(file) != told:
            raise changed_since(file)


@dataclass(frozen=True)
class Source:
    """Tables of rows with splits: `<folder>/<table>/<split>.jsonl.gz` (another suffix, or shards), or on the hub."""

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
            return (row for file in self._files(table, split) for _, row in self._named.rows(file, schema))
        return read_hub(self.place, split, schema, revision=self.revision, **{self.table_is: table})

    def fingerprint(self, files: Iterable[tuple[str, str]], optional: Collection[str] = ()) -> str:
        """Hash of the content of the local (table, split) files; of id and commit for the hub.

        BadInput for a file that is missing, of any but the tables that are optional: so it is told before anything is
        made for it.
        """
        if isinstance(self.place, str):
            check_of_hub(self.place)
            return digest([self.place, hub_commit(self.place, self.revision, "dataset") or self.revision])
        there = [f for f in files if f[0] not in optional or self.has(f[0])]
        return digest([self._named[file] for f in there for file in self._files(*f)])

    @cached_property
    def _named(self) -> NamedFiles:
        return NamedFiles()

    def _files(self, table: str, split: str) -> list[Path]:
        assert isinstance(self.place, Path)
        return split_files(self.place / table, split, layout=f"{self.place}/{table}/{split}.jsonl.gz")


def read_rows(place: str | Path | Sequence[str], schema: Any) -> Iterator[Row]:
    """The rows of a file, of a list or glob of files, of a saved Arrow folder or of all files in a folder, in order.

    Raises BadInput with file and line.
    """
    return (row for _, row in placed_rows(place, schema))


def placed_rows(place: str | Path | Sequence[str], schema: Any) -> Iterator[tuple[str, Row]]:
    """`read_rows`, each with its file and line."""
    for path in named_files(str(place) if isinstance(place, Path) else place):
        for line, row in numbered(path):
            where = f"{path}:{line}"
            if not matches(row, schema):
                raise _wrong(where, row, schema)
            yield where, row


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
    rows = placed_hub(dataset, split, schema, config=config, folder=folder, revision=revision)
    return (row for _, row in rows)


def check_of_hub(dataset: str) -> None:
    """BadInput where a folder here is called like the data set: `datasets` would read that, and no identity know it."""
    if Path(dataset).exists():
        raise BadInput(
            f"the data set {dataset} of the hub is meant, and there is a folder {dataset} here",
            "that would be read in its place, and results be taken for those of the hub's rows",
            f"{to_type('--data-dir', dataset)} reads the folder; else type the command elsewhere, or rename it",
        )


def placed_hub(
    dataset: str, split: str, schema: Any, *, config: str | None, folder: str | None = None, revision: str | None
) -> Iterator[tuple[str, Row]]:
    """`read_hub`, each with its data set, split and row number."""
    from datasets import load_dataset

    check_of_hub(dataset)
    try:
        rows = load_dataset(dataset, config, data_dir=folder, split=split, revision=revision)
    except Exception as error:
        raise BadInput(
            f"the data set {dataset} ({split}) cannot be loaded from the hub: {type(error).__name__}: {error}",
            "it is neither in the local cache nor reachable from here",
            "name a local copy with --data-dir FOLDER, or check id and network",
        ) from error
    for number, row in enumerate(rows, 1):
        where = f"{dataset} ({split}), row {number}"
        if not matches(row, schema):
            raise _wrong(where, row, schema)
        yield where, row


def matches(value: Any, schema: Any) -> bool:
    """Whether a value has the types of a schema."""
    if isinstance(schema, tuple):
        return any(matches(value, one) for one in schema)
    if isinstance(schema, dict):
        return isinstance(value, dict) and all(matches(value.get(k, ...), s) for k, s in schema.items())
    if isinstance(schema, list):
        return isinstance(value, list) and all(matches(v, schema[0]) for v in value)
    if value is ... or schema in (None, ...):
        return value is schema
    return isinstance(value, schema)


def schema_words(schema: Any) -> str:
    """A schema as text.

    >>> schema_words({"summaries": [{"text": str}], "choice": (int, None)})
    '{"summaries": [{"text": str}, ...], "choice": int or None}'
    """
    if isinstance(schema, tuple):
        return " or ".join(map(schema_words, schema))
    if isinstance(schema, dict):
        return "{" + ", ".join(f'"{key}": {schema_words(kind)}' for key, kind in schema.items()) + "}"
    if isinstance(schema, list):
        return f"[{schema_words(schema[0])}, ...]"
    if schema is ...:
        return "nothing"
    return "anything" if schema is object else schema.__name__ if isinstance(schema, type) else str(schema)


def _wrong(where: str, row: Any, schema: Any) -> BadInput:
    if not isinstance(row, dict):
        wanted = schema_words(schema) if schema else 'such as {"prompt": "...", "answer": "..."}'
        found = f"{type(row).__name__} {row!r:.40}"
        return BadInput(
            f"{where} is no object: {found}", f"each row must be an object, {wanted}", "is this the right file?"
        )
    return BadInput(
        f"{where} is not a row of this data set: {'; '.join(_faults(row, schema))}",
        f"expected {schema_words(schema)}, found keys {', '.join(map(str, row))}",
        "is this the right file?",
    )


def _faults(value: Any, schema: Any, at: str = "") -> list[str]:
    """Where a value is none of a schema: the keys that are missing, else what has another type."""
    same = [one for one in schema if type(one) is type(value)] if isinstance(schema, tuple) else []
    if same and isinstance(value, dict | list):  # of several, that which it is nearest to
        return min((_faults(value, one, at) for one in same), key=lambda found: (len(found), -len("".join(found))))
    if isinstance(schema, dict) and isinstance(value, dict):
        missing = [k for k, kind in schema.items() if k not in value and not matches(..., kind)]
        there = [(k, kind) for k, kind in schema.items() if k in value]
        return [f"{_key(at, k)!r} is missing{nearest(k, value)}" for k in missing] or [
            fault for k, kind in there for fault in _faults(value[k], kind, _key(at, k))
        ]
    if isinstance(schema, list) and isinstance(value, list):
        return [fault for number, item in enumerate(value) for fault in _faults(item, schema[0], f"{at}[{number}]")]
    if matches(value, schema):
        return []
    return [f"a value has another type: {at!r} is {value!r:.40}, not {schema_words(schema)}"]


def _key(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def local_folder(path: Path) -> Path:
    """The path, if it is a folder; otherwise raises BadInput."""
    if path.is_dir():
        return path
    raise BadInput(
        f"there is no folder {path}", "the data folder is where a benchmark's files are read from", "check --data-dir"
    )
