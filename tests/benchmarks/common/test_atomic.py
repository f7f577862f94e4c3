"""The lock, and whole files and folders."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common.atomic import (
    check_links,
    is_locked,
    locked,
    passing_folder,
    remove_unfinished,
    whole_folder,
    write_text,
    write_whole,
)
from benchmarks.common.errors import BadInput
from benchmarks.common.sums import faulty
from tests.kit.cli import environment

# The lock


def test_a_second_writer_is_refused_and_told_whom_to_wait_for(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "lock"
    with locked(lock), pytest.raises(BadInput) as error, locked(lock, wait=False):
        pass
    assert error.value.what == f"{lock.parent} is in use by {socket.gethostname()} pid {os.getpid()}"


def test_the_lock_is_free_after_an_error_and_names_its_last_holder_only(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("an older and much longer host name than this one pid 1\n")
    with pytest.raises(KeyError), locked(lock):
        raise KeyError
    with locked(lock, wait=False):
        assert lock.read_text() == f"{socket.gethostname()} pid {os.getpid()}\n"


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """The process holds the lock, says so and is killed; no stale lock is left."""
    lock = tmp_path / "lock"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom benchmarks.common import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(BadInput, match=f"pid {process.pid}"), locked(lock, wait=False):
            pass
        assert is_locked(lock)
        process.kill()
    assert not is_locked(lock)
    with locked(lock, wait=False):
        pass


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be (permissions do not stop root)."""
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot write to") as error, locked(tmp_path / "file" / "lock"):
        pass
    assert "--runs DIR" in error.value.fix


# Whole or not at all


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "policy"
    with whole_folder(target) as partial:
        (partial / "a").write_text("1")
        assert not target.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["policy"]
    with whole_folder(target) as partial:
        (partial / "b").write_text("2")
        assert (target / "a").exists()
    assert sorted(p.name for p in target.iterdir()) == ["b", "sums.json"]


def test_an_interrupted_folder_does_not_appear_and_is_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "policy"

    def fail_inside() -> None:
        with whole_folder(target) as partial:
            (partial / "a").write_text("1")
            (partial / "b").mkdir()
            (partial / "b" / ".tmpSPkH14").write_text("half of what safetensors writes")
            (partial / ".sums.json.9.partial").write_text("half of what a killed process writes")
            (partial / "b" / ".c.9.partial").write_text("and of another file")
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert not target.exists()
    with whole_folder(target) as partial:
        (partial / "b" / "c").write_text("2")
    assert sorted(p.relative_to(target).as_posix() for p in target.rglob("*")) == ["a", "b", "b/c", "sums.json"]
    assert not faulty(target)


def test_a_link_in_place_of_what_a_crash_left_is_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "home"
    theirs.mkdir()
    (theirs / ".tmp1").touch(0o600)
    (tmp_path / ".policy.partial").symlink_to(theirs)
    with whole_folder(tmp_path / "policy") as partial:
        (partial / "a").write_text("1")
    assert [p.name for p in theirs.iterdir()] == [".tmp1"]
    assert (theirs / ".tmp1").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in (tmp_path / "policy").iterdir()) == ["a", "sums.json"]


def test_links_are_found_at_any_depth_and_only_those_that_lead_out(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    (folder / "one" / "two").mkdir(parents=True)
    (folder / "one" / "within").symlink_to("two")
    (folder / "one" / "itself").symlink_to("itself")
    check_links(folder, tmp_path / "runs")
    (tmp_path / "linked").symlink_to(tmp_path / "runs")
    check_links(tmp_path / "linked" / "a", tmp_path / "linked")
    for name, to in {"one/two/f": "../../../b", "d": "../..", "e": "/nowhere"}.items():
        (where := folder / name).symlink_to(to)
        with pytest.raises(BadInput, match=f"{where} leads out of {folder}"):
            check_links(folder, tmp_path / "runs")
        where.unlink()
    with pytest.raises(BadInput, match=f"{tmp_path / 'linked'} leads out of {folder}"):
        check_links(tmp_path / "linked", folder)


@pytest.mark.parametrize("lasting", [True, False])
def test_what_a_killed_process_had_written_of_a_file_is_gone_when_it_is_whole(lasting: bool, tmp_path: Path) -> None:
    """What one that lives is writing stays, and so does what belongs to another file."""

    def die(partial: Path) -> None:
        partial.write_text("{")
        os.kill(os.getpid(), signal.SIGKILL)

    if (killed := os.fork()) == 0:
        write_whole(tmp_path / "[x].json", die, lasting=lasting)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)  # it has its number until somebody waits for it
    theirs = tmp_path / ".[x].json.1.partial"
    others = [theirs, tmp_path / f".x.json.{killed}.partial", tmp_path / ".[x].json.partial"]
    for path in others:
        path.write_text("{")
    with open(theirs, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert (tmp_path / f".[x].json.{killed}.partial").exists()
        write_text(tmp_path / "[x].json", "{}", lasting=lasting)
    assert set(tmp_path.iterdir()) == {tmp_path / "[x].json", *others}
    os.waitpid(killed, 0)


def test_what_a_killed_process_had_made_of_a_folder_is_gone_with_the_next(tmp_path: Path) -> None:
    """What one that lives is making stays."""
    path = tmp_path / "out"
    if (killed := os.fork()) == 0:
        with passing_folder(path) as place:
            (place / "half").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)
    left = tmp_path / f".out.{killed}.partial"
    assert (left / "half").exists()
    with passing_folder(path) as place:
        assert [*tmp_path.iterdir()] == [place]
        remove_unfinished(path)
        os.replace(place, path)
    assert [*tmp_path.iterdir()] == [path]
    os.waitpid(killed, 0)


def test_a_disk_that_knows_no_locks_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: object, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / ".x.9.partial").touch()
    write_text(tmp_path / "x", "{}")
    with passing_folder(tmp_path / "y") as place:
        os.replace(place, tmp_path / "y")
    assert {path.name for path in tmp_path.iterdir()} == {"x", "y", ".x.9.partial"}


def test_files_that_many_write_at_once_are_whole(tmp_path: Path) -> None:
    """Nobody takes what another has just begun for what a killed process has left."""
    code = (
        "from pathlib import Path\nfrom benchmarks.common.atomic import write_text\n"
        "for k in range(300): write_text(Path('x'), str(k) * 99, lasting=False)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment()) for _ in range(4)]
    assert [writer.wait(100) for writer in writers] == [0] * 4
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "299" * 99)]


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file.json"
    write_text(path, "old ä")
    assert path.read_text(encoding="utf-8") == "old ä"
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half " * 1000 + "\ud800")
    assert path.read_text(encoding="utf-8") == "old ä"
    write_text(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_files_are_as_readable_as_the_umask_says(umask: int, mode: int, tmp_path: Path) -> None:
    """Weights come for their owner alone. What a link leads to is not touched."""
    theirs = tmp_path / "theirs"
    theirs.touch(0o600)
    before = os.umask(umask)
    try:
        with whole_folder(tmp_path / "policy") as folder:
            (folder / "more").mkdir()
            for place in (folder / "model.safetensors", folder / "more" / "heads.safetensors"):
                place.touch(0o600)
            (folder / "link").symlink_to(theirs)
    finally:
        os.umask(before)
    files = ("model.safetensors", "more/heads.safetensors")
    assert [(tmp_path / "policy" / name).stat().st_mode & 0o777 for name in files] == [mode, mode]
    assert theirs.stat().st_mode & 0o777 == 0o600
