"""A whole contest, and what can be done after it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.common.errors import not_permitted
from moa_cli.comparisons.document import Comparison
from moa_cli.report.page import report_html
from moa_cli.runs.folders import fronts_in
from tests.kit.cli import moa, refused
from tests.kit.pages import Page
from tests.kit.worlds import METHODS


def test_what_keeps_nothing_needs_no_right_to_write(contest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a store of somebody else's; what would keep something asks for it."""

    def denied(home: Path) -> None:
        raise not_permitted(home)

    monkeypatch.setattr("moa_cli.runs.check_home", denied)
    (run,) = contest.glob("runs/tiny/ric/*-s0")
    for asked in (("compare", *METHODS), ("eval", str(run), "--weights", "0.3,0.7")):
        result = moa(*asked, "-b", "tiny.toml", cwd=contest)
        assert result.returncode == 0, result.stderr
    refused(moa("train", "-m", "sft", "-b", "tiny.toml", "--seed", "77", cwd=contest), "no permission for runs")


def test_a_dry_run_writes_nothing(finished: Path, tmp_path: Path) -> None:
    result = moa("train", *METHODS, "-b", str(finished / "tiny.toml"), "--dry-run", cwd=tmp_path)
    assert result.returncode == 0
    jobs = [line.split()[:3] for line in result.stdout.splitlines() if line.startswith(("prepare", "train"))]
    assert jobs == [
        ["prepare", "tiny:", "policy"], ["prepare", "tiny:", "scale"], ["train", "ric/tiny/s0", jobs[2][2]],
        ["train", "sft/tiny/s0", "0FLOP"],
    ]  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_every_preparation_is_prepared_and_trained_on(finished: Path, tmp_path: Path) -> None:
    """Each once, in a folder of its own; that of 0 is the one without the option."""
    asked = ("train", "-m", "sft", "-b", str(finished / "tiny.toml"), "--dry-run")
    result = moa(*asked, "--preparations", "0,2,2", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if line.startswith(("prepare", "train"))]
    assert [line.split()[0] for line in lines] == [*["prepare"] * 4, "train", "train"]
    assert [" preparation 2" in line for line in lines] == [False, False, True, True, False, True]
    (usual,) = [line for line in moa(*asked, cwd=tmp_path).stdout.splitlines() if line.startswith("train")]
    folders = [line.split()[-1] for line in lines[4:]]
    assert usual.split()[-1] in folders
    assert len(set(folders)) == 2


def test_a_preparation_is_a_number_that_is_said_once(finished: Path, tmp_path: Path) -> None:
    result = moa("train", "-m", "sft", "--preparations", "first", cwd=tmp_path)
    refused(result, "--preparations 'first' is no preparation")
    twice = ("-c", "preparation=1", "--preparations", "0,1")
    result = moa("compare", "-m", "sft", "-b", str(finished / "tiny.toml"), *twice, cwd=tmp_path)
    refused(result, "a preparation is named twice")


def test_a_comparison_over_preparations(own: Path) -> None:
    """Its numbers are means over both; what was made is found again, all of it or one of them."""
    asked = ("compare", *METHODS, "-b", "tiny.toml", "--preparations", "0,1", "--json")
    (both,) = json.loads(moa(*asked, cwd=own).stdout)["benchmarks"]
    assert both["preparations"] == [0, 1]
    (found,) = json.loads(moa("compare", "--json", cwd=own).stdout)["benchmarks"]
    assert found == both
    utility = {row["method"]: row["scores"]["hypervolume"] for row in both["rows"]}
    alone = [json.loads(moa("compare", "--preparations", n, "--json", cwd=own).stdout)["benchmarks"][0] for n in "01"]
    for k, one in enumerate(alone):
        assert one["preparations"] == [k]
    for name, value in utility.items():
        each = [row["scores"]["hypervolume"] for one in alone for row in one["rows"] if row["method"] == name]
        assert value == pytest.approx(sum(each) / 2)


def test_the_second_time_nothing_is_done(contest: Path) -> None:
    result = moa("train", *METHODS, "-b", "tiny.toml", "--json", cwd=contest)
    assert [row["status"] for row in json.loads(result.stdout)] == ["done", "done"]
    assert "worker" not in result.stderr
    again = moa("compare", *METHODS, "-b", "tiny.toml", "--json", cwd=contest)
    assert again.returncode == 0
    assert "worker" not in again.stderr
    told, saved = json.loads(again.stdout), json.loads((contest / "saved.json").read_text())
    assert told.pop("command") == f"moa compare {' '.join(METHODS)} -b tiny.toml --json"
    assert saved.pop("command").endswith("-b tiny.toml -o table.md -o saved.json")
    assert told.pop("sum") != saved.pop("sum"), "of the command as well"
    assert told == saved


