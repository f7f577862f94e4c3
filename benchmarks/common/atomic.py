"""One writer at a time in a folder, and files and folders that appear whole or not at all, on the disk itself."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from io import BufferedWriter
from pathlib import Path

from benchmarks.common.errors import BadInput, to_type


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds the lock file `path`, which names host and process; the kernel lets go of it when the process ends.

    Raises BadInput where the lock is taken and `wait` is false, or where the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
        file = open(number, "a+")  # noqa: SIM115 - it is closed below, where the lock is let go
    except OSError as error:
        raise BadInput(
            f"cannot write to {path.parent}: {error.strerror or error}",
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
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for whoever writes
        with open(number) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def whole_folder(target: Path, *, sums: bool = True) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its name when the block ends well.

    What a crash left is kept for resuming. Its checksums are written with it, unless those in it have their own; its
    files may be read by whom the umask lets read.
    """
    partial = target.with_name(f".{target.name}.partial")
    if partial.is_symlink():  # nothing of ours: what would be written there, and opened up, is another's
        partial.unlink()
    partial.mkdir(parents=True, exist_ok=True)
    for torn in partial.rglob(".tmp*"):  # what safetensors was writing when it was killed
        torn.unlink()
    yield partial
    _open_up(partial)
    if sums:
        write_sums(partial)
    remove(target)
    os.replace(partial, target)
    flush(target.parent)


SUMS_FILE = "sums.json"
"""The checksums of the files in a folder, by their names."""


def write_sums(folder: Path) -> None:
    """Writes down the SHA-256 of every file in a folder, and brings them all to the disk."""
    remove_unfinished_in(folder)
    sums = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS_FILE):
        flush(path)
        with open(path, "rb") as file:
            sums[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    write_text(folder / SUMS_FILE, json.dumps(sums))


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it, or a link and not where it leads; nothing, too."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def written_at(path: Path) -> float:
    """When a file was written, in seconds; 0 for one that another process has just removed."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def check_inside(path: Path, home: Path) -> None:
    """BadInput where a path leads out of a folder by a link: a store may come from anybody."""
    there = Path(os.path.realpath(path))  # unlike `resolve`, of a link to itself, too
    if not there.is_relative_to(os.path.realpath(home)):
        raise BadInput(
            f"{path} leads out of {home}, to {there}",
            "nothing is written where a link in a runs folder leads",
            f"move what it leads to in its place, or remove the link: {to_type('rm', path)}",
        )


def check_links(folder: Path, home: Path) -> None:
    """BadInput where a folder leads out of `home` by a link, or a link anywhere in it out of the folder; and for what
    is neither file nor folder, such as a pipe."""
    check_inside(folder, home)
    for place, folders, files in os.walk(folder):
        for path in (Path(place) / name for name in (*folders, *files)):
            if path.is_symlink():
                check_inside(path, folder)
            check_no_pipe(path)


def check_no_pipe(path: Path) -> None:
    """BadInput for what is there and neither file nor folder, such as a pipe."""
    try:
        mode = path.stat().st_mode
    except OSError:  # it is gone by now, or a link to nothing
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise BadInput(
            f"{path} is a pipe or a device, and no file",
            "whoever reads it would wait for ever",
            "remove it, put a file in its place, or name another",
        )


def _open_up(folder: Path) -> None:
    """Makes files as readable as the folder, which was made under the umask: weights are written for the owner alone,
    whatever the umask says (safetensors)."""
    allowed = folder.stat().st_mode & 0o666
    for place, _, names in os.walk(folder):
        for path in (Path(place) / name for name in names):
            if not path.is_symlink() and (mode := path.stat().st_mode & 0o777) | allowed != mode:
                path.chmod(mode | allowed)


def write_text(path: Path, text: str, *, lasting: bool = True) -> None:
    """Writes a file whole or not at all, see `write_whole`."""
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"), lasting=lasting)


def write_whole(path: Path, write: Callable[[Path], object], *, lasting: bool = True) -> None:
    """Writes a file by a function of the path under which it is made; it has its name when it is on the disk.

    One that is not `lasting` is soon written again: a loss of power may cost it, and nobody waits for the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with _begun(partial):
            write(partial)
            if lasting:
                flush(partial)
            remove_unfinished(path)  # once it is there, nobody may come here again
            os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    if lasting:
        flush(path.parent)


def _begun(partial: Path) -> BufferedWriter:
    """The unfinished file, locked: the kernel lets go of it when its writer ends, of which numbers of processes say
    nothing, neither from other machines nor where nobody waits for those that were killed."""
    while True:
        file = open(partial, "ab")  # noqa: SIM115 - the caller closes it
        with suppress(OSError):  # a disk that knows no locks; then nobody takes it for unfinished either
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:  # else somebody took it for unfinished before it was locked
            return file
        file.close()


@contextmanager
def passing_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path`, for what is to become that. It is gone afterwards, and so is what processes that were
    killed have left of theirs."""
    remove_unfinished(path)
    fresh = tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.")  # not yet what looks unfinished
    place = path.with_name(f".{path.name}.{os.getpid()}.partial")
    number = os.open(fresh, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX)
        os.rename(fresh, place)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(number)


def remove_unfinished(path: Path) -> None:
    """Removes what processes that were killed had made of a file or folder."""
    for partial in path.parent.glob(f".{escape(path.name)}.[0-9]*.partial"):
        _remove_unheld(partial)


def remove_unfinished_in(folder: Path) -> None:
    """The same of all that is in a folder."""
    for partial in folder.rglob(".*.[0-9]*.partial"):
        _remove_unheld(partial)


def _remove_unheld(partial: Path) -> None:
    with suppress(OSError), ExitStack() as stack:
        number = os.open(partial, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        stack.callback(os.close, number)
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(number), os.lstat(partial)):  # else it is whole by now, and its writer at the next
            remove(partial)


def flush(path: Path) -> None:
    """Brings a file, or the names in a folder, to the disk: a loss of power would leave zeros in their place."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that has no such thing
            raise
    finally:
        os.close(number)
