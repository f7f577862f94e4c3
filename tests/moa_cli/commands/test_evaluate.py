"""Answers that are there already, as a user meets them: from a file, and under a better evaluator."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure.front_files import read_answers
from moa_cli.runs.folders import fronts_in
from tests.kit.cli import moa, refused
from tests.kit.worlds import METHODS, TOML, benchmark_in

BENCHMARK = ("-b", "tiny.toml")


def prompts(place: Path) -> list[str]:
    """What there is to answer, as the command line tells it."""
    result = moa("eval", "--prompts", *BENCHMARK, cwd=place)
    assert result.returncode == 0, result.stderr
    return [row["prompt"] for row in json.loads(result.stdout)]


def save(place: Path, rows: Sequence[dict[str, Any]], name: str = "theirs.jsonl") -> str:
    (place / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def rows_of(place: Path, method: str) -> list[dict[str, Any]]:
    """The answers of a measured method, as a file that somebody else might have written."""
    (run,) = place.glob(f"runs/tiny/{method}/*-s0")
    (front,) = fronts_in(run)
    weights = json.loads((front / "front.json").read_text())["weights"]
    return [
        {"question": answer.prompt, "output": answer.response, "w": w}
        for k, w in enumerate(weights)
        for answer in read_answers(front, k)
    ]


def compared(place: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Rows of a comparison by method."""
    result = moa("compare", *arguments, "--keep-collapsed", "--json", cwd=place)
    assert result.returncode == 0, result.stderr
    (benchmark,) = json.loads(result.stdout)["benchmarks"]
    return {row["method"]: row for row in benchmark["rows"]}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Made elsewhere


def test_answers_from_elsewhere_join_the_comparison(own: Path) -> None:
    """The answers of ric as a stranger's: the same numbers, in the same kind of run, whatever the columns are
    called."""
    save(own, rows_of(own, "ric"))
    names = ("--column", "prompt=question", "--column", "answer=output", "--column", "weights=w")
    command = ("eval", "--responses", "theirs.jsonl", "--name", "their ric", *names, *BENCHMARK)
    result = moa(*command, "--json", cwd=own)
    assert result.returncode == 0, result.stderr
    (shown,) = json.loads(result.stdout)
    rows = compared(own)
    assert set(rows) == {"sft", "ric", "their ric"}
    ric, theirs = rows["ric"], rows["their ric"]
    assert theirs["rewards"]["hypervolume"] == ric["rewards"]["hypervolume"] == shown["hypervolume"]["rewards"]
    assert theirs["scores"] == ric["scores"]
    assert theirs["kl"] is None
    assert [p["kl"] for p in theirs["points"]] == [None] * 3
    assert [p["scores"] for p in shown["points"]] == [p["scores"] for p in ric["points"]]
    assert theirs["steering"] == "given"

    record = json.loads((own / shown["path"] / "run.json").read_text())
    assert (record["status"], record["method"], record["seed"], record["config"]) == ("trained", "their ric", 0, {})
    origin = {"file": "theirs.jsonl", "rows": 18, "unknown": 0, "missing": 0, "cut": 0}
    assert origin == {name: record["origin"][name] for name in origin}
    assert record["origin"]["columns"] == {"prompt": "question", "answer": "output", "weights": "w"}
    assert moa("show", shown["path"], cwd=own).returncode == 0
    listed = json.loads(moa("list", "runs", "--json", cwd=own).stdout)
    (row,) = (row for row in listed if row["path"] == shown["path"])
    assert (row["status"], row["seed"], row["front"]) == ("scored", 0, True)

    again = moa(*command, cwd=own)
    assert again.returncode == 0
    assert f"{shown['path']}  done" in again.stderr
    assert "worker" not in again.stderr
    assert "hypervolume" in again.stdout


def test_a_single_point_is_not_taken_for_the_base(own: Path) -> None:
    """Answers far better than sft's, without weights; "vs" is still against sft, in every format."""
    answers = [{"prompt": p, "answer": f"a big pie each day, maybe a dog {i}"} for i, p in enumerate(prompts(own))]
    assert moa("eval", "--responses", save(own, answers, "best.jsonl"), *BENCHMARK, cwd=own).returncode == 0
    rows = compared(own)
    assert max(rows, key=lambda name: rows[name]["scores"]["hypervolume"]) == "best"
    result = moa(
        "compare",
        "--keep-collapsed",
        "-o",
        "t.md",
        "-o",
        "t.csv",
        "-o",
        "t.tex",
        "-o",
        "t.png",
        "-o",
        "t.html",
        cwd=own,
    )
    assert result.returncode == 0, result.stderr
    lines = [line for line in (own / "t.md").read_text().splitlines() if line.startswith("|")]
    columns, _, *table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    cells = {row[0]: dict(zip(columns, row, strict=True)) for row in table}
    assert cells["sft"]["vs sft"] == ""
    assert cells["best"]["vs sft"].startswith("+")
    assert cells["best"]["KL"] == "-"
    assert "nan" not in (own / "t.csv").read_text().lower()


