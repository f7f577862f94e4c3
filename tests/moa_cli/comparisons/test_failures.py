"""What fails costs its row: everything that was measured is told, in every format, and what failed beside it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.measure.front import Front
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.comparisons.failure import Failure
from moa_cli.comparisons.select import comparable
from moa_cli.formats.exports import COMPARISON_FORMATS
from tests.kit.cli import moa
from tests.kit.fronts import a_failure, make_card, make_front, other_card
from tests.kit.pages import show
from tests.kit.worlds import METHODS


def table(*failures: Failure, seeds: tuple[int, ...] = (0,)) -> Comparison:
    """sft at both seeds and soup at some, with what failed; as it is read again."""
    fronts = [make_front("sft", 0, steering="none", seed=seed) for seed in (0, 1)]
    fronts += [make_front("soup", 1.0, seed=seed) for seed in seeds]
    return Comparison.from_json(compare(fronts).with_(failures=failures).to_json())


def test_a_row_stands_on_the_seeds_that_are_there() -> None:
    told = table(a_failure("soup", seed=1))
    assert told.failed_on("toy") == ["soup seed 1 failed: no reward today; its row stands on seed 0"]
    assert [row.seeds for row in told.benchmarks[0].rows if row.method == "soup"] == [(0,)]
    assert "soup (seed 0)" in show(told)


def test_a_method_that_failed_has_no_row() -> None:
    """Seeds that failed for the same reason are told together, others by themselves."""
    failures = [a_failure("context", seed=seed, what=what) for seed, what in enumerate(("no\nroom", "no\nroom", "odd"))]
    told = table(*failures)
    assert told.failed_on("toy") == [
        "context seeds 0, 1 failed: no room; it has no row", "context seed 2 failed: odd; it has no row"
    ]  # fmt: skip
    assert told.failed_on("elsewhere") == []
    assert table(a_failure("soup", config={"b": 2})).failed_on("toy")[0].endswith("it has no row"), "of other settings"


@pytest.mark.parametrize("suffix", [suffix for suffix in COMPARISON_FORMATS if suffix not in (".png", ".pdf")])
def test_every_format_tells_what_failed_and_what_was_measured(suffix: str) -> None:
    """Also on a benchmark where all has failed. A figure has no room for reasons, and none for what has no points."""
    told = table(a_failure("context"), a_failure("soup", benchmark="elsewhere"))
    text = COMPARISON_FORMATS[suffix](told).decode()
    assert "context" in text
    assert "soup" in text
    if suffix != ".svg":
        assert text.count("no reward today") >= 2
        assert "elsewhere" in text
    assert "no reward" not in COMPARISON_FORMATS[suffix](table()).decode()


def test_the_terminal_tells_it_below_its_table() -> None:
    text = show(table(a_failure("context"), a_failure("soup", benchmark="elsewhere")), width=100)
    lines = text.splitlines()
    (own,) = [k for k, line in enumerate(lines) if "context seed 0 failed: no reward today" in line]
    (other,) = [k for k, line in enumerate(lines) if line == "elsewhere"]
    assert own < other
    assert lines[other + 1] == "soup seed 0 failed: no reward today"


def test_csv_has_a_line_for_it() -> None:
    rows = list(csv.DictReader(io.StringIO(COMPARISON_FORMATS[".csv"](table(a_failure("context", seed=4))).decode())))
    assert [(row["method"], row["seeds"], row["hypervolume"]) for row in rows if row["failed"]] == [
        ("context", "4", "")
    ]


def test_junit_fails_the_case_of_it() -> None:
    """A row of which a seed failed is that case; the ceiling is one of its own."""
    told = table(a_failure("soup", seed=1), a_failure("context"), a_failure(None, seed=None, what="no samples"))
    (suite,) = ElementTree.fromstring(COMPARISON_FORMATS[".xml"](told))
    failed = {case.attrib["name"]: case.find("failure") for case in suite}
    assert {name for name, found in failed.items() if found is not None} == {"soup", "context", "ceiling"}
    assert failed["soup"].attrib["message"] == "soup seed 1 failed: no reward today"
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("4", "3")


def over(method: str, *preparations: int) -> list[Front]:
    """A method on these preparations."""
    front = make_front(method, 1.0)
    return [replace(front, card=other_card(make_card(), preparation=p)) for p in preparations]


def kept(*fronts: Front, fails: str = "context") -> dict[str, set[int]]:
    """The preparations of each row that stands, where something failed."""
    found: dict[str, set[int]] = {}
    for front in comparable(fronts, [a_failure(fails)]):
        found.setdefault(front.method, set()).add(front.card.preparation)
    return found


def test_rows_that_stand_are_on_the_same_preparations() -> None:
    """Of many rows the one that failed goes, of few rows the preparation; nothing goes where nothing failed."""
    most = [front for name in ("a", "b", "c") for front in over(name, 0, 1)]
    assert kept(*most, *over("context", 0)) == {"a": {0, 1}, "b": {0, 1}, "c": {0, 1}}  # 6 fronts, not 4
    assert kept(*over("a", 0, 1, 2), *over("context", 0, 1)) == {"a": {0, 1}, "context": {0, 1}}  # 4, not 3
    assert kept(*over("a", 0, 1), *over("context", 0)) == {"a": {0}, "context": {0}}  # 2 either way, and more rows
    assert kept(*over("a", 0), *over("context", 1)) == {"a": {0}}  # nothing in common
    fronts = [*over("a", 0, 1), *over("context", 0)]
    assert comparable(fronts, []) == fronts
    assert comparable([], [a_failure("context")]) == []


def test_what_failures_cost_over_preparations() -> None:
    fronts = [*over("a", 0, 1), *over("b", 0, 1), *over("c", 0, 1)]
    told = compare(fronts).with_(failures=(a_failure("d", preparation=1), a_failure("a", preparation=2)))
    assert told.failed_on("toy") == [
        "d preparation 1 seed 0 failed: no reward today; it has no row, for rows are compared on the same preparations",
        "a preparation 2 seed 0 failed: no reward today; "
        "preparation 2 is left out, for rows are compared on the same ones",
    ]
    more = compare([*fronts, *(replace(front, seed=1) for front in over("c", 0))])
    (line,) = more.with_(failures=(a_failure("c", preparation=1, seed=1),)).failed_on("toy")
    assert line.endswith("its row stands on 3 trainings")


def test_a_comparison_without_its_ceiling() -> None:
    assert table(a_failure(None, seed=None, what="no samples")).failed_on("toy") == ["ceiling failed: no samples"]


FAILING = ("compare", *METHODS, "-b", "tiny.toml", "--seed", "0,1")


def test_a_failure_costs_one_row_and_not_the_table(own: Path) -> None:
    """ric scores while it trains and sft does not; at seed 0 both are measured, at seed 1 neither is trained.

    sft cannot be measured with that reward, either: both rows stand on seed 0.
    """
    files = [f"t{suffix}" for suffix in COMPARISON_FORMATS]
    result = moa(*FAILING, *(part for file in files for part in ("-o", file)), cwd=own, TROUBLE="raise")
    assert result.returncode == 2
    assert "ric seed 1 failed: " in result.stdout
    assert "no reward today" in result.stdout
    assert "tiny@1" in result.stdout
    assert result.stderr.count("try:") == 2
    assert all((own / file).exists() for file in files)
    document = json.loads((own / "t.json").read_text())
    assert {row["method"] for row in document["benchmarks"][0]["rows"]} == {"sft", "ric"}
    assert {(one["method"], one["seed"]) for one in document["failures"]} == {("sft", 1), ("ric", 1)}
    again = moa("compare", "t.json", cwd=own)
    assert again.returncode == 0, "that command has failed at nothing"
    assert "ric seed 1 failed: " in again.stdout


def test_a_benchmark_that_cannot_be_prepared_costs_no_other(own: Path) -> None:
    """Where nothing is measured, nothing is printed nor written."""
    other = (own / "tiny.toml").read_text().replace("letters.py:vowels", "letters.py:nobody")
    (own / "letters.py").write_text(
        (own / "letters.py").read_text() + "\n\ndef nobody(prompts, responses):\n    1 / 0\n"
    )
    (own / "other.toml").write_text(other)
    both = moa("compare", "-m", "sft", "-b", "tiny.toml", "-b", "other.toml", "-o", "both.md", cwd=own)
    assert both.returncode == 2
    text = (own / "both.md").read_text()
    assert "### tiny@1" in text
    assert "### other" in text
    assert "sft seed 0 failed: " in text
    alone = moa("compare", "-m", "sft", "-b", "other.toml", "-o", "alone.md", cwd=own)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert not (own / "alone.md").exists()
