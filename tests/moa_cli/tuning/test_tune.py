"""`moa tune` as a user meets it, and what `-c tuned` takes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.load.load import load_benchmark
from methods.contract.find import find_method, method_names
from moa_cli.runs.config import resolve
from moa_cli.runs.contestant import contestants
from moa_cli.runs.front import note_trials
from moa_cli.runs.record import read_record
from moa_cli.runs.tuned import read_tuning, tuning_file
from tests.kit.cli import environment, moa, refused
from tests.kit.runs import RECORD, make_tuning
from tests.kit.worlds import benchmark_in

TINY = ("-b", "tiny.toml", "-c", "ric.rounds=0", "-c", "ric.batch=32", "-c", "ric.offline_epochs=0.3")
RIC = ("tune", "-m", "ric", *TINY, "--trials", "2", "--jobs", "1")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which RiC was tuned, in a process that was killed in its second trial and one that went on."""
    folder = benchmark_in(tmp_path_factory.mktemp("tune"))
    process = subprocess.Popen(
        [sys.executable, "-m", "moa_cli", *RIC], cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    until, document = time.monotonic() + 280, folder / "runs/tiny/tuned/ric.json"
    while not document.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert document.exists(), process.communicate()[1]
    process.send_signal(signal.SIGKILL)
    process.wait()
    return folder


def test_a_killed_search_goes_on(place: Path) -> None:
    before = json.loads((place / "runs/tiny/tuned/ric.json").read_text())
    result = moa(*RIC, "--json", cwd=place)
    assert result.returncode == 0, result.stderr
    (found,) = json.loads(result.stdout)
    assert len(found["trials"]) == 2
    assert found["trials"][: len(before["trials"])] == before["trials"]
    assert found["trials"][0]["config"]["offline_epochs"] == 0.3
    assert found["best"] is not None
    assert "runs/tiny/tuned/ric.toml" in result.stderr
    again = moa(*RIC, cwd=place)
    assert "worker" not in again.stderr
    assert "of 2 trials" in again.stdout
    shown = moa("show", "tuned/ric", cwd=place)
    assert shown.stdout.splitlines()[:6] == again.stdout.splitlines()[:6]
    assert json.loads(moa("show", "tiny/tuned/ric", "--json", cwd=place).stdout)[0]["schema"] == "moa.tuning/1"
    best = found["trials"][found["best"]]
    (dev,) = (place / "runs/tiny" / best["run"]).glob("dev-*/front.json")
    assert json.loads(dev.read_text())["card"]["split"] == "dev"
    refused(moa("compare", cwd=place), "there is nothing to compare")


def test_what_was_tuned_is_taken_and_counted(place: Path) -> None:
    """The best was trained already, as a trial: only its front is measured, and that says how many trials it is of."""
    moa(*RIC, cwd=place)
    found = json.loads((place / "runs/tiny/tuned/ric.json").read_text())
    best = found["trials"][found["best"]]
    result = moa("compare", "-m", "ric,sft", "-b", "tiny.toml", "-c", "tuned", "--json", cwd=place)
    assert result.returncode == 0, result.stderr
    assert "ric: the best of 2 trials" in result.stderr
    assert "sft: not tuned" in result.stderr
    rows = {row["method"]: row for row in json.loads(result.stdout)["benchmarks"][0]["rows"]}
    assert rows["ric"]["config"] == best["config"]
    run = place / "runs/tiny" / best["run"]
    assert f"runs/tiny/{best['run']} is trained already" in result.stderr
    (front,) = run.glob("front-*/front.json")
    assert json.loads(front.read_text())["trials"] == 2
    assert json.loads((run / "run.json").read_text())["trials"] == 2
    toml = moa("train", "-m", "ric", "-b", "tiny.toml", "-c", "runs/tiny/tuned/ric.toml", "--dry-run", cwd=place)
    assert toml.stdout == "nothing to do\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("no method was named",)),
        (("-m", "sft"), ("sft has nothing to search", "Search(")),
        (
            ("-m", "mod"),
            ("mod has nothing to search", "trains what rewarded-soups trains", "moa tune -m rewarded-soups"),
        ),
        (("-m", "ric", *TINY, "--budget", "1000"), ("--budget 1000 does not pay for one trial of ric", "takes about")),
        (("-m", "ric", "--on", "reward,evaluator"), ("neither reward nor evaluator",)),
        (("-m", "ric", "-b", "tiny.toml,hh-rlhf-mini"), ("2 benchmarks",)),
        (("-m", "ric", "-c", "tuned"), ("no settings were tuned for ric on hh-rlhf-mini", "moa tune -m ric")),
        (("-m", "ric", "--seed", "0,1"), ("names 2 seeds",)),
        (("-m", "ric", "--max-kl", "inf"), ("Invalid value for '--max-kl'", "a finite number")),
        (("-m", "ric", "--budget", "inf"), ("Invalid value for '--budget'", "a finite number")),
    ],
)
def test_what_cannot_be_tuned(arguments: tuple[str, ...], words: tuple[str, ...], tmp_path: Path) -> None:
    refused(moa("tune", *arguments, cwd=benchmark_in(tmp_path)), *words)
    assert not (tmp_path / "runs").exists()