def test_the_report_says_what_the_starting_policy_was_made_of(contest: Path) -> None:
    text = report_html(Comparison.from_json((contest / "saved.json").read_text()))
    assert re.search(r"scratch:0\.3m \(policy-[0-9a-f]{12}\)", Page(text).text)


def test_fronts_are_found_and_named(contest: Path) -> None:
    saved = json.loads((contest / "saved.json").read_text())
    assert {r["method"] for r in saved["benchmarks"][0]["rows"]} == {"sft", "ric"}
    found = json.loads(moa("compare", "--json", cwd=contest).stdout)
    assert {r["method"] for r in found["benchmarks"][0]["rows"]} == {"sft", "ric"}
    folder = next(contest.glob("runs/tiny/sft/*"))
    named = json.loads(moa("compare", str(folder), "--json", cwd=contest).stdout)
    assert [r["method"] for r in named["benchmarks"][0]["rows"]] == ["sft"]
    assert "\n### tiny@1\n" in (contest / "table.md").read_text()


def test_a_saved_comparison_is_rendered_again(contest: Path, tmp_path: Path) -> None:
    result = moa("compare", str(contest / "saved.json"), "-o", "again.csv", cwd=tmp_path)
    assert result.returncode == 0
    assert "tiny@1" in result.stdout
    assert (tmp_path / "again.csv").exists()
    assert moa("show", str(contest / "saved.json"), cwd=tmp_path).stdout == result.stdout


def test_runs_are_listed_and_shown(contest: Path) -> None:
    rows = json.loads(moa("list", "runs", "--json", cwd=contest).stdout)
    assert [(r["status"], r["seed"], r["front"]) for r in rows] == [("trained", 0, True)] * 2
    shown = json.loads(moa("show", rows[0]["path"], "--json", cwd=contest).stdout)
    assert shown["method"] == "ric"
    assert shown["config"]["rounds"] == 0
    assert shown["cost"]["trained_tokens"] > 0
    assert shown["cost"]["seconds"] > 0
    assert shown["command"].startswith("moa compare -m sft,ric")
    assert shown["log"][-1]["stage"] == "offline"


def test_a_run_json_is_a_config(contest: Path) -> None:
    record = next(contest.glob("runs/tiny/ric/*/run.json"))
    result = moa("train", "-m", "ric", "-b", "tiny.toml", "-c", str(record), "--dry-run", cwd=contest)
    assert result.stdout == "nothing to do\n"


def test_prepared_units_are_shown(contest: Path) -> None:
    result = moa("prepare", "-b", "tiny.toml", cwd=contest)
    assert result.returncode == 0
    assert "mean, SD" in result.stdout
    assert "worker" not in result.stderr
    stored = json.loads(moa("prepare", "-b", "tiny.toml", "--json", cwd=contest).stdout)["tiny"]
    assert "card" in stored
    assert f"{stored['report']['collapse']:.1%} of the starting policy's answers are collapsed" in result.stdout


def test_fronts_are_shown_point_by_point(contest: Path) -> None:
    result = moa("eval", "--pareto", "--json", "-b", "tiny.toml", cwd=contest)
    by_method = {d["method"]: d for d in json.loads(result.stdout)}
    assert len(by_method["ric"]["points"]) == 3
    assert len(by_method["sft"]["points"]) == 1
    assert by_method["sft"]["points"][0]["language"]["perplexity"] > 1
    assert "hypervolume" in moa("eval", "--pareto", "-b", "tiny.toml", cwd=contest).stdout


def test_one_point_is_measured_and_not_kept(contest: Path) -> None:
    folder = next(contest.glob("runs/tiny/ric/*"))
    before = {p: p.stat().st_mtime_ns for p in fronts_in(folder)[0].iterdir()}
    result = moa("eval", str(folder), "--weights", "0.25,0.75", "--json", "-b", "tiny.toml", cwd=contest)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["points"][0]["weights"] == [0.25, 0.75]
    assert {p: p.stat().st_mtime_ns for p in fronts_in(folder)[0].iterdir()} == before


def test_another_grid_is_measured_again(contest: Path) -> None:
    grid = ("-c", "grid=[[0.3,0.7],[0.7,0.3]]")
    sft_only = ("-m", "ric", *METHODS[2:])
    shown = json.loads(moa("compare", *sft_only, "-b", "tiny.toml", *grid, "--json", cwd=contest).stdout)
    points = shown["benchmarks"][0]["rows"][0]["points"]
    assert [p["weights"] for p in points] == [[0.3, 0.7], [0.7, 0.3]]
    back = json.loads(moa("compare", *sft_only, "-b", "tiny.toml", "--json", cwd=contest).stdout)
    saved = json.loads((contest / "saved.json").read_text())
    rows = {r["method"]: r["points"] for r in saved["benchmarks"][0]["rows"]}
    assert back["benchmarks"][0]["rows"][0]["points"] == rows["ric"]