def test_seeds_of_one_file_prepare_what_is_missing(tmp_path: Path) -> None:
    """Seeds of a method are one row; a seed that has other answers already is refused before anything is scored."""
    place = benchmark_in(tmp_path)
    rows = [
        {"prompt": p, "answer": f"It is {i + seed} here", "method": "a", "seed": seed}
        for seed in (0, 1)
        for i, p in enumerate(prompts(place))
    ]
    result = moa("eval", "--responses", save(place, rows), *BENCHMARK, cwd=place)
    assert result.returncode == 0, result.stderr
    assert "tiny: scale card" in result.stderr
    assert "a on tiny, seed 1" in result.stdout
    before = contents(place / "runs")
    changed = [row | {"answer": "something else"} if row["seed"] else row for row in rows]
    refused(moa("eval", "--responses", save(place, changed), *BENCHMARK, cwd=place), "other answers at seed 1", "rm -r")
    assert contents(place / "runs") == before
    more = moa("eval", "--responses", save(place, rows[:6]), "--name", "a", "--seed", "2", *BENCHMARK, cwd=place)
    assert more.returncode == 0, more.stderr
    assert compared(place)["a"]["seeds"] == [0, 1, 2]


def test_scores_that_came_along_are_used_and_what_is_odd_is_told(own: Path) -> None:
    """The evaluator gives 27 words, 80 characters: 27 + 80 / 9. The file has a hundredth of a SD more."""
    card = json.loads(next(own.glob("runs/tiny/prepared/card-*.json")).read_text())["card"]
    score = 27 + 80 / 9 + card["score_std"][0] / 100
    rows = [{"prompt": f"{p} ", "answer": "It is so " * 9, "s": score} for p in prompts(own)]
    rows.append({"prompt": "Nobody \x1b[31masked", "answer": "x", "s": 0})
    file, column = save(own, rows), ("--column", "score:long=s")
    result = moa("eval", "--responses", file, *column, *BENCHMARK, "--json", cwd=own)
    assert result.returncode == 0, result.stderr
    (shown,) = json.loads(result.stdout)
    wanted = (score - card["score_mean"][0]) / card["score_std"][0]
    assert shown["points"][0]["scores"][0] == pytest.approx(wanted)
    record = json.loads((own / shown["path"] / "run.json").read_text())
    assert record["origin"]["columns"]["score:long"] == "s"
    for words in (
        "s as score:long",
        "6 answers to prompts that are the benchmark's but for",
        "longer than the 8 tokens",
    ):
        assert words in result.stderr
    assert "'Nobody \\x1b[31masked'" in result.stderr
    assert "\x1b" not in result.stderr


def test_scores_on_another_scale_are_refused(own: Path) -> None:
    before = contents(own / "runs")
    rows = [{"prompt": p, "answer": "It is so " * 9, "s": 0.3} for p in prompts(own)]
    result = moa("eval", "--responses", save(own, rows), "--column", "score:long=s", *BENCHMARK, cwd=own)
    refused(result, "score:long: the numbers that came along are not those of function", "has 0.3 in the file", "raw")
    assert {f: c for f, c in contents(own / "runs").items() if f in before} == before


def test_a_file_that_does_not_fit_is_refused_and_leaves_nothing(contest: Path) -> None:
    before = contents(contest / "runs")
    rows = [{"prompt": p, "answer": "x"} for p in prompts(contest)]
    refused(moa("eval", "--responses", save(contest, rows[1:]), *BENCHMARK, cwd=contest), "5 of the 6", "--prompts")
    refused(moa("eval", "--responses", save(contest, []), *BENCHMARK, cwd=contest), "no rows")
    mistyped = ("--column", "answr=answer")
    refused(
        moa("eval", "--responses", save(contest, rows), *mistyped, *BENCHMARK, cwd=contest), "answr", "mean answer?"
    )
    assert contents(contest / "runs") == before


def test_what_has_no_policy_is_not_measured(own: Path) -> None:
    """`moa eval --pareto` of everything, and `moa claims`, go on without it; asked for by name, it says why not."""
    rows = [{"prompt": p, "answer": "It is"} for p in prompts(own)]
    (shown,) = json.loads(moa("eval", "--responses", save(own, rows), *BENCHMARK, "--json", cwd=own).stdout)
    result = moa("eval", *BENCHMARK, "--pareto", "--json", cwd=own)
    assert [d["method"] for d in json.loads(result.stdout)] == ["ric", "sft"]
    assert "left out: the answers in" in result.stderr
    refused(moa("eval", *BENCHMARK, "--pareto", shown["path"], cwd=own), "made elsewhere")
    assert moa("claims", cwd=own).returncode == 0
    shutil.rmtree(own / "runs/tiny/ric")
    shutil.rmtree(own / "runs/tiny/sft")
    refused(moa("eval", *BENCHMARK, "--pareto", cwd=own), "no run in runs can be measured")


