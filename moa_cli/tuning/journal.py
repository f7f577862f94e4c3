"""The journal of a search: JSON lines and no code, in a file that Optuna writes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import BadInput
from benchmarks.common import digest, error_words, json_of, set_aside, stored_bytes, tell, to_type

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

JOURNAL = ".journal"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """BadInput where a journal is damaged, or was written by another version: for whatever Optuna makes of that."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AssertionError, IsADirectoryError) as error:
        raise BadInput(
            f"cannot use {path}",
            f"it is no journal of a search, is damaged, or of another version: {error_words(error)}",
            f"{to_type('rm', path)}; then the same command: what was trained is not trained again",
        ) from error


def stored_in(path: Path) -> JournalStorage:
    """Optuna's storage in a file that no other process writes meanwhile, since a lock of ours is held.

    Optuna's own lock is a file that would stay where a process is killed. So would half a line, which is cut off; and
    so is all from a line on that is not what was written, which is told.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class Held(JournalFileOpenLock):
        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    class Summed(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            told = json.loads(json.dumps(logs))
            super().append_logs([{**log, "sum": digest(log)} for log in told])

    content = stored_bytes(path) if path.exists() else b""
    end = content.rfind(b"\n") + 1
    lines = content[:end].splitlines(keepends=True)
    whole = b"".join([*takewhile(_is_whole, lines)])
    if len(whole) < end:
        tell(f"{path} is damaged: what was tried from there on is tried again")
        set_aside(path)
    if whole != content:
        path.write_bytes(whole)
    return JournalStorage(Summed(str(path), lock_obj=Held(str(path))))


def _is_whole(line: bytes) -> bool:
    """Whether a line of a journal is what was written; one of a time before there were sums, whether it is JSON."""
    try:
        log = json_of(line)
    except ValueError:
        return False
    return isinstance(log, dict) and log.pop("sum", digest(log)) == digest(log)
