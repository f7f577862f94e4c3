"""Reading what a store or a person names, which may be anything: files alone, and none that is too long."""

from __future__ import annotations

import stat
from pathlib import Path

LONGEST = 2**26
"""Bytes of a document [choice]: 64 MiB, of which none of ours has a hundredth."""
LONGEST_KEPT = 2**32
"""Bytes of what is kept in between [choice]: all answers to all prompts may be among it."""
OPENED = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""How the names begin of what a shell has opened for a command, as in --baseline <(zcat main.json.gz)."""


def check_file(path: Path, most: int | None = None) -> None:
    """ValueError for what is there and no file, or one of more than `most` bytes; OSError where nothing can be known.

    To open a pipe waits for whoever writes into it, and a device may never end.
    """
    told = path.stat()
    if not stat.S_ISREG(told.st_mode):
        raise ValueError(f"it is {'a folder' if stat.S_ISDIR(told.st_mode) else 'a pipe or a device'}, and no file")
    if most is not None and told.st_size > most:
        raise ValueError(f"it has {told.st_size:,} bytes, and at most {most:,} are read")


def stored_bytes(path: Path, most: int = LONGEST) -> bytes:
    """The content of a file in a store. OSError where it cannot be read, and what `check_file` raises."""
    check_file(path, most)
    return path.read_bytes()


def stored_text(path: Path) -> str:
    """The same of a text."""
    check_file(path, LONGEST)
    return path.read_text(encoding="utf-8")


def typed_bytes(path: Path) -> bytes:
    """The content of a file that somebody typed, or of a pipe that their shell opened: somebody writes into that.
    OSError where it cannot be read, and what `check_file` raises."""
    if not (str(path).startswith(OPENED) and stat.S_ISFIFO(path.stat().st_mode)):
        check_file(path, LONGEST_KEPT)
    return path.read_bytes()
