"""The command line as a user meets it: a process with arguments, streams and an exit code."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console, RenderableType

from benchmarks import BadInput, Benchmark, TrainedReward, option_names, read_front
from methods import find_method
from moa_cli import pages, plan, show, steps, store
from moa_cli.app import study
from moa_cli.job import Job, Outcome, Source
from moa_cli.plan import Contestant

ROOT = Path(__file__).parents[1]
TOML = """
policy = "scratch:0.3m"
eval_prompts = 6
grid = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
[data]
path = "rows.jsonl"
format = "answers"
test_share = 0.3
[[objectives]]
name = "long"
reward = { function = "letters.py:long" }
evaluator = { function = "letters.py:words" }
[[objectives]]
name = "round"
reward = { function = "letters.py:vowels" }
evaluator = { function = "letters.py:consonants" }
[sampling]
max_new_tokens = 8
[scratch]
vocabulary = 150
pretrain_steps = 2
sft_steps = 1
batch = 4
"""
LETTERS = '''
import os, signal, time

def long(prompts, responses):
    """Told by the environment, it fails, dies or dawdles as real rewards do."""
    trouble = os.environ.get("TROUBLE")
    if trouble == "raise":
        raise RuntimeError("no reward today")
    if trouble == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if trouble == "dawdle":
        time.sleep(600)
    return [float(len(r)) for r in responses]

def words(prompts, responses):
    return [len(r.split()) + len(r) / 9 for r in responses]

def vowels(prompts, responses):
    return [float(sum(c in "aeiou" for c in r.lower())) for r in responses]

def consonants(prompts, responses):
    return [-float(sum(c in "rstln" for c in r.lower())) for r in responses]
'''
METHODS = ("-m", "sft,ric", "-c", "ric.rounds=0", "-c", "offline_epochs=0.1", "-c", "batch=4")


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("MOA_RUNS", "LOCAL_RANK")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"} | more


def moa(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "moa_cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=300)


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2, nothing on stdout, three labelled lines on stderr, no traceback."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    labels = [line.split(" ")[0] for line in lines if re.match(r"(error|why|try): ", line)]
    assert labels == ["error:", "why:", "try:"]
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return benchmark_in(tmp_path_factory.mktemp("cli"))


def benchmark_in(folder: Path) -> Path:
    """The folder, with a benchmark that trains in a second: its rewards are letter counts."""
    (folder / "tiny.toml").write_text(TOML)
    (folder / "letters.py").write_text(LETTERS)
    rows = [{"prompt": f"Say number {i} aloud.", "response": f"It is {i}, and then comes {i + 1}."} for i in range(40)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def contest(place: Path) -> Path:
    """The folder after a whole contest of two methods."""
    result = moa("compare", *METHODS, "-b", "tiny.toml", "-o", "table.md", "-o", "saved.json", cwd=place)
    assert result.returncode == 0, result.stderr
    assert "tiny@1" in result.stdout
    assert "2 workers" in result.stderr or "1 worker" in result.stderr
    return place


# Without any run


@pytest.mark.parametrize("command", ["", "prepare", "train", "eval", "compare", "study", "claims", "list", "show"])
def test_help(command: str, tmp_path: Path) -> None:
    result = moa(*command.split(), "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "Usage: moa" in result.stdout
    words = " ".join(result.stdout.replace("│", " ").split())
    if command in ("train", "study"):
        assert "[default: 0]" in words  # rich takes brackets for markup
    if command in ("prepare", "train", "study"):
        assert "[default: hh-rlhf-mini]" in words
    if command in ("eval", "compare", "claims"):
        assert "[default: hh-rlhf-mini; of runs that are there, all]" in words
    assert result.stderr == ""
    assert not list(tmp_path.iterdir())


def examples() -> list[str]:
    text = (ROOT / "moa_cli" / "app.py").read_text()
    return re.findall(r"^    (moa (?:train|compare|prepare|eval|list|show)\b.*)$", text, re.M)


@pytest.mark.parametrize("example", examples())
def test_examples_of_the_help_are_understood(example: str, tmp_path: Path) -> None:
    """Each either runs in no time, or as far as can be told without training: names and settings are right."""
    words = example.split()[1:]
    if words[0] == "train":
        named = words[words.index("-m") + 1].split(",")
        missing = [n for n in named if not (ROOT / "methods" / f"{n.replace('-', '_')}.py").exists()]
        if missing:
            pytest.skip(f"{missing[0]} is not written yet")
        words += [] if "--dry-run" in words else ["--dry-run"]
    if words[0] == "prepare" or (words[0] == "compare" and "-m" in words):
        kept = [w for w in words[1:] if not re.match(r"--json|--baseline|-o|.*\.(md|pdf|json|xml)$", w)]
        words = ["train", "-m", "sft", *kept, "--dry-run"]
    result = moa(*words, cwd=tmp_path)
    expected = 2 if words[0] in ("eval", "compare") and "--prompts" not in words else 0  # there is no run here
    assert result.returncode == expected, result.stderr
    assert "Traceback" not in result.stderr
    assert "No such option" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    ["['--help']", "['list']", "['show', 'ric']", "['show', 'hh-rlhf-mini']", "['train', '-m', 'ric', '--dry-run']"],
)
def test_nothing_heavy_is_imported(arguments: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.argv = ['moa', *{arguments}]\n"
        "from moa_cli.app import main\n"
        "try: main()\n"
        "except SystemExit as leaving: assert not leaving.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'matplotlib', 'trl', 'click'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr


def test_lists_as_json(tmp_path: Path) -> None:
    result = moa("list", "--json", cwd=tmp_path)
    document = json.loads(result.stdout)
    assert {"name", "steering", "summary"} == set(document["methods"][0])
    assert "hh-rlhf-mini" in [b["name"] for b in document["benchmarks"]]
    assert document["runs"] == []


def test_a_method_is_shown_with_inherited_hyperparameters(tmp_path: Path) -> None:
    document = json.loads(moa("show", "ric", "--json", cwd=tmp_path).stdout)
    shown = {h["name"]: h for h in document["hyperparameters"]}
    assert "paper: 1.414e-4" in shown["learning_rate"]["meaning"]
    assert shown["learning_rate"]["default"] == 1.414e-4
    assert shown["lora_rank"]["type"] == "a whole number of at least 0 or none"
    assert "LoRA" in shown["lora_rank"]["meaning"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train -m rick", ["'rick'", "ric"]),
        ("train -m ric -b hh-rlhf-mimi", ["hh-rlhf-mimi", "hh-rlhf-mini"]),
        ("train", ["-m"]),
        (
            "train -m ric -c ric.runds=1 -c batch=x -c keep=no",
            ["3 mistakes", "ric.rounds", "whole number", "quantile"],
        ),
        ("train -m ric -c scratch.steps=1 -c rounds=x", ["2 mistakes", "scratch.sft_steps", "rounds"]),
        ("train -m sft --data-dir nowhere", ["nowhere", "--data-dir"]),
        ("train -m sft -b hh-rlhf --data-dir . --dry-run", ["helpful-base/test.jsonl.gz", "put it there"]),
        ("prepare -b reddit-summary --data-dir .", ["comparisons/train.jsonl.gz", "put it there"]),
        ("train -m sft --runs file/runs", ["file/runs", "--runs DIR"]),
        ("train -m missing.py", ["missing.py"]),
        ("train -m sft --seed 0,x", ["--seed 'x'", "--seed 0,1"]),
        ("compare --seed=-1", ["--seed '-1'", "at least 0"]),
        ("eval", ["--pareto", "--weights"]),
        ("eval --pareto --weights 1,0", ["exclude"]),
        ("eval --weights a,b", ["a,b"]),
        ("eval --pareto", ["moa train"]),
        ("eval --pareto nowhere", ["nowhere"]),
        ("eval --rescore", ["moa train"]),
        ("eval --rescore nowhere", ["nowhere"]),
        ("eval --pareto --rescore", ["exclude"]),
        ("eval --responses nowhere.jsonl", ["nowhere.jsonl"]),
        ("eval --responses file", ["suffix", ".jsonl"]),
        ("eval --responses a.jsonl --weights 1,0", ["exclude"]),
        ("eval --responses a.jsonl -b hh-rlhf-mini,reddit-summary-mini", ["2 benchmarks"]),
        ("eval runs/a --responses a.jsonl", ["RUN", "--rescore"]),
        ("eval --pareto --name theirs", ["--name", "--responses"]),
        ("eval --rescore --column prompt=x", ["--column", "--responses"]),
        ("eval --pareto -c seed=1", ["--config", "--prompts"]),
        ("compare", ["moa compare -m"]),
        ("compare -o table.xyz", [".xyz", ".md"]),
        ("compare -m sft -o table.xyz", [".xyz", ".md"]),
        ("compare nowhere", ["nowhere"]),
        ("compare nowhere.json", ["nowhere.json"]),
        ("compare -c rounds=1", ["-m"]),
        ("show nothing-of-the-kind", ["nothing-of-the-kind"]),
        ("show rci", ["did you mean: moa show ric"]),
        ("show hh-rlhf-mimi", ["did you mean: moa show hh-rlhf-mini"]),
        ("show x/mine.py", ["no file x/mine.py", "as a method or a benchmark"]),
        ("study", ["controllability, reward-model-size, optimizer, retention"]),
        ("list weights", ["weights", "runs"]),
    ],
)
def test_bad_input_is_refused_before_any_work(command: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(moa(*command.split(), cwd=tmp_path), *words)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_is_named_with_its_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(BadInput) as refusal:
        find_method("mine")
    assert refusal.value.fix == "a method of your own is named by its file: -m mine.py"
    assert show.nothing_called("mine")[2] == "did you mean: moa show mine.py"


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("0", 160), ("", 160)])
def test_a_pipe_is_as_wide_as_it_is_told(columns: str, width: int, tmp_path: Path) -> None:
    lines = moa("list", "methods", cwd=tmp_path, COLUMNS=columns).stdout.splitlines()
    assert width - 20 < max(map(len, lines)) <= width


def test_seeds_are_repeated_or_have_commas(tmp_path: Path) -> None:
    result = moa("train", "-m", "sft", "--seed", "0,2", "--seed", "5", "--dry-run", "--json", cwd=tmp_path)
    assert [row["job"].rpartition("/")[2] for row in json.loads(result.stdout)[1:]] == ["s0", "s2", "s5"]


def test_what_several_jobs_failed_for_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [Job(kind="part", source=Source("here", tmp_path), part=part) for part in ("policy", "reward", "evaluator")]
    outcomes = [Outcome(job=job, error=(what, "why", "fix")) for job, what in zip(jobs, "aba", strict=True)]
    steps.show_failures(outcomes)
    assert capsys.readouterr().err.count("error: ") == 2


def test_answers_from_elsewhere_have_one_seed() -> None:
    assert (steps.seed_in(None), steps.seed_in("3")) == (None, 3)
    with pytest.raises(BadInput, match="names 2 seeds"):
        steps.seed_in("3,4")


def test_verbose_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in moa("train", "-m", "rick", "-v", cwd=tmp_path).stderr


def test_unknown_options_are_usage_errors(tmp_path: Path) -> None:
    result = moa("train", "--colour", cwd=tmp_path)
    assert result.returncode == 2
    assert "--colour" in result.stderr


def test_a_dry_run_writes_nothing(place: Path, tmp_path: Path) -> None:
    result = moa("train", *METHODS, "-b", str(place / "tiny.toml"), "--dry-run", cwd=tmp_path)
    assert result.returncode == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["prepare", "train", "train"]
    assert "starting policy, rewards and scale card" in result.stdout
    assert not list(tmp_path.iterdir())


def test_over_must_name_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="--over names no value"):
        study("optimizer", over=["", ","])


def test_a_restart_says_whether_something_is_removed(tmp_path: Path) -> None:
    job = Job(kind="run", source=Source("here", tmp_path), folder=tmp_path, train=True, restart=True)
    assert job.purpose == "remove + train"
    assert replace(job, folder=tmp_path / "new").purpose == replace(job, restart=False).purpose == "train"


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m moa_cli show ric | head -1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr


# A whole contest, and what can be done after it


def test_the_second_time_nothing_is_done(contest: Path) -> None:
    result = moa("train", *METHODS, "-b", "tiny.toml", "--json", cwd=contest)
    assert [row["status"] for row in json.loads(result.stdout)] == ["done", "done"]
    assert "worker" not in result.stderr
    again = moa("compare", *METHODS, "-b", "tiny.toml", "--json", cwd=contest)
    assert again.returncode == 0
    assert "worker" not in again.stderr
    told, saved = json.loads(again.stdout), json.loads((contest / "saved.json").read_text())
    assert told.pop("command") == f"moa compare {' '.join(METHODS)} -b tiny.toml --json"
    assert saved.pop("command").endswith("-b tiny.toml -o table.md -o saved.json")
    assert told == saved


def test_fronts_are_found_and_named(contest: Path) -> None:
    saved = json.loads((contest / "saved.json").read_text())
    assert {r["method"] for r in saved["benchmarks"][0]["rows"]} == {"sft", "ric"}
    found = json.loads(moa("compare", "--json", cwd=contest).stdout)
    assert {r["method"] for r in found["benchmarks"][0]["rows"]} == {"sft", "ric"}
    folder = next(contest.glob("runs/tiny/sft/*"))
    named = json.loads(moa("compare", str(folder), "--json", cwd=contest).stdout)
    assert [r["method"] for r in named["benchmarks"][0]["rows"]] == ["sft"]
    assert "\n### tiny@1\n" in (contest / "table.md").read_text()


def test_a_saved_comparison_is_rendered_again(contest: Path, tmp_path: Path) -> None:
    result = moa("compare", str(contest / "saved.json"), "-o", "again.csv", cwd=tmp_path)
    assert result.returncode == 0
    assert "tiny@1" in result.stdout
    assert (tmp_path / "again.csv").exists()
    assert moa("show", str(contest / "saved.json"), cwd=tmp_path).stdout == result.stdout


def test_runs_are_listed_and_shown(contest: Path) -> None:
    rows = json.loads(moa("list", "runs", "--json", cwd=contest).stdout)
    assert [(r["status"], r["seed"], r["front"]) for r in rows] == [("trained", 0, True)] * 2
    shown = json.loads(moa("show", rows[0]["path"], "--json", cwd=contest).stdout)
    assert shown["method"] == "ric"
    assert shown["config"]["rounds"] == 0
    assert shown["cost"]["trained_tokens"] > 0
    assert shown["cost"]["seconds"] > 0
    assert shown["command"].startswith("moa compare -m sft,ric")
    assert shown["log"][-1]["stage"] == "offline"


def test_a_run_json_is_a_config(contest: Path) -> None:
    record = next(contest.glob("runs/tiny/ric/*/run.json"))
    result = moa("train", "-m", "ric", "-b", "tiny.toml", "-c", str(record), "--dry-run", cwd=contest)
    assert result.stdout == "nothing to do\n"


def test_prepared_units_are_shown(contest: Path) -> None:
    result = moa("prepare", "-b", "tiny.toml", cwd=contest)
    assert result.returncode == 0
    assert "evaluator mean, SD" in result.stdout
    assert "worker" not in result.stderr
    stored = json.loads(moa("prepare", "-b", "tiny.toml", "--json", cwd=contest).stdout)["tiny"]
    assert "card" in stored
    assert f"{stored['report']['collapse']:.1%} of the starting policy's answers are collapsed" in result.stdout


@pytest.mark.parametrize(("collapse", "warns"), [(0.05, False), (0.051, True)])
def test_a_collapsed_starting_policy_is_warned_of(
    tiny: Benchmark, monkeypatch: pytest.MonkeyPatch, collapse: float, warns: bool
) -> None:
    stored = {**(store.stored_card(tiny) or {}), "report": tiny.prepared.report | {"collapse": collapse}}
    monkeypatch.setattr(store, "stored_card", lambda _: stored)
    shown = io.StringIO()
    Console(file=shown, width=200).print(pages.card_table(tiny))
    assert ("-c policy=... names another" in shown.getvalue()) == warns


def page(shown: RenderableType) -> str:
    """What a terminal of 80 columns shows, without the spaces at the ends of lines."""
    screen = io.StringIO()
    Console(file=screen, width=80).print(shown)
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines())


def test_a_docstring_is_as_wide_as_the_screen_and_its_formulas_keep_their_lines() -> None:
    document = {
        "title": "T", "summary": f"{'word ' * 12}\nmore.\n\n    a = b,\n      c\n\nEnd.", "steering": "none",
        "hyperparameters": [{"name": "h", "default": 1, "type": "a number", "meaning": f"{'long ' * 18}\ndone."}],
    }  # fmt: skip
    words = page(pages.method_page(document))
    assert f"{'word ' * 12}more.\n\n    a = b,\n      c\n\nEnd.\n" in words
    assert words.endswith(f"h = 1  (a number)\n    {'long ' * 14}long\n    long long long done.")


@pytest.mark.parametrize("name", ["hh-rlhf", "hh-rlhf-mini", str(ROOT / "examples" / "my_benchmark.toml")])
def test_a_benchmark_can_be_read(name: str, tmp_path: Path) -> None:
    """Words and numbers, not the JSON that --json gives; every option of it."""
    words = page(pages.benchmark_page(show.benchmark(name, tmp_path), name))
    assert not set("{}") & set(words)
    assert "kind" not in words
    rewards = name == "hh-rlhf-mini"  # the others train none
    listed = re.findall(r"^(\S+)  ", words.split("\n\n")[1], re.M)
    assert listed == [option for option in option_names() if rewards or not option.startswith("reward.")]
    assert re.sub(r"\s", "", words).endswith(f"notpreparedyet:moaprepare-b{name}")


def test_the_options_of_a_benchmark_have_its_values(unprepared: Benchmark) -> None:
    """Those of rewards are of all that are trained, which may differ."""
    ah, oh = unprepared.objectives
    other = replace(oh, reward=TrainedReward(base="tiny", steps=60))
    benchmark = replace(unprepared, seed=3, objectives=(ah, other))
    words = page(pages.benchmark_page(show.describe(benchmark), "tiny"))
    said = dict(re.findall(r"^(\S+)  +(.*)$", words, re.M))
    assert said["seed"] == "3"
    assert said["objectives"] == "ah, oh"
    assert said["max_prompt_tokens"] == "64"
    assert said["scratch.pretrain_steps"] == "40"
    assert said["reward.steps"] == "30, 60"
    assert said["reward.base"] == "tiny"
    assert said["sampling.stop"] == "-"


@pytest.mark.parametrize(("name", "chosen"), [("ric", True), ("mod", True), ("sft", False)])
def test_choices_are_explained_where_there_are_any(name: str, chosen: bool) -> None:
    """Before the first hyperparameter."""
    words = page(pages.method_page(show.method(name)))
    assert words.count("[choice]: ours, not a paper's") == chosen
    assert not chosen or words.index("[choice]: ours") < words.index(" = ")


def test_a_prepared_benchmark_shows_its_card(tiny: Benchmark) -> None:
    words = page(pages.benchmark_page(show.describe(tiny), "tiny"))
    assert "evaluator mean" in words
    assert not re.search(r"\d\.\d{7}", words)


def test_fronts_are_shown_point_by_point(contest: Path) -> None:
    result = moa("eval", "--pareto", "--json", cwd=contest)
    by_method = {d["method"]: d for d in json.loads(result.stdout)}
    assert len(by_method["ric"]["points"]) == 3
    assert len(by_method["sft"]["points"]) == 1
    assert by_method["sft"]["points"][0]["language"]["perplexity"] > 1
    assert "hypervolume" in moa("eval", "--pareto", cwd=contest).stdout


def test_what_is_unknown_is_shown_as_such(contest: Path) -> None:
    """As null in JSON, which has no NaN, and as a dash in the table; what the texts tell is known all the same."""
    front = read_front(next(contest.glob("runs/tiny/ric/*")) / "front")
    unknown = np.full(front.kl.shape, np.nan)
    document = show.points(replace(front, kl=unknown, log_prob=unknown, ended=unknown))
    for point in json.loads(json.dumps(document, allow_nan=False))["points"]:
        assert (point["kl"], point["language"]["ended"], point["language"]["perplexity"]) == (None, None, None)
        assert point["language"]["words"] > 0
    for point, self_bleu in zip(document["points"], (0.5, 0.25, 0.75), strict=True):
        point["language"]["self_bleu"] = self_bleu
    shown = io.StringIO()
    Console(file=shown, width=100).print(pages.front_table(document, whole=True))
    assert re.findall(r" (-) +\d+%", shown.getvalue()) == ["-"] * 3
    assert "\nlanguage: perplexity -, self-BLEU 0.25 to 0.75, ended -\n" in shown.getvalue()


def test_one_point_is_measured_and_not_kept(contest: Path) -> None:
    folder = next(contest.glob("runs/tiny/ric/*"))
    before = {p: p.stat().st_mtime_ns for p in (folder / "front").iterdir()}
    result = moa("eval", str(folder), "--weights", "0.25,0.75", "--json", cwd=contest)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["points"][0]["weights"] == [0.25, 0.75]
    assert {p: p.stat().st_mtime_ns for p in (folder / "front").iterdir()} == before


def test_typed_weights_are_meant_to_a_rounding_error(unprepared: Benchmark, tmp_path: Path) -> None:
    """A third typed as 0.333; where one policy was trained per weight, the nearest trained ones."""
    three = replace(unprepared, objectives=(*unprepared.objectives, replace(unprepared.objectives[0], name="eh")))

    def meant(method: str, *weights: float, points: tuple[tuple[float, ...], ...] = ()) -> tuple[float, ...]:
        base = replace(unprepared if len(weights) == 2 else three, grid=(), trained_grid=points)
        found = find_method(method)()
        return plan.meant_weights(Contestant(Source("x", tmp_path), base, found, 0, tmp_path), weights)

    third = (1 / 3, 2 / 3)
    assert meant("morlhf", 0.3333, 0.6666, points=((0.3339, 0.6661), third)) == third
    assert meant("morlhf", 0.333, 0.333, 0.333) == (1 / 3, 1 / 3, 1 / 3)
    assert meant("ric", 0.25, 0.75) == (0.25, 0.75)
    assert sum(meant("ric", 0.3333, 0.6663)) == pytest.approx(1, abs=1e-12)
    with pytest.raises(BadInput, match="one of: 0.3333,0.6667"):
        meant("morlhf", 0.34, 0.66, points=(third,))
    with pytest.raises(BadInput, match="sum to 1"):
        meant("ric", 0.33, 0.66)


@pytest.mark.parametrize("weights", ["0.5,0.4", "1", "-0.5,1.5", "0.2,0.3,0.5", "nan,1"])
def test_weights_must_be_on_the_simplex(weights: str, contest: Path) -> None:
    refused(moa("eval", f"--weights={weights}", cwd=contest), "sum to 1", "long, round")


def test_another_grid_is_measured_again(contest: Path) -> None:
    grid = ("-c", "grid=[[0.3,0.7],[0.7,0.3]]")
    sft_only = ("-m", "ric", *METHODS[2:])
    shown = json.loads(moa("compare", *sft_only, "-b", "tiny.toml", *grid, "--json", cwd=contest).stdout)
    points = shown["benchmarks"][0]["rows"][0]["points"]
    assert [p["weights"] for p in points] == [[0.3, 0.7], [0.7, 0.3]]
    back = json.loads(moa("compare", *sft_only, "-b", "tiny.toml", "--json", cwd=contest).stdout)
    saved = json.loads((contest / "saved.json").read_text())
    rows = {r["method"]: r["points"] for r in saved["benchmarks"][0]["rows"]}
    assert back["benchmarks"][0]["rows"][0]["points"] == rows["ric"]


def test_a_damaged_run_json_is_named(contest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "tiny" / "sft" / "00000000-s0"
    folder.mkdir(parents=True)
    for content in ("{", "[]", '{"schema": "moa.run/2"}', '{"schema": "moa.run/1", "status": "trained"}'):
        (folder / "run.json").write_text(content)
        refused(moa("show", str(folder), cwd=tmp_path), "run.json", "--restart")
        assert "damaged" in moa("list", "runs", cwd=tmp_path).stdout


# Trouble in the workers


def test_a_crash_is_three_lines_and_the_others_go_on(contest: Path) -> None:
    """sft scores nothing while it trains, ric does: with a reward that raises, one is trained and one fails."""
    arguments = ("train", *METHODS, "-b", "tiny.toml", "--seed", "7")
    result = moa(*arguments, cwd=contest, TROUBLE="raise")
    assert result.returncode == 2
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["trained", "failed"]
    assert "no reward today" in result.stderr
    assert "Traceback" not in result.stderr
    mended = moa(*arguments, cwd=contest)
    assert [line.split()[1] for line in mended.stdout.splitlines()] == ["done", "trained"]


def test_runs_wait_for_a_preparation_that_fails(contest: Path) -> None:
    arguments = ("train", "-m", "sft", "-b", "tiny.toml", "-c", "sampling.temperature=0.9")
    result = moa(*arguments, cwd=contest, TROUBLE="raise")
    assert result.returncode == 2
    assert result.stdout.strip().endswith("not started")
    assert result.stderr.count("error:") == 1
    assert "scale card" in result.stderr


def test_a_killed_worker_is_explained(contest: Path) -> None:
    result = moa("train", "-m", "ric", *METHODS[2:], "-b", "tiny.toml", "--seed", "8", cwd=contest, TROUBLE="die")
    assert result.returncode == 2
    assert "memory" in result.stderr
    assert "--jobs 1" in result.stderr


def living(group: int) -> list[str]:
    """The processes of a group that have not ended."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if line.split()[0] == str(group) and not line.split()[1].startswith("Z")]


def test_ctrl_c_stops_the_workers_and_says_how_to_go_on(contest: Path) -> None:
    command = [sys.executable, "-m", "moa_cli", "train", "-m", "ric", *METHODS[2:], "-b", "tiny.toml", "--seed", "9"]
    running = subprocess.Popen(
        command, cwd=contest, env=environment(TROUBLE="dawdle"), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests run in the background inherit "ignore"
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(contest.glob("runs/tiny/ric/*-s9/run.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGINT)
    out, error = running.communicate(timeout=30)
    assert running.returncode == 130
    assert out == ""
    assert "goes on where it stopped" in error
    assert "Traceback" not in error
    deadline = time.monotonic() + 10
    while living(running.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not living(running.pid)


def test_a_restart_begins_anew(contest: Path) -> None:
    folder = next(contest.glob("runs/tiny/sft/*-s0"))
    (folder / "left-over").write_text("")
    result = moa("train", "-m", "sft", "-b", "tiny.toml", "--restart", cwd=contest)
    assert result.stdout.split()[1] == "trained"
    assert not (folder / "left-over").exists()
