"""What may be removed, and what never is: by a link, under a lock, or a run that somebody may still want."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import load_benchmark
from benchmarks.common.atomic import locked, write_text
from benchmarks.common.errors import BadInput
from benchmarks.common.identity import plain
from benchmarks.spec.places import policy_source, tokenizer_folder
from methods.contract.find import find_method
from moa_cli.commands.common.removal import check_removable, removable, remove
from moa_cli.runs.config import Source, as_config
from moa_cli.runs.folders import bytes_of
from moa_cli.runs.record import FAILED, RecordedBenchmark, read_record
from moa_cli.runs.state import failed_for, note_failure
from tests.kit.cli import moa
from tests.kit.runs import record_with


def a_run(home: Path, name: str, status: str = "trained", when: float = 100) -> Path:
    """A run of 10 bytes and its record."""
    benchmark = load_benchmark("hh-rlhf-mini", home=home)
    folder = home / "hh-rlhf-mini" / "mine" / name
    record_with(
        status=status, method="mine", steering="merge", config=plain(as_config(find_method("ric")())),
        benchmark=RecordedBenchmark.of(benchmark, Source("hh-rlhf-mini", home)),
    ).write(folder / "run.json")  # fmt: skip
    write_text(folder / "policy" / "model", "0123456789")
    os.utime(folder / "run.json", (when, when))
    return folder


def told(home: Path) -> dict[str, str]:
    return {str(one.path.relative_to(home / "hh-rlhf-mini")): one.kind for one in removable(home)[0]}


def test_what_may_be_removed(tmp_path: Path) -> None:
    """Code a at three seeds, then b at one: a is superseded with its checkpoints. What is locked is nobody's."""
    for name in ("a-s0", "a-s1"):
        a_run(tmp_path, name)
    write_text(tmp_path / "hh-rlhf-mini" / "mine" / "a-s1" / "checkpoints" / "x", "1")
    new = a_run(tmp_path, "b-s0", when=200)
    write_text(new / "checkpoints" / "x", "12345")
    write_text(new / "front-00000000" / ".w-000.parquet.7.partial", "")
    stopped = a_run(tmp_path, "b-s1", "training", when=200)
    failed = a_run(tmp_path, "b-s2", "training", when=200)
    note_failure(failed, RuntimeError("no reward\ntoday"))
    busy = a_run(tmp_path, "b-s3", "training", when=200)
    expected = {
        "mine/a-s0": "superseded", "mine/a-s1": "superseded", "mine/b-s0/checkpoints": "checkpoints",
        "mine/b-s0/front-00000000/.w-000.parquet.7.partial": "unfinished", "mine/b-s1": "unfinished",
        "mine/b-s2": "unfinished",
    }  # fmt: skip
    with locked(busy / "lock"):
        assert told(tmp_path) == expected
        with pytest.raises(BadInput, match="in use"):
            check_removable(busy)
    assert told(tmp_path) == expected | {"mine/b-s3": "unfinished"}
    assert read_record(failed).standing(failed) == "failed"
    assert failed_for(failed) == "RuntimeError: no reward"
    note_failure(failed, None)
    assert not (failed / FAILED).exists()
    assert read_record(stopped).standing(stopped) == "stopped"
    assert next(one.size for one in removable(tmp_path)[0] if one.path == new / "checkpoints") == 5


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither a run that is one, nor one below; a link within a run goes, and what it leads to stays."""
    home, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    own, theirs = a_run(home, "a-s0", "training"), a_run(elsewhere, "a-s1", "training")
    (home / "hh-rlhf-mini" / "mine" / "a-s1").symlink_to(theirs)
    (home / "hh-rlhf-mini" / "linked").symlink_to(theirs.parent)
    (own / "policy" / "more").symlink_to(theirs)
    assert told(home) == {"mine/a-s0": "unfinished"}
    for run in (home / "hh-rlhf-mini" / "mine" / "a-s1", home / "hh-rlhf-mini" / "linked" / "a-s1"):
        with pytest.raises(BadInput, match="reached by a link"):
            check_removable(run)
    with pytest.raises(BadInput, match="no run"):
        check_removable(home / "hh-rlhf-mini")
    size = bytes_of(own)
    assert size < bytes_of(theirs) + 200, "a link counts for itself"
    check_removable(own)
    remove(own)
    assert not own.exists()
    assert (theirs / "policy" / "model").read_text() == "0123456789"


def test_preparations_that_no_run_was_trained_on(tmp_path: Path) -> None:
    """All stay where one run cannot be read: nobody knows what it was trained on."""
    run = a_run(tmp_path, "a-s0")
    benchmark = load_benchmark("hh-rlhf-mini", home=tmp_path)
    used = [Path(policy_source(benchmark)), tokenizer_folder(benchmark)]
    for folder in (*used, used[0].with_name("policy-0"), used[0].with_name("reward-helpful-0")):
        write_text(folder / "model", "0")
    record = read_record(run)
    record.model_copy(update={"method": "ric"}).write(run / "run.json")
    assert told(tmp_path) == {"prepared/policy-0": "preparations", "prepared/reward-helpful-0": "preparations"}
    a_run(tmp_path, "b-s0")
    write_text(tmp_path / "hh-rlhf-mini" / "mine" / "b-s0" / "run.json", "{")
    found, notes = removable(tmp_path)
    assert found == []
    assert "cannot be read" in notes[0]


def test_a_run_that_is_named_twice_is_one(tmp_path: Path) -> None:
    run = a_run(tmp_path, "a-s0")
    result = moa("rm", str(run), f"{run}/", "--yes", cwd=tmp_path)
    assert (result.returncode, result.stderr.count(str(run)), run.exists()) == (0, 1, False)


def test_it_is_asked_first(tmp_path: Path) -> None:
    """And nothing is removed where nobody can say yes, nor of several where one may not be."""
    run = a_run(tmp_path, "a-s0", "training")
    assert moa("rm", str(run), cwd=tmp_path).returncode == 2
    assert moa("rm", str(run), str(tmp_path), "--yes", cwd=tmp_path).returncode == 2
    shown = moa("clean", "--dry-run", "--runs", str(tmp_path), cwd=tmp_path)
    assert (shown.returncode, "unfinished" in shown.stdout, run.exists()) == (0, True, True)
    assert moa("clean", "everything", cwd=tmp_path).returncode == 2
    assert moa("clean", "--yes", "unfinished", "--runs", str(tmp_path), cwd=tmp_path).returncode == 0
    assert not run.exists()
