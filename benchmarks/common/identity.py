"""Naming things by their content: values as JSON types, and hashes of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.common.atomic import SUMS_FILE, check_no_pipe


def plain(value: Any) -> Any:
    """A value as JSON types, dataclasses as dictionaries tagged with their class, to be hashed or stored."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__} | {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy's, which is not loaded for this
        return value.tolist()
    return str(value) if isinstance(value, Path) else value


def digest(value: Any) -> str:
    """Twelve hex digits of SHA-256 over the canonical JSON of a value."""
    text = json.dumps(plain(value), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]  # names of files may have halves


READ = (".json", ".safetensors", ".bin", ".model", ".txt", ".jinja")
"""What the files of a model are called."""
TEXTS = ("vocab.txt", "merges.txt", "dict.txt")
"""Those of a tokenizer: other texts are notes."""
BESIDE = (
    "cost.json", SUMS_FILE, "trainer_state.json", "training_args.bin", "optimizer.bin", "scheduler.bin",
    "all_results.json", "train_results.json", "eval_results.json", "predict_results.json",
)  # fmt: skip
"""What trainings leave with a model, and nobody reads who opens it."""


def folder_content(folder: Path) -> str:
    """Twelve hex digits of the content of a model's folder: equal where it would be read as the same model.

    BadInput for a pipe among its files.
    """
    names = [f for f in folder.iterdir() if f.suffix in READ and f.name not in BESIDE]
    read = sorted(f for f in names if f.suffix != ".txt" or f.name in TEXTS)
    for file in read:
        check_no_pipe(file)
    files = [f for f in read if f.is_file()]
    return digest([[f.name, file_content(f)] for f in files])


def file_content(file: Path) -> str:
    """SHA-256 of a file's bytes in hex, computed once in a process for as long as it is not changed."""
    told = file.stat()
    return _file_content(str(file), told.st_size, told.st_mtime_ns)


@cache
def _file_content(path: str, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
