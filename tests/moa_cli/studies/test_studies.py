"""Studies: what they find in fronts with known numbers, what they refuse, and each of them as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.common.errors import BadInput
from benchmarks.common.identity import plain
from benchmarks.load.load import load_benchmark
from benchmarks.measure.front_files import FrontRecord, point_file, read_front
from benchmarks.measure.point import Point
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.card import Card, stored_card
from benchmarks.stats.text import text_statistics
from methods.contract.find import find_method
from methods.contract.method import Method, method_name
from methods.contract.run import Run
from moa_cli.jobs.goals import sweep_goals
from moa_cli.jobs.plan import measuring_jobs
from moa_cli.runs.config import Settings, Source, as_config, resolve
from moa_cli.runs.contestant import Contestant
from moa_cli.runs.folders import FRONT, SWEEP, SWEEP_BEFORE, front_name, run_folder
from moa_cli.runs.state import is_measured, is_swept
from moa_cli.runs.tuned import tuning_file
from moa_cli.studies.document import Estimate, Study
from moa_cli.studies.figure import study_figure, study_image
from moa_cli.studies.studies import find_study, make_study, study_contestants
from moa_cli.studies.tables import study_csv, study_markdown, study_table
from moa_cli.words import amount
from tests.kit.cli import environment, examples, moa, refused
from tests.kit.fronts import other_card, store_card
from tests.kit.runs import make_tuning
from tests.kit.worlds import benchmark_in

MOSLIM, SPO = find_method("moslim"), find_method("spo")
COST = {"seconds": 90.0, "generated_tokens": 1.5e6, "trained_tokens": 2e4, "reward_calls": 300.0, "flops": 1e12}
SMALL = (
    "-c", "epochs=0.5", "-c", "prompts_per_step=4", "-c", "classes=2", "-c", "reward_steps=4", "-c", "reward_batch=4",
    "-c", "calibration_answers=8",
)  # fmt: skip


def made(
    benchmark: Benchmark, method: Method, means: Sequence[Sequence[float]], *, name: str = FRONT,
    points: Sequence[tuple[float, ...]] = (), seed: int = 0, variant: str = "", kl: float | None = None,
    collapsed: int = 0,
) -> Contestant:  # fmt: skip
    """A run whose front is written by hand: every prompt has the mean score plus what is easy or hard about it, which
    sums to zero; evaluators give half of what rewards give. The k-th point has KL k and k collapsed answers, unless a
    KL is given for all."""
    run = Contestant(Source("x", benchmark.home), benchmark, method, seed, run_folder(benchmark, method, seed), variant)
    stored = stored_card(benchmark)
    assert stored
    folder, card, points = run.front_folder(name), stored.card, points or method.points(benchmark)
    N, M = card.prompts, len(card.objectives)
    luck = np.linspace(-1, 1, N)[:, None] * np.ones(M)
    for k, (mean, weights) in enumerate(zip(means, points, strict=True)):
        point = Point(
            weights=weights, label=str(weights), prompts=("p",) * N, responses=("r",) * N, rewards=np.array(mean) +
            luck,
            scores=np.array(mean) / 2 + luck, kl=np.full(N, float(k) if kl is None else kl), log_prob=np.zeros(N),
            ended=np.ones(N), tokens=np.ones(N, int), collapsed=np.arange(N) < (k if kl is None else collapsed),
            text_statistics=text_statistics(["r"] * N),
        )  # fmt: skip
        point.write(point_file(folder, k), card)
    FrontRecord(
        method=method_name(type(method)), seed=seed, steering=method.steering, weights=tuple(points), card=card,
        cost=COST, config=plain(as_config(method)),
    ).complete(folder)  # fmt: skip
    return run


def shown(document: Study, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(study_table(document))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def cries(unprepared: Benchmark, tmp_path: Path) -> Benchmark:
    """The tiny benchmark with a scale card and nothing else: no model is needed to read fronts."""
    benchmark, names = replace(unprepared, home=tmp_path / "runs"), ("ah", "oh")
    card = Card(
        benchmark="cries", version="1", objectives=names, policy="p", rewards=names, evaluators=("judge", "jury"),
        reward_mean=(0.0, 0.0), reward_std=(1.0, 1.0), score_mean=(0.0, 0.0), score_std=(1.0, 1.0),
        ref=(-2.0, -2.0), prompts=10, prompts_hash="0" * 12, sampling=benchmark.sampling,
    )  # fmt: skip
    store_card(benchmark, card)
    return benchmark


@pytest.fixture
def asked(cries: Benchmark) -> Study:
    """A sweep over three intensities: the goal ah is worth its intensity, the goal oh pays 1, 0, 2; what is not asked
    for, 0.
    Before training the goal ah was worth the opposite."""
    points = [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]
    means = [(1, 0), (2, 0), (3, 0), (0, 1), (0, 0), (0, 2)]
    before = [(-ah, oh) for ah, oh in means]
    made(cries, MOSLIM(), before, name=SWEEP_BEFORE, points=points)
    return make_study("controllability", [made(cries, MOSLIM(), means, name=SWEEP, points=points)])


@pytest.fixture
def kept(cries: Benchmark) -> Study:
    """Alpha 0, .5, 1 leave 1, 2 and 3 of the 4 that the first round gave ah.

    The other order must not be taken for this.
    """
    method = SPO(alphas=(0.0, 0.5, 1.0))
    labels = method.labels(cries)
    first = {"ah": (4, 0), "ah > oh, alpha 0": (1, 3), "ah > oh, alpha 0.5": (2, 2), "ah > oh, alpha 1": (3, 1)}
    return make_study("retention", [made(cries, method, [first.get(label, (9, 9)) for label in labels])])


def variants(benchmark: Benchmark, key: str, values: Sequence[str]) -> list[Contestant]:
    """sft, and a configuration per value; the k-th reaches k + 1 at every weight."""
    runs = [made(benchmark, find_method("sft")(), [(0.0, 0.0)])]
    for k, value in enumerate(values):
        method = MOSLIM(**{key: value})
        runs.append(made(benchmark, method, [(k + 1.0, k + 1.0)] * len(benchmark.grid), variant=value))
        run = Run(runs[-1].folder, 0)
        run.log("reward-model", 1, 1, {"loss": 1.0, "intensity_accuracy/ah": 0.25 * k, "preference_accuracy/ah": 0.5})
        run.log("policy", 1, 1, {"loss": 1.0})
    return runs


# What is found


def test_every_score_at_every_intensity(asked: Study) -> None:
    [benchmark] = asked.benchmarks
    held_out, reward, _ = benchmark.tables
    assert (held_out.title, reward.title) == ("held-out evaluators", "training rewards")
    assert held_out.columns == ("goal", "intensity", "ah", "oh", "KL", "collapsed")
    assert [row[:2] for row in reward.rows] == [(goal, n) for goal in ("ah", "oh") for n in (1, 2, 3)]
    assert [row[2].value for row in reward.rows] == pytest.approx([1, 2, 3, 0, 0, 0])
    assert [row[3].value for row in held_out.rows] == pytest.approx([0, 0, 0, 0.5, 0, 1])
    assert [row[4:] for row in reward.rows] == [(k, k / 10) for k in range(6)]
    for row in reward.rows:
        assert row[2].low < row[2].value < row[2].high


def test_how_a_goal_is_followed(asked: Study) -> None:
    """1, 2, 3 rises throughout; 1, 0, 2 has ranks 2, 1, 3: 1 - 6 (1 + 1 + 0) / (3 x 8) = .5. What is easy or hard
    about a
    prompt is the same at every intensity, so differences are certain: paired."""
    own = asked.benchmarks[0].tables[2]
    by_goal = {(goal, under, policy): found for goal, under, policy, *found in own.rows}
    assert len(by_goal) == len(own.rows) == 8
    correlation, rise = by_goal["ah", "training rewards", "starting"]
    assert (correlation.value, rise.value) == (-1, pytest.approx(-2))
    correlation, rise = by_goal["ah", "training rewards", "trained"]
    assert correlation == Estimate(value=1, low=1, high=1)
    assert [rise.value, rise.low, rise.high] == pytest.approx([2, 2, 2])
    assert rise.p < 0.001
    correlation, rise = by_goal["oh", "held-out evaluators", "trained"]
    assert correlation.value == pytest.approx(0.5)
    assert rise.value == pytest.approx(0.5)


def test_what_is_kept_of_the_first_objective(kept: Study) -> None:
    """Against alpha 0, which kept 1 (.5 held out): +3 before the second round, then +1 and +2."""
    held_out, reward = kept.benchmarks[0].tables
    assert reward.columns[2:5] == ("ah", "ah vs alpha 0", "oh")
    assert [row[:2] for row in reward.rows] == [(1, None), (2, 0.0), (2, 0.5), (2, 1.0)]
    assert [row[2].value for row in reward.rows] == pytest.approx([4, 1, 2, 3])
    assert [row[4].value for row in held_out.rows] == pytest.approx([0, 1.5, 1, 0.5])
    assert reward.rows[1][3] is None
    differences = [row[3] for row in held_out.rows if row[3]]
    assert [d.value for d in differences] == pytest.approx([1.5, 0.5, 1])
    assert [d.low for d in differences] == pytest.approx([1.5, 0.5, 1])


def test_seeds_are_averaged(cries: Benchmark) -> None:
    points = [(1.0, 0.0), (0.0, 1.0)]
    for name, half in ((SWEEP_BEFORE, 0.5), (SWEEP, 1)):
        runs = [
            made(cries, MOSLIM(), [(half * mean, 0), (0, 0)], name=name, points=points, seed=seed)
            for seed, mean in ((0, 1), (3, 2))
        ]
    [benchmark] = make_study("controllability", runs).benchmarks
    assert benchmark.seeds == (0, 3)
    assert benchmark.tables[1].rows[0][2].value == pytest.approx(1.5)


@pytest.mark.parametrize(("other_end", "certain"), [(1, True), (-1, False)])
def test_points_of_a_training_are_compared_within_it(cries: Benchmark, other_end: int, certain: bool) -> None:
    """What a training does to all its points alike is in no difference of two of them. What it does to one end and the
    opposite to the other is in it twice: 1 + 2 s, of which s = -.5, 0, .5 have a standard error of 1 / sqrt(3)."""
    points = [(1.0, 0.0), (2.0, 0.0), (0.0, 1.0), (0.0, 2.0)]
    for name in (SWEEP_BEFORE, SWEEP):
        runs = [
            made(
                cries,
                MOSLIM(),
                [(1 + other_end * s, 0), (2 + s, 0), (0, 0), (0, 0)],
                name=name,
                points=points,
                seed=seed,
            )
            for seed, s in enumerate((-0.5, 0.0, 0.5))
        ]
    told = {tuple(row[:3]): row[-1] for row in make_study("controllability", runs).benchmarks[0].tables[2].rows}
    rise = told["ah", "training rewards", "trained"]
    assert rise.value == pytest.approx(1)
    if certain:
        assert (rise.low, rise.high) == pytest.approx((1, 1))
    else:
        assert rise.high - rise.value > 2 / math.sqrt(3)


def test_reward_models_are_compared(cries: Benchmark) -> None:
    """Rows bear the size alone; an accuracy that was not measured is none."""
    document = make_study("reward-model-size", variants(cries, "reward_base", ("0.3m", "1m")))
    [compared] = document.comparison.benchmarks
    assert [row.method for row in compared.rows] == ["1m", "0.3m", "sft"]
    assert [(pair.a, pair.b) for pair in compared.pairs] == [("1m", "0.3m"), ("1m", "sft"), ("0.3m", "sft")]
    [table] = document.benchmarks[0].tables
    assert table.rows == (
        ("0.3m", "ah", 0.5, 0.0), ("0.3m", "oh", None, None), ("1m", "ah", 0.5, 0.25), ("1m", "oh", None, None),
    )  # fmt: skip


def test_optimizers_are_compared(cries: Benchmark) -> None:
    document = make_study("optimizer", variants(cries, "optimizer", ("rloo", "online-dpo")))
    assert {row.method for row in document.comparison.benchmarks[0].rows} == {"sft", "rloo", "online-dpo"}
    [table] = document.benchmarks[0].tables
    assert table.columns[:3] == ("optimizer", "time", "generated tokens")
    assert table.rows[0] == ("rloo", 90.0, 1.5e6, 2e4, 300.0, 1e12, None)
    assert "1.5M" in shown(document)


def test_all_that_is_said_of_a_variant_bears_its_name(cries: Benchmark) -> None:
    """The report draws trainings, answers and other refs of rows by their names."""
    document = make_study("optimizer", variants(cries, "optimizer", ("rloo", "grpo")))
    [compared] = document.comparison.benchmarks
    assert {curve.method for curve in compared.curves} == {"rloo", "grpo"}
    assert {answer.method for sample in compared.samples for answer in sample.answers} == {"sft", "rloo", "grpo"}


# How it is shown


@pytest.mark.parametrize("name", ["asked", "kept"])
def test_documents_are_json_and_fit_the_terminal(name: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(name)
    assert Study.from_json(document.to_json()) == document
    for objectives in (("ah", "oh"), ("completeness", "faithful")):
        text = shown(_renamed(document, objectives))
        assert max(map(len, text.splitlines())) <= 80
        assert "…" not in text


def _renamed(document: Study, objectives: Sequence[str]) -> Study:
    text = document.to_json()
    for old, new in zip(("ah", "oh"), objectives, strict=True):
        text = re.sub(rf"\b{old}\b", new, text)
    return Study.from_json(text)


def test_comparisons_fit_the_terminal(cries: Benchmark) -> None:
    document = make_study("optimizer", variants(cries, "optimizer", ("rloo", "grpo", "online-dpo", "ppo")))
    text = shown(document)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert len(re.findall("^online-dpo ", text, re.M)) == 3, "in two blocks of the comparison, and in the study's table"


def test_what_is_told_apart_is_marked(cries: Benchmark, kept: Study) -> None:
    """Of one training on ten prompts nothing is, and
    that is said loudly; of three trainings on fifty, what no prompt and no training varies is."""
    assert "+1.50 [+1.50, +1.50] " in shown(kept)
    lines = [line for line in study_markdown(kept).splitlines() if line.startswith("|")]
    assert "+1.50 [+1.50, +1.50] " in lines[2]
    assert len({line.count("|") for line in lines}) == 1
    for text in (" ".join(shown(kept).split()), study_markdown(kept)):
        assert "only 10 test prompts: below 50, nothing can be told apart" in text
        assert "one training: differences are on it alone, and nobody is called better" in text
    stored = stored_card(cries)
    assert stored
    store_card(cries, other_card(stored.card, prompts=50))
    method = SPO(alphas=(0.0, 0.5))
    means = [(float(k), 0.0) for k in range(len(method.points(cries)))]
    several = make_study("retention", [made(cries, method, means, seed=seed) for seed in range(3)])
    assert several.benchmarks[0].warnings == ()
    assert "*" in shown(several).partition("Scores in")[0]
    (clear, *_) = (row[3] for row in several.benchmarks[0].tables[0].rows if row[3])
    assert clear.clear


def test_where_nothing_is_held_out_no_table_says_so(cries: Benchmark) -> None:
    stored = stored_card(cries)
    assert stored
    store_card(cries, other_card(stored.card, evaluators=("judge", stored.card.rewards[1])))
    method = SPO(alphas=(0.0, 0.5))
    study = make_study("retention", [made(cries, method, [(0, 0)] * len(method.points(cries)))])
    assert [one.title.rpartition(": ")[2] for one in study.benchmarks[0].tables] == ["rewards", "training rewards"]


def test_csv_has_a_line_per_row(asked: Study) -> None:
    lines = list(csv.DictReader(io.StringIO(study_csv(asked))))
    assert len(lines) == 6 + 6 + 8
    assert (lines[6]["table"], lines[6]["goal"], lines[6]["intensity"]) == ("training rewards", "ah", "1")
    assert float(lines[6]["ah"]) == pytest.approx(1)
    assert float(lines[6]["ah low"]) < 1
    assert lines[6]["Spearman"] == ""
    assert float(lines[-1]["highest - lowest p"]) < 0.001


@pytest.mark.parametrize(("name", "panels"), [("asked", 4), ("kept", 2)])
def test_curves(name: str, panels: int, request: pytest.FixtureRequest) -> None:
    """Two kinds of scores, for two goals or alone; a curve with intervals per objective, the same bytes twice."""
    document = request.getfixturevalue(name)
    made = study_figure(document)
    drawn = [ax for ax in made.axes if ax.containers]
    assert len(drawn) == panels
    assert all(len(ax.containers) == 2 for ax in drawn)
    levels = {"after one round"} if name == "kept" else set()
    assert {text.get_text() for text in made.legends[0].get_texts()} == {"ah", "oh"} | levels
    line = drawn[0].containers[0].lines[0]
    expected = ([1, 2, 3], [0.5, 1, 1.5]) if name == "asked" else ([0, 0.5, 1], [0.5, 1, 1.5])
    assert line.get_xdata().tolist() == pytest.approx(expected[0])
    assert line.get_ydata().tolist() == pytest.approx(expected[1])
    assert study_image(document, "svg") == study_image(document, "svg")


def test_amounts() -> None:
    found = [amount(value) for value in (0.0, 3, 999.4, 999.6, 1.5e6, 2e13, 5e18)]
    assert found == ["0", "3", "999", "1k", "1.5M", "20T", "5E"]


# Which runs


def settings_for(benchmark: Benchmark, method: Method) -> Settings:
    return Settings({"hh-rlhf-mini": benchmark}, {"moslim" if isinstance(method, MOSLIM) else "spo": method}, {})


def runs_of(
    name: str, benchmark: Benchmark, method: Method, items: Sequence[str] = (), over: Sequence[str] = ()
) -> list[Contestant]:
    settings = settings_for(benchmark, method)
    return study_contestants(find_study(name), settings, items, over, [0, 1], home=benchmark.home, data_dir=None)


def test_variants_are_ordinary_runs(cries: Benchmark) -> None:
    """Where `moa compare -m moslim -c epochs=2.0 -c optimizer=grpo` would look for them."""
    runs = runs_of("optimizer", cries, MOSLIM(epochs=2.0), ["epochs=2.0"], ["grpo", "ppo", "grpo"])
    assert [(run.variant, run.seed) for run in runs] == [
        ("", 0), ("", 1), ("grpo", 0), ("grpo", 1), ("ppo", 0), ("ppo", 1),
    ]  # fmt: skip
    assert runs[2].folder == run_folder(cries, MOSLIM(epochs=2.0, optimizer="grpo"), 0)
    labels = [job.label for job in measuring_jobs(runs, may_train=True) if job.folder]
    assert labels[:2] == ["moslim/hh-rlhf-mini/s0 grpo", "moslim/hh-rlhf-mini/s1 grpo"]  # RL goes first
    assert len(set(labels)) == 6
    [one, _] = runs_of("controllability", cries, MOSLIM())
    assert (one.folder, one.variant) == (run_folder(cries, MOSLIM(), 0), "")


def test_what_was_tuned_is_varied(tmp_path: Path) -> None:
    mini = load_benchmark("hh-rlhf-mini", home=tmp_path)
    path = tuning_file(tmp_path, mini.name, "moslim")
    make_tuning(mini, "moslim", found={"epochs": 2.0}).store(path)
    settings = resolve(["tuned"], [mini.name], ["moslim"], data_dir=None, home=tmp_path)
    runs = study_contestants(find_study("optimizer"), settings, ["tuned"], ["grpo"], [0], home=tmp_path, data_dir=None)
    assert [run.method for run in runs][1:] == [MOSLIM(epochs=2.0, optimizer="grpo")]
    assert runs[1].trials == 2


@pytest.mark.parametrize(
    ("name", "method", "items", "over", "words"),
    [
        ("controllability", SPO(), [], [], "cannot be asked for intensities"),
        ("retention", MOSLIM(), [], [], "one objective after the other"),
        ("retention", SPO(alphas=(0.5,)), [], [], "leaves nothing to compare"),
        ("retention", SPO(), [], ["0.5"], "goes through no setting"),
        ("optimizer", MOSLIM(optimizer="ppo"), ["optimizer=ppo"], [], "cannot be set"),
        ("optimizer", MOSLIM(), [], ["sgd"], "expected one of rloo"),
        (
            "reward-model-size",
            MOSLIM(),
            [],
            ["0.3m", "0.3x"],
            "there is no model '0.3x'; those made here are: 0.3m, 1m",
        ),
        ("optimizer", SPO(), [], [], "no method of this command has it"),
    ],
)
def test_questions_that_cannot_be_put(
    cries: Benchmark, name: str, method: Method, items: list[str], over: list[str], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        runs_of(name, cries, method, items, over)


def test_retention_needs_a_second_objective(cries: Benchmark) -> None:
    with pytest.raises(BadInput, match="has one objective"):
        runs_of("retention", replace(cries, objectives=cries.objectives[:1], grid=(), trained_grid=()), SPO())


# The sweep


def test_a_sweep_is_measured_once(own_tiny: Benchmark) -> None:
    """Every intensity of every goal alone, on the run's own policy, beside its front; another card makes it void."""
    from moa_cli.jobs.run import train

    method = MOSLIM(
        epochs=0.5,
        prompts_per_step=4,
        classes=2,
        reward_steps=4,
        reward_batch=4,
        calibration_answers=8,
        reward_base="policy",
    )
    run = train(own_tiny, method, seed=0)
    front = sweep_goals(own_tiny, method, run)
    assert front.weights == ((1, 0), (2, 0), (0, 1), (0, 2))
    assert front.labels == ("ah 1", "ah 2", "oh 1", "oh 2")
    policy = method.with_goals(own_tiny, run, (2, 0))
    assert policy.encode_prompt("Call 1: ") == policy.tokenizer("<ah 2> Call 1: ")["input_ids"]
    responses = policy.generate(own_tiny.prompts("test"), own_tiny.sampling, 0)
    assert front.rewards[1] == pytest.approx(own_tiny.rewards(own_tiny.prompts("test"), responses))
    files = {
        path: path.stat().st_mtime_ns for path in (run.dir / front_name(own_tiny, method, SWEEP)).glob("*.parquet")
    }
    sweep_goals(own_tiny, method, run)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert is_swept(run.dir, own_tiny, method)
    shutil.rmtree(run.dir / front_name(own_tiny, method, SWEEP_BEFORE))
    assert not is_swept(run.dir, own_tiny, method)
    sweep_goals(own_tiny, method, run)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert not is_measured(run.dir, own_tiny, method)
    assert not is_swept(run.dir, replace(own_tiny, eval_prompts=5), method)
    untold = method.with_goals(own_tiny, None, (2, 0)).generate(own_tiny.prompts("test"), own_tiny.sampling, 0)
    assert read_front(run.dir / front_name(own_tiny, method, SWEEP_BEFORE)).rewards[1] == pytest.approx(
        own_tiny.rewards(own_tiny.prompts("test"), untold)
    )


