"""Which of the runs that are there a command is about, where nobody named any."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.common.errors import BadInput
from benchmarks.common.identity import plain
from benchmarks.load.load import load_benchmark
from benchmarks.spec.description import REVISION
from methods.contract.find import find_method
from moa_cli.commands.common.alone import one_run
from moa_cli.commands.common.facts import run_rows
from moa_cli.commands.common.measured import Doing, measure_runs, score_again
from moa_cli.commands.common.pages import RunsTable
from moa_cli.jobs.ceiling import Member, as_trained
from moa_cli.jobs.work import RunAddress, as_named
from moa_cli.runs.config import Source, as_config
from moa_cli.runs.contestant import stored_contestant
from moa_cli.runs.folders import run_folder
from moa_cli.runs.record import GIVEN, RecordedBenchmark, measured_again, read_record
from tests.kit.cli import moa
from tests.kit.documents import rewritten
from tests.kit.runs import record_with
from tests.kit.worlds import METHODS

METHOD = '''"""Ours."""
from dataclasses import dataclass
from moa_cli import Method

@dataclass(frozen=True, kw_only=True)
class Ours(Method):
    """Nothing."""
    steering = "none"

    def train(self, benchmark, run): ...
    def policy(self, benchmark, run, weights): return benchmark.prepared.policy
'''


def trained(
    home: Path, name: str, seed: int = 0, *, source: str = "hh-rlhf-mini", options: dict[str, Any] | None = None,
    **config: Any,
) -> Path:  # fmt: skip
    """The record of a trained run."""
    method, benchmark = find_method(name)(**config), load_benchmark("hh-rlhf-mini", home=home)
    folder = run_folder(benchmark, method, seed)
    named = RecordedBenchmark.of(benchmark, Source(source, home, options=options or {}))
    record = record_with(
        method=name, steering=method.steering, benchmark=named, seed=seed, config=plain(as_config(method)),
        trained_at=method.points(benchmark),
    )  # fmt: skip
    record.write(folder / "run.json")
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The runs and weights that were asked for; nothing is done."""
    points: list[Any] = []
    monkeypatch.setattr("moa_cli.commands.common.measured.pointing_jobs", lambda pairs: points.extend(pairs) or [])
    return points


def test_runs_that_retrain_are_left_out_at_weights_of_no_training(
    tmp_path: Path, asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """And said to be; the others answer. Where such a run is named, or no run is left, that is refused."""
    one, *_ = [trained(tmp_path, "modpo", seed) for seed in (0, 1)]
    with pytest.raises(BadInput, match="modpo was not trained for these weights"):
        measure_runs([], [], tmp_path, Doing(), "0.3,0.7")
    trained(tmp_path, "ric")
    capsys.readouterr()
    measure_runs([], [], tmp_path, Doing(), "0.3,0.7")
    assert [(run.folder.parent.name, weights) for run, weights in asked] == [("ric", (0.3, 0.7))]
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("left out")]
    assert told.startswith("left out (2 runs): modpo was not trained for these weights; one of: 1,0")
    with pytest.raises(BadInput, match="modpo was not trained for these weights"):
        measure_runs([one], [], tmp_path, Doing(), "0.3,0.7")


