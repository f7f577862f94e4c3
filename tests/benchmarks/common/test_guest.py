"""A user's reward in our process: what it does to the process is undone, and its time can be limited."""

# ruff: noqa: NPY002  the random numbers that all share are what is tried

from __future__ import annotations

import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.common import guest
from benchmarks.common.errors import BadInput
from benchmarks.common.guest import TIMEOUT
from benchmarks.common.ledger import telling
from benchmarks.common.python import load_file
from benchmarks.rewards.function import load_function
from benchmarks.spec import Scorer

HEAD = "import os, random, sys, time\nimport numpy as np\nimport torch\n"


@pytest.fixture
def reward(tmp_path: Path) -> Callable[[str], Scorer]:
    """Makes a reward of the code of its function, whose last line returns."""

    def made(code: str) -> Scorer:
        body = "".join(f"    {line}\n" for line in code.splitlines())
        (tmp_path / "mine.py").write_text(f"{HEAD}def f(prompts, responses):\n{body}")
        return load_function(f"{tmp_path / 'mine.py'}:f")

    return made


def test_a_file_imports_what_lies_beside_it(tmp_path: Path) -> None:
    """As it does when it is run by itself, at first or when it is called; another folder's file imports another one."""
    scores = []
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "helper_of_mine.py").write_text(f"FACTOR = {factor}\n")
        (folder / "late_helper_of_mine.py").write_text(f"ADDED = {factor / 10}\n")
        (folder / "json.py").write_text("1 / 0\n")  # is not what is called so everywhere
        (folder / "mine.py").write_text(
            "import json, helper_of_mine\n\n\ndef f(prompts, responses):\n    import late_helper_of_mine as late\n"
            "    import helper_of_mine as again\n    assert again is helper_of_mine\n"
            "    return [json.loads('1') * again.FACTOR + late.ADDED for _ in responses]\n"
        )
        scores.append(load_function(f"{folder / 'mine.py'}:f"))
    before = list(sys.path)
    assert [float(score(["a"], ["b"])[0]) for score in [*scores, *scores]] == [2.2, 3.3, 2.2, 3.3]
    assert sys.path == before


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


@pytest.mark.parametrize(
    "code",
    [
        "random.seed(5); np.random.seed(5); torch.manual_seed(5)",
        "[random.random() + np.random.rand() + torch.rand(()) for _ in range(9)]",
    ],
)
def test_random_numbers_do_not_depend_on_a_reward(code: str, reward: Callable[[str], Scorer]) -> None:
    score = reward(f"{code}\nreturn [1.0 for _ in responses]")
    state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    expected = draws()
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    score(["a"], ["b"])
    assert draws() == expected


def test_a_reward_draws_numbers_of_its_own(reward: Callable[[str], Scorer]) -> None:
    """Not those of a training, and the same ones in every process, however often others draw."""
    code = "return [random.random() + np.random.rand() + float(torch.rand(())) for _ in responses]"
    score = reward(code)
    first, second = score(["a"], ["b"]), score(["a"], ["b"])
    assert first != second
    draws()
    again = reward(code)
    draws()
    assert again(["a"], ["b"]) == first
    draws()
    assert again(["a"], ["b"]) == second


def test_a_file_that_sets_things_when_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        f"{HEAD}os.chdir('/')\ntorch.manual_seed(1)\ntorch.set_grad_enabled(False)\n"
        "torch.set_default_device('meta')\nimport warnings\nwarnings.simplefilter('error')\n"
    )
    place, state, filters = os.getcwd(), torch.get_rng_state(), [*warnings.filters]
    load_file(tmp_path / "mine.py", "a method")
    assert os.getcwd() == place
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert torch.empty(0).device == torch.device("cpu")
    assert [*warnings.filters] == filters


