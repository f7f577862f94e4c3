"""`--dry-run` of every command that has it: nothing in any folder is another afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.sums import file_content
from tests.kit.cli import examples, moa
from tests.kit.worlds import METHODS

ON = ("-b", "tiny.toml", "--dry-run")
COMMANDS = {
    "prepare": ("prepare", *ON),
    "train": ("train", "-m", "ric", *ON),
    "train again": ("train", "-m", "ric", "-c", "ric.rounds=0", "--restart", *ON),
    "compare": ("compare", *METHODS, "--seed", "0,1", "--ceiling", "-o", "table.md", *ON),
    "tune": ("tune", "-m", "ric", "--trials", "2", *ON),
    "study": ("study", "kl", "-m", "ric", "--over", "0.5,2", "-o", "kl.md", *ON),
    "clean": ("clean", "--dry-run"),
}
ELSEWHERE = ("--runs", "other", "--prepared", "prepared.tar")


def content(folder: Path) -> dict[Path, str]:
    return {path: file_content(path) if path.is_file() else "" for path in sorted(folder.rglob("*"))}


def test_every_command_with_a_dry_run_is_tried() -> None:
    told = {line.split()[1] for lines in examples().values() for line in lines if "--dry-run" in line}
    assert told <= {name.split()[0] for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_dry_run_writes_nothing(name: str, own: Path) -> None:
    """Neither beside runs that are there, nor where what is prepared would come from an archive."""
    assert moa("prepare", "-b", "tiny.toml", "-o", "prepared.tar", cwd=own).returncode == 0
    before = content(own)
    for more in ((), ELSEWHERE if name != "clean" else ("--runs", "other")):
        result = moa(*COMMANDS[name], *more, cwd=own)
        assert result.returncode == 0, result.stderr
        assert content(own) == before
    assert ("its preparation would be that of prepared.tar" in result.stderr) == (name != "clean")


def test_a_damaged_archive_is_refused_by_a_dry_run(own: Path) -> None:
    """It is read to its end, though nothing is taken."""
    archive = own / "prepared.tar"
    assert moa("prepare", "-b", "tiny.toml", "-o", str(archive), cwd=own).returncode == 0
    whole = bytearray(archive.read_bytes())
    whole[len(whole) // 2] ^= 1
    archive.write_bytes(whole)
    result = moa(*COMMANDS["train"], *ELSEWHERE, cwd=own)
    assert (result.returncode, "is not what its checksum says" in result.stderr) == (2, True), result.stderr
    assert not (own / "other").exists()
