"""What is suggested after a command: a line for people, who sit at a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from moa_cli.commands.common.finish import same_place
from moa_cli.console import suggest


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_is_told(terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    suggest("moa eval --pareto")
    assert ("next: moa eval --pareto" in capsys.readouterr().err) == terminal


def test_the_next_command_finds_the_same_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods and benchmarks that hold code are named again; what comes with moa need not be."""
    monkeypatch.delenv("MOA_RUNS", raising=False)
    assert same_place(["sft,my method.py"], ["shop.toml", "hh-rlhf-mini"], Path("runs")) == (
        " -m 'my method.py' -b shop.toml"
    )
    assert same_place(None, None, Path("other")) == " --runs other"
    monkeypatch.setenv("MOA_RUNS", "other")
    assert same_place(None, None, Path("other")) == ""