@pytest.mark.parametrize(
    "code",
    [
        "os.chdir('/')",
        "torch.set_num_threads(7)",
        "torch.set_grad_enabled(False)",
        "torch.set_default_dtype(torch.float64)",
        "torch.set_default_device('meta')",
        "torch.set_default_device('cuda')",
        "import warnings; warnings.simplefilter('error')",
        "os.close(1); os.close(2)",
        "sys.stdout = sys.stderr = None",
    ],
)
@pytest.mark.parametrize("end", ["return [1.0 for _ in responses]", "raise ValueError('no')"])
def test_what_a_reward_sets_is_undone(
    code: str, end: str, reward: Callable[[str], Scorer], capfd: pytest.CaptureFixture[str]
) -> None:
    def state() -> tuple[object, ...]:
        return (
            os.getcwd(), torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype(), sys.stdout,
            torch.get_default_device(), [*warnings.filters], os.fstat(1).st_ino, os.fstat(2).st_ino,
        )  # fmt: skip

    before, opened = state(), len(os.listdir("/proc/self/fd"))
    score = reward(f"{code}\n{end}")
    try:
        score(["a"], ["b"])
    except ValueError:
        assert end.startswith("raise")
    assert state() == before
    assert len(os.listdir("/proc/self/fd")) == opened
    print("still heard", flush=True)
    assert "still heard" in capfd.readouterr().out


def test_a_reward_that_closes_stdout(reward: Callable[[str], Scorer], monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.dup(1), "w") as mine:
        monkeypatch.setattr(sys, "stdout", mine)
        reward("sys.stdout.close()\nreturn [1.0 for _ in responses]")(["a"], ["b"])
        print("still heard", flush=True)
        assert mine.closed


def test_a_child_that_comes_back_ends(reward: Callable[[str], Scorer], tmp_path: Path) -> None:
    """Two of the same worker would write the same files."""
    score = reward("os.fork()\nreturn [1.0 for _ in responses]")
    score(["a"], ["b"])
    (tmp_path / str(os.getpid())).touch()
    time.sleep(0.2)
    assert [path.name for path in tmp_path.iterdir() if path.name.isdigit()] == [str(os.getpid())]


@pytest.mark.parametrize(
    "wait",
    [
        "time.sleep(60)",
        "while True: pass",
        "while True:\n    try:\n        time.sleep(60)\n    except Exception:\n        pass",
        "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        time.sleep(60)",
    ],
)
def test_a_call_that_does_not_return(
    wait: str, reward: Callable[[str], Scorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that tries again whatever happens is ended too."""
    monkeypatch.setattr(guest, "AGAIN", 0.1)
    monkeypatch.setenv(TIMEOUT, "0.2")
    score = reward(f"{wait}\nreturn [1.0 for _ in responses]")
    begin = time.monotonic()
    with pytest.raises(BadInput) as refusal:
        score(["a", "c"], ["b", "d"])
    assert time.monotonic() - begin < 5
    assert "mine.py:f" in refusal.value.what
    assert "within 0.2 s for 2 answers" in refusal.value.what
    assert "--reward-timeout" in refusal.value.why
    monkeypatch.setenv(TIMEOUT, "30")
    assert reward("return [1.0 for _ in responses]")(["a"], ["b"]) == [1.0]


def test_a_call_that_takes_long_is_told_of(reward: Callable[[str], Scorer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "PATIENCE", 0.1)
    monkeypatch.delenv(TIMEOUT, raising=False)
    told: list[str] = []
    with telling(told.append):
        reward("time.sleep(0.5)\nreturn [1.0 for _ in responses]")(["a"], ["b"])
        reward("return [1.0 for _ in responses]")(["a"], ["b"])
    assert len(told) == 1
    assert "mine.py:f" in told[0]
    assert "has not returned" in told[0]
    assert "--reward-timeout" in told[0]


def test_outside_the_main_thread_there_is_no_limit(
    reward: Callable[[str], Scorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process can be interrupted only there."""
    monkeypatch.setenv(TIMEOUT, "0.1")
    score, got = reward("time.sleep(0.3)\nreturn [1.0 for _ in responses]"), []
    thread = threading.Thread(target=lambda: got.append(score(["a"], ["b"])))
    thread.start()
    thread.join()
    assert got == [[1.0]]


@pytest.mark.parametrize("told", ["soon", "0", "-1", "nan"])
def test_a_limit_that_is_no_time(told: str, reward: Callable[[str], Scorer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT, told)
    with pytest.raises(BadInput, match=f"{TIMEOUT}={told}"):
        reward("return [1.0 for _ in responses]")(["a"], ["b"])
