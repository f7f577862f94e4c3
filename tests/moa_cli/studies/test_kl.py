"""The score-KL study: curves read at a KL, by hand; what it finds in fronts with known numbers; as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ceiling.samples import Samples, samples_folder, write_samples
from benchmarks.common.errors import BadInput
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.card import stored_card
from benchmarks.stats.bootstrap import Bootstrap
from methods.contract.find import find_method
from methods.contract.method import Method
from moa_cli.runs.config import Settings
from moa_cli.runs.contestant import Contestant
from moa_cli.studies.document import KLCurve, Study
from moa_cli.studies.kl import asked_points, read_at
from moa_cli.studies.kl_figure import kl_figure
from moa_cli.studies.page import study_html
from moa_cli.studies.strength import check_goes_far, scaled_by
from moa_cli.studies.studies import find_study, make_study, study_contestants
from moa_cli.studies.tables import study_csv, study_markdown
from tests.kit.cli import moa, refused
from tests.kit.fronts import make_front, only
from tests.kit.pages import Page
from tests.kit.tokenizers import tiny_policy_in, tiny_tokenizer
from tests.kit.worlds import benchmark_in
from tests.moa_cli.studies.test_studies import cries, made, shown

__all__ = ["cries"]
SFT, MODPO, RIC, PARETO, BEST = map(find_method, ("sft", "modpo", "ric", "paretohqd", "best-of-n"))


def sampled(*seeds: tuple[float, list[float]]) -> Bootstrap:
    """A statistic: value and draws of each seed."""
    values, draws = (np.array(numbers, float) for numbers in zip(*seeds, strict=True))
    return Bootstrap(values, draws, tuple(range(len(seeds))))


# A curve, read at a KL


def test_a_curve_is_linear_between_its_points() -> None:
    """(.5, 1) and (2, 4): at 1 a third of the way, 2. In the draws, at 1: the same; (.8, 1) to (1.8, 4), a fifth of
    the way, 1.6; turned around, (2, 0) and (.5, 3): two thirds of the way up from 0, that is 2; and (1.2, 7) to (2, 9)
    does not reach down to 1, so its end, 7."""
    kl = [sampled((0.5, [0.5, 0.8, 2.0, 1.2])), sampled((2.0, [2.0, 1.8, 0.5, 2.0]))]
    value = [sampled((1.0, [1.0, 1.0, 0.0, 7.0])), sampled((4.0, [4.0, 4.0, 3.0, 9.0]))]
    found = read_at(kl, value, 1.0)
    assert found is not None
    assert found.values == pytest.approx([2.0])
    assert found.draws[0] == pytest.approx([2.0, 1.6, 2.0, 7.0])


def test_a_curve_is_read_between_neighbours() -> None:
    """Of the points (4, 0), (1, 1), (2, 3), in no order: at 3 half way between 3 and 0; at a point, that point."""
    kl, value = [sampled((x, [x])) for x in (4.0, 1.0, 2.0)], [sampled((y, [y])) for y in (0.0, 1.0, 3.0)]
    read = [read_at(kl, value, at) for at in (1.0, 1.5, 2.0, 3.0, 4.0)]
    assert [one and one.value for one in read] == pytest.approx([1, 2, 3, 1.5, 0])
    assert read_at(kl, value, 0.99) is None
    assert read_at(kl, value, 4.01) is None
    alone = [sampled((2.0, [2.1]))], [sampled((5.0, [6.0]))]
    assert read_at(*alone, 1.0) is None
    found = read_at(*alone, 2.0)
    assert found is not None
    assert (found.value, found.draws.item()) == (5.0, 6.0)


def test_every_seed_has_its_own_curve() -> None:
    """(0, 0) to (2, 2) and (0, 0) to (4, 8): at 1, 1 and 2; at 3 the first does not reach."""
    kl = [sampled((0, [0]), (0, [0])), sampled((2, [2]), (4, [4]))]
    value = [sampled((0, [0]), (0, [0])), sampled((2, [2]), (8, [8]))]
    found = read_at(kl, value, 1.0)
    assert found is not None
    assert found.values == pytest.approx([1, 2])
    assert read_at(kl, value, 3.0) is None


def test_methods_are_looked_at_where_all_of_them_are() -> None:
    """A front at the whole grid, at the five weights that methods retrain for; where it lacks one, at all it has."""
    front = make_front("soup", 1.0)
    grid = tuple(front.weights[k] for k in (0, 5, 10))
    assert asked_points(front, grid) == [0, 5, 10]
    assert asked_points(front, (*grid, (0.25, 0.75))) == list(range(11))
    assert asked_points(only(front, [0, 10]), grid) == [0, 1]


# What is found


def gaussian(benchmark: Benchmark) -> Samples:
    """64 answers of a starting policy with normal rewards, and evaluators who see half of their variance."""
    random = np.random.default_rng(0)
    rewards, noise = random.normal(size=(2, 10, 64, 2))
    samples = Samples(
        counts=(64,), rewards=rewards, scores=(rewards + noise) / np.sqrt(2), log_probs=np.zeros((10, 64, 1))
    )
    stored = stored_card(benchmark)
    assert stored
    folder = samples_folder(benchmark.home, stored.card, [])
    folder.mkdir(parents=True)
    write_samples(folder, samples)
    return samples


@pytest.fixture
def curved(cries: Benchmark) -> Study:
    """MODPO at three strengths: utility .5 at KL .5, 1.5 at 1.5, 2 at 3. At a fourth all its answers collapse. RiC at
    two, with no more than 1 nat. Evaluators give half of what rewards give."""
    gaussian(cries)
    grid = cries.trained_grid
    runs = [made(cries, SFT(), [(0.0, 0.0)], kl=0.0)]
    for beta, kl, worth, collapsed in ((0.4, 0.5, 1, 0), (0.1, 1.5, 3, 0), (0.05, 3.0, 4, 0), (0.025, 5.0, 9, 10)):
        means, told = [(worth, worth)] * len(grid), f"beta={beta}"
        runs.append(made(cries, MODPO(beta=beta), means, kl=kl, collapsed=collapsed, variant=told))
    for rate, kl, worth in ((1e-4, 0.4, 1), (2e-4, 0.9, 2)):
        made_at = [(worth, worth)] * len(cries.grid)
        runs.append(made(cries, RIC(learning_rate=rate), made_at, kl=kl, variant=f"learning_rate={rate:g}"))
    return make_study("kl", runs)


def curve(study: Study, name: str) -> KLCurve:
    [on] = study.benchmarks
    assert on.kl
    return next(one for one in on.kl.curves if one.name == name)


def test_utility_at_the_same_kl(curved: Study) -> None:
    """MODPO at 1 half way between .5 and 1.5; at 2 a third of the way from 1.5 to 2; at 4 only what collapsed would
    reach. What is easy about a prompt is the same for the starting policy, so all is certain."""
    assert curved.methods == ("modpo", "ric")
    modpo = curve(curved, "modpo")
    one, two, four = modpo.utility_at
    assert one
    assert two
    assert [one.value, one.low, one.high] == pytest.approx([1, 1, 1])
    assert two.value == pytest.approx(1.5 + 0.5 / 3)
    assert four is None
    assert [point.kl for point in modpo.points] == [0.5, 1.5, 3.0, 5.0]
    assert [point.counts for point in modpo.points] == [True, True, True, False]
    assert [point.utility.value for point in modpo.points] == pytest.approx([0.5, 1.5, 2, 4.5])
    assert [point.reward and point.reward.value for point in modpo.points] == pytest.approx([1, 3, 4, 9])
    assert curve(curved, "ric").utility_at == (None, None, None)
    assert [table.title for table in curved.benchmarks[0].tables] == [
        "utility at the same KL", "what was measured (strength: beta of modpo, learning_rate of ric)",
    ]  # fmt: skip


def test_the_references(curved: Study) -> None:
    """The mean over weights of what is gained: sqrt(2 KL) |w| by what is optimal for normal rewards, 1 / sqrt 2 of that
    under the evaluators, who are the same to themselves; ten prompts tell to some .2."""
    [on] = curved.benchmarks
    assert on.kl
    assert on.kl.sampled == 10
    length = np.mean([np.linalg.norm(w) for w in ((1, 0), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0, 1))])
    rewards, evaluators = curve(curved, "optimal for the rewards"), curve(curved, "optimal for the evaluators")
    for optimum, share in ((rewards, 1 / np.sqrt(2)), (evaluators, 1.0)):
        assert optimum.points[0].utility.value == pytest.approx(0, abs=1e-9)
        at_one = next(point for point in optimum.points if point.kl == 1)
        assert at_one.utility.value == pytest.approx(share * np.sqrt(2) * length, abs=0.25)
        assert optimum.utility_at[0] == at_one.utility
    at_one = next(point for point in rewards.points if point.kl == 1)
    assert at_one.reward
    assert at_one.reward.value == pytest.approx(np.sqrt(2) * length, abs=0.2)
    assert evaluators.points[0].reward is None
    best = curve(curved, "best of n")
    assert [point.setting for point in best.points] == [f"n = {n}" for n in (2, 4, 8, 16, 32, 64)]
    assert best.points[0].kl == pytest.approx(np.log(2) - 0.5)
    highest = [0.56, 1.03, 1.42, 1.77, 2.07, 2.34]
    assert [p.reward and p.reward.value for p in best.points] == pytest.approx([e * length for e in highest], abs=0.35)


def test_without_samples_there_are_no_references(cries: Benchmark) -> None:
    runs = [made(cries, SFT(), [(0.0, 0.0)], kl=0.0), made(cries, MODPO(), [(1, 1)] * 5, kl=1.0, variant="beta=0.1")]
    study = make_study("kl", runs)
    [on] = study.benchmarks
    assert on.kl
    assert on.kl.sampled is None
    assert [one.name for one in on.kl.curves] == ["modpo"]
    at_one = on.kl.curves[0].utility_at[0]
    assert at_one
    assert at_one.value == pytest.approx(0.5)


# How it is shown


@pytest.mark.parametrize("width", [80, 60])
def test_the_tables_fit_the_terminal(curved: Study, width: int) -> None:
    assert Study.from_json(curved.to_json()) == curved
    text = shown(curved, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    told = " ".join(re.findall("^modpo (.*)", text, re.M))
    assert re.search(r"\+1\.00 \[\+1\.00, \+1\.00\] .*\+1\.67 \[\+1\.67, \+1\.67\] ", told)


def test_the_tables_in_files(curved: Study) -> None:
    lines = list(csv.DictReader(io.StringIO(study_csv(curved))))
    first = next(line for line in lines if line["method"] == "modpo")
    assert float(first["1 nat"]) == pytest.approx(1)
    assert first["4 nats"] == ""
    assert "| modpo | +1.00 [+1.00, +1.00] |" in study_markdown(curved)
    page = Page(study_html(curved))
    assert {"modpo", "ric", "best of n"} <= set(re.findall(r"modpo|ric|best of n", page.text))
    assert len(page.named("table")) == 2


def test_the_figure(curved: Study) -> None:
    """Reward, score and utility: a line and a band per method, the references in grey, what collapsed crossed out."""
    drawn = kl_figure(curved)
    assert [ax.get_ylabel() for ax in drawn.axes] == [f"{name} (SFT SDs)" for name in ("reward", "score", "utility")]
    references = ["best of n", "optimal for the rewards", "optimal for the evaluators"]
    for ax in drawn.axes:
        lines = {line.get_label(): line for line in ax.lines}
        expected = references[:2] if "reward" in ax.get_ylabel() else references
        assert {"modpo", "ric", *expected} <= set(lines)
        assert lines["modpo"].get_xdata() == pytest.approx([0.5, 1.5, 3.0])
        assert len(ax.collections) >= 4, "two bands and a crossed mark"
    assert lines["modpo"].get_ydata() == pytest.approx([0.5, 1.5, 2])
    told = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert told[:2] == ["modpo", "ric"]
    assert sorted(told[2:]) == sorted([*references, "too many collapsed"])


# Which runs


def runs_of(cries: Benchmark, methods: dict[str, Method], over: list[str] | None = None) -> list[Contestant]:
    settings = Settings({"x": cries}, methods, {})
    return study_contestants(find_study("kl"), settings, [], over or [], [0], home=cries.home, data_dir=None)


def test_every_strength_is_an_ordinary_run(cries: Benchmark) -> None:
    """Five factors on what each method declares; 1 is the run that is there anyway; sft is there once, as the start."""
    runs = runs_of(cries, {"sft": SFT(), "modpo": MODPO(), "best-of-n": BEST(candidates=2)})
    assert [run.variant for run in runs] == [
        "", *(f"beta={beta}" for beta in ("0.025", "0.05", "0.1", "0.2", "0.4")),
        *(f"candidates={n}" for n in (1, 2, 4, 8)),
    ]  # fmt: skip
    assert runs[3].folder == Contestant.of(runs[3].source, cries, MODPO(), 0).folder
    halved = runs_of(cries, {"ric": RIC()}, ["0.5", "0.5"])
    assert [run.variant for run in halved] == ["", "learning_rate=7.07e-05"]


@pytest.mark.parametrize(
    ("typed", "method", "over", "words"),
    [
        ("sft", SFT(), [], "has no setting for how far"),
        ("paretohqd", PARETO(), [], "steps of paretohqd is None"),
        ("modpo", MODPO(), ["0"], "expected numbers above 0"),
        ("modpo", MODPO(), ["2", "nan"], "--over nan"),
        ("ric", RIC(), ["1e4"], "expected numbers"),
        ("ric", RIC(), ["9" * 400], "expected numbers"),
        ("best-of-n", find_method("best-of-n")(), ["9" * 308], "candidates cannot be inf: expected a whole number"),
        ("ric", RIC(), ["10000"], "learning_rate cannot be 1.414: expected a number from 0 to 1"),
    ],
)
def test_what_cannot_be_scaled_is_refused(
    cries: Benchmark, typed: str, method: Method, over: list[str], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        runs_of(cries, {typed: method}, over)


def test_a_rate_that_pretrained_policies_have_another_for_is_to_be_set(cries: Benchmark, tmp_path: Path) -> None:
    """RiC trains a whole one at 2e-5 where 1.414e-4 stands: the point of factor 1 would be the weakest of the curve."""
    folder = str(tiny_policy_in(tmp_path, tiny_tokenizer("bytes", "<s> $A")))
    pretrained = replace(cries, policy=folder)
    for rank in (None, 0):
        with pytest.raises(BadInput, match="2e-05 for a whole pretrained policy, 0.0001414 for adapters") as told:
            check_goes_far(RIC(lora_rank=rank), pretrained)
    assert told.value.fix == "-c ric.learning_rate=2e-05, or -c ric.lora_rank=64 -c ric.learning_rate=0.0001414"
    for method in (RIC(learning_rate=2e-5), RIC(lora_rank=64), MODPO()):
        check_goes_far(method, pretrained)
    check_goes_far(RIC(), cries)


def test_a_strength_may_be_set_to_begin_with(cries: Benchmark) -> None:
    assert [run.variant for run in runs_of(cries, {"paretohqd": PARETO(steps=10)}, ["0.25", "3"])][1:] == [
        "steps=2", "steps=30",
    ]  # fmt: skip
    assert scaled_by(MODPO(beta=0.3), 1.0) == MODPO(beta=0.3)
    assert replace(MODPO(), beta=0.03) == scaled_by(MODPO(), 0.3), "no digits that rounding left"
    quarter, default = RIC(learning_rate=RIC().learning_rate / 4), RIC().learning_rate
    assert scaled_by(quarter, 4).learning_rate == default
    there = scaled_by(quarter, 4, pretrained=True)
    assert there.learning_rate == pytest.approx(default, rel=1e-12)
    assert "learning_rate" not in there.unset_rates(), "a pretrained policy is trained at it"


def test_other_studies_are_about_one_method(cries: Benchmark) -> None:
    settings = Settings({"x": cries}, {"spo": find_method("spo")(), "modpo": MODPO()}, {})
    with pytest.raises(BadInput, match="names 2 methods"):
        study_contestants(find_study("retention"), settings, [], [], [0], home=cries.home, data_dir=None)


# As a user meets it


def test_the_study_from_nothing(tmp_path: Path) -> None:
    """Trained, measured and sampled; the second time nothing is done; its runs are those of `moa compare`."""
    place = benchmark_in(tmp_path)
    small = ("-c", "ric.rounds=0", "-c", "offline_epochs=0.1", "-c", "batch=4", "-c", "best-of-n.candidates=2")
    command = ("study", "kl", "-m", "ric,best-of-n", "--over", "1,2", "-b", "tiny.toml", *small)
    result = moa(*command, "-o", "kl.svg", "-o", "kl.json", "-o", "kl.html", cwd=place)
    assert result.returncode == 0, result.stderr
    assert "utility at the same KL" in result.stdout
    study = Study.from_json((place / "kl.json").read_text())
    [on] = study.benchmarks
    assert on.kl
    assert on.kl.sampled == 6
    assert [one.kind for one in on.kl.curves] == ["method", "method", "best-of-n", "optimum", "optimum"]
    assert [p.setting for p in curve(study, "best-of-n").points] == ["candidates=2", "candidates=4"]
    ElementTree.parse(place / "kl.svg")
    again = moa(*command, "--json", cwd=place)
    assert "worker" not in again.stderr
    assert json.loads(again.stdout) == json.loads((place / "kl.json").read_text())
    assert "ceiling" in result.stderr
    one_more = moa("study", "kl", "-m", "ric", "--over", "1,3", "-b", "tiny.toml", *small[:6], cwd=place)
    assert one_more.returncode == 0, one_more.stderr
    assert "learning_rate=0.0004242" in one_more.stderr
    assert "ceiling" not in one_more.stderr, "the samples are there"
    compared = moa("compare", "-m", "sft,ric", *small[:6], "-b", "tiny.toml", "--json", cwd=place)
    assert "worker" not in compared.stderr
    refused(moa("study", "kl", "-m", "sft", "-b", "tiny.toml", cwd=place), "sft", "sets_kl")
