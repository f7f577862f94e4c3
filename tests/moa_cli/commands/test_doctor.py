"""What this machine has for moa, and what it lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moa_cli.commands.common import machine
from tests.kit.cli import moa


def test_a_machine_that_has_all(tmp_path: Path) -> None:
    told = moa("doctor", "--json", cwd=tmp_path, HF_HUB_CACHE="/models", HF_HUB_OFFLINE="1")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["hub_cache"], found["offline"], found["missing"]) == ("/models", True, [])
    assert found["cores"] >= 1
    assert found["memory"] > 2**28
    assert found["devices"]


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "needed", lambda: ["numpy", "not-there"])
    told = moa("doctor", cwd=tmp_path)
    assert told.returncode == 2
    assert "not-there: pip install not-there" in told.stdout
    assert "not-there not installed" in told.stdout


def test_a_torch_that_is_broken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise OSError("libtorch.so: cannot open\nmore")

    monkeypatch.setattr(machine, "setup", broken)
    assert machine.examine("none").missing == ("torch cannot be used: OSError: libtorch.so: cannot open",)
