"""The journal of a search: JSON lines and no code, in a file that Optuna writes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import BadInput
from benchmarks.common import error_words

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
            f"rm {path}; then the same command: what was trained is not trained again",
        ) from error


def stored_in(path: Path) -> JournalStorage:
    """Optuna's storage in a file that no other process writes meanwhile, since a lock of ours is held.

    Optuna's own lock is a file that would stay where a process is killed. So would half a line, which is cut off.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class Held(JournalFileOpenLock):
        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    content = path.read_bytes() if path.exists() else b""
    if not content.endswith(b"\n"):
        path.write_bytes(content[: content.rfind(b"\n") + 1])
    return JournalStorage(JournalFileBackend(str(path), lock_obj=Held(str(path))))
