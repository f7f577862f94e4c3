"""A small part of `make chaos`, which tries hundreds of each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from methods import method_names
from tests.chaos.faults import FAULTS
from tests.chaos.kills import COMMANDS
from tests.kit.cli import environment
from tests.kit.files import ROOT


def test_damage_is_got_over() -> None:
    """In a process of its own, since commands are forked from it."""
    command = [sys.executable, "-m", "tests.chaos", "--share", "0.004", "--only", "damages"]
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{4:8}{0:8}" in result.stdout


def test_every_method_and_every_kind_of_user_fault_is_among_them() -> None:
    assert set(method_names()) <= set(COMMANDS)
    assert sum(name.startswith("a reward") for name in FAULTS) > 20
    assert Path(ROOT / "Makefile").read_text().count("tests.chaos") == 1
