"""Which fronts a comparison is about: nothing that was asked for goes missing without a word."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.common.atomic import write_text
from benchmarks.common.errors import BadInput
from benchmarks.common.python import code_content
from benchmarks.measure.front import Front
from benchmarks.measure.front_files import read_front
from moa_cli.app import app
from moa_cli.commands.common.facts import run_rows
from moa_cli.commands.common.typed import folder_names, trained_folders
from moa_cli.comparisons import select
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.select import found_fronts, named_fronts, run_of
from moa_cli.runs.record import GIVEN
from tests.kit.documents import rewritten
from tests.kit.fronts import damage_an_answer, make_card, other_card, save
from tests.kit.runs import record_with

FRONT = "front-0123abcd"


def measured(home: Path, method: str, seed: int, benchmark: str = "toy", version: str = "1") -> Path:
    """A measured run."""
    folder = home / benchmark / method / f"0-s{seed}"
    save(folder / FRONT, other_card(make_card(prompts=4), benchmark=benchmark, version=version))
    rewritten(folder / FRONT / "front.json", lambda front: front.update(method=method, seed=seed))
    record_with(method=method, seed=seed).write(folder / "run.json")
    return folder


def asked(home: Path, benchmarks: tuple[str, ...] = (), seeds: tuple[int, ...] = ()) -> tuple[list[str], list[str]]:
    """What is found, and what is said."""
    said: list[str] = []
    found = found_fronts(home, benchmarks, seeds, (), said.append)
    return [name(front) for front in found], said


def also_on(run: Path, prompts: int, when: int, benchmark: str = "toy") -> Path:
    """Another front of a run, on so many prompts, measured at some time."""
    place = run / f"front-{prompts:08x}"
    save(place, other_card(make_card(prompts=prompts), benchmark=benchmark), prompts=prompts)
    told = (run / FRONT / "front.json").read_text()
    method, seed = json.loads(told)["method"], json.loads(told)["seed"]
    rewritten(place / "front.json", lambda front: front.update(method=method, seed=seed))
    os.utime(place / "front.json", (when, when))
    return place


def at(run: Path, when: int) -> Path:
    """The run, its front measured at some time."""
    os.utime(run / FRONT / "front.json", (when, when))
    return run


def prompts_of(fronts: list[Front]) -> list[tuple[str, int]]:
    return [(front.method, front.card.prompts) for front in fronts]


def name(front: Front) -> str:
    return f"{front.card.benchmark} {front.method} {front.seed}"


def test_all_measured_runs_are_found(tmp_path: Path) -> None:
    for seed in (1, 11):
        measured(tmp_path, "soup", seed)
    measured(tmp_path, "soup", 1, "other")
    assert asked(tmp_path) == (["other soup 1", "toy soup 1", "toy soup 11"], [])
    assert asked(tmp_path, ("toy",)) == (["toy soup 1", "toy soup 11"], [])
    assert asked(tmp_path, ("toy",), (1,)) == (["toy soup 1"], [])


def test_a_seed_or_benchmark_that_lacks_is_told(tmp_path: Path) -> None:
    for seed in (0, 1):
        measured(tmp_path, "soup", seed)
    measured(tmp_path, "soup", 0, "other")
    found, said = asked(tmp_path, (), (0, 1, 7))
    assert found == ["other soup 0", "toy soup 0", "toy soup 1"]
    assert said == ["no run on other at seeds 1, 7 is measured", "no run on toy at seed 7 is measured"]
    assert asked(tmp_path, ("toy", "third"))[1] == ["no run on third is measured"]
    with pytest.raises(BadInput, match="nothing to compare .* on toy at seed 7"):
        asked(tmp_path, ("toy",), (7,))


def test_what_is_damaged_or_unfinished_does_not_stop_the_others(tmp_path: Path) -> None:
    whole = measured(tmp_path, "soup", 0)
    for seed, file in ((1, f"{FRONT}/front.json"), (2, f"{FRONT}/w-001.parquet")):
        (measured(tmp_path, "soup", seed) / file).write_bytes(b"{")
    for seed, status in ((3, "trained"), (4, "training")):
        record_with(seed=seed, status=status).write(tmp_path / "toy" / "soup" / f"0-s{seed}" / "run.json")
    write_text(tmp_path / "toy" / "soup" / "0-s5" / "run.json", "{")
    found, said = asked(tmp_path)
    assert found == ["toy soup 0"]
    expected = ["front.json;", "w-001.parquet;", "not measured", "not trained to its end", "run.json;"]
    assert len(said) == len(expected)
    for seed, (line, word) in enumerate(zip(sorted(said, key=lambda s: s.split("0-s")[1]), expected, strict=True), 1):
        assert line.startswith("left out: ")
        assert word in line
        assert f"0-s{seed}" in line
    (whole / "run.json").write_text("{")
    assert asked(tmp_path, (), (0,))[0] == ["toy soup 0"], "a comparison needs no run.json"


def test_what_is_damaged_in_an_answer_alone_is_left_out_too(tmp_path: Path) -> None:
    """Its numbers are as they were: the report would stop at it."""
    measured(tmp_path, "soup", 0)
    path = measured(tmp_path, "soup", 1) / FRONT / "w-001.parquet"
    damage_an_answer(path)
    found, said = asked(tmp_path)
    assert found == ["toy soup 0"]
    assert [line.split(";")[0] for line in said] == [f"left out: cannot use {path}"]


def test_many_runs_that_are_not_measured_are_told_in_two_lines(tmp_path: Path) -> None:
    measured(tmp_path, "soup", 0)
    for seed in range(1, 9):
        record_with(seed=seed, status="trained").write(tmp_path / "toy" / "soup" / f"0-s{seed}" / "run.json")
    found, said = asked(tmp_path)
    assert found == ["toy soup 0"]
    assert [line.split(" runs ")[0] for line in said[1:]] == ["left out: 7 more"]
    assert "0-s1 is trained but not measured" in said[0]


def test_only_fronts_under_the_newest_card_are_found(tmp_path: Path) -> None:
    old, older = measured(tmp_path, "soup", 0, version="1"), measured(tmp_path, "sft", 0, version="1")
    measured(tmp_path, "soup", 1, version="2")
    for run in (old, older):
        os.utime(run / FRONT / "front.json", (1, 1))
    found, (said,) = asked(tmp_path)
    assert found == ["toy soup 1"]
    assert said.startswith("left out: 2 runs on toy, measured under another scale card: moa compare ")
    named = shlex.split(said)[said.split().index("compare") + 1 : -2]
    assert {*named} == {str(old), str(older)}
    assert len(named_fronts([*map(Path, named)])) == 2


def test_a_run_that_is_removed_while_it_is_read_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a command with --restart beside this one, once its front is read."""
    gone, read = measured(tmp_path, "soup", 0), select.read_measured
    measured(tmp_path, "sft", 0)

    def read_and_removed(folder: Path) -> Front:
        front = read(folder)
        if folder.parent == gone:
            shutil.rmtree(gone)
        return front

    monkeypatch.setattr(select, "read_measured", read_and_removed)
    found, _ = asked(tmp_path)
    assert "toy sft 0" in found


