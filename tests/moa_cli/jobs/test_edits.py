"""Files that are edited while a command works: nothing is named after what it was not made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.load.load import load_benchmark
from benchmarks.prepare.make import prepare
from moa_cli.runs.record import read_record
from tests.kit.cli import moa

METHOD = """
from dataclasses import dataclass
from pathlib import Path
from moa_cli import Method

@dataclass(frozen=True, kw_only=True)
class Editor(Method):
    steering = "none"

    def train(self, benchmark, run):
        file = Path({file!r})
        text = file.read_text()
        file.write_text(text.replace({old!r}, {new!r}))

    def policy(self, benchmark, run, weights):
        return benchmark.prepared.policy
"""
JUDGE, ROWS = ("letters.py", "len(r) / 9", "len(r) / 7"), ("rows.jsonl", "aloud", "softly")


def editor(folder: Path, file: str, old: str, new: str) -> str:
    """A method in whose training somebody edits a file."""
    (folder / "editor.py").write_text(METHOD.format(file=str(folder / file), old=old, new=new))
    return "editor.py"


def test_a_judge_that_is_edited_in_a_training_measures_nothing(own: Path) -> None:
    """It would under the name of the judge of before, in its units. Restored, the same command goes on; else it makes
    runs of what the judge is now."""
    typed = ("compare", "-m", editor(own, *JUDGE), "-b", "tiny.toml", "--jobs", "1")
    result = moa(*typed, cwd=own)
    assert result.returncode == 2
    assert "letters.py has changed since the benchmark was loaded" in result.stderr
    [run] = own.glob("runs/tiny/editor/*")
    assert read_record(run).status == "trained"
    assert not [*run.glob("front-*/front.json")]
    (own / "letters.py").write_text((own / "letters.py").read_text().replace(JUDGE[2], JUDGE[1]))
    assert moa(*typed, cwd=own).returncode == 0
    assert [*run.glob("front-*/front.json")]


def test_rows_that_are_edited_between_two_jobs_are_those_of_other_runs(own: Path) -> None:
    """One process does both: the second job is not done under the name of what the first one read."""
    result = moa("train", "-m", editor(own, *ROWS), "-b", "tiny.toml", "--seed", "0,1", "--jobs", "1", cwd=own)
    assert result.returncode == 2
    assert "has changed since the command began" in result.stderr
    assert len([*own.glob("runs/tiny/editor/*/run.json")]) == 1


@pytest.mark.parametrize("first", ["identity", "prompts"])
def test_a_benchmark_in_python_is_what_it_was_loaded_as_or_refuses(first: str, own: Path) -> None:
    """In a notebook, rows and rewards are edited between two cells."""
    before = load_benchmark(str(own / "tiny.toml"), home=own / "runs")
    _ = before.identity if first == "identity" else before.prompts("test")
    (own / "rows.jsonl").write_text((own / "rows.jsonl").read_text().replace("aloud", "softly"))
    after = load_benchmark(str(own / "tiny.toml"), home=own / "runs")
    assert "softly" in after.prompts("test")[0]
    assert after.identity != before.identity
    if first == "prompts":
        assert "aloud" in prepare(before).benchmark.prompts("test")[0]
    else:
        with pytest.raises(BadInput, match=r"rows\.jsonl has changed since the benchmark was loaded"):
            before.prompts("test")
