"""Documents into files: what -o writes, by suffix."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import BadInput
from benchmarks.common import write_whole
from moa_cli.runs import run_around, taken_around

D = TypeVar("D")
"""A kind of document."""
Formats = Mapping[str, Callable[[D], bytes]]
"""What writes a document, by suffix."""
OURS = {
    ".json": re.compile(rb'\s*\{\s*"schema":\s*"moa\.(compare|study|claims)/'),
    ".csv": re.compile(rb"benchmark,(version,(method|table),|failed\n)"),
    ".tar": re.compile(rb"prepared\.json\0"),
}
"""How a file begins that -o wrote, by suffix: of those formats in which people keep data of their own, too."""


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


def check_place(path: Path, home: Path) -> None:
    """BadInput for a file that could not be written where it is to be, or in whose place is something that -o did not
    write: in a run, in what was prepared or tuned under `home`, or data of one's own. Writes nothing."""
    there = next(folder for folder in path.resolve().parents if folder.exists())
    if path.is_dir():
        reason = "it is a folder"
    elif path.exists() and not path.is_file():  # a pipe, a device: it would be replaced
        reason = "it is no file"
    elif not there.is_dir():
        reason = f"{there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = f"{there} is not ours to write to"
    elif kept := run_around(path) or taken_around(path, home):
        reason = f"what lies in {kept} is moa's own"
    elif other := _of_another(path):
        reason = f"{other}, which would be lost"
    else:
        return
    raise BadInput(
        f"cannot write {path}: {reason}", "the result is to be kept there", "choose another place with -o FILE"
    )


def _of_another(path: Path) -> str:
    """What a file is that is there and was not written by -o, in words; "" where it was, or nothing tells."""
    ours = OURS.get(path.suffix.lower())
    if ours is None or not path.exists():
        return ""
    try:
        with open(path, "rb") as file:
            start = file.read(200)
    except OSError as error:
        return f"it is there, and cannot be read ({error.strerror})"
    if not start.strip() or ours.match(start):
        return ""
    named = re.match(rb'\s*\{\s*"schema":\s*"(moa\.[\w-]+/\d+)"', start)
    return f"it is a {named[1].decode()}" if named else "it is a file that -o did not write"


def as_text(render: Callable[[D], str]) -> Callable[[D], bytes]:
    """A renderer of text as one of bytes."""
    return lambda document: render(document).encode()
