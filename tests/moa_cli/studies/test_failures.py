"""A study of which something failed is answered from the rest, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.load.load import load_benchmark
from methods.contract.find import find_method
from moa_cli.comparisons.comparison import compare
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant
from moa_cli.studies.document import Study, StudyOn
from moa_cli.studies.outputs import STUDY_FORMATS
from moa_cli.studies.studies import STUDIES, _as_rows, answerable, study_name
from tests.kit.fronts import a_failure, make_front


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contestant]:
    """sft and two variants of a method, at two seeds each, by a name such as "b=1 s0"."""
    home = tmp_path_factory.mktemp("study")
    benchmark, source = load_benchmark("hh-rlhf-mini", home=home), Source("hh-rlhf-mini", home)
    sft, soup = find_method("sft")(), find_method("rewarded-soups")()
    return {
        f"{variant or 'sft'} s{seed}": replace(
            Contestant(source, benchmark, soup if variant else sft, seed, Path(variant or "sft")), variant=variant
        )
        for variant in ("", "b=1", "b=2")
        for seed in (0, 1)
    }


@pytest.mark.parametrize(
    ("study", "lost", "left"),
    [
        ("optimizer", [], "sft s0, sft s1, b=1 s0, b=1 s1, b=2 s0, b=2 s1"),
        ("optimizer", ["b=1 s1"], "sft s0, sft s1, b=1 s0, b=2 s0, b=2 s1"),  # a row stands on the seeds that are there
        ("kl", ["b=1 s1"], "sft s0, sft s1, b=2 s0, b=2 s1"),  # a curve has all seeds at each of its points
        ("kl", ["sft s0"], "sft s1, b=1 s0, b=1 s1, b=2 s0, b=2 s1"),
        ("kl", ["sft s0", "sft s1"], ""),  # nothing to compare with
        ("kl", ["b=1 s0", "b=2 s1"], ""),  # nothing to compare
        ("retention", ["b=1 s1", "sft s0"], "sft s1, b=1 s0, b=2 s0, b=2 s1"),
    ],
)
def test_what_a_study_stands_on(study: str, lost: list[str], left: str, runs: dict[str, Contestant]) -> None:
    stands = answerable(STUDIES[study], [*runs.values()], [runs[name] for name in lost])
    assert ", ".join(name for name, run in runs.items() if any(run is one for one in stands)) == left


def test_every_format_of_a_study_tells_what_failed(runs: dict[str, Contestant]) -> None:
    assert study_name(runs["b=1 s0"]) == "rewarded-soups b=1"
    on = StudyOn(name="toy", version="1", objectives=("a",), prompts=60, seeds=(0,), warnings=(), tables=())
    failures = (a_failure("rewarded-soups b=1", seed=1),)
    told = Study(study="kl", methods=("rewarded-soups",), benchmarks=(on,), comparison=None, failures=failures)
    assert told.failed == ["toy: rewarded-soups b=1 seed 1 failed: no reward today"]
    for suffix in (".md", ".csv", ".json"):
        assert "no reward today" in STUDY_FORMATS[suffix](told).decode(), suffix
    assert Study.from_json(told.to_json()) == told
    compared = compare([make_front("b=1", 1.0)]).with_(failures=_as_rows(failures))
    assert told.model_copy(update={"comparison": compared}).failed == [], "the comparison tells it"
    assert compared.failed_on("toy") == ["b=1 seed 1 failed: no reward today; its row stands on seed 0"]