def test_what_is_named_must_be_a_run(tmp_path: Path) -> None:
    folder = measured(tmp_path, "soup", 0)
    (front,) = named_fronts([folder])
    assert run_of(front) == folder
    (tmp_path / "file").write_text("")
    for none in (tmp_path / "toy", tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(BadInput, match="there is no run"):
            named_fronts([none])
    (tmp_path / "all.json").write_text("{}")
    with pytest.raises(BadInput, match="is a saved comparison, and no run") as refusal:
        named_fronts([folder, tmp_path / "all.json"])
    assert f"--baseline {tmp_path / 'all.json'}" in refusal.value.fix
    with pytest.raises(BadInput, match="is a file"):
        asked(tmp_path / "file")


def test_benchmarks_are_known_by_name_or_by_their_runs(tmp_path: Path) -> None:
    measured(tmp_path, "soup", 0)
    assert folder_names(["toy,hh-rlhf-mini"], tmp_path) == ["toy", "hh-rlhf-mini"]
    with pytest.raises(BadInput, match="did you mean hh-rlhf-mini"):
        folder_names(["hh-rlhf-mni"], tmp_path)


def test_runs_that_cannot_be_used_are_not_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, broken = measured(tmp_path, "soup", 0), measured(tmp_path, "soup", 1)
    (broken / "run.json").write_text("{")
    assert trained_folders([], [], tmp_path) == [folder]
    told = capsys.readouterr().err.replace("\n", "")
    assert "left out: cannot use" in told
    assert "1 trained runs" in told


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["RUN", "--seed", "5"], "--seed was given with"),
        (["RUN", "-b", "toy"], "-b was given with"),
        (["a.json", "-b", "toy"], "-b was given with"),
        (["--data-dir", "."], "--data-dir was given without -m"),
        (["-c", "rounds=1"], "-c was given without -m"),
        (["-c", "rounds=1", "-c", "eval_prompts=10"], "-c was given without -m"),
        (["-c", "eval_prompts=few"], "eval_prompts=few is no number of prompts"),
        (["--tolerance", "2%"], "--tolerance was given without --baseline"),
    ],
)
def test_options_that_would_do_nothing_are_refused(arguments: list[str], word: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["compare", "--runs", str(tmp_path), *arguments])
    assert isinstance(done.exception, BadInput)
    assert word in done.exception.what