# As a user meets it


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return benchmark_in(tmp_path_factory.mktemp("study"))


def test_controllability_from_nothing(place: Path) -> None:
    """Prepared, trained, measured; the second time nothing is done, and the run is one that `moa compare` finds."""
    command = ("study", "controllability", "-b", "tiny.toml", *SMALL, "-o", "c.png", "-o", "c.json")
    result = moa(*command, cwd=place)
    assert result.returncode == 0, result.stderr
    assert "Spearman" in result.stdout
    assert (place / "c.png").read_bytes().startswith(b"\x89PNG")
    assert "sweep" in result.stderr
    again = moa(*command, "--json", cwd=place)
    assert "worker" not in again.stderr
    assert json.loads(again.stdout) == json.loads((place / "c.json").read_text())
    compared = moa("compare", "-m", "moslim", *SMALL, "-b", "tiny.toml", "--json", cwd=place)
    assert "worker" not in compared.stderr
    assert [row["method"] for row in json.loads(compared.stdout)["benchmarks"][0]["rows"]] == ["moslim"]


def test_optimizers_and_sizes_from_nothing(place: Path) -> None:
    """rloo is the run that is there from the study of controllability, where that has been made."""
    result = moa("study", "optimizer", "--over", "rloo,grpo", "-b", "tiny.toml", *SMALL, "-o", "o.md", cwd=place)
    assert result.returncode == 0, result.stderr
    assert re.search("^grpo ", result.stdout, re.M)
    assert "what training spent" in (place / "o.md").read_text()
    sized = moa("study", "reward-model-size", "--over", "0.3m", "-b", "tiny.toml", *SMALL, "--json", cwd=place)
    assert sized.returncode == 0, sized.stderr
    [table] = json.loads(sized.stdout)["benchmarks"][0]["tables"]
    assert [row[0] for row in table["rows"]] == ["0.3m", "0.3m"]
    assert all(0 <= row[3] <= 1 for row in table["rows"])
    found = json.loads(moa("list", "runs", "--json", cwd=place).stdout)
    assert {Path(run["path"]).parent.name for run in found} == {"sft", "moslim"}


