"""What a dry run says, of train, compare, study and tune: everything before anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from benchmarks import Benchmark, HubReward, TrainedReward, load_benchmark
from benchmarks.models.memory import PROCESS
from benchmarks.spec import Reward
from methods import find_method
from moa_cli.commands.common import finish
from moa_cli.jobs.estimate import foreseen, known_of
from moa_cli.jobs.estimate.amounts import EFFICIENCY, Spent, seconds_of
from moa_cli.jobs.estimate.document import Disk, DryRun
from moa_cli.jobs.estimate.machine import Machine, machine
from moa_cli.jobs.estimate.memory import memory_of, scorers_memory, size_of_model
from moa_cli.jobs.estimate.models import Model
from moa_cli.runs.items import preset_names, preset_settings
from tests.kit.classifiers import saved
from tests.kit.cli import moa, refused
from tests.kit.models import model_in
from tests.kit.worlds import METHODS, benchmark_in

RATE = 1e9


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of a gigaflop and of four gigabytes, whatever this one is."""
    monkeypatch.setattr(foreseen, "machine", lambda gpus, *, timed: Machine("CPU core", 4 * 10**9, RATE * timed))


def told(*arguments: str, cwd: Path) -> DryRun:
    result = moa(*arguments, "--dry-run", "--json", cwd=cwd)
    assert result.returncode == 0, result.stderr
    return DryRun.from_json(result.stdout)