# Scored again

BETTER = TOML.replace("letters.py:words", "letters.py:vowels")


def test_a_new_evaluator_is_applied_to_stored_answers(own: Path) -> None:
    """Nothing is trained, the old runs stay to the byte, and whatever needs the result finds it."""
    save(own, [{"prompt": p, "answer": f"It is {i}"} for i, p in enumerate(prompts(own))])
    theirs = ("eval", "--responses", "theirs.jsonl", *BENCHMARK)
    assert moa(*theirs, cwd=own).returncode == 0
    old = [path.parent for path in own.glob("runs/tiny/*/*/run.json")]
    before = [contents(folder) for folder in old]
    (own / "tiny.toml").write_text(BETTER)
    refused(
        moa("eval", *BENCHMARK, "--pareto", str(next(own.glob("runs/tiny/ric/*"))), cwd=own), "evaluators", "--rescore"
    )

    result = moa("eval", *BENCHMARK, "--rescore", "--json", cwd=own)
    assert result.returncode == 0, result.stderr
    assert "train" not in result.stderr.replace("trained", "")
    shown = {d["method"]: d for d in json.loads(result.stdout)}
    assert set(shown) == {"sft", "ric", "theirs"}
    assert [contents(folder) for folder in old] == before
    rows = compared(own)
    assert set(rows) == {"sft", "ric", "theirs"}
    record = json.loads((own / shown["ric"]["path"] / "run.json").read_text())
    assert record["origin"]["scored_again"] == "/".join(next(p for p in old if p.parent.name == "ric").parts[-2:])

    for arguments in (
        ("compare", *METHODS, *BENCHMARK),
        theirs,
        ("eval", "--pareto", *BENCHMARK),
        ("eval", "--rescore", *BENCHMARK),
    ):
        again = moa(*arguments, cwd=own)  # all of them find it done
        assert again.returncode == 0, again.stderr
        assert "worker" not in again.stderr


def test_one_run_is_scored_again_under_a_new_version(own: Path) -> None:
    (own / "tiny.toml").write_text(f'version = "2"\n{TOML}')
    (run,) = own.glob("runs/tiny/ric/*")
    result = moa("eval", *BENCHMARK, "--rescore", str(run), "--json", cwd=own)
    assert result.returncode == 0, result.stderr
    (shown,) = json.loads(result.stdout)
    (place,) = fronts_in(own / shown["path"])
    front = json.loads((place / "front.json").read_text())
    assert front["card"]["version"] == "2"
    assert len(list(own.glob("runs/tiny/sft/*"))) == 1
    point = moa("eval", *BENCHMARK, shown["path"], "--weights", "0.25,0.75", cwd=own)  # its policy came along
    assert point.returncode == 0, point.stderr
    (place / "front.json").unlink()  # as if it were only trained under the new version
    refused(moa("eval", *BENCHMARK, "--rescore", str(run), cwd=own), "was trained", "--pareto")


def test_nothing_has_changed(contest: Path) -> None:
    result = moa("eval", *BENCHMARK, "--rescore", "--json", cwd=contest)
    assert (result.returncode, result.stdout) == (0, "[]\n")
    assert "no evaluator has changed for 2 runs" in result.stderr


def test_more_than_the_evaluators_has_changed(own: Path) -> None:
    (own / "tiny.toml").write_text(BETTER.replace("eval_prompts = 6", "eval_prompts = 5"))
    runs = sorted(own.glob("runs/tiny/*/*-s0"))
    result = moa("eval", *BENCHMARK, "--rescore", cwd=own)
    assert result.returncode == 0
    assert result.stderr.count("left out:") == 2
    refused(moa("eval", *BENCHMARK, "--rescore", str(runs[0]), cwd=own), "other prompts", "train again")
    (own / "tiny.toml").write_text(BETTER)
    shutil.rmtree(fronts_in(runs[0])[0])
    refused(moa("eval", *BENCHMARK, "--rescore", str(runs[0]), cwd=own), "no stored answers")
    record = json.loads((runs[1] / "run.json").read_text())
    (runs[1] / "run.json").write_text(json.dumps(record | {"seed": 5}))
    refused(moa("eval", *BENCHMARK, "--rescore", str(runs[1]), cwd=own), "was trained by earlier code of sft")
