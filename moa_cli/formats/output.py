"""Documents into files: what -o writes, by suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import BadInput
from benchmarks.common import write_whole

D = TypeVar("D")
"""A kind of document."""
Formats = Mapping[str, Callable[[D], bytes]]
"""What writes a document, by suffix."""


def write_document(document: D, path: Path, formats: Formats[D]) -> None:
    """Writes a document in the format of the file's suffix, whole or not at all, and where a link leads.

    BadInput for an unknown suffix.
    """
    check_suffix(path, formats)
    content = formats[path.suffix.lower()](document)
    try:
        write_whole(path.resolve(), lambda partial: partial.write_bytes(content))
    except OSError as error:
        raise BadInput(
            f"cannot write {path}: {error.strerror}",
            "the result was made, but not saved",
            "choose another place with -o FILE",
        ) from error


def check_suffix(path: Path, formats: Formats[Any]) -> None:
    """BadInput for a file whose suffix is none of the formats."""
    if path.suffix.lower() not in formats:
        raise BadInput(
            f"cannot write {path}: its suffix names no known format",
            "the suffix of -o decides what is written",
            f"use one of {' '.join(formats)}",
        )


def check_place(path: Path) -> None:
    """BadInput for a file that could not be written where it is to be. Writes nothing."""
    there = next(folder for folder in path.resolve().parents if folder.exists())
    if path.is_dir():
        reason = "it is a folder"
    elif path.exists() and not path.is_file():  # a pipe, a device: it would be replaced
        reason = "it is no file"
    elif not there.is_dir():
        reason = f"{there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = f"{there} is not ours to write to"
    else:
        return
    raise BadInput(
        f"cannot write {path}: {reason}", "the result is to be kept there", "choose another place with -o FILE"
    )


def as_text(render: Callable[[D], str]) -> Callable[[D], bytes]:
    """A renderer of text as one of bytes."""
    return lambda document: render(document).encode()
