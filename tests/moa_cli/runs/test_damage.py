"""A store that has come to harm: what is damaged is named, and the same command makes it again. A store of others."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from benchmarks.common.atomic import write_sums
from benchmarks.common.errors import BadInput, not_permitted
from benchmarks.common.ledger import Cost, telling
from benchmarks.common.sums import faulty, reading
from benchmarks.measure.front_files import has_point, point_file, read_front
from benchmarks.models.checkpoints import last_checkpoint
from benchmarks.models.opening import open_model
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import missing_parts, prepare, prepare_part
from benchmarks.prepare.parts import is_prepared
from benchmarks.prepare.prepared import open_prepared
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.places import policy_source
from methods.contract.find import find_method
from methods.contract.run import Run
from moa_cli.commands.common.facts import run_rows
from moa_cli.comparisons.select import found_fronts
from moa_cli.jobs.goals import sweep_goals
from moa_cli.jobs.job import Job
from moa_cli.jobs.plan import measuring_jobs
from moa_cli.jobs.run import _clear, _counted, _stored_cost, evaluate, opened, train
from moa_cli.jobs.worker import perform
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant
from moa_cli.runs.folders import find_runs, run_folder
from moa_cli.runs.record import read_record
from moa_cli.runs.state import is_trained
from tests.kit.cli import moa
from tests.kit.fronts import damage_an_answer, make_card, save
from tests.kit.runs import RECORD, record_with


def harmed(path: Path) -> None:
    """One bit is another one."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_part_of_a_preparation_is_refused_and_made_again(own_tiny: Benchmark, tiny_size: None) -> None:
    """To the last bit as it was."""
    from benchmarks.models import starting_policy

    folder = Path(policy_source(own_tiny))
    before = (folder / "model.safetensors").read_bytes()
    harmed(folder / "model.safetensors")
    with pytest.raises(BadInput, match="damaged: model.safetensors is not what was written") as error:
        starting_policy(own_tiny)
    assert "prepare makes it again" in error.value.fix
    assert missing_parts(own_tiny) == ["policy"]
    prepare_part(own_tiny, "policy")
    assert missing_parts(own_tiny) == []
    assert (folder / "model.safetensors").read_bytes() == before
    starting_policy(own_tiny)


def test_what_was_set_aside_of_a_preparation_is_among_the_jobs_of_whatever_needs_it(
    own_tiny: Benchmark, tiny_size: None
) -> None:
    """Not of a command that trains alone: a policy that answers needs it, too."""
    run = Contestant.of(Source(own_tiny.name, own_tiny.home), own_tiny, find_method("sft")(), 0)
    assert [job.purpose for job in measuring_jobs([run], may_train=True)] == ["train + eval"]
    folder = Path(policy_source(own_tiny))
    harmed(folder / "model.safetensors")
    with pytest.raises(BadInput, match="damaged"), reading(folder):
        pass
    assert not is_prepared(own_tiny)
    assert [job.purpose for job in measuring_jobs([run], may_train=True)] == ["prepare", "prepare", "train + eval"]
    prepare(own_tiny)
    assert folder.exists()
    assert is_prepared(own_tiny)


