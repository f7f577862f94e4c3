"""The project file: where it is found, what it may say, and every mistake in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from moa_cli.commands.project.file import Project, find_project
from tests.kit.cli import moa, refused
from tests.kit.files import MY_METHOD


@pytest.fixture(autouse=True)
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a folder above it."""
    folder = tmp_path / "below"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def found(needed: tuple[str, ...] = ()) -> Project:
    project = find_project(Path.cwd(), needed)
    assert project
    return project


def mistakes(text: str) -> list[str]:
    """What is wrong with a file that says this."""
    Path("moa.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        find_project(Path.cwd())
    return caught.value.what.splitlines()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("moa.toml", "seed = 1\n[config]\nric.rounds = 1"),
        ("pyproject.toml", "[tool.moa]\nseed = 1\nconfig.ric.rounds = 1"),
    ],
)
def test_it_is_found_in_a_folder_above(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert found() == Project(f"../{name}", {"seed": ("1",)}, {"ric.rounds": 1})


def test_the_nearest_counts(tmp_path: Path) -> None:
    (tmp_path / "moa.toml").write_text("seed = 1")
    Path("pyproject.toml").write_text("[tool.ruff]\nline-length = 1")  # no project of moa
    assert found().file == "../moa.toml"
    Path("pyproject.toml").write_text("[tool.moa]\nseed = 2")
    assert found() == Project("pyproject.toml", {"seed": ("2",)}, {})
    Path("pyproject.toml").unlink()
    Path("moa.toml").write_text("")
    assert found() == Project("moa.toml")


def test_two_in_a_folder_are_refused() -> None:
    Path("pyproject.toml").write_text("[tool.moa]\nseed = 2")
    told = mistakes("seed = 1")
    assert told == ["moa.toml and pyproject.toml both say how moa is used"]


def test_without_one_there_is_none() -> None:
    assert find_project(Path.cwd()) is None


@pytest.mark.parametrize("text", ["[tool", "\xff", 'dependencies = ["moa"'])
def test_what_is_wrong_with_a_pyproject_of_others_is_not_ours(text: str) -> None:
    Path("pyproject.toml").write_bytes(text.encode("latin-1"))
    assert find_project(Path.cwd()) is None
    Path("pyproject.toml").write_bytes(f"[tool.moa]\n{text}".encode("latin-1"))
    with pytest.raises(BadInput, match="pyproject.toml cannot be read"):
        find_project(Path.cwd())


def test_a_file_of_another_user_counts_in_its_own_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """/tmp/moa.toml of anybody is none of ours."""
    (tmp_path / "moa.toml").write_text("seed = 1")
    stat = Path.stat

    def foreign(path: Path, **how: bool) -> os.stat_result:
        told = stat(path, **how)
        return os.stat_result([*told[:4], 12345, *told[5:10]]) if path.name == "moa.toml" else told

    monkeypatch.setattr(Path, "stat", foreign)
    assert find_project(Path.cwd()) is None
    assert "left out: ../moa.toml belongs to another user" in capsys.readouterr().err
    assert find_project(tmp_path)  # who types there has come to it


def test_one_value_or_several_or_with_commas() -> None:
    Path("moa.toml").write_text('method = "sft,ric"\nbenchmark = ["hh-rlhf-mini"]\nseed = [0, 1]')
    assert found(("method", "benchmark")).options == {
        "method": ("sft", "ric"), "benchmark": ("hh-rlhf-mini",), "seed": ("0", "1"),
    }  # fmt: skip


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models only where there is such a folder: else they are of the hub."""
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "models" / "small").mkdir(parents=True)
    (tmp_path / "moa.toml").write_text("""
        benchmark = ["shop.toml", "hh-rlhf"]
        method = ["ric", "/abs/mine.py"]
        runs = "~/runs"
        data-dir = "data"
        [config]
        policy = "models/small"
        reward.base = "models/large"
    """)
    assert found() == Project(
        "../moa.toml",
        {
            "benchmark": ("../shop.toml", "hh-rlhf"), "method": ("ric", "/abs/mine.py"), "runs": ("/home/me/runs",),
            "data-dir": ("../data",),
        },
        {"policy": "../models/small", "reward.base": "models/large"},
    )  # fmt: skip


def test_all_mistakes_are_told_at_once() -> None:
    Path("results").touch()
    assert mistakes("""
        metod = "ric"
        benchmark = ["hh-rlhf-mni", "shop.toml", "mine.txt"]
        method = ["rick", "Rewarded_Soups", "mine.py"]
        seed = -1
        runs = "results"
        data-dir = "data"
        config = ["eval_prompts=1"]
        output = "x.md"
    """) == [
        "moa.toml: 11 mistakes",
        "  metod: there is no such key (did you mean method?)",
        "  output: there is no such key; there are: benchmark, method, seed, runs, data-dir, config",
        "  seed: expected a list, each item a whole number of at least 0, found -1",
        "  benchmark: there is no benchmark hh-rlhf-mni (did you mean hh-rlhf-mini?)",
        "  benchmark: there is no file shop.toml",
        "  benchmark: there is no benchmark mine.txt",
        "  method: there is no method rick (did you mean ric?)",
        "  method: there is no file mine.py",
        "  runs: results is a file",
        "  data-dir: there is no folder data",
        "  config: expected a table of settings, found ['eval_prompts=1']",
    ]  # fmt: skip


def test_it_may_begin_with_the_mark_of_windows_editors() -> None:
    for name, table in (("moa.toml", ""), ("pyproject.toml", "[tool.moa]\n")):
        Path(name).write_text(f"{table}seed = 1\n", encoding="utf-8-sig")
        assert found(("seed",)).options == {"seed": ("1",)}
        Path(name).unlink()


@pytest.mark.parametrize("text", ["[tool]\nmoa = 3", '[[tool.moa]]\nmethod = "ric"'])
def test_what_speaks_of_moa_and_is_no_table_is_refused(text: str) -> None:
    Path("pyproject.toml").write_text(text)
    with pytest.raises(BadInput, match="tool.moa in pyproject.toml is no table"):
        found()


def test_no_model_is_not_the_folder_of_the_file() -> None:
    Path("moa.toml").write_text('[config]\npolicy = ""\nreward.base = ""')
    assert found().settings == {"policy": "", "reward.base": ""}


def test_data_is_that_of_a_benchmark() -> None:
    Path("data").mkdir()
    assert mistakes('data-dir = "data"')[1:] == ["  data-dir: it goes with a benchmark, and none is named"]


def test_what_a_command_does_not_need_may_be_missing() -> None:
    """As data that lies on another machine: runs can be looked at here."""
    Path("moa.toml").write_text('benchmark = "shop.toml"\ndata-dir = "data"\nmethod = "mine.py"')
    assert found(("runs",)).options["data-dir"] == ("data",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = [", "moa.toml cannot be read: "),
        ("seeds = 1", "seeds: there is no such key (did you mean seed?)"),
        ('runs = ["a", "b"]', "runs: expected a text that is not empty, found ['a', 'b']"),
        (r'runs = "a\u0000b"', r"runs: nothing can be called 'a\x00b'"),
    ],
)
def test_the_command_line_refuses_it(text: str, told: str) -> None:
    Path("moa.toml").write_text(text)
    refused(moa("list", "runs", cwd=Path.cwd()), told, "docs/project.md")
    assert moa("--no-project", "list", "runs", cwd=Path.cwd()).returncode == 0
    assert moa("list", "--help", cwd=Path.cwd()).returncode == 0


def test_the_doctor_names_it(tmp_path: Path) -> None:
    def told() -> str:
        return next(
            line for line in moa("doctor", cwd=Path.cwd()).stdout.splitlines() if line.startswith("project")
        ).partition(" ")[2].strip()  # fmt: skip

    assert told() == "none"
    (tmp_path / "moa.toml").write_text(f'method = "{MY_METHOD}"')
    assert told() == "../moa.toml"
    (tmp_path / "moa.toml").write_text("method = 3")
    assert told() == "../moa.toml: 1 mistake"