def test_runs_of_earlier_code_are_left_out_or_rows_of_their_own(tmp_path: Path) -> None:
    """Edited after three seeds and run again at one: the new one stands alone, whatever is measured last."""
    for seed in (0, 1, 2):
        measured(tmp_path, "mine", seed)
    new = measured(tmp_path, "mine", 0)
    moved = new.with_name("1-s0")
    new.rename(moved)
    old = measured(tmp_path, "mine", 0)
    for folder, when in ((old, 100), (moved, 200)):
        os.utime(folder / "run.json", (when, when))
    for seed in (1, 2):
        os.utime(tmp_path / "toy" / "mine" / f"0-s{seed}" / "run.json", (90, 90))
    said: list[str] = []
    assert [run_of(front) for front in found_fronts(tmp_path, (), (), (), said.append)] == [moved]
    left = [f"left out: {old.with_name(f'0-s{seed}')}, an earlier mine" for seed in (0, 1, 2)]
    assert [line.partition(": --")[0] for line in said] == left
    all_ = found_fronts(tmp_path, (), (), (), said.append, earlier=True)
    assert [(front.method, front.seed) for front in all_] == [("mine", 0), *(("mine (earlier)", s) for s in (0, 1, 2))]
    with pytest.raises(BadInput, match=f"seed 0 of mine is there twice: {old} and {moved}|{moved} and {old}"):
        compare(named_fronts([old, moved]))


def test_answers_from_elsewhere_have_a_folder_for_every_seed(tmp_path: Path) -> None:
    """So folders of several names are no earlier code, but of one seed: an earlier file."""
    for seed, folder in ((0, "0-s0"), (1, "1-s1"), (1, "2-s1")):
        made = measured(tmp_path, "theirs", seed)
        rewritten(made / FRONT / "front.json", lambda told: told.update(steering=GIVEN))
        if made.name != folder:
            made.rename(made.with_name(folder))
        os.utime(made.with_name(folder) / "run.json", (int(folder[0]),) * 2)
    said: list[str] = []
    found = found_fronts(tmp_path, (), (), (), said.append)
    assert sorted(run_of(front).name for front in found) == ["0-s0", "2-s1"]
    assert len(said) == 1


def test_a_quick_look_takes_no_comparisons_place(tmp_path: Path) -> None:
    """At fewer prompts, whenever: it is left out, with what shows it. The list of runs shows what is compared. Without
    the fuller front the quick one counts."""
    for method in ("soup", "other"):
        at(measured(tmp_path, method, 0), 100)
    quick = also_on(tmp_path / "toy" / "soup" / "0-s0", 2, 200)
    said: list[str] = []
    assert prompts_of(found_fronts(tmp_path, (), (), (), said.append)) == [("other", 4), ("soup", 4)]
    assert said == [f"left out: {quick}, measured on 2 prompts: -c eval_prompts=2 of moa compare shows such"]
    assert prompts_of(found_fronts(tmp_path, (), (), (), said.append, prompts=2)) == [("soup", 2)]
    with pytest.raises(BadInput, match="no run is measured on 3 prompts") as refusal:
        found_fronts(tmp_path, (), (), (), said.append, prompts=3)
    assert refusal.value.why == "there are fronts on 2, 4"
    shown = {row.path: row.hypervolume for row in run_rows(tmp_path)}
    assert shown[str(quick.parent)] == read_front(quick.parent / FRONT).hypervolume("scores")
    shutil.rmtree(quick.parent / FRONT)
    shutil.rmtree(tmp_path / "toy" / "other")
    assert prompts_of(found_fronts(tmp_path, (), (), (), said.append)) == [("soup", 2)]


