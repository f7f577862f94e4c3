"""The ledger, the lock, whole files and folders, and the scale card."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import BadInput, Card, Cost, Sampling, charge, charged_to, is_locked, locked, whole_folder, write_text

CARD = Card(
    benchmark="b", version="1", objectives=("x", "y"), policy="p", rewards=("rx", "ry"), evaluators=("ex", "ey"),
    reward_mean=(0.1, -2.0), reward_std=(1.0, 1 / 3), evaluator_mean=(0.0, 0.0), evaluator_std=(1.0, 2.0),
    ref=(-2.0, -2.0), prompts=4, prompts_hash="abc", sampling=Sampling(max_new_tokens=8, stop=("\n\nHuman:",)),
)  # fmt: skip


# The ledger


def test_charges_go_to_the_innermost_ledger() -> None:
    outer, inner = Cost(), Cost(reward_calls=5)

    def fail_inside() -> None:
        with charged_to(inner):
            charge(reward_calls=2, trained_tokens=7)
            raise KeyError

    with charged_to(outer):
        charge(generated_tokens=1, flops=2.0)
        with pytest.raises(KeyError):
            fail_inside()
        charge(generated_tokens=10)
    charge(generated_tokens=100)
    assert outer == Cost(generated_tokens=11, flops=2.0)
    assert inner == Cost(reward_calls=7, trained_tokens=7)


def test_a_ledger_can_be_stored() -> None:
    cost = Cost(seconds=1.5, generated_tokens=2, flops=1e12)
    assert Cost(**cost.to_json()) == cost  # type: ignore[arg-type]


# The lock


def test_a_second_writer_is_refused_and_told_whom_to_wait_for(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "lock"
    with locked(lock), pytest.raises(BadInput) as error, locked(lock, wait=False):
        pass
    assert error.value.what == f"{lock.parent} is in use by {socket.gethostname()} pid {os.getpid()}"


def test_the_lock_is_free_after_an_error_and_names_its_last_holder_only(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("an older and much longer host name than this one pid 1\n")
    with pytest.raises(KeyError), locked(lock):
        raise KeyError
    with locked(lock, wait=False):
        assert lock.read_text() == f"{socket.gethostname()} pid {os.getpid()}\n"


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """The process holds the lock, says so and is killed; no stale lock is left."""
    lock = tmp_path / "lock"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom benchmarks import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(BadInput, match=f"pid {process.pid}"), locked(lock, wait=False):
            pass
        assert is_locked(lock)
        process.kill()
    assert not is_locked(lock)
    with locked(lock, wait=False):
        pass


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be (permissions do not stop root)."""
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot write to") as error, locked(tmp_path / "file" / "lock"):
        pass
    assert "--runs DIR" in error.value.fix


# Whole or not at all


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "policy"
    with whole_folder(target) as partial:
        (partial / "a").write_text("1")
        assert not target.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["policy"]
    with whole_folder(target) as partial:
        (partial / "b").write_text("2")
        assert (target / "a").exists()
    assert [p.name for p in target.iterdir()] == ["b"]


def test_an_interrupted_folder_does_not_appear_and_is_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "policy"

    def fail_inside() -> None:
        with whole_folder(target) as partial:
            (partial / "a").write_text("1")
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert not target.exists()
    with whole_folder(target) as partial:
        (partial / "b").write_text("2")
    assert sorted(p.name for p in target.iterdir()) == ["a", "b"]


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file.json"
    write_text(path, "old ä")
    assert path.read_text(encoding="utf-8") == "old ä"
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half " * 1000 + "\ud800")
    assert path.read_text(encoding="utf-8") == "old ä"
    write_text(path, "new")
    assert path.read_text() == "new"


# The card


def test_a_card_survives_json() -> None:
    again = Card.from_json(CARD.to_json())
    assert again == CARD
    assert again.hash == CARD.hash == CARD.to_json()["hash"]
    assert again.differences(CARD) == []


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2"},
        {"reward_std": (1.0, 1 / 3 + 1e-15)},
        {"evaluators": ("ex", "ez")},
        {"sampling": replace(CARD.sampling, temperature=0.9)},
        {"ref": (-2.0, -2.5)},
        {"prompts_hash": "abd"},
    ],
)
def test_every_difference_is_named_and_changes_the_hash(change: dict) -> None:
    other = replace(CARD, **change)
    assert other.hash != CARD.hash
    assert CARD.differences(other) == list(change)
