"""Trackers: off unless asked for; what is asked for gets all that a trainer logs, under the name of the run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks.models.tracking import TRACK, tracked_as
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.run import Run
from methods.engines.sft import train_sft

WRITER = '''
import json, os

class SummaryWriter:
    """Writes down what a tracker would have been told."""

    def __init__(self, log_dir):
        os.makedirs(log_dir, exist_ok=True)
        self.path = os.path.join(log_dir, "told.jsonl")

    def add_text(self, *_): pass
    def flush(self): pass
    def close(self): pass

    def add_scalar(self, name, value, step):
        with open(self.path, "a") as file:
            file.write(json.dumps([name, value, step]) + "\\n")
'''


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tracking leaves in the environment goes when the test does."""
    for name in (TRACK, "WANDB_PROJECT", "TENSORBOARD_LOGGING_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_nothing_is_tracked_unless_asked_for(clean: None) -> None:
    assert tracked_as(Path("runs/b/sft/0-s0/checkpoints/only")) == {"report_to": []}


def test_a_training_is_called_after_its_run(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRACK, "wandb")
    told = tracked_as(Path("/x/runs/b/sft/0-s0/checkpoints/only"))
    assert told == {"report_to": ["wandb"], "run_name": "b/sft/0-s0/only", "project": "moa"}
    assert os.environ["WANDB_PROJECT"] == "moa"


def test_what_is_logged_is_tracked(
    tiny: Benchmark, tmp_path: Path, clean: None, tiny_size: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through transformers' callback, which writes with whichever library is there: one of ours here. Two stages of a
    run are two runs of the tracker, and neither lies where checkpoints are removed."""
    (tmp_path / "lib" / "tensorboardX").mkdir(parents=True)
    (tmp_path / "lib" / "tensorboardX" / "__init__.py").write_text(WRITER)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    monkeypatch.setenv(TRACK, "tensorboard")
    run = Run(tmp_path / "runs" / "cries" / "sft" / "0-s0", 0)
    for name in ("one", "two"):
        train_sft(
            tiny, tiny.demonstrations(), run.stage(name), epochs=0.5, batch=8, learning_rate=1e-3, lora_rank=0
        )  # fmt: skip
    rows = [json.loads(line) for line in (run.dir / "log.jsonl").read_text().splitlines()]
    for name in ("one", "two"):
        told = (tmp_path / "runs/tensorboard/cries/sft/0-s0" / name / "told.jsonl").read_text().splitlines()
        losses = {step: value for what, value, step in map(json.loads, told) if what == "train/loss"}
        assert losses == {row["step"]: row["loss"] for row in rows if row["stage"] == name}
        assert losses
