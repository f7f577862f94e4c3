"""Answers from elsewhere: all formats say the same, prompts are matched, what cannot be used is refused by its row."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.prepare.benchmark import Benchmark
from moa_cli.runs.responses import Found, read_responses
from tests.kit.worlds import Cries

Cells = dict[str, Any]
HOSTILE = "<script>alert(1)</script>\x1b[31m \u202egnp.exe \x00 [a](javascript:b) \u2028 é 🙂"


def rows_for(benchmark: Benchmark, **more: Any) -> list[Cells]:
    """An answer to every test prompt."""
    return [{"prompt": p, "answer": f"answer {i}", **more} for i, p in enumerate(benchmark.prompts("test"))]


def save(path: Path, rows: Sequence[Cells]) -> Path:
    """The rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def found_in(rows: Sequence[Cells], benchmark: Benchmark, tmp_path: Path, **options: Any) -> Found:
    return read_responses(save(tmp_path / "theirs.jsonl", rows), benchmark, **options)


def refuse(rows: Sequence[Cells], benchmark: Benchmark, tmp_path: Path, *words: str, **options: Any) -> None:
    """BadInput of three parts that has these words, and nothing that a terminal would act on."""
    with pytest.raises(BadInput) as caught:
        found_in(rows, benchmark, tmp_path, **options)
    for word in words:
        assert word in str(caught.value)
    assert all(c.isprintable() or c == "\n" for c in str(caught.value))
    assert caught.value.what
    assert caught.value.why
    assert caught.value.fix


def as_csv(rows: Sequence[Cells], newline: str = "\r\n") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


BOM = b"\xef\xbb\xbf"
FORMATS: dict[str, tuple[str, Callable[[Sequence[Cells]], bytes]]] = {
    "lines": ("x.jsonl", lambda rows: "".join(json.dumps(r) + "\n" for r in rows).encode()),
    "lines-crlf-bom": ("x.jsonl", lambda rows: BOM + "\r\n".join(json.dumps(r) for r in rows).encode()),
    "packed": ("x.jsonl.gz", lambda rows: gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode())),
    "list": ("x.json", lambda rows: json.dumps(rows).encode()),
    "list-bom": ("x.json", lambda rows: BOM + json.dumps(rows).encode()),
    "csv": ("x.csv", lambda rows: as_csv(rows, "\n")),
    "csv-packed": ("x.csv.gz", lambda rows: gzip.compress(as_csv(rows))),
    "csv-crlf-bom": ("x.csv", lambda rows: BOM + as_csv(rows)),
}


@pytest.mark.parametrize("form", FORMATS)
def test_all_formats_say_the_same(form: str, unprepared: Benchmark, tmp_path: Path) -> None:
    """Quoted line breaks, commas and quotes survive in CSV; numbers there are texts."""
    rows = rows_for(unprepared, weights="0.25,0.75", mine=1.5)
    rows[3]["answer"] = 'two\nlines, and "quotes"'
    wanted = found_in(rows, unprepared, tmp_path, columns=["reward:ah=mine"]).runs
    name, encoded = FORMATS[form]
    (tmp_path / name).write_bytes(encoded(rows))
    found = read_responses(tmp_path / name, unprepared, columns=["reward:ah=mine"], method="theirs").runs
    assert found == wanted
    assert found[0].content == wanted[0].content
    assert found[0].points[0].responses[3] == 'two\nlines, and "quotes"'
    assert found[0].points[0].raw == {"reward:ah": (1.5,) * 10}


