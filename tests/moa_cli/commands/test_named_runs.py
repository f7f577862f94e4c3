"""A method where the folder of a run belongs, in every command that takes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.cli import moa, refused

COMMANDS = {
    "compare ric": "moa compare -m ric",
    "eval --pareto ric": "moa eval --pareto -m ric",
    "eval --weights 0.5,0.5 ric": "moa eval --weights 0.5,0.5 -m ric",
    "eval --rescore ric": "moa eval --rescore -m ric",
    "chat ric": "train one: moa train -m ric",
    "export ric x": "train one: moa train -m ric",
    "rm ric": "train one: moa train -m ric",
}


@pytest.mark.parametrize("typed", COMMANDS)
def test_a_method_is_no_run(typed: str, finished: Path, tmp_path: Path) -> None:
    """Its runs are listed where there are some, else what makes one."""
    refused(
        moa(*typed.split(), cwd=tmp_path), "there is no run ric", "runs has no run of it", f"try: {COMMANDS[typed]}"
    )
    [run] = (finished / "runs/tiny/ric").iterdir()
    there = moa(*typed.split(), cwd=finished)
    refused(there, "there is no run ric", f"name a run: runs/tiny/ric/{run.name}; or {COMMANDS[typed]}")
    refused(moa("compare", "rick", cwd=tmp_path), "there is no run rick", "a run is a folder with a run.json")


def test_what_a_saved_comparison_holds_is_said_alike(tmp_path: Path) -> None:
    """The scores of answers, as docs/ci.md has it: a gate reads them, and comparing needs more."""
    refused(moa("compare", "a.json", "b.json", cwd=tmp_path), "it holds the scores of answers, which a gate reads")
    (tmp_path / "a.json").touch()
    refused(moa("compare", "-m", "sft", "a.json", cwd=tmp_path), "it holds the scores of answers, which a gate reads")
    ci = (Path(__file__).parents[3] / "docs" / "ci.md").read_text()
    assert "it holds the held-out score of every answer" in ci
