"""Runs on disk: identity is content, records survive a round trip, damage is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.common.atomic import locked, write_text
from benchmarks.common.errors import BadInput, NotPermitted
from benchmarks.load.load import load_benchmark
from benchmarks.measure.front_files import FrontRecord, has_point, read_front
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.card import stored_card
from methods.contract.find import find_method
from methods.contract.method import Method
from moa_cli.comparisons.select import named_fronts
from moa_cli.runs.folders import check_home, find_runs, front_name, fronts_in, run_folder
from moa_cli.runs.front import Asked, read_asked, write_asked
from moa_cli.runs.log import LogRow, last_rows
from moa_cli.runs.record import Origin, read_record
from moa_cli.runs.state import has_front, is_measured, is_scored, is_trained
from tests.kit.fronts import WEIGHTS, damage_an_answer, make_card, save, store_card
from tests.kit.runs import RECORD, record_with


def test_a_folder_is_named_after_what_is_trained_on_what(tmp_path: Path) -> None:
    ric = find_method("ric")
    mini = load_benchmark("hh-rlhf-mini", home=tmp_path)
    folder = run_folder(mini, ric(), 0)
    assert folder.parent == tmp_path / "hh-rlhf-mini" / "ric"
    assert folder.name.endswith("-s0")
    others = [
        run_folder(mini, ric(batch=3), 0),
        run_folder(mini, ric(), 1),
        run_folder(replace(mini, seed=5), ric(), 0),
        run_folder(mini, find_method("sft")(), 0),
    ]
    assert len({folder, *others}) == 5
    assert run_folder(replace(mini, grid=((1.0, 0.0),)), ric(rounds=ric.rounds), 0) == folder
    sampled = replace(mini, sampling=replace(mini.sampling, temperature=0.5))
    assert run_folder(sampled, ric(), 0) != folder, "methods train on answers that are drawn like that"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ric", {"mapping": "linf"}),
        ("moslim", {"mapping": "l2"}),
        ("rewarded-soups", {"average": "factors"}),
        ("best-of-n", {"candidates": 4}),
    ],
)
def test_what_acts_only_when_answering_names_the_front_and_not_the_run(
    name: str, change: dict[str, Any], tmp_path: Path
) -> None:
    cls, mini = find_method(name), load_benchmark("hh-rlhf-mini", home=tmp_path)
    fewer = replace(mini, eval_prompts=5)
    assert {run_folder(b, m, 0) for b in (mini, fewer) for m in (cls(), cls(**change))} == {run_folder(mini, cls(), 0)}
    kinds = ("front", "dev", "sweep")
    names = {front_name(b, m, k) for b in (mini, fewer) for m in (cls(), cls(**change)) for k in kinds}
    assert len(names) == 2 * 2 * 3
    assert front_name(replace(mini, grid=((1.0, 0.0),)), cls()) == front_name(mini, cls())


def test_fronts_of_one_training_lie_side_by_side(tmp_path: Path) -> None:
    for place in ("front-01234567", "front-89abcdef", "dev-01234567", "sweep-before-01234567", "sweep-01234567"):
        save(tmp_path / place, make_card(prompts=4))
    (tmp_path / "front-begun000").mkdir()
    assert [place.name for place in fronts_in(tmp_path)] == ["front-01234567", "front-89abcdef"]
    assert [place.name for place in fronts_in(tmp_path, "sweep")] == ["sweep-01234567"]


def test_a_record_survives(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "run.json")
    assert read_record(tmp_path) == RECORD
    assert json.loads((tmp_path / "run.json").read_text())["schema"] == "moa.run/2"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_record_without_origin_is_read(tmp_path: Path) -> None:
    """Which told one identity of a benchmark, and said nothing of origins."""
    RECORD.write(tmp_path / "run.json")
    earlier = json.loads((tmp_path / "run.json").read_text())
    assert earlier.pop("origin") == {}
    del earlier["benchmark"]["training_identity"]
    (tmp_path / "run.json").write_text(json.dumps(earlier))
    assert read_record(tmp_path) == RECORD


def test_of_an_origin_only_what_applies_is_written(tmp_path: Path) -> None:
    given = record_with(origin=Origin(file="a.csv", columns={"prompt": "q"}, rows=3, missing=0))
    given.write(tmp_path / "run.json")
    told = json.loads((tmp_path / "run.json").read_text())["origin"]
    assert told == {"file": "a.csv", "columns": {"prompt": "q"}, "rows": 3, "missing": 0}
    assert read_record(tmp_path) == given


def test_a_run_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    """Its folder has another name, so nothing that is typed leads to it; whoever comes across it is told."""
    RECORD.write(tmp_path / "run.json")
    (tmp_path / "run.json").write_text((tmp_path / "run.json").read_text().replace("moa.run/2", "moa.run/1"))
    save(tmp_path / "front", make_card(prompts=4))
    with pytest.raises(BadInput, match="of an earlier version"):
        read_record(tmp_path)
    with pytest.raises(BadInput, match="of an earlier version"):
        named_fronts([tmp_path])


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"schema": "moa.front/1"}', '{"schema": "moa.run/2"}'])
def test_damage_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(BadInput, match=r"run\.json"):
        read_record(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no run"):
        read_record(tmp_path)
    assert not has_front(tmp_path)
    assert find_runs(tmp_path) == []
    assert last_rows(tmp_path, 3) == []


def test_runs_are_found_by_benchmark_and_method(tmp_path: Path) -> None:
    for name in ("a/sft/0-s0", "a/ric/0-s0", "b/sft/0-s0", "a/prepared"):
        RECORD.write(tmp_path / name / "run.json")
    assert [str(p.relative_to(tmp_path)) for p in find_runs(tmp_path)] == [
        "a/ric/0-s0",
        "a/sft/0-s0",
        "b/sft/0-s0",
    ]
    assert [p.parts[-3] for p in find_runs(tmp_path, methods=["sft"])] == ["a", "b"]
    assert len(find_runs(tmp_path, ["a"], ["ric"])) == 1


def test_a_retrained_method_is_done_when_its_weights_are(tmp_path: Path) -> None:
    soups, mini = find_method("rewarded-soups")(), load_benchmark("hh-rlhf-mini", home=tmp_path)

    class Retrained(type(soups)):  # type: ignore[misc]
        steering = "retrain"

    method = Retrained()
    folder = run_folder(mini, method, 0)
    weights = mini.trained_grid
    record_with(trained_at=weights).write(folder / "run.json")
    assert is_trained(folder, mini, method)
    record_with(trained_at=weights[:-1]).write(folder / "run.json")
    assert not is_trained(folder, mini, method)
    assert is_trained(folder, mini, soups)
    record_with(status="training").write(folder / "run.json")
    assert not is_trained(folder, mini, soups)


def test_a_training_whose_process_is_gone_has_stopped(tmp_path: Path) -> None:
    begun = record_with(status="training")
    assert [record.standing(tmp_path) for record in (begun, RECORD)] == ["stopped", "trained"]
    with locked(tmp_path / "lock"):
        assert begun.standing(tmp_path) == "training"
    assert begun.standing(tmp_path) == "stopped"


@pytest.fixture
def soup(tmp_path: Path) -> tuple[Path, Benchmark, Method]:
    """A measured run: its folder, its benchmark (three weights, four prompts), its method."""
    method, card = find_method("rewarded-soups")(), make_card(prompts=4)
    mini = replace(load_benchmark("hh-rlhf-mini", home=tmp_path), grid=WEIGHTS)
    folder = run_folder(mini, method, 0)
    save(folder / front_name(mini, method), card)
    RECORD.write(folder / "run.json")
    store_card(mini, card)
    return folder, mini, method


def test_a_front_is_measured_under_the_card_in_force_at_all_weights(soup: tuple[Path, Benchmark, Method]) -> None:
    folder, mini, method = soup
    assert is_measured(folder, mini, method)
    assert is_scored(folder, mini)
    assert not is_measured(folder, replace(mini, grid=WEIGHTS[:2]), method)
    assert is_scored(folder, replace(mini, grid=WEIGHTS[:2]))
    prepared = mini.home / mini.name / "prepared" / f"card-{mini.measuring_identity}.json"
    store_card(mini, make_card(prompts=5))
    assert not is_measured(folder, mini, method)
    prepared.unlink()
    assert not is_measured(folder, mini, method)


def test_a_front_with_a_damaged_answer_is_to_be_measured_again(soup: tuple[Path, Benchmark, Method]) -> None:
    """Though all numbers that a comparison reads are as they were."""
    folder, mini, method = soup
    front = folder / front_name(mini, method)
    path = front / "w-001.parquet"
    damage_an_answer(path)
    read_front(front)
    assert not is_measured(folder, mini, method)
    assert not is_scored(folder, mini)


@pytest.mark.parametrize(
    "damage",
    [
        lambda front: (front / "w-001.parquet").unlink(),
        lambda front: (front / "w-001.parquet").write_bytes(b"PAR1"),
        lambda front: (front / "front.json").unlink(),
        lambda front: (front / "front.json").write_text("{"),
        lambda front: (front / "front.json").write_text("[]"),
        lambda front: write_text(
            front / "front.json", (front / "front.json").read_text().replace(FrontRecord.SCHEMA, "moa.front/2")
        ),
    ],
)
def test_a_damaged_front_is_to_be_measured_again(
    damage: Callable[[Path], object], soup: tuple[Path, Benchmark, Method]
) -> None:
    """Else the command that the message names would find nothing to do."""
    folder, mini, method = soup
    damage(folder / front_name(mini, method))
    assert not is_measured(folder, mini, method)
    assert not is_scored(folder, mini)
    with pytest.raises(BadInput) as refused:
        read_front(folder / front_name(mini, method))
    assert refused.value.fix.endswith(f"moa eval {folder} --pareto")


def test_a_front_that_may_not_be_read_is_not_damaged(
    soup: tuple[Path, Benchmark, Method], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not be measured again, let alone deleted. (Root reads whatever the mode, so the denial is simulated.)"""
    folder, mini, method = soup

    def deny(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(pq, "ParquetFile", deny)
        with pytest.raises(NotPermitted, match="no permission"):
            is_measured(folder, mini, method)
        with pytest.raises(NotPermitted):
            has_point(folder / front_name(mini, method), 0, make_card(prompts=4), WEIGHTS[0], str(WEIGHTS[0]))
    for name in ("read_text", "read_bytes"):
        monkeypatch.setattr(Path, name, deny)
    readers: list[Callable[[], object]] = [
        lambda: read_front(folder / front_name(mini, method)), lambda: has_front(folder), lambda: read_record(folder),
        lambda: stored_card(mini),
    ]  # fmt: skip
    for read in readers:
        with pytest.raises(NotPermitted, match="no permission") as refused:
            read()
        assert "mend the permissions" in refused.value.fix


def test_points_of_other_weights_are_forgotten(tmp_path: Path) -> None:
    asked = Asked(weights=((1.0, 0.0),), config={"mapping": "l2"}, eval_prompts=4)
    assert read_asked(tmp_path) is None
    write_asked(tmp_path, asked)
    (tmp_path / "w-000.parquet").write_text("")
    write_asked(tmp_path, asked)
    assert (tmp_path / "w-000.parquet").exists()
    assert read_asked(tmp_path) == asked
    write_asked(tmp_path, asked.model_copy(update={"weights": ((0.0, 1.0),)}))
    assert not (tmp_path / "w-000.parquet").exists()


def test_a_log_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(
        '{"stage": "a", "step": 1, "steps": 2, "loss": 0.5}\n{"stage": "b", "step": 2, "steps": 2}\n{"st'
    )
    assert last_rows(tmp_path, 5) == [LogRow("a", 1, 2, {"loss": 0.5}), LogRow("b", 2, 2, {})]


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    check_home(tmp_path / "new" / "deep")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nothing")
    for home, reason in (("file/runs", "file is a file"), ("link", "leads nowhere"), ("link/runs", "leads nowhere")):
        with pytest.raises(BadInput, match=f"cannot write to .*{home}: .*{reason}"):
            check_home(tmp_path / home)
