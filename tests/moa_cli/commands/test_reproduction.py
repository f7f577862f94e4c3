"""`moa show RUN --reproduce`: the command, what is otherwise here and now, and what comes of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.spec.description import REVISION
from moa_cli.commands.common.reproduction import Reproduction
from moa_cli.runs.surroundings import git_commit, processor, versions, working_folder
from tests.kit.cli import moa, refused
from tests.kit.runs import RECORD, record_with

Recorded = Callable[..., Path]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Records a run that was made here and now but for what is named: its folder."""

    def make(**entries: Any) -> Path:
        here = {
            "versions": versions(), "commit": git_commit(), "folder": working_folder(), "device": "cpu",
            "processor": processor("cpu"), "command": "moa train -m sft",
            "benchmark": RECORD.benchmark.model_copy(update={"revision": REVISION}),
        }  # fmt: skip
        record_with(**{**here, **entries}).write(tmp_path / "run" / "run.json")
        return tmp_path / "run"

    return make


def test_where_nothing_differs_it_is_the_same_bit_for_bit(recorded: Recorded) -> None:
    again = Reproduction.of(recorded())
    assert again.differences == ()
    assert again.effects == ("nothing: the same command gives the same policy, bit for bit",)
    assert again.command == "OMP_NUM_THREADS=1 moa train -m sft"


def test_differences_are_told_with_what_comes_of_them(recorded: Recorded) -> None:
    """A library that is not recorded cannot be compared, one that is gone can."""
    then = {"python": versions()["python"], "numpy": "1.0", "gone": "2.0"}
    again = Reproduction.of(recorded(versions=then, commit="abc", device="cuda", threads=10**6))
    told = {one.what: (one.then, one.now) for one in again.differences}
    assert told["numpy"] == ("1.0", versions()["numpy"])
    assert told["gone"] == ("2.0", "not installed")
    assert told["device"] == ("cuda", "cpu")
    assert told.keys() == {"numpy", "gone", "commit", "device", "threads"}
    commit, numeric = again.effects
    assert commit.startswith("another commit")
    assert numeric.startswith("device, gone, numpy, threads: results move in their last digits")


def test_records_of_earlier_versions_know_less(recorded: Recorded) -> None:
    again = Reproduction.of(recorded(folder="", processor=""))
    assert {(one.what, one.then) for one in again.differences} == {("folder", "unknown"), ("processor", "unknown")}


def test_the_command_line_shows_it(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded(versions={"numpy": "1.0"}, folder="~/work")
    shown = moa("show", str(run), "--reproduce", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("cd ~/work\nOMP_NUM_THREADS=1 moa train -m sft\n")
    assert "numpy" in shown.stdout
    assert f"-c {run}/run.json --seed 3 --runs again" in shown.stdout.replace("\n", "")
    told = json.loads(moa("show", str(run), "--reproduce", "--json", cwd=tmp_path).stdout)
    assert {"what": "numpy", "then": "1.0", "now": versions()["numpy"]} in told["differences"]
    refused(moa("show", "ric", "--reproduce", cwd=tmp_path), "--reproduce was given with ric")
