"""What a record says of where and with what it was made: all that results depend on, and no secret."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from methods.ric import RiC
from moa_cli.runs.items import pairs_of
from moa_cli.runs.record import Record
from moa_cli.runs.surroundings import LIBRARIES, processor, typed_command, versions, without_secrets, working_folder
from tests.kit.runs import record_with


def test_versions_are_those_of_all_libraries_that_matter() -> None:
    found = versions()
    assert {"torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "numpy", "pandas"} <= {
        *found
    }
    assert list(found) == ["python", *LIBRARIES]
    assert found["numpy"] == version("numpy")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--token", "abc"], ["--token", "***"]),
        (["--hub-token=abc"], ["--hub-token=***"]),
        (["-c", "mine.api_key=abc"], ["-c", "mine.api_key=***"]),
        (["-c", "reward.password='a b'"], ["-c", "reward.password=***"]),
        (["-c", "note=hf_abcdefghijklmnopqrstuv"], ["-c", "note=***"]),
        (["--data-dir", "https://me:abc@host/data"], ["--data-dir", "https://me:***@host/data"]),
        (["sk-proj-0123456789abcdef01"], ["***"]),
    ],
)  # fmt: skip
def test_a_secret_is_not_kept(typed: list[str], told: list[str]) -> None:
    assert without_secrets(typed) == told


@pytest.mark.parametrize(
    "typed",
    [
        ["train", "-m", "ric", "-c", "sampling.max_new_tokens=40", "-c", "max_prompt_tokens=512"],
        ["-b", "task-management-of-everything.toml", "-o", "sketch.html", "-c", "policy=meta/llama-2-7b-chat-hf"],
        ["-c", "ric.rounds=1", "--seed", "0,1"],
    ],
)
def test_what_is_no_secret_is_kept(typed: list[str]) -> None:
    assert without_secrets(typed) == typed


def test_the_command_is_kept_as_it_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/moa", "train", "-c", "a b.toml", "--token", "x"])
    assert typed_command() == "moa train -c 'a b.toml' --token '***'"


def test_a_folder_names_no_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ann" / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    monkeypatch.chdir(tmp_path / "ann" / "work")
    assert working_folder() == "~/work"
    monkeypatch.chdir(tmp_path)
    assert working_folder() == str(tmp_path)


def test_a_record_names_no_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Paths in it are whole again when it is read, as those of earlier records are; as settings, too."""
    home = tmp_path / "ann"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    benchmark = record_with().benchmark.model_copy(update={"source": f"{home}/b.toml", "data_dir": str(home)})
    record = record_with(method=f"{home}/mine.py", benchmark=benchmark, config={"rounds": 3})
    written = record.to_json()
    assert str(home) not in written
    assert '"~/mine.py"' in written
    assert Record.from_json(written) == record
    earlier = written.replace('"~/', f'"{home}/').replace('"~"', f'"{home}"')
    assert Record.from_json(earlier) == record
    record.write(tmp_path / "run.json")
    assert pairs_of([str(tmp_path / "run.json")], {f"{home}/mine.py": RiC}, {}, [], []) == [("ric.rounds", 3)]
    elsewhere = benchmark.model_copy(update={"source": "hh-rlhf", "data_dir": f"{tmp_path}/data"})
    assert f'"{tmp_path}/data"' in record_with(method="ric", benchmark=elsewhere).to_json()


def test_a_processor_has_a_name() -> None:
    assert processor("cpu").strip()
