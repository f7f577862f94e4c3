"""What `moa` says of itself, and that it says so at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.cli import environment, examples, moa, refused


@pytest.mark.parametrize(
    "command",
    ["", "prepare", "train", "eval", "compare", "study", "claims", "list", "show", "view", "export", "chat", "soup"],
)
def test_help(command: str, tmp_path: Path) -> None:
    result = moa(*command.split(), "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "Usage: moa" in result.stdout
    assert "<bool>" not in result.stdout
    assert ("Where and how it runs" in result.stdout) == ("--runs" in result.stdout)
    words = " ".join(result.stdout.replace("│", " ").split())
    if command in ("train", "study"):
        assert "[default: 0]" in words  # rich takes brackets for markup
    if command in ("prepare", "train", "study"):
        assert "[default: hh-rlhf-mini]" in words
    if command in ("eval", "compare", "claims"):
        assert "[default: hh-rlhf-mini; of runs that are there, all]" in words
    assert result.stderr == ""
    assert not list(tmp_path.iterdir())


def test_every_command_has_examples() -> None:
    found = examples()
    known = {"prepare", "train", "eval", "compare", "study", "claims", "list", "show", "view", "init", "check"}
    assert known <= set(found)
    for command, lines in found.items():
        assert lines, command
        assert lines[0].split()[1] == command, "others may follow it"


UNTRIED = ("check", "study", "tune", "view")
"""Commands that end late, or never."""


@pytest.mark.parametrize(
    "example",
    [
        line
        for command, lines in examples().items()
        if command not in ("check", "study", "tune", "view")
        for line in lines
    ],
)
def test_examples_of_the_help_are_understood(example: str, tmp_path: Path) -> None:
    """Each either runs in no time, or as far as can be told without training: names and settings are right. Those of
    studies are in test_studies.py; a search and a check have no end before training, so theirs are checked as those on
    pages are."""
    words = example.split()[1:]
    if words[0] == "train":
        words += [] if "--dry-run" in words else ["--dry-run"]
    if words[0] == "prepare" or (words[0] == "compare" and "-m" in words):
        kept = [w for w in words[1:] if not re.match(r"--json|--baseline|-o|.*\.(md|pdf|json|xml|tar)$", w)]
        words = ["train", "-m", "sft", *kept, "--dry-run"]
    result = moa(*words, cwd=tmp_path)
    of_runs = ("eval", "compare", "claims", "rm", "export", "chat", "soup")
    nothing = words[0] in of_runs and "--prompts" not in words  # there is no run here
    expected = 2 if nothing or words[1:] == ["tuned/ric"] else 0
    assert result.returncode == expected, result.stderr
    assert "Traceback" not in result.stderr
    assert "No such option" not in result.stderr


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("compare", "--seeds", "3"), ("--seeds", "--seed", "moa compare --help")),
        (("export",), ("RUN", "moa export [OPTIONS] {RUN} {DIR}", "moa export --help")),
        (("train", "--jobs", "x"), ("--jobs", "integer", "moa train --help")),
        (("nosuch",), ("nosuch", "moa --help")),
        (("--nosuch",), ("--nosuch", "moa --help")),
    ],
    ids=lambda one: " ".join(one),
)
def test_what_is_mistyped_is_refused_as_all_else(
    typed: tuple[str, ...], words: tuple[str, ...], tmp_path: Path
) -> None:
    refused(moa(*typed, cwd=tmp_path), *words)


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    """By one command after the other, in one process: what the first one imports is told of it."""
    light = ["--help", "list", "show ric", "show hh-rlhf-mini", "train -m ric --dry-run"]
    code = (
        "import sys\n"
        "from moa_cli.app import main\n"
        f"for command in {light}:\n"
        "    sys.argv = ['moa', *command.split()]\n"
        "    try: main()\n"
        "    except SystemExit as leaving: assert not leaving.code, command\n"
        "    heavy = {'torch', 'transformers', 'datasets', 'pandas', 'matplotlib', 'trl', 'click'} & set(sys.modules)\n"
        "    assert not heavy, (command, heavy)\n"
        "    assert command != '--help' or 'numpy' not in sys.modules\n"
        "print('all', file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.endswith("all\n")


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("0", 160), ("", 160)])
def test_a_pipe_is_as_wide_as_it_is_told(columns: str, width: int, tmp_path: Path) -> None:
    lines = moa("list", "methods", cwd=tmp_path, COLUMNS=columns).stdout.splitlines()
    assert width - 20 < max(map(len, lines)) <= width


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m moa_cli show ric | head -1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr
