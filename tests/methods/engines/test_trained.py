"""What is stored of a training, and that what is measured is what was trained."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

from benchmarks.common.errors import BadInput
from benchmarks.models import Policy, load_policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.prepared import Prepared
from methods.engines.grader import classes_of, grade
from methods.engines.trained import _load, as_trained, load_adapters, load_trained, save_trained, soup, souped, to_train
from moa_cli.jobs import worker
from moa_cli.jobs.job import Job
from moa_cli.runs.config import Source

IDS = torch.arange(5, 45).view(2, 20)


@torch.no_grad()
def log_probs(model: Any) -> torch.Tensor:
    return model(IDS).logits.float().log_softmax(-1)


@pytest.fixture
def stored(random_policy: Callable[..., Policy], tmp_path: Path) -> Path:
    """A policy that came in bfloat16."""
    policy = random_policy(1)
    replace(policy, model=policy.model.to(torch.bfloat16)).save(tmp_path / "start")
    return tmp_path / "start"


class Opened(NamedTuple):
    """What of a benchmark policies are loaded from."""

    prepared: Prepared


@pytest.fixture
def opened(unprepared: Benchmark, stored: Path) -> Callable[[str], Any]:
    """A benchmark that starts from it, of which nothing but the policy can be had."""
    none: Any = None

    def of(precision: str) -> Any:
        benchmark = replace(unprepared, policy=str(stored), precision=precision)
        return Opened(Prepared(benchmark, card=none, report=none))

    return of


def with_adapter(start: Policy, seed: int = 0) -> Policy:
    """The update is about as large as bfloat16 is exact: 2^-9 of a weight."""
    torch.manual_seed(seed)
    model = get_peft_model(start.model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=1e-3)
    return replace(start, model=model.eval())


def test_a_policy_is_held_in_what_is_asked_for_and_stored_in_what_it_came_in(
    stored: Path, opened: Callable[[str], Any], tmp_path: Path
) -> None:
    """On a CPU, in float32 unless asked. What is trained whole is in float32 from then on: of updates as small as a
    learning rate of 1e-6 makes them, 2^-11 of a weight, bfloat16 keeps next to nothing."""
    assert load_policy(stored, precision="bfloat16").model.dtype == torch.bfloat16
    policy = load_policy(stored)
    assert (policy.model.dtype, policy.stored) == (torch.float32, torch.bfloat16)
    before = log_probs(policy.model)
    with torch.no_grad():
        for value in policy.model.parameters():
            value.mul_(1 + 2**-11 * torch.randn(value.shape, generator=torch.Generator().manual_seed(0)))
    trained = log_probs(policy.model)
    stage = tmp_path / "stage"
    save_trained(policy, stage)
    assert {v.dtype for v in load_file(stage / "model.safetensors").values()} == {torch.float32}
    for precision in ("", "bfloat16"):
        benchmark = opened(precision)
        for kept in (_load(benchmark, stage), soup(benchmark, [stage] * 2, (0.25, 0.75))):
            assert (kept.model.dtype, kept.stored) == (torch.float32, torch.float32)
            assert (log_probs(kept.model) - trained).abs().mean() < 0.01 * (trained - before).abs().mean()
    (stored / "model.safetensors").unlink()  # a whole model needs no other
    assert (log_probs(_load(opened(""), stage).model) - trained).abs().max() < 1e-4


@pytest.mark.parametrize(("precision", "within"), [("float32", 1e-4), ("bfloat16", 1e-6)])
def test_an_adapter_is_measured_as_it_was_trained(
    stored: Path, opened: Callable[[str], Any], tmp_path: Path, precision: str, within: float
) -> None:
    """It is stored in float32, and does not lose what the weights that it changes have no room for."""
    policy = with_adapter(load_policy(stored, precision=precision))
    trained = log_probs(policy.model)
    save_trained(policy, tmp_path / "stage")
    assert {v.dtype for v in load_file(tmp_path / "stage" / "adapter_model.safetensors").values()} == {torch.float32}
    benchmark = opened(precision)
    assert (log_probs(_load(benchmark, tmp_path / "stage").model) - trained).abs().max() < within
    alone = soup(benchmark, [tmp_path / "stage"] * 2, (0.25, 0.75))
    assert (log_probs(alone.model) - trained).abs().max() < (within if precision == "float32" else 0.1)


def test_merging_into_bfloat16_would_lose_it(stored: Path) -> None:
    policy = with_adapter(load_policy(stored, precision="bfloat16"))
    exact = with_adapter(load_policy(stored))
    before, trained = log_probs(load_policy(stored).model), log_probs(exact.model)
    assert isinstance(as_trained(policy.model), PeftModel)
    merged = policy.model.merge_and_unload().float()
    update = trained - before
    assert (log_probs(merged) - trained).abs().mean() > 0.3 * update.abs().mean()
    assert not isinstance(as_trained(exact.model), PeftModel)


def answering(benchmark: Benchmark, folder: Path) -> Callable[[], object]:
    """A policy that answers, from a stage: it is kept to answer again, which the result tells."""
    benchmark.prepared.policy.save(folder)
    kept = weakref.ref(load_trained(benchmark, folder).model)
    assert load_trained(benchmark, folder).model is kept()
    return kept


def test_policies_that_answered_make_room_for_a_training(tiny: Benchmark, tmp_path: Path) -> None:
    kept = answering(tiny, tmp_path / "stage")
    assert kept() is not None
    to_train(tiny, None, 0)
    gc.collect()
    assert kept() is None


def test_a_worker_begins_the_next_job_with_the_memory_of_the_last(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The starting policy of a job's benchmark and its rewards too."""
    kept = list[Callable[[], object]]()

    def work(benchmark: Benchmark, log: object) -> None:
        kept.extend([answering(benchmark, tmp_path / "stage"), weakref.ref(benchmark.prepared.policy.model)])

    monkeypatch.setattr(worker, "_send", lambda event: None, raising=False)
    monkeypatch.setattr(worker, "_quiet", False, raising=False)
    monkeypatch.setattr(Source, "load", lambda source: replace(tiny))
    job = Job(key="run", label="x", purpose="train", source=Source("tiny", tmp_path), work=work, folder=tmp_path / "x")
    assert worker.perform_here(job).error is None
    assert [one() for one in kept] == [None, None]


def test_a_stage_that_was_never_made_is_told_from_a_damaged_one(opened: Callable[[str], Any], tmp_path: Path) -> None:
    """The same command makes a damaged one again, and never one that `train` does not name."""
    benchmark = opened("")
    policies = tmp_path / "policy"
    for name in ("helpful", "harmless", ".humor.damaged"):
        (policies / name).mkdir(parents=True)
    for read in (
        lambda folder: load_trained(benchmark, folder, fresh=True),
        lambda folder: load_adapters(None, [policies / "harmless", folder]),
        lambda folder: souped(None, [folder], (1.0,)),
        lambda folder: grade(benchmark, folder),
        classes_of,
    ):
        with pytest.raises(BadInput) as refused:
            read(policies / "helpfull")
        assert refused.value.what == f"there is no stage 'helpfull' in {tmp_path} (did you mean helpful?)"
        assert refused.value.why.endswith("harmless, helpful")
    with pytest.raises(BadInput, match="set aside as damaged"):
        load_trained(benchmark, policies / "humor", fresh=True)
    with pytest.raises(BadInput, match="left: nothing"):
        load_trained(benchmark, tmp_path / "other" / "policy" / "a", fresh=True)