@pytest.mark.parametrize("again", [False, True])
def test_a_broken_benchmark_is_told_once(again: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However many runs were made on it, with what is wrong in it."""
    broken = tmp_path / "broken.toml"
    broken.write_text("polcy = 'scratch:1m'\n")
    for seed in range(3):
        trained(tmp_path, "sft", seed, source=str(broken))
    if again:
        score_again([], [], tmp_path, Doing())
    else:
        with pytest.raises(BadInput, match="no run in .* can be measured"):
            measure_runs([], [], tmp_path, Doing(), None)
    told = capsys.readouterr().err
    assert told.count("left out") == told.count("left out (3 runs): ") == 1
    assert "did you mean policy?" in told


@pytest.mark.parametrize("revision", [None, REVISION - 1, REVISION])
def test_a_run_of_an_earlier_version_is_told_so(revision: int | None, tmp_path: Path) -> None:
    """Its record says which revision prepared its benchmark, or is of a time when none did. One of this version, whose
    benchmark is another all the same, is told that."""
    folder = trained(tmp_path, "sft")
    named = read_record(folder).benchmark
    other = {"identity": "other", "training_identity": "other", "revision": revision}
    record_with(benchmark=named.model_copy(update=other)).write(folder / "run.json")
    with pytest.raises(BadInput) as caught:
        stored_contestant(folder)
    lines = str(caught.value).splitlines()
    if revision == REVISION:
        assert lines[0] == f"benchmark hh-rlhf-mini is no longer what {folder} was trained on"
    else:
        assert lines == [
            f"{folder} was prepared by an earlier version of moa",
            "how the data of hh-rlhf-mini are split, or what is made of them, has changed since",
            f"train again: moa train -m sft -b hh-rlhf-mini -c {folder}/run.json --seed 3 --runs {tmp_path}",
        ]


def test_runs_are_listed_with_what_was_set_for_them(tmp_path: Path) -> None:
    """In a line each, where there is no more room cut short; answers made elsewhere were scored, and not trained."""
    trained(tmp_path, "ric")
    trained(tmp_path, "ric", rounds=1, keep="quantile", options={"sampling.top_p": 1})
    other = trained(tmp_path, "sft")
    record_with(steering=GIVEN, method="GPT").write(other / "run.json")
    rows = run_rows(tmp_path)
    told = [(row.status, row.settings) for row in rows]
    changed = {"sampling.top_p": 1, "rounds": 1, "keep": "quantile"}
    assert sorted(told[:2], key=lambda row: len(row[1])) == [("trained", {}), ("trained", changed)]
    assert told[2] == ("scored", {})
    assert all(row.size > 0 and 0 <= row.age < 600 and row.hypervolume is None for row in rows)
    relative = [row.model_copy(update={"path": str(Path(row.path).relative_to(tmp_path))}) for row in rows]
    failed = relative[0].model_copy(update={"status": "failed: no reward today"})
    shown = {}
    for width in (160, 85, 80, 60, 20):
        screen = io.StringIO()
        Console(file=screen, width=width).print(RunsTable([*relative, failed]), crop=False)
        head, *lines = shown[width] = screen.getvalue().splitlines()
        assert len(lines) == 2 + len(rows), "a line each, and one for the reason"
        assert all(row.path in told for row, told in zip(relative, lines, strict=False)), "no path is broken"
        assert lines[-1].strip() == "no reward today"
        assert width == 20 or max(map(len, [head, *lines])) <= width
    assert shown[160][0].split() == ["run", "status", "HV", "size", "age", "settings"]
    assert shown[20][0].split() == ["run", "status"]
    assert any(line.endswith("sampling.top_p=1 rounds=1 keep=quantile") for line in shown[160])
    assert any(line.endswith("…") for line in shown[85])


def test_no_runs_are_none() -> None:
    screen = io.StringIO()
    Console(file=screen, width=80).print(RunsTable([]))
    assert screen.getvalue() == "none\n"


@pytest.fixture
def edited(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A method's file whose code has changed, the run that it trained before, and one that it trained since."""
    file = tmp_path / "ours.py"
    file.write_text(METHOD)
    before = trained(tmp_path / "runs", str(file))
    file.write_text(METHOD.replace("run): ...", "run): pass"))
    return file, before, trained(tmp_path / "runs", str(file))


def test_no_policy_is_made_by_code_that_did_not_train_it(edited: tuple[Path, Path, Path]) -> None:
    """Whatever uses the policy of a run refuses one of earlier code, and says how it is trained again: measuring,
    export, chat, a ceiling. Comments make no other code; restored, the file answers again."""
    file, before, since = edited
    home, command = before.parents[2], f"moa train -m {file} -b hh-rlhf-mini -c {before}/run.json --seed 0"
    for point in (None, "1,0"):
        with pytest.raises(BadInput, match=f"{before} was trained by earlier code of {file}") as refusal:
            measure_runs([before], [], home, Doing(), point, named=[file])
        assert refusal.value.fix == f"train again: {command} --runs {home}; or restore the file as it was"
    with pytest.raises(BadInput, match="earlier code"):
        one_run(before, [str(file)], None)
    with pytest.raises(BadInput, match="earlier code"):
        as_trained(Member(method=str(file), config={}, front=before / "front-01234567", weights=(1.0, 0.0)))
    assert one_run(since, [str(file)], None).folder == since
    file.write_text(f"# edited\n{METHOD}")
    assert one_run(before, [str(file)], None).folder == before


def test_runs_of_earlier_code_are_not_measured(
    edited: tuple[Path, Path, Path], asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    file, before, since = edited
    measure_runs([], [], before.parents[2], Doing(), "0.5,0.5", named=[file])
    assert [run.folder for run, _ in asked] == [since]
    assert f"left out: {before} was trained by earlier code" in capsys.readouterr().err.replace("\n", " ")


def test_a_job_notices_that_its_method_was_edited_while_it_waited(edited: tuple[Path, Path, Path]) -> None:
    file, before, since = edited
    benchmark = load_benchmark("hh-rlhf-mini", home=before.parents[2])
    with pytest.raises(BadInput, match="has changed since the command began"):
        as_named(benchmark, RunAddress(str(file), {}, 0, before))
    assert as_config(as_named(benchmark, RunAddress(str(file), {}, 0, since))) == {}


def test_a_command_that_measures_names_the_files_that_it_runs(
    edited: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method in a file, a benchmark in one; from the folder in which it is typed. For answers that were made
    elsewhere it is what took them in."""
    file, _, since = edited
    monkeypatch.chdir(file.parent)
    record = read_record(since)
    assert (
        record.evaluating(since.relative_to(file.parent))
        == f"moa eval {since.relative_to(file.parent)} --pareto -m ours.py"
    )
    toml = record.benchmark.model_copy(update={"source": str(file.parent / "my shop.toml")})
    told = record.model_copy(update={"benchmark": toml, "method": "sft"}).evaluating(since)
    assert told.endswith("--pareto -b 'my shop.toml'")
    given = record.model_copy(update={"steering": GIVEN, "command": "moa eval --responses a.jsonl"})
    assert given.evaluating(since) == "moa eval --responses a.jsonl"
    assert measured_again(file.parent) == f"moa eval {file.parent} --pareto"


def test_a_run_that_does_not_say_what_it_took_is_done(own: Path) -> None:
    """As one whose record somebody shortened."""
    for path in own.glob("runs/tiny/*/*/run.json"):
        rewritten(path, lambda record: record.update(cost={}))
    done = moa("train", *METHODS, "-b", "tiny.toml", cwd=own)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1:] for line in done.stdout.splitlines()] == [["done"]] * 2
