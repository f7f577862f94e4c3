"""What commands take from the project file, what wins over it, what is told, and whose code runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from moa_cli.app import app
from moa_cli.runs.record import read_record
from moa_cli.runs.surroundings import note_taken, typed_command, whole_command
from tests.kit.cli import GET_COMMAND, moa, refused
from tests.kit.files import MY_BENCHMARK

PROJECT = """
benchmark = "hh-rlhf-mini"
method = ["sft", "ric"]
seed = [0, 1]
runs = "exp"
[config]
eval_prompts = 50
batch = 8
[config.ric]
rounds = 1
[config.modpo]
beta = 0.2
"""
HARM = 'from pathlib import Path\nPath("harm").touch()\n'
"""Code that can be seen to have run."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a project in it."""
    (tmp_path / "moa.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOA_RUNS", raising=False)
    monkeypatch.setenv("MOA_TAKEN", "")
    return tmp_path


def parsed(*words: str) -> dict[str, Any]:
    """The parameters of a command as it would be called."""
    command = GET_COMMAND(app).commands[words[0]]  # type: ignore[attr-defined]
    params: dict[str, Any] = command.make_context(words[0], list(words[1:])).params
    return params


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is told of a command to have been taken, without what it is from."""
    capsys.readouterr()
    parsed(*words)
    return capsys.readouterr().err.strip().removeprefix("from moa.toml: ")


SHARED = "--benchmark hh-rlhf-mini --seed 0,1 --runs exp --config eval_prompts=50"


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("train", f"{SHARED.replace('--seed', '--method sft,ric --seed')} --config batch=8 --config ric.rounds=1"),
        ("train -m sft --seed 3", SHARED.replace("--seed 0,1 ", "")),
        ("train -m modpo", f"{SHARED} --config batch=8 --config modpo.beta=0.2"),
        ("train -m spo --runs other --seed 0 -b hh-rlhf-mini", "--config eval_prompts=50 --config batch=8"),
        ("prepare", SHARED.replace("--seed 0,1 ", "")),
        ("tune -c eval_prompts=9 -c ric.rounds=2", "--benchmark hh-rlhf-mini --method ric --runs exp --config batch=8"),
        ("study kl -m modpo", f"{SHARED} --config batch=8 --config modpo.beta=0.2"),
        ("study retention", f"{SHARED} --config batch=8"),
        ("eval --pareto", "--benchmark hh-rlhf-mini --method sft,ric --runs exp"),
        ("eval --prompts", "--benchmark hh-rlhf-mini --runs exp --config eval_prompts=50"),
        ("compare -m paretohqd", f"{SHARED} --config batch=8"),
        ("compare", "--seed 0,1 --runs exp"),
        ("compare a/run", ""),
        ("claims", "--seed 0,1 --runs exp"),
        ("list runs", "--runs exp"),
        ("show ric", "--runs exp"),
        ("view", "--runs exp"),
        ("clean", "--runs exp"),
        ("doctor", ""),
        ("chat a/run", ""),
        ("export a/run out", ""),
    ],
)  # fmt: skip
def test_every_command_takes_what_it_needs(typed: str, taken: str, here, capsys) -> None:
    assert told(capsys, *typed.split()) == taken


def test_nothing_is_told_where_nothing_is_taken(here, capsys) -> None:
    (here / "moa.toml").write_text("")
    assert told(capsys, "train", "-m", "sft") == ""


def test_what_is_typed_wins_then_the_environment(here, monkeypatch) -> None:
    assert parsed("train")["seed"] == ["0,1"]
    assert parsed("train", "--seed", "2")["seed"] == ["2"]
    assert parsed("train")["runs"] == Path("exp")
    monkeypatch.setenv("MOA_RUNS", "mine")
    assert parsed("train")["runs"] == Path("mine")
    assert parsed("train", "--runs", "typed")["runs"] == Path("typed")


def test_settings_are_overridden_key_by_key(here) -> None:
    """Those of the file come first: of two for a key, the later acts."""
    given = parsed("train", "-m", "ric", "-c", "batch=4", "-c", "rounds=2")["config"]
    assert given == ["eval_prompts=50", "ric.rounds=1", "batch=4", "rounds=2"]


def test_a_setting_may_be_a_preset_or_a_list(here) -> None:
    (here / "moa.toml").write_text("[config]\npreset = 'laptop'\ngrid = [[1, 0], [0, 1]]\npolicy = 'scratch:1m'")
    assert parsed("train", "-m", "ric")["config"] == ["preset=laptop", "grid=[[1, 0], [0, 1]]", "policy=scratch:1m"]


def test_what_another_benchmark_cannot_have_is_not_taken(here, tmp_path: Path) -> None:
    """Which is typed: the file is about its own."""
    (tmp_path / "data").mkdir()
    (here / "moa.toml").write_text("""
        benchmark = "hh-rlhf"
        data-dir = "data"
        [config]
        eval_prompts = 20
        objectives = ["helpful", "harmless", "humor"]
        reward.steps = 5
        grid = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """)
    given = parsed("prepare", "-b", str(MY_BENCHMARK))
    assert given["data_dir"] is None
    assert given["config"] == ["eval_prompts=20"]
    (here / "moa.toml").write_text("""
        [config]
        objectives = ["helpful", "harmless", "humor"]
        reward.steps = 5
        grid = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """)
    assert len(parsed("prepare")["config"]) == len(parsed("prepare", "-b", "hh-rlhf-mini")["config"]) == 3
    assert parsed("prepare", "-b", str(MY_BENCHMARK))["config"] == ()


def test_preparations_that_are_typed_take_the_place_of_one_in_the_file(here) -> None:
    (here / "moa.toml").write_text("[config]\npreparation = 1\neval_prompts = 9")
    assert parsed("prepare")["config"] == ["preparation=1", "eval_prompts=9"]
    assert parsed("prepare", "--preparations", "0,1")["config"] == ["eval_prompts=9"]


def test_a_study_sets_what_it_goes_through(here) -> None:
    (here / "moa.toml").write_text('[config]\noptimizer = "grpo"\nprompts_per_step = 4')
    assert parsed("study", "optimizer")["config"] == ["prompts_per_step=4"]


def test_mistakes_in_settings_are_told_at_once_whatever_the_methods(here) -> None:
    (here / "moa.toml").write_text("""
        [config]
        preset = "laptopp"
        eval_promts = 3
        [config.ric]
        rounds = "two"
        [config.rik]
        rounds = 1
    """)
    refused(
        moa("train", "-m", "sft", cwd=here),
        "config in moa.toml: 4 mistakes",
        "preset=laptopp: there is no such preset (did you mean laptop?)",
        "eval_promts: there is no such setting, did you mean eval_prompts?",
        "ric.rounds: expected a whole number of at least 0, found 'two'",
        "rik.rounds: there is no such setting, did you mean ric.rounds?",
    )
    refused(moa("train", "-m", "rick", cwd=here), "there is no method 'rick'")  # not the file's mistake


def test_settings_of_a_method_of_ones_own_wait_for_it(here) -> None:
    (here / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom methods.sft import SFT as _\nfrom moa_cli import Method\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Mine(Method):\n    steering = 'none'\n    own: int = 1\n"
        "    '''Ours.'''\n    def train(self, benchmark, run): pass\n"
        "    def policy(self, benchmark, run, weights): return benchmark.prepared.policy\n"
    )
    (here / "moa.toml").write_text("method = ['sft', 'mine.py']\n[config.mine]\nown = 2")
    assert parsed("train")["config"] == ["mine.own=2"]
    assert parsed("train", "-m", "sft")["config"] == ()
    (here / "moa.toml").write_text("method = ['sft', 'mine.py']\n[config.mine]\nowm = 2")
    refused(moa("train", cwd=here), "config in moa.toml: 1 mistake", "mine.owm")


def test_looking_runs_no_code(here) -> None:
    """A folder from anybody may have a project: only who trains or measures in it runs what it names."""
    for name in ("mine.py", "bench.py"):
        (here / name).write_text(HARM)
    (here / "moa.toml").write_text('benchmark = "bench.py"\nmethod = "mine.py"\n[config.mine]\na = 1')
    for words in ("list", "show ric", "doctor", "compare", "claims", "clean --dry-run", "train --help", "--help"):
        moa(*words.split(), cwd=here)
        assert not (here / "harm").exists(), words
    parsed("view")
    assert not (here / "harm").exists()
    done = moa("--no-project", "train", "-m", "sft", "--dry-run", cwd=here)
    assert not (here / "harm").exists()
    assert done.returncode == 0, done.stderr
    moa("eval", "--pareto", cwd=here)
    assert (here / "harm").exists()


@pytest.mark.parametrize("name", ["bench.py", "bench.py/.", "bench.py,a", "a, bench.py"])
def test_a_name_is_not_taken_for_a_file(name: str, here) -> None:
    """What looks takes the name of a benchmark, whatever an archive has called it, and has folders for."""
    (here / "bench.py").write_text(HARM)
    (here / "exp" / name).mkdir(parents=True)
    (here / "shop.toml").write_text(f"name = '{name}'")
    for benchmark in ("shop.toml", "bench.py"):
        (here / "moa.toml").write_text(f"benchmark = '{benchmark}'\nruns = 'exp'")
        assert parsed("compare")["benchmark"] == ()
        moa("compare", "--ceiling", cwd=here)
        assert not (here / "harm").exists()


def test_the_code_that_runs_is_named(here) -> None:
    (here / "mine.py").write_text("")
    (here / "moa.toml").write_text('method = "mine.py"')
    refused(moa("train", cwd=here), "from moa.toml: --method mine.py", "mine.py defines 0 methods")


def test_compare_alone_looks_at_what_is_there(own: Path) -> None:
    """The file chooses folder, benchmark and seeds; it has nothing trained. stdout is the table alone."""
    plain = moa("compare", cwd=own)
    (own / "moa.toml").write_text("""
        benchmark = ["tiny.toml", "hh-rlhf"]
        method = ["sft", "spo"]
        seed = [0, 1]
        runs = "runs"
        data-dir = "is/elsewhere"
        [config]
        no_such = 1
    """)
    done = moa("compare", "-o", "new.json", cwd=own)
    assert done.returncode == 0, done.stderr
    assert done.stdout == plain.stdout
    assert done.stderr.startswith("from moa.toml: --benchmark tiny --seed 0,1 --runs runs\n")
    command = json.loads((own / "new.json").read_text())["command"]
    assert command == "moa --no-project compare --benchmark tiny --seed 0,1 --runs runs -o new.json"
    shown = moa("compare", "new.json", cwd=own)  # would be refused with -b
    assert shown.returncode == 0, shown.stderr
    assert "from moa.toml" not in shown.stderr


def test_the_record_holds_the_command_that_acted(own: Path) -> None:
    """Without the file it finds the same run again, and with another file, too."""
    (own / "moa.toml").write_text("""
        benchmark = "tiny.toml"
        method = "sft"
        seed = 7
        [config]
        eval_prompts = 5
        [config.ric]
        rounds = 3
    """)
    below = own / "below"
    below.mkdir()
    made = moa("train", "--json", cwd=below)
    assert made.returncode == 0, made.stderr
    [run] = json.loads(made.stdout)
    record = read_record(below / run["path"])
    words = "--benchmark ../tiny.toml --method sft --seed 7 --config eval_prompts=5"
    assert record.command == f"moa --no-project train {words} --json"
    (own / "moa.toml").write_text("seed = 9\n[config]\neval_prompts = 2")
    again = moa(*shlex.split(record.command)[1:], cwd=below)
    assert [(one["path"], one["status"]) for one in json.loads(again.stdout)] == [(run["path"], "done")]
    shown = json.loads(moa("show", run["path"], "--reproduce", "--json", cwd=below).stdout)
    assert shown["command"].endswith(record.command)
    assert " moa --no-project train -m sft -b " in shown["recorded"]


def test_a_command_without_a_project_is_recorded_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOA_TAKEN", "")
    monkeypatch.setattr("sys.argv", ["moa", "train", "-m", "my method.py"])
    assert whole_command() == typed_command() == "moa train -m 'my method.py'"
    note_taken(["--config", "hub.token=abc"])
    assert whole_command() == "moa --no-project train --config 'hub.token=***' -m 'my method.py'"
    assert typed_command() == "moa train -m 'my method.py'"
