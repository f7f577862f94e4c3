"""Entries of the hub are known by their commit, folders by their content."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.hub import hub_commit, model_content
from benchmarks.data.rows import Source
from benchmarks.data.table import Table
from benchmarks.models.memory import size_of
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.trained import TrainedReward

Kept = Callable[..., None]


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Notes in a cache of the test's own that an entry was downloaded at a commit."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))

    def keep(entry: str, commit: str, revision: str = "main", kind: str = "model") -> None:
        hub_commit.cache_clear()
        file = tmp_path / f"{kind}s--{entry.replace('/', '--')}" / "refs" / revision
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(commit)

    hub_commit.cache_clear()
    yield keep
    hub_commit.cache_clear()


def test_it_is_the_commit_that_was_downloaded(downloaded: Kept) -> None:
    assert hub_commit("a/b", None, "model") is None
    assert model_content("a/b") == "a/b"
    downloaded("a/b", "111aaa")
    downloaded("a/b", "222bbb", revision="v2")
    downloaded("a/b", "333ccc", kind="dataset")
    assert hub_commit("a/b", None, "model") == "111aaa"
    assert hub_commit("a/b", "v2", "model") == "222bbb"
    assert hub_commit("a/b", None, "dataset") == "333ccc"
    assert model_content("a/b") == "a/b@111aaa"


def test_notes_beside_a_model_are_no_part_of_it(tmp_path: Path) -> None:
    """Nor is what a training leaves there; its tokenizer's texts are."""
    (tmp_path / "config.json").write_text("{}")
    before = model_content(str(tmp_path))
    for name in ("NOTES.txt", "trainer_state.json", "all_results.json", "training_args.bin"):
        (tmp_path / name).write_text("x")
    assert model_content(str(tmp_path)) == before
    told = {before}
    for name in ("vocab.txt", "merges.txt", "generation_config.json"):
        (tmp_path / name).write_text("x")
        told.add(model_content(str(tmp_path)))
    assert len(told) == 4


def test_the_hub_is_asked_where_it_can_be(downloaded: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is in the cache is taken where it does not answer."""
    downloaded("a/b", "111aaa")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    asked: list[Any] = []

    def answer(self: Any, entry: str, **how: Any) -> Any:
        asked.append((entry, how["revision"], how["repo_type"]))
        if entry == "a/gone":
            raise ConnectionError
        return SimpleNamespace(sha="999fff")

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", answer)
    assert [hub_commit("a/b", None, "model") for _ in range(3)] == ["999fff"] * 3
    assert asked == [("a/b", None, "model")], "once in a process"
    downloaded("a/gone", "444ddd")
    assert hub_commit("a/gone", None, "model") == "444ddd"


def test_another_commit_is_another_benchmark(downloaded: Kept, unprepared: Benchmark) -> None:
    """Of policy, rewards, bases of trained ones and data alike."""
    ah, oh = unprepared.objectives

    def made(**more: Any) -> list[Benchmark]:
        hub = replace(ah, reward=HubReward(model="r/hub"))
        based = replace(ah, reward=TrainedReward(base="b/base"))
        return [
            replace(unprepared, policy="p/policy"),
            replace(unprepared, objectives=(hub, oh)),
            replace(unprepared, objectives=(based, oh)),
        ]

    def data() -> list[str]:
        return [
            Source("d/rows").fingerprint([]),
            Table(format="answers", hub="d/rows").fingerprint(),
        ]

    before = [b.identity for b in made()], data()
    seen = {*before[0], *before[1]}
    for commit in ("111", "222"):
        for entry in ("p/policy", "r/hub", "b/base"):
            downloaded(entry, commit)
        downloaded("d/rows", commit, kind="dataset")
        now = {*(b.identity for b in made()), *data()}
        assert len(now) == 5
        assert not now & seen
        seen |= now
    assert HubReward(model="r/hub").id(unprepared, "ah") == "r/hub@222[+1*0:pair]"
    assert HubReward(model="r/hub", revision="111").id(unprepared, "ah") == "r/hub@111[+1*0:pair]"


def test_an_adapter_is_known_by_its_base_too(tmp_path: Path) -> None:
    """Its own files stay the same while the weights that it is added to are others."""
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    for folder in (base, adapter):
        folder.mkdir()
    (base / "model.safetensors").write_bytes(b"1")
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    before = model_content(str(adapter))
    assert before.startswith("adapter+")
    assert model_content(str(adapter)) == before
    (base / "model.safetensors").write_bytes(b"22")
    assert model_content(str(adapter)) != before


@pytest.mark.parametrize("text", [b"[]", b"{", b"[" * 5000, b'{"a": "\xff"}'])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("adapter_config.json", lambda folder, benchmark: model_content(str(folder))),
        ("tokenizer_config.json", lambda folder, benchmark: replace(benchmark, policy=str(folder), template="").form),
        ("config.json", lambda folder, benchmark: size_of(str(folder))),
    ],
)
def test_damaged_settings_of_a_model_are_refused_by_their_name(
    name: str, read: Callable[[Path, Benchmark], object], text: bytes, tmp_path: Path, unprepared: Benchmark
) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(BadInput, match=f"cannot use .*/{name}"):
        read(tmp_path, unprepared)


def test_an_adapter_of_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path)}))
    with pytest.raises(BadInput, match=r"cannot use .*/adapter_config\.json"):
        model_content(str(tmp_path))


def test_a_base_in_a_folder_is_its_content(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place / "base").mkdir(parents=True)
        (tmp_path / place / "base" / "config.json").write_text("{}")
    one, two = (TrainedReward(base=str(tmp_path / place / "base")) for place in ("one", "two"))
    assert one.identity == two.identity
    (tmp_path / "two" / "base" / "config.json").write_text('{"a": 1}')
    assert one.identity != two.identity
