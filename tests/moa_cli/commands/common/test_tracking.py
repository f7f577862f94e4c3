"""`--track`: refused in three lines where it cannot be done, before anything is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moa_cli.commands.common import tracking
from moa_cli.commands.common.tracking import track_with
from tests.kit.cli import moa, refused


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOA_TRACK", "")


def test_a_tracker_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(moa("train", "-m", "sft", "--track", "excel", cwd=tmp_path), "there are trackio, wandb, tensorboard")
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    for command in (("train", "-m", "sft"), ("compare", "-m", "sft"), ("tune", "-m", "ric"), ("study", "optimizer")):
        refused(moa(*command, "--track", "wandb", cwd=tmp_path), "wandb is not installed", "pip install wandb")
    refused(moa("compare", "--track", "wandb", cwd=tmp_path), "--track was given without -m")
    assert not list(tmp_path.iterdir())


def test_workers_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: name == "tensorboardX" or None)
    track_with("tensorboard")
    assert os.environ["MOA_TRACK"] == "tensorboard"
    assert "tracked with tensorboard" in capsys.readouterr().err
    track_with(None)
    assert "MOA_TRACK" not in os.environ
