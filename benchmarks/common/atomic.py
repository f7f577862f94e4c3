"""One writer at a time in a folder, and folders that appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.common.errors import BadInput


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds the lock file `path`, which names host and process; the kernel lets go of it when the process ends.

    Raises BadInput where the lock is taken and `wait` is false, or where the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+")  # noqa: SIM115 - it is closed below, where the lock is let go
    except OSError as error:
        raise BadInput(
            f"cannot write to {path.parent}: {error.strerror}",
            "results are kept there, so nothing was started",
            "choose another folder with --runs DIR, or mend the permissions",
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            file.seek(0)
            raise BadInput(
                f"{path.parent} is in use by {file.read().strip() or 'another process'}",
                "two processes must not write the same run",
                "wait for it to finish, or stop it",
            ) from error
        file.truncate(0)
        file.write(f"{socket.gethostname()} pid {os.getpid()}\n")
        file.flush()
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock file `path`, or nobody can tell."""
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its name when the block ends well.

    What a crash left is kept for resuming. Its files may be read by whom the umask lets read.
    """
    partial = target.with_name(f".{target.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    yield partial
    _open_up(partial)
    if target.exists():
        shutil.rmtree(target)
    os.replace(partial, target)


def _open_up(folder: Path) -> None:
    """Makes files as readable as the folder, which was made under the umask: weights are written for the owner alone,
    whatever the umask says (safetensors)."""
    allowed = folder.stat().st_mode & 0o666
    for place, _, names in os.walk(folder):
        for path in (Path(place) / name for name in names):
            if not path.is_symlink() and (mode := path.stat().st_mode & 0o777) | allowed != mode:
                path.chmod(mode | allowed)


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
