"""`moa show RUN --reproduce`: the command, what is otherwise here and now, and what comes of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.python import code_content
from moa_cli.commands.common.reproduction import Reproduction
from moa_cli.runs.config import Source
from moa_cli.runs.record import RecordedBenchmark
from moa_cli.runs.surroundings import git_commit, processor, versions, working_folder
from tests.kit.cli import moa, refused
from tests.kit.runs import record_with
from tests.kit.worlds import benchmark_in

Recorded = Callable[..., Path]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Records a run that was made here and now but for what is named: its folder."""
    shop = Source(str(benchmark_in(tmp_path) / "tiny.toml"), tmp_path)

    def make(**entries: Any) -> Path:
        here = {
            "versions": versions(), "commit": git_commit(), "folder": working_folder(), "device": "cpu",
            "processor": processor("cpu"), "command": "moa train -m sft",
            "benchmark": RecordedBenchmark.of(shop.load(), shop),
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


def test_code_and_data_that_changed_make_another_run(recorded: Recorded, tmp_path: Path) -> None:
    """A method's file is read and not run. Of an earlier version's run nobody knows by what code it was trained."""
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit('it was run')\n")
    run = recorded(method=str(file), code=code_content(file.read_text()))
    assert Reproduction.of(run).effects == ("nothing: the same command gives the same policy, bit for bit",)
    file.write_text("x = 1\n")
    again = Reproduction.of(run)
    assert [(one.what, one.now) for one in again.differences] == [("code of the method", code_content("x = 1"))]
    assert again.effects == (f"{file}: the code changed since: the command makes another run, with another policy",)
    (told,) = Reproduction.of(recorded(method=str(file))).effects
    assert "is not known" in told
    file.unlink()
    (told,) = Reproduction.of(run).effects
    assert told.endswith("the command makes no run")


def test_a_benchmark_that_changed_makes_another_run(recorded: Recorded, tmp_path: Path) -> None:
    run, rewards = recorded(), tmp_path / "letters.py"
    rewards.write_text(rewards.read_text().replace("len(r.split())", "2 * len(r.split())"))
    (told,) = Reproduction.of(run).effects
    assert told.startswith(f"{tmp_path}/tiny.toml: the data, rewards, policy, decoding or evaluators changed since")


@pytest.mark.parametrize("width", ["60", "80"])
def test_commands_are_not_broken(width: str, recorded: Recorded, tmp_path: Path) -> None:
    """Copied from a terminal of any width they can be typed: of a run, and of a benchmark that is not prepared."""
    command = f"moa train -m sft -b {'a-long-name-of-a-benchmark-' * 4}.toml --seed 0,1,2"
    run = recorded(command=command)
    lines = moa("show", str(run), "--reproduce", cwd=tmp_path, COLUMNS=width).stdout.splitlines()
    assert f"OMP_NUM_THREADS=1 {command}" in lines
    assert any(
        line.endswith(" --seed 3 --runs again") and " moa --no-project train -m sft -b " in line for line in lines
    )
    assert f"command  {command}" in moa("show", str(run), cwd=tmp_path, COLUMNS=width).stdout.splitlines()
    toml = tmp_path / f"{'shop-' * 20}.toml"
    toml.write_text((tmp_path / "tiny.toml").read_text())
    told = moa("show", str(toml), cwd=tmp_path, COLUMNS=width)
    assert f"not prepared yet: moa prepare -b {toml}" in told.stdout.splitlines(), told.stderr


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
