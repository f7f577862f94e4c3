"""`moa prepare -o` and `--prepared`: what was prepared on one machine is what runs on another are trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.kit.cli import moa, refused
from tests.kit.worlds import METHODS


def test_a_preparation_is_used_on_another_machine(own: Path) -> None:
    """Nothing is prepared there: fronts stand under the carried card, and a dry run foresees trainings alone."""
    packed = moa("prepare", "-b", "tiny.toml", "-o", "prepared.tar", cwd=own)
    assert (packed.returncode, "wrote prepared.tar" in packed.stderr) == (0, True), packed.stderr
    shutil.rmtree(own / "runs/tiny/prepared")
    measured = moa("eval", "--pareto", "-b", "tiny.toml", "--prepared", "prepared.tar", cwd=own)
    assert measured.returncode == 0, measured.stderr
    assert measured.stderr.count("its preparation is that of prepared.tar") == 1
    assert "worker" not in measured.stderr  # there was nothing to do
    other = ("--prepared", "prepared.tar", "--runs", "other", "--dry-run", "--json")
    foreseen = moa("compare", *METHODS, "-b", "tiny.toml", *other, cwd=own)
    assert foreseen.returncode == 0, foreseen.stderr
    assert {job["do"] for job in json.loads(foreseen.stdout)["jobs"]} == {"train + eval"}


def test_a_preparation_of_something_else_is_refused(own: Path) -> None:
    assert moa("prepare", "-b", "tiny.toml", "-o", "prepared.tar", cwd=own).returncode == 0
    given = ("-b", "tiny.toml", "--prepared", "prepared.tar", "--runs", "other")
    refused(moa("train", "-m", "ric", *given, "-c", "eval_prompts=5", cwd=own), "up to 6 prompts, here on 5")
    refused(moa("tune", "-m", "ric", *given, "-c", "policy=scratch:1m", cwd=own), "policy or decoding are others")
    refused(moa("study", "optimizer", *given[2:], cwd=own), "it has those of tiny")
    assert not (own / "other").exists()


def test_an_archive_that_would_do_nothing_is_refused(own: Path) -> None:
    refused(moa("compare", "--prepared", "prepared.tar", cwd=own), "--prepared was given without -m")
    refused(moa("eval", "--rescore", "--prepared", "prepared.tar", cwd=own), "--prepared was given with --rescore")
    refused(moa("prepare", "-b", "tiny.toml", "-o", "prepared.zip", cwd=own), "its suffix is not .tar")


def test_an_archive_replaces_an_archive_alone(own: Path) -> None:
    """Whatever it holds by now; a tar file of one's own stays."""
    for name, content in (("ours.tar", b"prepared.json\0cut off"), ("theirs.tar", b"photo.png\0"), ("empty.tar", b"")):
        (own / name).write_bytes(content)
    refused(moa("prepare", "-b", "tiny.toml", "-o", "theirs.tar", cwd=own), "a file that -o did not write")
    refused(moa("prepare", "-b", "tiny.toml", "-o", "runs/tiny/prepared/new.tar", cwd=own), "is moa's own")
    for name in ("ours.tar", "empty.tar"):
        for _ in range(2):
            done = moa("prepare", "-b", "tiny.toml", "-o", name, cwd=own)
            assert done.returncode == 0, done.stderr