def test_a_training_that_is_mended_costs_what_it_did(own_tiny: Benchmark, saved_early: None) -> None:
    """The stage that came to harm is trained again, and that is lost; killed meanwhile, too."""
    method = find_method("rewarded-soups")(prompts_per_step=8, samples_per_prompt=2, epochs=1.0)
    run = train(own_tiny, method, seed=1)
    whole, weights = read_record(run.dir), (run.stage("oh").folder / "model.safetensors").read_bytes()
    harmed(run.stage("oh").folder / "model.safetensors")
    with pytest.raises(BadInput, match="damaged"), reading(run.stage("oh").folder):
        pass

    def kill(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(own_tiny, method, seed=1, log=kill)
    train(own_tiny, method, seed=1)
    mended = read_record(run.dir)
    assert (run.stage("oh").folder / "model.safetensors").read_bytes() == weights
    for name in ("generated_tokens", "trained_tokens", "reward_calls", "flops"):
        assert mended.cost[name] == whole.cost[name], name
    assert mended.lost["trained_tokens"] > 0
    assert mended.used == whole.used


def test_a_damaged_reward_is_refused(own_tiny: Benchmark) -> None:
    reward = own_tiny.objectives[0].reward
    assert isinstance(reward, TrainedReward)
    harmed(reward.folder(own_tiny, "ah") / "tokenizer.json")
    with pytest.raises(BadInput, match="reward-ah-.* is damaged: tokenizer.json"):
        reward.scorer(own_tiny, "ah")


def test_a_run_with_a_damaged_policy_is_not_trained_any_more(unprepared: Benchmark, tmp_path: Path) -> None:
    benchmark, method = replace(unprepared, home=tmp_path), find_method("sft")()
    run = Run(run_folder(benchmark, method, 0), 0)
    record_with(trained_at=()).write(run.dir / "run.json")
    for name in ("one", "two"):
        with run.stage(name).writing() as folder:
            (folder / "model").write_text("weights")
    assert is_trained(run.dir, benchmark, method)
    harmed(run.stage("one").folder / "model")
    with pytest.raises(BadInput, match="one is damaged"), reading(run.stage("one").folder):
        pass
    assert not is_trained(run.dir, benchmark, method)
    assert not run.stage("one").done
    assert run.stage("two").done, "and only that stage is trained again"
    with run.stage("one").writing() as folder:
        (folder / "model").write_text("weights")
    assert is_trained(run.dir, benchmark, method)


def checkpoint(folder: Path, step: int, sums: bool = True) -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    for name in ("trainer_state.json", "config.json"):
        (made / name).write_text('{"global_step": 1}')
    save_file({"a": torch.arange(50)}, made / "model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({"a": torch.arange(50)}, made / name)
    if sums:
        write_sums(made)
    return made


@pytest.mark.parametrize("sums", [True, False])
@pytest.mark.parametrize(
    "name",
    ["optimizer.pt", "rng_state.pth", "trainer_state.json", "scheduler.pt", "config.json", "model.safetensors"],
)
@pytest.mark.parametrize("harm", [harmed, lambda p: p.write_bytes(p.read_bytes()[:10]), lambda p: p.write_bytes(b"")])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, name: str, harm, sums: bool) -> None:
    """One without sums tells as much as its files tell by themselves: of one bit, those that are zip files."""
    older, newer = checkpoint(tmp_path, 25, sums), checkpoint(tmp_path, 100, sums)
    assert last_checkpoint(tmp_path) == newer
    if harm is harmed and name.endswith((".json", ".safetensors")) and not sums:
        return
    lines: list[str] = []
    harm(newer / name)
    with telling(lines.append):
        assert last_checkpoint(tmp_path) == older
        harm(older / name)
        assert last_checkpoint(tmp_path) is None
    assert len(lines) == 2
    assert lines[0].startswith(f"{newer} is damaged: ")
    assert lines[0].endswith("The training goes on from the one before, or begins anew")


class _Planted:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["optimizer.pt", "rng_state.pth", "scheduler.pt"])
def test_nothing_in_a_checkpoint_is_code(tmp_path: Path, name: str) -> None:
    """One without checksums, as anybody could have made it."""
    made = checkpoint(tmp_path, 25, False)
    torch.save({"a": _Planted(tmp_path / "EXECUTED")}, made / name)
    with telling([].append):
        found = last_checkpoint(tmp_path)
    if found:
        with pytest.raises(UnpicklingError):
            torch.load(found / name)  # as transformers does
    assert not (tmp_path / "EXECUTED").exists()


def test_a_damaged_ledger_begins_anew_and_what_was_spent_is_not_known(tmp_path: Path) -> None:
    run = Run(tmp_path, 0, cost=Cost(flops=5.0, trained_tokens=7))
    run.log("sft", 0, 1, {})
    assert _stored_cost(tmp_path) == run.cost
    (tmp_path / "cost.json").write_bytes((tmp_path / "cost.json").read_bytes().replace(b"7", b"8"))
    lines: list[str] = []
    with telling(lines.append):
        cost = _stored_cost(tmp_path)
    assert cost == Cost()
    assert lines == [f"{tmp_path / 'cost.json'} is damaged: what was spent so far is not counted"]
    counted = _counted(Run(tmp_path, 0, cost=Cost(flops=1.0, trained_tokens=1)))
    assert counted["flops"] is counted["trained_tokens"] is counted["seconds"] is None


def test_a_damaged_answer_of_a_front_is_measured_again(tmp_path: Path) -> None:
    """Though all of its numbers are as they were."""
    card = make_card(prompts=4)
    save(tmp_path, card)
    front, path = read_front(tmp_path), point_file(tmp_path, 1)
    damage_an_answer(path)
    lines: list[str] = []
    with telling(lines.append):
        assert has_point(tmp_path, 0, card, front.weights[0], front.labels[0])
        assert not has_point(tmp_path, 1, card, front.weights[1], front.labels[1])
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}: it is damaged: ")


def test_a_log_that_was_cut_short_is_gone_on_with_on_a_line_of_its_own(tmp_path: Path) -> None:
    from moa_cli.runs.log import last_rows

    run, log = Run(tmp_path, 0), tmp_path / "log.jsonl"
    run.log("one", 0, 2, {"loss": 1.0})
    log.write_bytes(
        log.read_bytes() + b'{"stage": "x", "step": 1, "steps": 2, "seconds": 1e400}\n{"stage": "two", \xff'
    )
    run.log("three", 1, 2, {"loss": 0.5, "odd": float("nan")})
    assert [row.stage for row in last_rows(tmp_path, 5)] == ["one", "three"]
    assert "odd" not in last_rows(tmp_path, 1)[0].measured
    assert b"\n\n" not in log.read_bytes()


def failing(error: Exception, benchmark: Benchmark, log: object) -> None:
    raise error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"), RuntimeError("disk is full"),
        RuntimeError("Error while serializing: I/O error: File too large (os error 27)"),
    ],
)  # fmt: skip
def test_a_full_disk_says_make_room(unprepared: Benchmark, tmp_path: Path, error: Exception) -> None:
    source = Source("hh-rlhf-mini", tmp_path)
    job = Job(key="a", label="a", purpose="train", source=source, work=partial(failing, error), folder=tmp_path / "run")
    outcome = perform(job, lambda *_: None, quiet=True)
    assert outcome.error is not None
    assert outcome.error[0] == "a failed: there is no room left"
    assert outcome.error[2].startswith("make room")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("can't start new thread"), OSError(errno.ENOMEM, "Cannot allocate memory")]
)
def test_no_memory_is_told_as_that(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Not as a model that is none: the name and the network of this one are right."""

    def fail(*_: object, **__: object) -> None:
        raise error

    def work(benchmark: Benchmark, log: object) -> object:
        return open_model(tmp_path)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fail)
    source = Source("hh-rlhf-mini", tmp_path)
    job = Job(key="a", label="a", purpose="train", source=source, work=work, folder=tmp_path / "run")
    outcome = perform(job, lambda *_: None, quiet=True)
    assert outcome.error is not None
    assert outcome.error[0].startswith("a failed: ")
    assert outcome.error[2].startswith("there is too little memory")


# What leads out of a store, and what may not be read


def test_nothing_is_written_where_a_link_leads(unprepared: Benchmark, tiny: Benchmark, tmp_path: Path) -> None:
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "runs"
    elsewhere.mkdir()
    (elsewhere / "f").write_text("mine")
    benchmark, method = replace(tiny, home=home), find_method("sft")()
    (home / "cries").mkdir(parents=True)
    (home / "cries" / "prepared").symlink_to(tiny.home / "cries" / "prepared")
    with pytest.raises(BadInput, match="leads out of"):
        missing_parts(benchmark)
    run = run_folder(benchmark, method, 0)
    for name in ("policy", "lock", "log.jsonl"):
        run.mkdir(parents=True)
        (run / name).symlink_to(elsewhere / ("f" if "." in name or name == "lock" else ""))
        with pytest.raises(BadInput):
            train(benchmark, method)
        if name != "lock":
            _clear(run)
        assert [p.name for p in elsewhere.iterdir()] == ["f"]
        assert (elsewhere / "f").read_text() == "mine"
        for path in run.iterdir():
            path.unlink()
        run.rmdir()
    run.symlink_to(elsewhere)
    with pytest.raises(BadInput, match="leads out of"):
        train(benchmark, method, restart=True)
    assert [p.name for p in elsewhere.iterdir()] == ["f"]


@pytest.mark.parametrize("name", ["policy/.one.partial", "checkpoints/one", "front-01234567", "policy/one/model", "d"])
def test_no_link_in_a_run_is_followed_whatever_is_done_there(
    name: str, tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained, measured, measured at every intensity, or asked for one answer."""
    benchmark, method = replace(tiny, home=tmp_path / "runs"), find_method("moslim")()
    monkeypatch.setattr(type(method), "intensities", lambda self, run: (1, 1))
    (tmp_path / "runs" / tiny.name).mkdir(parents=True)
    shutil.copytree(tiny.home / tiny.name / "prepared", tmp_path / "runs" / tiny.name / "prepared")
    (elsewhere := tmp_path / "elsewhere").mkdir()
    run = Run(run_folder(benchmark, method, 0), 0)
    (run.dir / name).parent.mkdir(parents=True)
    record_with(status="training").write(run.dir / "run.json")
    (run.dir / name).symlink_to(elsewhere)
    for do in (train, partial(evaluate, run=run), partial(sweep_goals, run=run)):
        with pytest.raises(BadInput, match=f"{name} leads out of"):
            do(benchmark, method)
    with pytest.raises(BadInput, match=f"{name} leads out of"):
        opened(run.dir)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", [".policy-0123.partial", "scores", "policy-0123/model.safetensors"])
def test_no_link_in_a_preparation_is_followed(name: str, own_tiny: Benchmark, tmp_path: Path) -> None:
    """Nor where all is prepared: scores are kept there."""
    place = own_tiny.home / own_tiny.name / "prepared" / name
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    place.symlink_to(elsewhere)
    for do in (missing_parts, prepare, open_prepared):
        with pytest.raises(BadInput, match=f"{name} leads out of"):
            do(own_tiny)
    assert not list(elsewhere.iterdir())


def test_a_traceback_is_not_kept_where_a_link_leads(unprepared: Benchmark, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("mine")
    (tmp_path / "output.txt").symlink_to(tmp_path / "theirs")
    source = Source("hh-rlhf-mini", tmp_path)
    job = Job(key="a", label="a", purpose="train", source=source, work=partial(failing, KeyError("x")), folder=tmp_path)
    assert perform(job, lambda *_: None, quiet=True).error is not None
    assert (tmp_path / "theirs").read_text() == "mine"


@pytest.mark.parametrize("harmed", ["method", "source", "data_dir"])
def test_a_record_with_a_name_that_no_file_can_have_is_damaged(harmed: str, tmp_path: Path) -> None:
    """And beside the others of the store its run is left out."""
    name = "a\0.py"
    of = RECORD.benchmark if harmed == "method" else RECORD.benchmark.model_copy(update={harmed: name})
    record = record_with(method=name if harmed == "method" else "sft", benchmark=of)
    for number, one in enumerate((record_with(), record)):
        run = tmp_path / "runs" / "b" / "sft" / f"1234567{number}-s{number}"
        one.write(run / "run.json")
        save(run / "front-01234567", make_card(prompts=4))
    (tmp_path / "runs/b/prepared").mkdir()
    with pytest.raises(BadInput, match=r"cannot use .*run\.json"):
        read_record(run)
    for typed in ("list runs", "claims", "clean --dry-run", "eval --pareto", "eval --weights .5,.5"):
        done = moa(*typed.split(), cwd=tmp_path, COLUMNS="400")
        assert run.name in done.stdout + done.stderr, typed
        assert "should not happen" not in done.stderr, typed


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_no_permission_is_called_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: int) -> None:
    """At every level of the store, and of the record itself. (Permissions do not stop root: they are played.)"""
    for number in (1, 2):
        record_with().write(tmp_path / f"b{number}" / f"sft{number}" / f"12345678-s{number}" / "run.json")
    closed = tmp_path.joinpath("b1", "sft1", "12345678-s1", "run.json")
    closed = closed.parents[3 - level] if level < 3 else closed
    listing, reads = Path.iterdir, Path.read_bytes

    def deny(path: Path) -> None:
        if path == closed or closed in path.parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", lambda self: deny(self) or listing(self))
    monkeypatch.setattr(Path, "read_bytes", lambda self: deny(self) or reads(self))
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda self: (deny(self) if level < 3 else None) or exists(self))
    told, within = Path.stat, level < 3
    monkeypatch.setattr(
        Path, "stat", lambda self, **how: (deny(self) if within and self != closed else None) or told(self, **how)
    )
    rows = {row.path: row.status for row in run_rows(tmp_path)}
    assert "no permission" in rows.values()
    if level:
        assert list(rows.values()).count("trained") == 1, "the others are shown"
        assert len(find_runs(tmp_path)) == 2
    lines: list[str] = []
    with pytest.raises(BadInput, match="nothing to compare"):
        found_fronts(tmp_path, [], [], [], lines.append)
    assert any("there is no permission for" in line for line in lines)
    assert not_permitted(closed).fix == "mend the permissions, or ask its owner"


def test_a_store_that_is_not_ours_to_write_to_can_be_asked(
    own_tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that keeps nothing finds out and scores; what libraries print is lost, scores are made anew."""
    import sqlite3

    import benchmarks.rewards.known as known

    def readonly(path: object, **_: object) -> None:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    monkeypatch.setattr(known.sqlite3, "connect", readonly)
    scorer = own_tiny.objectives[0].reward.scorer(own_tiny, "ah")
    assert scorer(["q"], ["ah ah"]).shape == (1,)
    (tmp_path / "file").touch()
    job = Job(
        key="a", label="a", purpose="measure", source=Source("hh-rlhf-mini", tmp_path),
        work=lambda benchmark, log: "asked", folder=tmp_path / "file" / "run",
    )  # fmt: skip
    assert perform(job, lambda *_: None, quiet=True).result == "asked"
    assert not faulty(tmp_path)
