"""`moa export` and `moa chat` as they are typed, on the runs of a finished contest."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from benchmarks.models.policy import Policy
from tests.kit.cli import Done, moa, refused


@pytest.fixture(scope="module")
def ric(contest: Path) -> str:
    """The folder of a run, as `moa list runs` prints it."""
    [run] = (contest / "runs").glob("tiny/ric/*-s0")
    return str(run.relative_to(contest))


@pytest.fixture
def typed(contest: Path, ric: str, monkeypatch: pytest.MonkeyPatch):
    """Lines that are typed in a chat, and what comes of it."""

    def chat(*lines: str) -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return moa("chat", ric, "--weights", "1,0", "-b", "tiny.toml", cwd=contest)

    return chat


def test_export(contest: Path, ric: str) -> None:
    result = moa("export", ric, "--weights", ".3,.7", "home", "-b", "tiny.toml", cwd=contest)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "home\n"
    assert "README.md says how it is loaded" in result.stderr
    assert "moa export runs/tiny/ric" in (contest / "home/README.md").read_text()
    assert "at 0.5,0.5, the nearest point that was measured" in (contest / "home/README.md").read_text()
    assert json.loads((contest / "home/generation_config.json").read_text())["max_new_tokens"] == 8
    refused(moa("export", ric, "home", "-b", "tiny.toml", cwd=contest), "is not empty")
    refused(moa("export", ric, "new", "--weights", ".3,.3", "-b", "tiny.toml", cwd=contest), "are no weights")
    refused(moa("export", ric, "new", cwd=contest), "-b")
    refused(moa("export", "nothing", "new", cwd=contest), "there is no run in nothing")
    assert not (contest / "new").exists()


def test_a_model_card_names_no_place_of_this_machine(contest: Path, ric: str) -> None:
    """It is read by strangers: paths are told as records tell them, from where the command was typed."""
    assert moa("export", str(contest / ric), str(contest / "card"), "-b", "tiny.toml", cwd=contest).returncode == 0
    told = (contest / "card/README.md").read_text()
    assert f"moa export {ric} card -b tiny.toml" in told
    assert str(contest) not in told


def test_a_chat(typed) -> None:
    """One answer per question; the same twice is another one; /both answers the last question twice and is forgotten;
    what is no command is told, and the talk goes on."""
    result = typed("Say number 7 aloud.", "/weights 0,1", "And 8?", "/both 1,0 0,1", "/weights 2,0", "/what", "/reset",
                   "/both 1,0 .5,.5", "Hm?", "/quit", "never said")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "1,0" in result.stdout  # above a column
    assert "never said" not in result.stdout + result.stderr
    for words in ("weights 1,0", "weights 0,1", "are no weights", "/what is no command here", "nothing was said",
                  "there is no question yet"):  # fmt: skip
        assert words in result.stderr
    assert (
        result.stdout == typed("Say number 7 aloud.", "/weights 0,1", "And 8?", "/both 1,0 0,1", "/reset", "Hm?").stdout
    )


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_bytes_that_are_no_text_are_asked_too(
    errors: str, contest: Path, ric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever locale. The talk goes on."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Say \xff\xed\xa0\x80.\nHm?\n"), "utf-8", errors))
    result = moa("chat", ric, "-b", "tiny.toml", cwd=contest)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) >= 2


def test_an_answer_does_nothing_but_be_shown(typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy may have learned what steers a terminal."""
    monkeypatch.setattr(Policy, "stream", lambda *_: iter(["a\x1b]52;c;eA==", "a\x1b]52;c;eA==\x07\u202eb\n"]))
    assert typed("Hm?").stdout == "a?]52;c;eA==??b\n\n"