def test_parquet_and_other_column_names(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = rows_for(unprepared, weights=[0.25, 0.75])
    wanted = found_in(rows, unprepared, tmp_path).runs[0]
    renamed = [{"question": r["prompt"], "output": r["answer"], "w": r["weights"], "prompt": "?"} for r in rows]
    pq.write_table(pa.Table.from_pylist(renamed), tmp_path / "x.parquet")
    columns = ["prompt=question", "answer=output", "weights=w"]
    found = read_responses(tmp_path / "x.parquet", unprepared, columns=columns, method="theirs")
    assert found.runs[0].content == wanted.content
    assert found.columns == {"prompt": "question", "answer": "output", "weights": "w"}


def test_shards_and_saved_folders_are_whole(unprepared: Benchmark, tmp_path: Path) -> None:
    from datasets import Dataset

    rows = rows_for(unprepared)
    wanted = found_in(rows, unprepared, tmp_path).runs
    Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    shards = [save(tmp_path / f"x-{i}-of-2.jsonl", rows[i * 5 : i * 5 + 5]) for i in range(2)]
    for place in (tmp_path / "saved", tmp_path / "x-*.jsonl"):
        assert read_responses(place, unprepared, method="theirs").runs == wanted
    shards[0].unlink()
    with pytest.raises(BadInput, match=r"there is no .*x-0-of-2"):
        read_responses(tmp_path / "x-*.jsonl", unprepared, method="theirs")


def test_what_moa_calls_response_is_an_answer(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = [{"prompt": r["prompt"], "response": r["answer"]} for r in rows_for(unprepared)]
    assert found_in(rows, unprepared, tmp_path).columns == {"prompt": "prompt", "answer": "response"}


def test_columns_of_scores_are_only_read_where_named(unprepared: Benchmark, tmp_path: Path) -> None:
    """moa's own files have reward:ah in benchmark units: taken for raw, it would be put into them twice."""
    rows = rows_for(unprepared, **{"reward:ah": 3.0})
    assert found_in(rows, unprepared, tmp_path).runs[0].points[0].raw == {}


# Weights, methods, seeds


@pytest.mark.parametrize("weights", [[0.25, 0.75], "0.25,0.75", "[0.25, 0.75]", " 0.25 0.75 ", ["0.25", "0.75"]])
def test_weights_are_a_list_or_a_text(weights: Any, unprepared: Benchmark, tmp_path: Path) -> None:
    (run,) = found_in(rows_for(unprepared, weights=weights), unprepared, tmp_path).runs
    assert [p.weights for p in run.points] == [(0.25, 0.75)]


def test_weights_are_columns(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = rows_for(unprepared, a=0.25, b=0.75, weights="ignored")
    (run,) = found_in(rows, unprepared, tmp_path, columns=["weight:oh=b", "weight:ah=a"]).runs
    assert [p.weights for p in run.points] == [(0.25, 0.75)]


def test_rounded_weights_are_those_of_the_grid(unprepared: Benchmark, tmp_path: Path) -> None:
    """1/3 as 0.3333 is 1/3, so that points of other methods have the same weights; 0.3, which no grid has, stays and
    sums to 1."""
    benchmark = replace(unprepared, grid=((1 / 3, 2 / 3),), trained_grid=((1.0, 0.0),))
    rows = [*rows_for(unprepared, weights="0.3333,0.6667"), *rows_for(unprepared, weights="0.3,0.7")]
    rows += [*rows_for(unprepared, weights=[0.9995, 0.0005]), *rows_for(unprepared, weights=[0.4, 0.6004])]
    (run,) = found_in(rows, benchmark, tmp_path).runs
    assert [p.weights for p in run.points] == [(1.0, 0.0), (0.4 / 1.0004, 0.6004 / 1.0004), (1 / 3, 2 / 3), (0.3, 0.7)]


def test_without_weights_there_is_one_point(unprepared: Benchmark, tmp_path: Path) -> None:
    (run,) = found_in(rows_for(unprepared, weights=None), unprepared, tmp_path).runs
    assert [p.weights for p in run.points] == [(0.5, 0.5)]
    assert (run.method, run.seed) == ("theirs", 0)


def test_the_file_names_a_method_where_nothing_does(unprepared: Benchmark, tmp_path: Path) -> None:
    found = found_in(rows_for(unprepared), unprepared, tmp_path)
    assert found.runs[0].method == "theirs"
    assert "called as the file" in found.notes[1]
    assert len(found_in(rows_for(unprepared), unprepared, tmp_path, method="x").notes) == 1
    assert len(found_in(rows_for(unprepared, method="x"), unprepared, tmp_path).notes) == 1


@pytest.mark.parametrize("called", ["llama-3.1-8b", "llama-3.2-1b", "v1"])
def test_a_name_keeps_its_points(called: str, unprepared: Benchmark, tmp_path: Path) -> None:
    """Two models of one family would be one method."""
    path = tmp_path / f"{called}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows_for(unprepared)), encoding="utf-8")
    packed = tmp_path / f"{called}.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        assert [run.method for run in read_responses(file, unprepared).runs] == [called]


def test_methods_and_seeds_are_runs(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = [
        row
        for name in ("a (ours)", "b")
        for seed in (0, 1.0, "2")
        for row in rows_for(unprepared, method=name, seed=seed)
    ]
    runs = found_in(rows, unprepared, tmp_path).runs
    assert [(r.method, r.seed) for r in runs] == [(name, seed) for name in ("a (ours)", "b") for seed in (0, 1, 2)]
    first = rows[:10]
    (named,) = found_in(first, unprepared, tmp_path, method="c", seed=7).runs
    assert (named.method, named.seed) == ("c", 7)


@pytest.mark.parametrize(("option", "column"), [("method", "method"), ("seed", "seed"), ("method", "m")])
def test_one_name_for_several_methods_or_seeds_is_refused(
    option: str, column: str, unprepared: Benchmark, tmp_path: Path
) -> None:
    """The answers of all but one would be left out as repeated."""
    rows = [row for value in (1, 2) for row in rows_for(unprepared, **{column: str(value)})]
    columns = [f"method={column}"] if column == "m" else []
    with pytest.raises(BadInput, match=f"answers of 2 {option}s, as its column '{column}' says: '1', '2'") as caught:
        found_in(rows, unprepared, tmp_path, columns=columns, **{option: 7 if option == "seed" else "c"})
    assert caught.value.fix.startswith("leave --")


def test_identity_is_content(unprepared: Benchmark, tmp_path: Path) -> None:
    """Order, other rows and file do not matter; a method, an answer, a weight or a score does."""
    rows = rows_for(unprepared)
    (wanted,) = found_in(rows, unprepared, tmp_path).runs
    more = [{"prompt": "another", "answer": "x"}, *reversed(rows)]
    assert (
        read_responses(save(tmp_path / "other.jsonl", more), unprepared, method="theirs").runs[0].content
        == wanted.content
    )
    changed = [
        found_in(rows, unprepared, tmp_path, method="b"),
        found_in([*rows[1:], rows[0] | {"answer": "b"}], unprepared, tmp_path),
        found_in([r | {"weights": "0,1"} for r in rows], unprepared, tmp_path),
        found_in([r | {"s": 1} for r in rows], unprepared, tmp_path, columns=["reward:ah=s"]),
    ]
    assert len({wanted.content, *(found.runs[0].content for found in changed)}) == 5


# Matching


def test_prompts_match_up_to_white_space(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = rows_for(unprepared)
    rows[2]["prompt"] = "\n" + rows[2]["prompt"].replace(" ", "  \r\n")
    found = found_in(rows, unprepared, tmp_path)
    assert found.runs[0].points[0].responses[2] == "answer 2"
    assert {kind: len(which) for kind, which in found.odd.items()} == {
        "unknown": 0, "respaced": 1, "repeated": 0, "missing": 0,
    }  # fmt: skip


@dataclass(frozen=True)
class Twins(Cries):
    """Two of its prompts differ in nothing but white space."""

    def prompts(self, split: str) -> list[str]:
        return ["one  more", "one more"] if split == "test" else super().prompts(split)


def test_white_space_is_kept_apart_where_it_matters(unprepared: Benchmark, tmp_path: Path) -> None:
    """A prompt that could be either of two is neither."""
    benchmark = replace(unprepared, data=Twins())
    rows = [
        {"prompt": "one more", "answer": "a"},
        {"prompt": "one  more", "answer": "b"},
        {"prompt": "one   more", "answer": "c"},
    ]
    found = found_in(rows, benchmark, tmp_path)
    assert found.runs[0].points[0].responses == ("b", "a")
    assert found.odd["unknown"] == ["one   more"]


def test_other_prompts_and_repeated_rows_are_left_out_and_told(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = rows_for(unprepared)
    found = found_in([*rows, rows[4], {"prompt": HOSTILE, "answer": "x"}], unprepared, tmp_path)
    assert found.runs[0].content == found_in(rows, unprepared, tmp_path).runs[0].content
    origin = found.origin(found.runs[0])
    assert (origin.unknown, origin.repeated) == (1, 1)
    told = "\n".join(found.notes)
    assert "that at theirs.jsonl:11" in told.replace(f"{tmp_path}/", "")
    assert "\\x1b[31m" in told
    assert all(c.isprintable() or c == "\n" for c in told)


@dataclass(frozen=True)
class Many(Cries):
    """Two hundred test prompts."""

    def prompts(self, split: str) -> list[str]:
        return [f"Shout {i}: what?" for i in range(200)] if split == "test" else super().prompts(split)


@pytest.mark.parametrize("gap", [{"answer": None}, None], ids=["said", "not there"])
def test_up_to_one_in_a_hundred_answers_may_be_missing(
    gap: Cells | None, unprepared: Benchmark, tmp_path: Path
) -> None:
    """Of 200, two: they are empty answers, and have no score, which the benchmark is to find. Three are too many."""
    benchmark = replace(unprepared, data=Many(), eval_prompts=200)
    rows = [{**row, "s": 2.0} for row in rows_for(benchmark)]
    without = [{**rows[i], **gap, "s": None} for i in (0, 7)] if gap else []
    found = found_in([*without, *rows[1:7], *rows[8:]], benchmark, tmp_path, columns=["score:oh=s"])
    (point,) = found.runs[0].points
    assert [i for i, response in enumerate(point.responses) if not response] == [0, 7]
    assert [i for i, score in enumerate(point.raw["score:oh"]) if score is None] == [0, 7]
    assert found.origin(found.runs[0]).missing == 2
    refuse(rows[3:], benchmark, tmp_path, "197 of the 200", "'Shout 0: what?'", "--prompts")


def test_an_empty_answer_is_an_answer(unprepared: Benchmark, tmp_path: Path) -> None:
    found = found_in([r | {"answer": ""} for r in rows_for(unprepared)], unprepared, tmp_path)
    assert found.runs[0].points[0].responses == ("",) * 10
    assert found.origin(found.runs[0]).missing == 0


def test_prompts_of_something_else_are_refused(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = [{"prompt": f"{HOSTILE} {i}", "answer": "x"} for i in range(10)]
    refuse(rows, unprepared, tmp_path, "0 of the 10", "'Shout 0", "not among them is '<script>")


def test_every_point_needs_all_answers(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = [*rows_for(unprepared, method="a", weights="1,0"), *rows_for(unprepared, method="a", weights="0,1")[1:]]
    refuse(rows, unprepared, tmp_path, "a, seed 0", "9 of the 10")


# What is refused


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weights": [0.5, 0.4]}, "sum 1"),
        ({"weights": [-0.5, 1.5]}, "none negative"),
        ({"weights": [0.2, 0.3, 0.5]}, "2 numbers (ah, oh)"),
        ({"weights": 0.5}, "weights are 0.5"),
        ({"weights": "half"}, "'half'"),
        ({"weights": [float("nan"), 1]}, "'nan'"),
        ({"weights": {"ah": 1}}, "weights are"),
        ({"mine": float("nan")}, "reward:ah is 'nan'"),
        ({"mine": float("inf")}, "finite"),
        ({"mine": "good"}, "'good'"),
        ({"mine": None}, "'None'"),
        ({"mine": True}, "'True'"),
        ({"prompt": None}, "prompt is missing"),
        ({"prompt": [{"role": "user"}]}, "prompt is list"),
        ({"answer": 3}, "answer is int"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": "first"}, "'first'"),
        ({"seed": 2**53 + 1}, "seed is 9007199254740993, not a whole number from 0 to 2147483647"),
        ({"seed": "9007199254740993"}, "seed is 9007199254740993, not"),
        ({"seed": 10**30}, f"seed is {10**30}, not"),
        ({"seed": 10**400}, "not a finite number"),
        ({"mine": 10**400}, "not a finite number"),
        ({"seed": "1_0"}, "not a finite number"),
        ({"method": None}, "method is missing"),
        ({"method": 3}, "method is int"),
        ({"method": ""}, "no name"),
        ({"method": "../.."}, "no name"),
        ({"method": "red\x1b[31m"}, "no name"),
        ({"method": "two\nlines"}, "no name"),
        ({"method": "x" * 61}, "no name"),
        ({"method": "SFT"}, "'SFT'"),
        ({"method": "rewarded_soups"}, "moa itself"),
        ({"method": "prepared"}, "moa itself"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(change: Cells, word: str, unprepared: Benchmark, tmp_path: Path) -> None:
    rows = rows_for(unprepared, weights=[1.0, 0.0], mine=1.0, seed=0, method="theirs")
    rows[6] = rows[6] | change
    refuse(rows, unprepared, tmp_path, "theirs.jsonl:7:", word, columns=["reward:ah=mine"])


def test_a_row_is_named_by_its_own_file_and_line(unprepared: Benchmark, tmp_path: Path) -> None:
    """Of shards that in which it is, blank lines counted."""
    rows = rows_for(unprepared)
    save(tmp_path / "s-0.jsonl", rows[:5])
    lines = [json.dumps(row) for row in (*rows[5:], rows[5] | {"answer": "another"})]
    (tmp_path / "s-1.jsonl").write_text("\n\n" + "\n".join(lines))
    with pytest.raises(BadInput) as caught:
        read_responses(tmp_path / "s-*.jsonl", unprepared, method="theirs")
    assert caught.value.what.startswith(f"{tmp_path}/s-1.jsonl:8: {tmp_path}/s-1.jsonl:3 says something else")


def test_two_answers_to_one_prompt_are_refused(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = rows_for(unprepared)
    words = ("theirs.jsonl:11: ", "theirs.jsonl:2 says something else")
    refuse([*rows, rows[1] | {"answer": "another"}], unprepared, tmp_path, *words)
    scored = [row | {"s": 1} for row in rows]
    again = [*scored, scored[1] | {"s": 2}]
    refuse(again, unprepared, tmp_path, "theirs.jsonl:11", columns=["reward:ah=s"])


def test_weights_for_some_rows_are_refused(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = [*rows_for(unprepared, weights=[1, 0]), *rows_for(unprepared)]
    refuse(rows, unprepared, tmp_path, "theirs.jsonl:11: it has no weights, and those before it")
    refuse(rows[::-1], unprepared, tmp_path, "theirs.jsonl:11: it has weights, and those before it")
    apart = [row | {"method": "a" if "weights" in row else "b"} for row in rows]
    assert [len(run.points) for run in found_in(apart, unprepared, tmp_path).runs] == [1, 1]


def test_all_mistakes_in_columns_are_told_at_once(unprepared: Benchmark, tmp_path: Path) -> None:
    rows = [{"question": r["prompt"], "outputs": r["answer"], "w": 1} for r in rows_for(unprepared)]
    typed = ["answer=output", "weight:ah=w", "rewards:ah=w", "reward:eh=w"]
    words = [
        "5 mistakes",
        "mean outputs?",
        "mean reward:ah?",
        "reward:eh",
        "weight:ah: each of ah, oh",
        "--column prompt=",
    ]
    refuse(rows, unprepared, tmp_path, *words, columns=typed)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["answer=o", "answer=q"], ["1 mistake", "answer=q: answer is column 'o' already"]),
        (["prompt=q", "answer=q"], ["1 mistake", "column 'q' would be prompt and answer"]),
        (["prompt=answer"], ["1 mistake", "column 'answer' would be prompt and answer"]),
        (["weight:ah=a", "weight:oh=a"], ["1 mistake", "column 'a' would be weight:ah and weight:oh"]),
        (["weight:ah=a", "weight:oh=b", "weights=w"], ["1 mistake", "weights: weight:ah says them too"]),
        (["prompt"], ["1 mistake", "prompt: expected ROLE=COLUMN"]),
        (["answer=o", "answer=q", "seed=a", "method=a"], ["2 mistakes", "already", "would be seed and method"]),
    ],
)
def test_columns_that_contradict_each_other_are_refused(
    typed: list[str], words: list[str], unprepared: Benchmark, tmp_path: Path
) -> None:
    rows = [row | {"q": row["prompt"], "o": "x", "a": 0.5, "b": 0.5, "w": "1,0"} for row in rows_for(unprepared)]
    refuse(rows, unprepared, tmp_path, *words, columns=typed)


def test_columns_may_be_named_again_and_scores_shared(unprepared: Benchmark, tmp_path: Path) -> None:
    """An evaluator may be the reward of its objective."""
    rows = rows_for(unprepared, o="x", s=1.5)
    typed = ["answer=o", "answer=o", "reward:ah=s", "score:ah=s"]
    (run,) = found_in(rows, unprepared, tmp_path, columns=typed).runs
    assert run.points[0].responses == ("x",) * 10
    assert set(run.points[0].raw) == {"reward:ah", "score:ah"}


def test_a_name_may_have_the_sign_in_it_that_ends_a_role(unprepared: Benchmark, tmp_path: Path) -> None:
    ah, oh = unprepared.objectives
    benchmark = replace(unprepared, objectives=(replace(ah, name="a"), replace(oh, name="a=b")))
    rows = rows_for(benchmark, s=1.5, t=2.5)
    (run,) = found_in(rows, benchmark, tmp_path, columns=["reward:a=s", "reward:a=b=t"]).runs
    assert {role: values[0] for role, values in run.points[0].raw.items()} == {"reward:a": 1.5, "reward:a=b": 2.5}


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("x.jsonl", b"", "no rows"),
        ("x.json", b"[]", "no rows"),
        ("x.csv", b"prompt,answer\r\n", "no rows"),
        ("x.csv", b"", "no rows"),
        ("x.jsonl", b'{"prompt": "a", "ans', "x.jsonl:1"),
        ("x.jsonl", b'["prompt", "answer"]', "list"),
        ("x.json", b'{"rows": [{"prompt": "a"}]}', "the file has 'rows'"),
        ("x.jsonl", b"\xff\xfe", "cannot be read"),
        ("x.csv", b"prompt,answer\na,b,c\n", "x.csv:2 has more cells than the file has columns"),
        ("x.csv", b"prompt,answer\na\n", "0 of the 10"),
        ("x.txt", b"a", ".jsonl"),
        ("x.parquet", b"PAR1", "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(name: str, content: bytes, word: str, unprepared: Benchmark, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=word.replace("(", r"\(")):
        read_responses(tmp_path / name, unprepared)


def test_a_file_that_is_not_there(unprepared: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no data file"):
        read_responses(tmp_path / "x.jsonl", unprepared)


def test_a_file_called_as_a_method_needs_a_name(unprepared: Benchmark, tmp_path: Path) -> None:
    path = save(tmp_path / "ric.jsonl", rows_for(unprepared))
    with pytest.raises(BadInput) as caught:
        read_responses(path, unprepared)
    assert caught.value.fix == "--name NAME"
    assert read_responses(path, unprepared, method="their ric").runs[0].method == "their ric"


@pytest.mark.parametrize("form", ["lines", "csv", "csv-crlf-bom"])
def test_hostile_and_huge_answers_come_through(form: str, unprepared: Benchmark, tmp_path: Path) -> None:
    """A megabyte is more than the csv module takes by default; NUL bytes and right-to-left marks are text like any
    other."""
    rows = rows_for(unprepared)
    rows[0]["answer"], rows[1]["answer"] = HOSTILE, "a" * 1_000_000
    name, encoded = FORMATS[form]
    (tmp_path / name).write_bytes(encoded(rows))
    (point,) = read_responses(tmp_path / name, unprepared).runs[0].points
    assert point.responses[0] == HOSTILE
    assert len(point.responses[1]) == 1_000_000


def test_answers_that_hold_more_than_the_answer_are_told(unprepared: Benchmark, tmp_path: Path) -> None:
    """A generated sequence whole: the prompt before the answer, the token of the end behind it."""
    rows = rows_for(unprepared)
    told = found_in([row | {"answer": f"{row['prompt']} ok"} for row in rows], unprepared, tmp_path).notes
    assert any(note.startswith(f"{len(rows)} of {len(rows)} answers begin with their prompt") for note in told)
    tokens = [
        "<|endoftext|>",
        "<|im_end|>",
        "</s>",
        "<end_of_turn>",
        "[SEP]",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
    ]
    for token in tokens:
        told = found_in([rows[0] | {"answer": f"ok{token}\n"}, *rows[1:]], unprepared, tmp_path).notes
        assert any(note.startswith(f"1 of {len(rows)} answers begin or end in a special token") for note in told), token
    html = [rows[0] | {"answer": "2 < 3 | <b>no</b> token [1]"}, *rows[1:]]
    assert not found_in(html, unprepared, tmp_path).hints


def test_half_a_character_is_replaced(unprepared: Benchmark, tmp_path: Path) -> None:
    """JSON can hold half of a surrogate pair, UTF-8 and with it parquet cannot."""
    rows = rows_for(unprepared)
    text = "".join(json.dumps(row) + "\n" for row in rows).replace("answer 3", "ah \\ud83d")
    (tmp_path / "x.jsonl").write_text(text)
    assert read_responses(tmp_path / "x.jsonl", unprepared).runs[0].points[0].responses[3] == "ah ?"


@pytest.mark.parametrize("name", ["ric", "prepared", "tuned", "Tuned"])
def test_a_name_of_what_moa_makes_is_taken(name: str, unprepared: Benchmark, tmp_path: Path) -> None:
    """The answers would lie among that: as --name, and in a column."""
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_for(unprepared)))
    with pytest.raises(BadInput, match="the name of something that moa itself makes"):
        read_responses(tmp_path / "x.jsonl", unprepared, method=name)
    with pytest.raises(BadInput, match="the name of something that moa itself makes"):
        found_in([row | {"method": name} for row in rows_for(unprepared)], unprepared, tmp_path)