def test_an_evaluator_that_is_the_reward_decides_nothing(tmp_path: Path) -> None:
    place = benchmark_in(tmp_path)
    text = (place / "tiny.toml").read_text()
    text = text.replace("letters.py:words", "letters.py:long").replace("letters.py:consonants", "letters.py:vowels")
    (place / "tiny.toml").write_text(text)
    refused(moa("tune", "-m", "ric", *TINY, "--on", "evaluator", cwd=place), "no evaluators of its own")


def test_a_budget_that_pays_for_no_trial(place: Path) -> None:
    """As the first trial showed, where that was not to be foreseen."""
    (default, *_) = json.loads((place / "runs/tiny/tuned/ric.json").read_text())["trials"]
    budget = f"{0.9 * default['flops']:g}"
    result = moa(*RIC[:-4], "--trials", "5", "--budget", budget, cwd=place)
    assert result.returncode == 2
    assert f"--budget {budget} does not pay for one trial of ric" in result.stderr
    assert "worker" not in result.stderr, "what was tried is known, and nothing more is begun"


def test_tuned_settings_win_where_they_stand(tmp_path: Path) -> None:
    mini = load_benchmark("hh-rlhf-mini", home=tmp_path)
    for name, found in (("ric", {"batch": 7, "rounds": 1}), ("rewarded-soups", {"kl_coef": 0.5, "average": "factors"})):
        make_tuning(mini, name, found=found, trials=3).store(tuning_file(tmp_path, mini.name, name))

    def tuned(*items: str, methods: tuple[str, ...] = ("ric",), benchmarks: tuple[str, ...] = ("hh-rlhf-mini",)):
        return resolve(items, benchmarks, methods, data_dir=None, home=tmp_path)

    settings = tuned("tuned", "ric.batch=9", methods=("ric", "rewarded-soups", "mod", "sft"))
    ric, soups, mod = (settings.methods[name] for name in ("ric", "rewarded-soups", "mod"))
    assert (ric.batch, ric.rounds) == (9, 1)  # type: ignore[attr-defined]
    assert (soups.kl_coef, mod.kl_coef) == (0.5, 0.5), "MOD takes what its experts were tuned to"  # type: ignore[attr-defined]
    assert settings.tuned is not None
    assert {name: len(found.trials) for name, found in settings.tuned.items()} == {
        "ric": 3, "rewarded-soups": 3, "mod": 3,
    }  # fmt: skip
    assert tuned("ric.batch=9", "tuned").methods["ric"].batch == 7  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match="no settings were tuned for moslim"):
        tuned("tuned", methods=("ric", "moslim"))
    with pytest.raises(BadInput, match="with 2 benchmarks"):
        tuned("tuned", benchmarks=("hh-rlhf-mini", "reddit-summary-mini"))
    with pytest.raises(BadInput, match="ric was tuned on another hh-rlhf-mini"):
        tuned("tuned", "policy=scratch:0.3m")
    assert tuned("tuned", "eval_prompts=7").methods["ric"].batch == 7  # type: ignore[attr-defined]
    elsewhere = resolve([str(tmp_path)], ["hh-rlhf-mini"], ["ric"], data_dir=None, home=tmp_path / "runs")
    assert elsewhere.methods["ric"].batch == 7  # type: ignore[attr-defined]
    assert elsewhere.tuned is not None
    assert list(elsewhere.tuned) == ["ric"]
    path = tuning_file(tmp_path, mini.name, "ric")
    read_tuning(path).model_copy(update={"on": "scores"}).write(path)
    (run,) = contestants(tuned("tuned"), [0], home=tmp_path, data_dir=None)
    assert (run.trials, run.tuned_on) == (3, "scores")
    path.write_text("{")
    with pytest.raises(BadInput, match="cannot use"):
        tuned("tuned")