def test_retention_from_nothing(place: Path) -> None:
    settings = ("-c", "alphas=[0.0,1.0]", "-c", "epochs=0.5", "-c", "batch=4")
    result = moa("study", "retention", "-b", "tiny.toml", *settings, "-o", "r.csv", "-o", "r.svg", cwd=place)
    assert result.returncode == 0, result.stderr
    assert "long vs" in " ".join(result.stdout.split())
    assert len((place / "r.csv").read_text().splitlines()) == 1 + 2 * 3
    assert "alpha" in (place / "r.svg").read_text()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("controlability", ["'controlability'", "moa study controllability"]),
        ("optimizer -o table.tex", [".tex", ".md"]),
        ("optimizer -m spo", ["optimizer", "morlhf"]),
        ("optimizer --over sgd", ["sgd", "online-dpo"]),
        ("retention -m sft", ["sft", "-m spo"]),
        ("retention -c alphas=[1.0]", ["alphas", "[0.0,0.5,1.0]"]),
        ("controllability --over 1", ["--over"]),
        ("controllability -c epohcs=1", ["epochs"]),
        ("controllability -b nowhere", ["nowhere"]),
    ],
)
def test_bad_input_is_refused_before_any_work(command: str, words: list[str], tmp_path: Path) -> None:
    refused(moa("study", *command.split(), cwd=tmp_path), *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("example", examples()["study"])
def test_examples_of_the_help_are_understood(example: str, tmp_path: Path) -> None:
    """With one setting more that nobody has, that one is the only mistake. That there are examples is seen in
    test_help.py."""
    result = moa(*example.split()[1:], "-c", "nobody.has=1", cwd=tmp_path)
    refused(result, "1 mistake", "nobody.has")


def test_a_finished_study_imports_no_torch() -> None:
    code = (
        "import sys; from moa_cli.studies import findings, studies, tables; from moa_cli.jobs import goals, plan\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'matplotlib', 'trl'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