def test_neither_does_one_row_on_more_prompts(tmp_path: Path) -> None:
    """A table of one row compares nothing; of two it does. Several seeds of a method are one row."""
    soup, other = (at(measured(tmp_path, method, 0), 100) for method in ("soup", "other"))
    for seed in (0, 1):
        also_on(at(measured(tmp_path, "soup", seed), 100), 8, 200)
    assert {count for _, count in prompts_of(found_fronts(tmp_path, (), (), (), [].append))} == {4}
    also_on(other, 8, 150)
    assert {count for _, count in prompts_of(found_fronts(tmp_path, (), (), (), [].append))} == {8}
    assert soup.exists()


def test_more_prompts_of_data_that_have_changed_count_no_more(tmp_path: Path) -> None:
    """The benchmark was edited and has fewer test prompts: its newest run counts, whose units may be the same."""
    old, other = (measured(tmp_path, method, 0) for method in ("soup", "other"))
    for run, name in ((old, "old"), (other, "new")):
        record = record_with(method=run.parent.name, seed=0)
        record.model_copy(update={"benchmark": record.benchmark.model_copy(update={"identity": name})}).write(
            run / "run.json"
        )
    for run in (old, other):
        at(run, 100)
    also_on(other, 2, 200)
    shutil.rmtree(other / FRONT)
    assert prompts_of(found_fronts(tmp_path, (), (), (), [].append)) == [("other", 2)]


def test_named_runs_stand_for_fronts_that_they_all_have(tmp_path: Path) -> None:
    """Of those on most prompts; or on as many as were asked for."""
    soup, other = (at(measured(tmp_path, method, 0), 100) for method in ("soup", "other"))
    also_on(soup, 8, 300)
    quick = [also_on(run, 2, 200) for run in (soup, other)]
    assert prompts_of(named_fronts([soup, other])) == [("soup", 4), ("other", 4)]
    assert prompts_of(named_fronts([soup])) == [("soup", 8)]
    assert prompts_of(named_fronts([soup, other], 2)) == [("soup", 2), ("other", 2)]
    assert prompts_of(named_fronts([soup, quick[1]])) == [("soup", 2), ("other", 2)]
    with pytest.raises(BadInput, match=f"{other} was not measured on 8 prompts"):
        named_fronts([other], 8)


def test_what_makes_two_fronts_comparable_can_be_typed(tmp_path: Path) -> None:
    """It names the benchmark as the record does, and its store: not by the name that its file gives it."""
    soup, other = (measured(tmp_path, method, 0) for method in ("soup", "other"))
    few = also_on(soup, 2, 200)
    with pytest.raises(BadInput, match="cannot be compared") as refusal:
        compare(named_fronts([few, other]))
    assert refusal.value.why == "one was measured on 2 test prompts and the other on 4"
    making = f"-m soup -b b -c {soup}/run.json --seed 0 --runs {tmp_path}"
    assert refusal.value.fix == f"moa compare {making} -c eval_prompts=4; then moa compare {soup} {other}"
    newer = measured(tmp_path, "third", 0, version="2")
    at(soup, 100)
    with pytest.raises(BadInput, match="differ in version") as refusal:
        compare(named_fronts([soup / FRONT, newer]))
    assert refusal.value.fix.endswith(f"as its benchmark is now: moa train {making}")


def test_what_is_not_measured_says_what_can_be_typed(tmp_path: Path) -> None:
    """A method in a file is named; one that was edited since would answer in place of the one that was trained."""
    measured(tmp_path, "soup", 0)
    file, run = tmp_path / "mine.py", tmp_path / "toy" / "mine" / "0-s0"
    file.write_text("x = 1\n")
    record = record_with(method=str(file), code=code_content("x = 1"), seed=0)
    record.write(run / "run.json")
    _, (said,) = asked(tmp_path)
    assert said == f"left out: {run} is trained but not measured; moa eval {run} --pareto -m {file}"
    file.write_text("x = 2\n")
    _, (said,) = asked(tmp_path)
    assert said.startswith(f"left out: {run} is not measured, and was trained by earlier code of {file}; train again: ")
    record.model_copy(update={"status": "training"}).write(run / "run.json")
    _, (said,) = asked(tmp_path)
    assert said.endswith(f"it goes on with: moa train -m {file} -b b -c {run}/run.json --seed 0 --runs {tmp_path}")