def test_what_was_tuned_wins_where_it_is_the_default_too(tmp_path: Path) -> None:
    mini = load_benchmark("hh-rlhf-mini", home=tmp_path)
    make_tuning(mini, "ric", found={"rounds": 2}).store(tuning_file(tmp_path, mini.name, "ric"))
    typed = ["ric.batch=9", "tuned", "ric.rounds=1"]
    settings = resolve(typed, ["hh-rlhf-mini"], ["ric"], data_dir=None, home=tmp_path)
    default = find_method("ric")()
    assert settings.methods["ric"] == replace(default, rounds=1)  # type: ignore[call-arg]


def test_what_was_tuned_of_a_method_that_has_changed_is_refused(tmp_path: Path) -> None:
    mini = load_benchmark("hh-rlhf-mini", home=tmp_path)
    make_tuning(mini, "ric", found={"tempo": 2}).store(tuning_file(tmp_path, mini.name, "ric"))
    with pytest.raises(BadInput, match="tuned: ric was tuned when it had tempo; moa tune again"):
        resolve(["tuned"], ["hh-rlhf-mini"], ["ric"], data_dir=None, home=tmp_path)


@pytest.mark.parametrize("best", [7, -1])
def test_a_best_trial_that_is_none_is_damage(best: int, tmp_path: Path) -> None:
    mini = load_benchmark("hh-rlhf-mini", home=tmp_path)
    path = tuning_file(tmp_path, mini.name, "ric")
    make_tuning(mini, "ric").model_copy(update={"best": best}).write(path)
    with pytest.raises(BadInput, match="cannot use") as refusal:
        resolve(["tuned"], ["hh-rlhf-mini"], ["ric"], data_dir=None, home=tmp_path)
    assert f"its best trial, {best}," in refusal.value.why


def test_all_methods_take_what_is_there(tmp_path: Path) -> None:
    mini = load_benchmark("hh-rlhf-mini", home=tmp_path)
    make_tuning(mini, "ric", found={"batch": 7}).store(tuning_file(tmp_path, mini.name, "ric"))
    settings = resolve(["tuned"], ["hh-rlhf-mini"], method_names(), data_dir=None, home=tmp_path)
    assert settings.tuned is not None
    assert list(settings.tuned) == ["ric"]


def test_each_benchmark_takes_what_was_tuned_on_it(tmp_path: Path) -> None:
    both = (("hh-rlhf-mini", 7), ("reddit-summary-mini", 9))
    for name, batch in both:
        mini = load_benchmark(name, home=tmp_path)
        make_tuning(mini, "ric", found={"batch": batch}).store(tuning_file(tmp_path / "found", name, "ric"))

    def folders(*typed: str) -> list[str]:
        result = moa("train", "-m", "ric", "--dry-run", *typed, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return [line.split()[-1] for line in result.stdout.splitlines() if line.startswith("train")]

    alone = [folder for name, batch in both for folder in folders("-b", name, "-c", f"batch={batch}")]
    assert len(set(alone)) == 2
    assert folders("-b", "hh-rlhf-mini,reddit-summary-mini", "-c", "found") == alone


def test_a_run_keeps_the_higher_number_of_trials(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "run.json")
    for trials, kept in ((0, 0), (12, 12), (0, 12), (6, 12)):
        note_trials(tmp_path, tmp_path / "front-00000000", trials, "rewards")
        assert read_record(tmp_path).trials == kept


def test_a_run_that_was_tuned_on_evaluators_once_stays_so(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "run.json")
    for on, kept in (("rewards", "rewards"), ("scores", "scores"), ("rewards", "scores")):
        note_trials(tmp_path, tmp_path / "front-00000000", 3, on)  # type: ignore[arg-type]
        assert read_record(tmp_path).tuned_on == kept