def test_a_comparison_that_is_not_made(tmp_path: Path, slow: None) -> None:
    """By hand: RiC without rounds, a tenth of a pass over the training answers. Nothing is written."""
    benchmark_in(tmp_path)
    before = sorted(tmp_path.iterdir())
    found = told("compare", *METHODS, "-b", "tiny.toml", "--jobs", "1", cwd=tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    assert [(row.do, row.job) for row in found.jobs] == [
        ("prepare", "tiny: policy"),
        ("prepare", "tiny: scale card"),
        ("train + eval", "ric/tiny/s0"),
        ("train + eval", "sft/tiny/s0"),
    ]
    policy, *others = found.models
    assert (policy.role, policy.name, policy.place) == ("policy", "scratch:0.3m", "made here")
    assert {row.place for row in others} == {"a function"}
    benchmark = load_benchmark(str(tmp_path / "tiny.toml"))
    answers, prompts = len(benchmark.responses()), len(benchmark.prompts("test"))
    (data,) = found.data
    assert (data.prompts, data.most_tokens, data.counted) == (len(benchmark.prompts("train")), 8, False)
    assert data.prompt_tokens
    assert data.answer_tokens
    assert policy.parameters
    each = policy.parameters * (data.prompt_tokens + data.answer_tokens)
    own = policy.parameters * (data.prompt_tokens + 8)
    made, _, ric, sft = found.jobs
    assert made.flops == pytest.approx(6 * each * 4 * 3)  # three steps of four answers
    assert ric.flops == pytest.approx(6 * each * 0.1 * answers + 6 * own * 3 * prompts)  # drawn, and read twice
    assert sft.flops == pytest.approx(6 * own * prompts)
    learned = 6 * each * 0.1 * answers / EFFICIENCY["CPU core"].learned
    front = own * 3 * prompts * (2 / EFFICIENCY["CPU core"].drawn + 4 / EFFICIENCY["CPU core"].read)
    assert found.rate == RATE
    assert found.workers == 1
    assert ric.seconds == pytest.approx((learned + front) / RATE)  # small policies have one thread a worker
    assert found.seconds == pytest.approx(sum(row.seconds or 0 for row in found.jobs))
    assert found.flops == pytest.approx(sum(row.flops or 0 for row in found.jobs))


def test_what_trainings_leave_on_the_disk(tmp_path: Path, slow: None) -> None:
    """By hand: each expert, or its adapter, in float32; AdamW's two moments beside the largest while it is trained."""
    benchmark_in(tmp_path)
    common = ("train", "-b", "tiny.toml", "--jobs", "1", "-m")
    whole = told(*common, "rewarded-soups,sft", cwd=tmp_path)
    size = 4 * (whole.models[0].parameters or 0)
    policy, card, soups, sft = (row.disk for row in whole.jobs)
    assert size
    assert (policy, card, sft) == (Disk(kept=size, meanwhile=3 * size), Disk(), Disk())
    assert soups == Disk(kept=2 * size, meanwhile=3 * size)
    assert whole.disk_bytes == 3 * size + 3 * size
    (adapters,) = (row.disk for row in told(*common, "rewarded-soups", "-c", "lora_rank=2", cwd=tmp_path).jobs[-1:])
    assert adapters
    assert 0 < adapters.kept < size
    weights = told(*common, "morlhf", cwd=tmp_path).jobs[-1]
    assert weights.disk == Disk(kept=5 * size, meanwhile=3 * size), "a policy for each of the weights"


def test_a_full_disk_is_foreseen(tmp_path: Path, slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark_in(tmp_path)
    assert "on the disk" not in moa("train", "-m", "ric", "-b", "tiny.toml", "--dry-run", cwd=tmp_path).stdout
    monkeypatch.setattr(foreseen, "free_bytes", lambda home: 1000)
    page = moa("train", "-m", "ric", "-b", "tiny.toml", "--dry-run", cwd=tmp_path).stdout
    assert "1e-06 GB are free: that is too little" in page


def test_a_preparation_that_is_not_made(tmp_path: Path, slow: None) -> None:
    benchmark_in(tmp_path)
    found = told("prepare", "-b", "tiny.toml", "--preparations", "0,1", cwd=tmp_path)
    assert [(row.do, row.job) for row in found.jobs] == [
        ("prepare", f"tiny{variant}: {part}") for variant in ("", " preparation 1") for part in ("policy", "scale card")
    ]
    assert found.models[0].role == "policy"
    assert not (tmp_path / "runs").exists()


def test_a_table_of_it(tmp_path: Path, slow: None) -> None:
    benchmark_in(tmp_path)
    result = moa("compare", *METHODS, "-b", "tiny.toml", "--ceiling", "--dry-run", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "scratch:0.3m, made here" in result.stdout
    assert "no model is downloaded" in result.stdout
    assert "1GFLOP/s a CPU core" in result.stdout
    assert "ceilings are estimated from is drawn afterwards" in result.stdout


def test_a_study_and_a_search_that_are_not_made(tmp_path: Path, slow: None) -> None:
    benchmark_in(tmp_path)
    study = told("study", "kl", "-m", "ric", "--over", "0.5,2", "-b", "tiny.toml", cwd=tmp_path)
    assert [row.job for row in study.jobs if row.path] == [
        "ric/tiny/s0 learning_rate=7.07e-05", "ric/tiny/s0 learning_rate=0.0002828", "sft/tiny/s0",
    ]  # fmt: skip
    search = told("tune", "-m", "ric", "--trials", "5", "-b", "tiny.toml", cwd=tmp_path)
    (trial,) = [row for row in search.jobs if row.path]
    assert (trial.do, trial.times) == ("tune", 5)
    assert trial.seconds
    assert search.seconds
    assert search.seconds > 2 * trial.seconds
    assert not (tmp_path / "runs").exists()


def test_options_for_what_is_made(tmp_path: Path) -> None:
    refused(moa("compare", "--dry-run", cwd=tmp_path), "--dry-run was given without -m")


def test_what_builds_on_another_is_not_trained_twice(tmp_path: Path, slow: None) -> None:
    """MOD trains nothing beside Rewarded Soups; MORLHF trains its three inner weights."""
    few = ("-c", "eval_prompts=1", "-b", "hh-rlhf-mini")
    alone = told("train", "-m", "mod", *few, cwd=tmp_path).jobs[-1]
    together = told("train", "-m", "mod,rewarded-soups,morlhf", *few, cwd=tmp_path)
    flops = {row.job.partition("/")[0]: row.flops for row in together.jobs}
    assert flops["mod"] == 0
    assert flops["rewarded-soups"] == alone.flops
    assert alone.flops
    assert flops["morlhf"] == pytest.approx(1.5 * alone.flops)


def test_data_of_the_hub_that_are_not_here(tmp_path: Path, slow: None) -> None:
    """Nothing is guessed: what jobs take is unknown, and so are models whose names do not tell their size."""
    found = told("train", "-m", "ric", "-b", "hh-rlhf", "-c", "lora_rank=8", "-c", "policy=x/y-135m", cwd=tmp_path)
    assert {row.flops for row in found.jobs} == {None}
    assert found.seconds is None
    assert any("Anthropic/hh-rlhf" in note and "downloaded" in note for note in found.notes)
    by_role = {row.role: row for row in found.models}
    assert (by_role["policy"].parameters, by_role["policy"].about) == (135_000_000, True)
    assert by_role["policy"].download_bytes == 270_000_000
    assert (by_role["reward helpful"].parameters, by_role["reward helpful"].download_bytes) == (None, None)
    assert "size unknown (not in the cache): Ray2333/gpt2-large-helpful-reward_model" in found.notes


def test_what_cannot_fit_is_refused(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a dry run, after it has told the rest, and by the command itself, before any job."""
    monkeypatch.setattr(foreseen, "machine", lambda gpus, *, timed: Machine("CPU core", PROCESS, 1.0))
    monkeypatch.setattr(finish, "execute", lambda *_: pytest.fail("a job was started"))
    policy = ("-c", f"policy={model_in(benchmark_in(tmp_path) / 'model', tokenizer)}", "-b", "tiny.toml")
    for command in ("train", "compare"):
        result = moa(command, "-m", "ric", *policy, "--dry-run", cwd=tmp_path)
        assert "ric/tiny/s0" in result.stdout
        assert result.returncode == 2
        assert "needs at least 1" in result.stderr
        assert [line.split()[0] for line in result.stderr.splitlines()[-3:]] == ["error:", "why:", "try:"]
        refused(moa(command, "-m", "ric", *policy, cwd=tmp_path), "needs at least")
    refused(moa("prepare", *policy, cwd=tmp_path), "needs at least")
    refused(moa("tune", "-m", "ric", *policy, cwd=tmp_path), "needs at least")
    refused(moa("study", "kl", "-m", "ric", "-c", "learning_rate=2e-5", *policy, cwd=tmp_path), "needs at least")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_it_takes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is refused by a machine that is too small for it, as it would be before any job."""
    command = ("compare", "-m", "sft,ric", "-b", "hh-rlhf", "-c", f"preset={name}")
    monkeypatch.setattr(foreseen, "machine", lambda gpus, *, timed: Machine("GPU", 80 * 10**9, 1e14))
    found = told(*command, cwd=tmp_path)
    assert found.models[0].name == preset_settings(name)["policy"]
    assert (found.models[0].parameters or 0) >= 135_000_000
    assert {job.job for job in found.jobs} >= {"ric/hh-rlhf/s0", "sft/hh-rlhf/s0"}
    assert all(job.memory for job in found.jobs if job.path)
    monkeypatch.setattr(foreseen, "machine", lambda gpus, *, timed: Machine("GPU", 10**9, 1e14))
    refused(moa(*command, cwd=tmp_path), "needs at least", "GB")


def test_a_model_in_a_folder_is_read_not_loaded(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own tokenizer counts."""
    monkeypatch.setattr("benchmarks.models.policy.load_policy", lambda *_, **__: pytest.fail("it was loaded"))
    folder = model_in(benchmark_in(tmp_path) / "model", tokenizer)
    found = told("train", "-m", "ric", "-b", "tiny.toml", "-c", f"policy={folder}", cwd=tmp_path)
    assert found.models[0].place == "in a local folder"
    assert found.data[0].counted
    prompts = load_benchmark(str(tmp_path / "tiny.toml")).prompts("train")
    lengths = [len(ids) for ids in tokenizer(prompts)["input_ids"]]
    assert found.data[0].prompt_tokens == pytest.approx(sum(lengths) / len(lengths))


def test_memory_is_that_of_the_training() -> None:
    """By hand: a model of 100 million parameters, 2 layers of 1,000; what its batch needs follows from the room."""
    model = Model(
        "m", "in a local folder", 100_000_000, hidden=1000, inner=2000, layers=2, heads=10, cached=400, vocabulary=100
    )
    how = {"gpu": False, "drawn": 32, "batch": 32, "tokens": 500.0, "rewards": 7, "reference": True}
    whole = memory_of(model, rank=0, room=10**12, **how)  # type: ignore[arg-type]
    assert (whole.weights, whole.gradients, whole.optimiser) == (800_000_000, 400_000_000, 800_000_000)
    assert whole.cache == 16 * 500 * 2 * 2 * 200 * 4
    assert whole.activations == 4 * 32 * 500 * 2 * (9 * 1000 + 3 * 200 + 4 * 2000)
    tight = memory_of(model, rank=0, room=whole.total - 1, **how)  # type: ignore[arg-type]
    assert tight.activations == whole.activations // 2
    adapted = memory_of(model, rank=2, room=10**12, **how)  # type: ignore[arg-type]
    trained = 2 * 2 * (4 * 1000 + 2 * 1200 + 3 * 3000)
    assert (adapted.weights, adapted.gradients) == (400_000_000 + 4 * trained, 4 * trained)
    answering = memory_of(model, rank=None, room=10**12, **how)  # type: ignore[arg-type]
    assert (answering.gradients, answering.cache) == (0, 32 * 500 * 2 * 2 * 200 * 4)


def test_a_reward_model_is_resident_once(unprepared: Benchmark, tiny_size: None, tmp_path: Path) -> None:
    """A published one for all that read it; one that is learned here for its objective, and for the evaluator where
    that learns otherwise."""
    saved(tmp_path, "Llama")

    def memory(reward: Reward, evaluator: Reward | None = None) -> int:
        objectives = tuple(replace(o, reward=reward, evaluator=evaluator or reward) for o in unprepared.objectives)
        return scorers_memory(known_of(replace(unprepared, objectives=objectives)))

    once, learned = memory(HubReward(model=str(tmp_path))), TrainedReward(base=str(tmp_path))
    assert once > 0
    assert memory(learned) == 2 * once
    assert memory(learned, replace(learned, steps=7)) == 4 * once


def test_a_size_that_only_a_name_tells_is_that_of_a_llama() -> None:
    """To a tenth: of 7 billion parameters 4,096 wide and 32 deep."""
    size = size_of_model(Model("llama-7b", "on the hub", 7_000_000_000, about=True))
    assert size.hidden == pytest.approx(4096, rel=0.1)
    assert size.layers == pytest.approx(32, rel=0.1)


def test_drawing_on_a_gpu_takes_its_steps() -> None:
    """However small the model."""
    assert seconds_of(Spent(drawn=1.0, steps=40), 1e15, "GPU") == pytest.approx(1.0)
    assert seconds_of(Spent(drawn=1.0, learned=1.0, read=1.0), 1.0, "CPU core") == pytest.approx(1 / 0.35 + 2 + 1 / 0.6)


def test_this_machine_is_measured() -> None:
    here = machine((), timed=True)
    assert here.memory > 10**8
    assert 10**8 < here.rate < 10**15
    assert machine((), timed=False).rate == 0


def test_every_built_in_method_says_what_its_front_takes() -> None:
    mini = load_benchmark("hh-rlhf-mini")
    served = {name: find_method(name)().serving(mini, 10) for name in ("sft", "ric", "best-of-n", "mod")}
    points = len(mini.grid)
    assert (served["sft"].drawn, served["ric"].drawn) == (10, 10 * points)
    assert (served["best-of-n"].drawn, served["best-of-n"].read) == (160, 10 * points)
    assert served["mod"].drawn == 10 * (2 * points - 2)  # at the corners one expert
