"""`--dry-run` of every command that has it: nothing in any folder is another afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.common.sums import file_content
from moa_cli.app import app
from tests.kit.cli import GET_COMMAND, moa
from tests.kit.worlds import METHODS

ON = ("-b", "tiny.toml", "--dry-run")
COMMANDS = {
    "prepare": ("prepare", *ON),
    "train": ("train", "-m", "ric", *ON),
    "train again": ("train", "-m", "ric", "-c", "ric.rounds=0", "--restart", *ON),
    "compare": ("compare", *METHODS, "--seed", "0,1", "--ceiling", "-o", "table.md", *ON),
    "tune": ("tune", "-m", "ric", "--trials", "2", *ON),
    "study": ("study", "kl", "-m", "ric", "--over", "0.5,2", "-o", "kl.md", *ON),
    "eval --pareto": ("eval", "--pareto", *ON),
    "eval --weights": ("eval", "--weights", "0.5,0.5", "RIC", *ON),
    "eval --rescore": ("eval", "--rescore", *ON),
    "eval --responses": ("eval", "--responses", "theirs.jsonl", *ON),
    "clean": ("clean", "--dry-run"),
    "rm": ("rm", "RIC", "--dry-run", "--yes"),
    "export": ("export", "RIC", "home", *ON),
}
OF_RUNS = ("eval --pareto", "eval --weights", "eval --rescore", "rm", "export")
"""Commands about what lies in the folder of runs."""
ELSEWHERE = ("--runs", "other", "--prepared", "prepared.tar")


def content(folder: Path) -> dict[Path, str]:
    return {path: file_content(path) if path.is_file() else "" for path in sorted(folder.rglob("*"))}


def test_every_command_with_a_dry_run_is_tried() -> None:
    """That of `moa soup` is, beside its adapters."""
    commands = GET_COMMAND(app).commands.items()
    told = {name for name, command in commands if any("--dry-run" in param.opts for param in command.params)}
    assert told == {name.split()[0] for name in COMMANDS} | {"soup"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_dry_run_writes_nothing(name: str, own: Path) -> None:
    """Neither beside runs that are there, nor where what is prepared would come from an archive."""
    assert moa("prepare", "-b", "tiny.toml", "-o", "prepared.tar", cwd=own).returncode == 0
    asked = json.loads(moa("eval", "--prompts", "-b", "tiny.toml", cwd=own).stdout)
    (own / "theirs.jsonl").write_text("".join(json.dumps(row | {"answer": "Well."}) + "\n" for row in asked))
    (ric,) = (own / "runs").glob("tiny/ric/*-s0")
    command = [str(ric.relative_to(own)) if word == "RIC" else word for word in COMMANDS[name]]
    before = content(own)
    elsewhere = {"clean": [("--runs", "other")]} | dict.fromkeys(OF_RUNS, ())
    for more in [(), *elsewhere.get(name, [ELSEWHERE])]:
        result = moa(*command, *more, cwd=own)
        assert result.returncode == 0, result.stderr
        assert content(own) == before
    if name not in elsewhere:
        assert "its preparation would be that of prepared.tar" in result.stderr
    if name.startswith("eval"):
        assert any(words in result.stdout for words in ("in all ", "nothing to do"))


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