def test_a_restart_begins_anew(contest: Path) -> None:
    folder = next(contest.glob("runs/tiny/sft/*-s0"))
    (folder / "left-over").write_text("")
    result = moa("train", "-m", "sft", "-b", "tiny.toml", "--restart", cwd=contest)
    assert result.stdout.split()[1] == "trained"
    assert not (folder / "left-over").exists()


RIC = ("-m", "ric", *METHODS[2:], "-b", "tiny.toml")


def test_two_mappings_of_one_training_stand_side_by_side(own: Path) -> None:
    """The second is not trained, which is said; whatever looks for fronts finds both; the first one stays as it was."""
    (run,) = own.glob("runs/tiny/ric/*")
    (first,) = fronts_in(run)
    before = {path: path.stat().st_mtime_ns for path in (*first.iterdir(), *run.rglob("policy/*/*"))}
    told = moa("train", *RIC, "-c", "mapping=linf", cwd=own)
    assert told.stdout.split()[1] == "done"
    assert "mapping = linf acts only when it answers" in told.stderr

    other = moa("compare", *RIC, "-c", "mapping=linf", "--json", cwd=own)
    assert other.returncode == 0, other.stderr
    assert f"{run.relative_to(own)} is trained" in other.stderr
    assert "only answers" in other.stderr
    assert [row["config"]["mapping"] for row in json.loads(other.stdout)["benchmarks"][0]["rows"]] == ["linf"]
    assert len(fronts_in(run)) == 2
    assert len(list(own.glob("runs/tiny/ric/*"))) == 1
    for arguments in ((), (str(run),), (str(fronts_in(run)[0]), str(fronts_in(run)[1])), (*RIC, str(run))):
        both = moa("compare", *arguments, "--json", cwd=own)
        assert both.returncode == 0, both.stderr
        names = {row["method"] for row in json.loads(both.stdout)["benchmarks"][0]["rows"]}
        assert names >= {"ric mapping=linear", "ric mapping=linf"}
    back = moa("compare", *RIC, "--json", cwd=own)
    assert "worker" not in back.stderr
    assert "only answers" not in back.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before

    shown = json.loads(moa("eval", "--pareto", str(run), "--json", "-b", "tiny.toml", cwd=own).stdout)
    assert len(shown) == 2
    damaged = next(place for place in fronts_in(run) if place != first)
    (damaged / "w-001.parquet").write_bytes(b"")
    mended = moa("eval", "--pareto", str(run), "--json", "-b", "tiny.toml", cwd=own)
    assert json.loads(mended.stdout) == shown, "what the message of a damaged front says mends it"
    point = moa("eval", "--weights", "0.5,0.5", str(run), "--json", "-b", "tiny.toml", cwd=own)
    assert len(json.loads(point.stdout)) == 1


def test_fewer_prompts_train_nothing(own: Path) -> None:
    (run,) = own.glob("runs/tiny/ric/*")
    (first,) = fronts_in(run)
    fewer = moa("compare", *RIC, "-c", "eval_prompts=4", "--json", cwd=own)
    assert fewer.returncode == 0, fewer.stderr
    assert "only answers" in fewer.stderr
    assert json.loads(fewer.stdout)["benchmarks"][0]["prompts"] == 4
    assert list(own.glob("runs/tiny/ric/*")) == [run]
    found = json.loads(moa("compare", "--json", cwd=own).stdout)
    assert found["benchmarks"][0]["prompts"] == 6, "a quick look takes no comparison's place"
    found = json.loads(moa("compare", "-c", "eval_prompts=4", "--json", cwd=own).stdout)
    assert found["benchmarks"][0]["prompts"] == 4
    back = moa("compare", *RIC, "--json", cwd=own)
    assert "worker" not in back.stderr
    assert json.loads(back.stdout)["benchmarks"][0]["prompts"] == 6
    assert first in fronts_in(run)


def test_runs_of_an_earlier_version_are_told(own: Path) -> None:
    for record in own.glob("runs/*/*/*/run.json"):
        record.write_text(record.read_text().replace("moa.run/2", "moa.run/1"))
        fronts_in(record.parent)[0].rename(record.parent / "front")
        record.parent.rename(record.parent.with_name("0123abcd-s0"))
    (run,) = own.glob("runs/tiny/ric/*")
    rows = json.loads(moa("list", "runs", "--json", cwd=own).stdout)
    assert {row["status"] for row in rows} == {"of an earlier version"}
    for arguments in (("compare", str(run)), ("show", str(run)), ("eval", "--pareto", str(run))):
        refused(moa(*arguments, cwd=own), "of an earlier version", "train it again")
    result = moa("compare", cwd=own)
    assert result.returncode == 2
    assert result.stderr.count("of an earlier version") == 2
    dry = moa("train", "-m", "ric", "-b", "tiny.toml", "-c", str(run / "run.json"), "--dry-run", cwd=own)
    assert dry.returncode == 0, "its settings are still good"
