"""The gate: verdicts on simulated methods, exit codes on real ones, JUnit and annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import load_benchmark
from benchmarks.common.errors import BadInput
from benchmarks.measure.front import Front
from benchmarks.prepare.taking import unpack
from moa_cli.app import app
from moa_cli.commands.common import contests
from moa_cli.commands.common.finish import write_outputs
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.comparisons.failure import Failure
from moa_cli.comparisons.gate import _judged, check_units, judge, read_baseline
from moa_cli.comparisons.parts import GateVerdict, Row
from moa_cli.comparisons.row import prompt_scores
from moa_cli.formats.exports import COMPARISON_FORMATS, comparison_markdown
from tests.kit.cli import moa, refused
from tests.kit.files import ROOT
from tests.kit.fronts import a_failure, changed, make_card, make_front, only, other_card
from tests.kit.pages import show
from tests.kit.worlds import benchmark_in

SOUP = (a_failure("soup"),)


def judged(
    now: list[Front], before: list[Front], tolerance: float = 0.01, failed: tuple[Failure, ...] = ()
) -> dict[str, str]:
    """The verdict on every method; documents go through JSON as files do."""
    made = compare(now).with_(failures=failed), compare(before)
    documents = [Comparison.from_json(document.to_json()) for document in made]
    found = judge(*documents, name="main.json", tolerance=tolerance)
    return {v.method: v.verdict for v in found.verdicts}


def test_nothing_changed():
    fronts = [make_front("soup", 1.0), make_front("context", 1.5)]
    found = judge(compare(fronts), compare(fronts), name="main.json", tolerance=0.01)
    assert found.verdict == "passed"
    assert {(v.verdict, v.difference) for v in found.verdicts} == {("same", 0.0)}


def test_a_loss_must_be_large_and_certain():
    before = [make_front("soup", 1.0)]
    assert judged([make_front("soup", 0.5)], before) == {"soup": "regressed"}
    certain = [changed(before[0], scores=before[0].scores - 0.01)]
    assert judged(certain, before) == {"soup": "same"}, "within the tolerance"
    assert judged(certain, before, tolerance=0.0) == {"soup": "regressed"}
    shift = np.where(np.arange(60) % 2, 3.0, -3.2)[None, :, None]
    assert judged([changed(before[0], scores=before[0].scores + shift)], before) == {"soup": "unsure"}


def test_what_is_missing_closes_the_gate():
    before = [make_front("soup", 1.0), make_front("context", 1.5)]
    assert judged(before[:1], before) == {"soup": "same", "context": "lost"}
    assert judged(before[:1], before, failed=(a_failure("context"),)) == {"soup": "same", "context": "failed"}
    assert judged(before, before[:1]) == {"soup": "same", "context": "new"}
    found = judge(compare(before[:1]), compare(before), name="main.json", tolerance=0.01)
    assert found.verdict == "regressed"


def test_a_crash_closes_the_gate_whatever_else_is_there():
    """A seed that is left, another configuration, or a baseline without the method do not speak for what crashed."""
    seeds = [make_front("soup", 1.0, seed=seed) for seed in range(3)]
    assert judged(seeds[:1], seeds, failed=SOUP) == {"soup": "failed"}
    others = [make_front("context", 1.5)]
    both = {"context": "same", "soup": "failed"}
    assert judged([*others, seeds[0]], others, failed=SOUP) == both, "new"
    assert judged(others, others, failed=SOUP) == both, "neither here nor there"
    assert judged(others, others, failed=(a_failure("soup", benchmark="other"),)) == both, (
        "on a benchmark that nobody has"
    )
    two = [make_front("soup", 1.0, config={"b": b}) for b in (1, 2)]
    assert judged(two, two, failed=SOUP) == {"soup b=1": "failed", "soup b=2": "failed"}
    elsewhere = make_front("soup of others", 1.0, steering="given")
    assert judged([elsewhere], [elsewhere], failed=SOUP) == {"soup of others": "same", "soup": "failed"}
    crashed = compare(others).with_(failures=SOUP)
    found = judge(crashed, compare(others), name="main.json", tolerance=0.01)
    assert found.verdict == "regressed"
    assert [one.told for one in found.verdicts if one.worse] == ["failed: no reward today"]


def test_rows_meet_by_configuration_before_name():
    """The name of a row depends on what else is there, and says only what tells its configurations apart."""
    one, two, three = (make_front("soup", 1.0, config={"b": b, "c": 0}) for b in (1, 2, 3))
    worse = make_front("soup", 0.5, config={"b": 2, "c": 0})
    assert judged([one], [one]) == {"soup": "same"}
    assert judged([worse], [one]) == {"soup": "regressed"}, "the default changed"
    assert judged([one, worse], [one]) == {"soup b=1": "same", "soup b=2": "new"}
    assert judged([worse], [one, two]) == {"soup": "regressed", "soup b=1": "lost"}
    assert judged([three], [one, two]) == {"soup": "new", "soup b=1": "lost", "soup b=2": "lost"}
    assert judged([three, two], [one, two]) == {"soup b=3": "new", "soup b=2": "same", "soup b=1": "lost"}
    changed = [replace(front, config=front.config | {"c": 9}) for front in (one, worse)]
    assert judged(changed, [one, two]) == {"soup b=1": "same", "soup b=2": "regressed"}, "the default of another"


def test_only_rows_of_one_method_meet():
    """Many methods have no hyperparameters, and so the same configuration."""
    soup, context = make_front("soup", 1.0), make_front("context", 1.5)
    assert judged([soup], [context]) == {"soup": "new", "context": "lost"}
    given = [replace(front, method=f"our {front.method}", steering="given") for front in (soup, context)]
    assert judged(given[:1], given[1:]) == {"our soup": "new", "our context": "lost"}


def test_other_units_are_refused():
    other = make_front("soup", 1.0, card=other_card(make_card(), policy="another"))
    with pytest.raises(BadInput, match="scale card") as error:
        judged([make_front("soup", 1.0)], [other])
    assert "policy" in error.value.why
    assert "--prepared" not in error.value.fix
    told = {"name": "main.json", "keep_collapsed": False}
    elsewhere = make_card(benchmark="other")
    check_units(compare([other]), [other.card, elsewhere], **told)
    with pytest.raises(BadInput, match="scale card"):
        check_units(compare([other]), [elsewhere, make_card()], **told)


def test_the_same_prepared_elsewhere_is_told_what_to_carry_along():
    """Another processor computes other last digits, and with them trains other rewards: nothing else differs."""
    other = make_front("soup", 1.0, card=other_card(make_card(), reward_std=(1.0, 2.0)))
    with pytest.raises(BadInput, match="scale card") as error:
        judged([make_front("soup", 1.0)], [other])
    assert "another processor" in error.value.why
    assert "--prepared FILE.tar" in error.value.fix


def test_the_baseline_of_this_repository_lies_beside_its_preparation(tmp_path: Path) -> None:
    """`make gate` has an answer on every processor."""
    benchmark = load_benchmark("hh-rlhf-mini", home=tmp_path)
    unpack(ROOT / "tests" / "baselines" / "hh_rlhf_mini.tar", [benchmark])
    baseline = read_baseline(ROOT / "tests" / "baselines" / "hh_rlhf_mini.json")
    check_units(baseline, [benchmark.card], name="hh_rlhf_mini.json", keep_collapsed=False)


def test_a_gate_whose_methods_all_failed_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In every format but figures, which have nothing to show; that costs no other file."""
    document = contests.comparison_of([], SOUP, None, keep_collapsed=False, ceiling=False)
    document = contests.judged(document, Path("main.json"), compare([make_front("soup", 1.0)]), 0.01)
    assert document.gate.verdict == "regressed"
    files = [tmp_path / f"gg{suffix}" for suffix in COMPARISON_FORMATS]
    assert not write_outputs(document, files, COMPARISON_FORMATS)
    assert {path for path in files if not path.exists()} == {tmp_path / f"gg.{kind}" for kind in ("png", "pdf", "svg")}
    assert capsys.readouterr().err.count("there is nothing to draw") == 3
    assert "| toy | soup | failed: no reward today |" in (tmp_path / "gg.md").read_text()
    assert 'type="failed"' in (tmp_path / "gg.xml").read_text()
    assert "<title>Comparison</title>" in (tmp_path / "gg.html").read_text()
    assert "soup" in show(document)
    assert "hypervolume" not in show(document), "there is no table to explain"


def test_a_collapse_regresses_and_its_end_is_better():
    sound, before = make_front("soup", 1.0), make_front("sft", 0, steering="none")
    lost = changed(sound, collapsed=np.ones_like(sound.collapsed))
    assert judged([lost, before], [sound, before]) == {"soup": "regressed", "sft": "same"}
    assert judged([lost], [lost]) == {"soup": "same"}
    now, then = ([replace(one, seed=seed) for seed in range(3)] for one in (sound, lost))
    assert judged(now, then) == {"soup": "better"}


def saved_at(path: Path, change: Callable[[dict], object]) -> Path:
    """A saved comparison of one method, changed: `change` gets the document."""
    document = json.loads(compare([make_front("soup", 1.0)]).to_json())
    del document["sum"]
    change(document)
    path.write_text(json.dumps(document))
    return path


def test_a_saved_comparison_is_a_baseline_whatever_its_file_is_called(tmp_path: Path) -> None:
    for name in ("main.json", "MAIN.JSON", "main.txt"):
        read = read_baseline(saved_at(tmp_path / name, lambda document: None))
        assert [row.method for row in read.benchmarks[0].rows] == ["soup"]


@pytest.mark.parametrize("name", ["nosuch", "nosuch.json", ".", ""])
def test_a_baseline_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no saved comparison"):
        read_baseline(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.pop("benchmarks"), "damaged.*: benchmarks: Field required"),
        (lambda d: d.update(benchmarks=None), "damaged.*: benchmarks: "),
        (lambda d: d.update(benchmarks=[]), "holds no method"),
        (lambda d: d["benchmarks"][0].update(rows=[]), "there are no rows"),
        (lambda d: d["benchmarks"][0].update(rows=[3]), "damaged.*: benchmarks.0.rows.0: "),
        (lambda d: d["benchmarks"][0].pop("card"), "damaged.*: benchmarks.0.card: Field required"),
        (lambda d: d["benchmarks"][0]["card"].pop("ref"), "damaged.*: benchmarks.0.card.ref: Field required"),
        (lambda d: d["benchmarks"][0]["card"].update(sampling=3), "damaged.*: benchmarks.0.card.sampling: "),
        (lambda d: d["benchmarks"][0]["rows"][0].pop("runs"), "damaged.*: benchmarks.0.rows.0.runs: Field required"),
        (lambda d: d["benchmarks"][0]["rows"][0].update(runs=[]), "soup has no points, or no trainings"),
        (lambda d: d["benchmarks"][0]["rows"][0].update(runs=[], seeds=[]), "soup has no points, or no"),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0].update(seed="0"), "damaged.*rows.0.runs.0.seed: "),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0].update(seed=5), "scores of soup on toy"),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0]["points"].pop(), "scores of soup on toy"),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0]["points"][1].pop("helpful"), "scores of soup on toy"),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0]["points"][1].update(helpful="1 2"), "scores of soup"),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0]["points"][1].update(helpful=3), "points.1.helpful: "),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0]["points"][1].update(helpful="x " * 60), "scores of soup"),
        (lambda d: d["benchmarks"][0]["rows"][0]["runs"][0]["points"][1].update(helpful="nan " * 60), "scores of soup"),
    ],
)  # fmt: skip
def test_a_damaged_baseline_is_refused(change: Callable[[dict], object], word: str, tmp_path: Path) -> None:
    """When it is read, which is before any training."""
    with pytest.raises(BadInput, match=word):
        read_baseline(saved_at(tmp_path / "main.json", change))


def test_no_name_of_a_baseline_opens_the_gate(tmp_path: Path) -> None:
    """Not even one that is not called as saved comparisons are."""
    for arguments in (["--baseline", "nosuch"], ["--baseline", ""]):
        done = CliRunner().invoke(app, ["compare", "-b", "hh-rlhf-mini", "--runs", str(tmp_path), *arguments])
        assert isinstance(done.exception, BadInput)
        assert "no saved comparison" in done.exception.what


@pytest.mark.parametrize(("keeps", "fix"), [(True, "without --keep-collapsed"), (False, "with --keep-collapsed")])
def test_collapsed_points_count_on_both_sides_or_on_none(keeps: bool, fix: str) -> None:
    """Otherwise keeping them now hides a collapse, and leaving them out looks like one."""
    front = make_front("soup", 1.0)
    now, before = compare([front], keep_collapsed=keeps), compare([front], keep_collapsed=not keeps)
    with pytest.raises(BadInput, match=r"main\.json .* collapsed") as error:
        judge(now, before, name="main.json", tolerance=0.01)
    assert fix in error.value.fix
    assert judge(now, now, name="main.json", tolerance=0.01).verdict == "passed"


def test_a_method_compared_with_itself_rarely_regresses():
    """Three seeds each of the same method, whose trainings differ: at most 5 % of 100 comparisons regress."""
    random, alarms = np.random.default_rng(0), []
    base = make_front("soup", 1.0)
    (benchmark,) = compare([base]).benchmarks

    def trained(seed: int) -> Front:
        noise = 0.1 * random.normal(size=(1, 1, 2)) + 0.5 * random.normal(size=base.scores.shape)
        return replace(changed(base, scores=base.scores + noise), seed=seed)

    def a_row() -> Row:
        runs = prompt_scores({(0, s): trained(s).scores for s in range(3)}, base.card.objectives)
        return benchmark.rows[0].model_copy(update={"runs": tuple(runs)})

    for _ in range(100):
        alarms.append(_judged(benchmark, {"soup": (a_row(), a_row())}, 0.01)["soup"].verdict == "regressed")
    assert np.mean(alarms) <= 0.05


def test_one_training_may_regress_and_is_never_better():
    """A guard speaks of these trainings; better is a claim about the method, which takes several of both."""

    def soups(reach: float, seeds: int) -> list[Front]:
        return [make_front("soup", reach, seed=seed) for seed in range(seeds)]

    assert judged(soups(0.5, 1), soups(1.0, 1)) == {"soup": "regressed"}
    assert judged(soups(1.5, 1), soups(1.0, 1)) == {"soup": "same"}
    assert judged(soups(1.5, 3), soups(1.0, 1)) == {"soup": "same"}
    assert judged(soups(1.5, 3), soups(1.0, 3)) == {"soup": "better"}


def test_more_points_alone_neither_regress_nor_improve():
    """A front measured at eleven weights, then at five of them and the other way round; beside a row of three."""
    eleven = [make_front("soup", 1.0, seed=seed) for seed in range(3)]
    five = [only(front, [0, 2, 5, 8, 10]) for front in eleven]
    for now, before in ((eleven, five), (five, eleven), ([*eleven, only(make_front("few", 1.0), [0, 5, 10])], eleven)):
        (found, *_) = judge(compare(now), compare(before), name="main.json", tolerance=0.0).verdicts
        assert (found.method, found.verdict) == ("soup", "same")
        assert found.difference == pytest.approx(0, abs=1e-3), "scores of a baseline have four digits"


@pytest.mark.parametrize("world", [1, 5, 22])
def test_what_equal_points_gain_by_chance_neither_improves_nor_regresses(world: int):
    """Eleven points that are all as good as the single one there was, or that there is."""
    drawn, card = np.random.default_rng(world), make_card(prompts=100)
    fronts = [make_front("soup", 0.0, seed=seed, card=card) for seed in range(3)]
    several = [changed(front, scores=drawn.normal(size=(11, 100, 2))) for front in fronts]
    single = [
        changed(
            front, scores=np.repeat(drawn.normal(size=(1, 100, 2)), 11, 0), rewards=np.repeat(front.rewards[:1], 11, 0)
        )
        for front in fronts
    ]  # one policy at all weights
    assert judged(several, single)["soup"] == "same"
    assert judged(single, several)["soup"] in ("same", "unsure")
    assert judged([changed(front, scores=front.scores + 1) for front in several], single)["soup"] == "better"
    assert judged(single, [changed(front, scores=front.scores + 1) for front in several])["soup"] == "regressed"


def test_a_verdict_in_words():
    found = GateVerdict(
        benchmark="toy", method="soup", verdict="regressed", difference=-1.0, low=-1.5, high=-0.5, base=4.0
    )
    assert found.told == "regressed: -1.00 [-1.50, -0.50], from 4.00"
    assert found.change == (-1.0, -1.5, -0.5)
    lost = GateVerdict(benchmark="toy", method="soup", verdict="lost")
    assert (lost.told, lost.change) == ("lost", None)
    closing = {"regressed", "lost", "failed"}
    for word in ("better", "same", "unsure", "regressed", "lost", "failed", "new"):
        assert GateVerdict(benchmark="toy", method="soup", verdict=word).worse == (word in closing)


@pytest.fixture(scope="module")
def closed() -> Comparison:
    """A comparison in which one method regressed, one is unsure, one is gone."""
    before = [make_front("soup", 1.0), make_front("context", 1.5), make_front("gone", 1.2)]
    shift = np.where(np.arange(60) % 2, 3.0, -3.2)[None, :, None]
    now = [make_front("soup", 0.3), changed(before[1], scores=before[1].scores + shift)]
    document = compare(now)
    return document.with_(gate=judge(document, compare(before), name="a|b%.json", tolerance=0.01))


def test_junit(closed):
    suites = ElementTree.fromstring(COMPARISON_FORMATS[".xml"](closed))
    (suite,) = suites
    assert {k: suite.attrib[k] for k in ("tests", "failures", "skipped")} == {
        "tests": "3", "failures": "2", "skipped": "1"
    }  # fmt: skip
    cases = {case.attrib["name"]: case for case in suite}
    assert cases["soup"].find("failure").attrib["message"].startswith("regressed: -")
    assert cases["gone"].find("failure").attrib["type"] == "lost"
    assert cases["context"].find("skipped") is not None
    plain = ElementTree.fromstring(COMPARISON_FORMATS[".xml"](compare([make_front("x\x00<&\ud800", 1.0)])))
    assert plain[0][0].attrib["name"] == "x?<&?"
    assert plain[0].attrib["failures"] == "0"


def test_markdown_bears_a_marker_and_the_verdicts(closed):
    text = comparison_markdown(closed)
    assert text.startswith("<!-- moa compare -->\n")
    assert "**Gate regressed** against a\\|b%.json, tolerance 1 %" in text
    assert "| toy | soup | regressed: -" in text


def test_the_terminal_shows_the_gate(closed):
    text = show(closed)
    assert max(map(len, text.splitlines())) <= 80
    assert "gate regressed  against a|b%.json, tolerance 1 %" in text
    assert "lost" in text


# As in a pull request: a method is trained, changed, trained again.

STARTS = ("It is number", "That would be", "Oh, I say", "Well, I guess", "Aha, a clean")
ENDS = ("and nothing more.", "but who counts?", "as you can see.", "or so they say.", "again and again.")
CONTEST = ("compare", "-m", "sft", "-m", str(ROOT / "examples" / "my_method.py"), "-b", "tiny.toml", "-c",
           "ranked-fine-tuning.samples=4", "-c", "ranked-fine-tuning.epochs=3")  # fmt: skip


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a contest on the main branch, whose comparison is kept."""
    folder = benchmark_in(tmp_path_factory.mktemp("gate"))
    toml = (folder / "tiny.toml").read_text()
    for before, after in (
        ("eval_prompts = 6", "eval_prompts = 40"), ("words", "long"), ("consonants", "vowels"),
        ("max_new_tokens = 8", "max_new_tokens = 16"), ("pretrain_steps = 2", "pretrain_steps = 60"),
        ("sft_steps = 1", "sft_steps = 20"), ("batch = 4", "batch = 8"),
        ("test_share = 0.3", "test_share = 0.3\ndev_share = 0"),
        ("[data]", "trained_grid = [[1.0, 0.0], [0.0, 1.0]]\n[data]"),
    ):  # fmt: skip
        assert before in toml
        toml = toml.replace(before, after)
    (folder / "tiny.toml").write_text(toml)
    rows = [
        {"prompt": f"Say number {i} aloud.", "response": f"{STARTS[i * 7 % 5]} {i} {ENDS[i * 3 % 5]}"}
        for i in range(160)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = moa(*CONTEST, "-o", "main.json", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder


def test_an_unchanged_method_passes(merged: Path) -> None:
    result = moa(*CONTEST, "--baseline", "main.json", cwd=merged)
    assert result.returncode == 0, result.stderr
    assert "gate passed" in result.stdout


def test_a_damaged_method_is_named(merged: Path) -> None:
    """A learning rate of 0 trains nothing."""
    damaged = (*CONTEST, "-c", "ranked-fine-tuning.learning_rate=0.0", "--baseline", "main.json", "-o", "junit.xml")
    result = moa(*damaged, cwd=merged, GITHUB_ACTIONS="true")
    assert result.returncode == 1, result.stderr
    assert "gate regressed" in result.stdout
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("::error")]
    assert line.startswith("::error title=moa compare::ranked-fine-tuning on tiny regressed: -")
    assert 'name="ranked-fine-tuning"' in (merged / "junit.xml").read_text()


def test_a_method_that_fails_or_is_gone_is_a_regression(merged: Path) -> None:
    """Training that crashes closes the gate; so does a method that nobody asked for any more."""
    failing = (*CONTEST, "-c", "ranked-fine-tuning.learning_rate=1e-5", "--baseline", "main.json")
    result = moa(*failing, cwd=merged, TROUBLE="raise")
    assert result.returncode == 1, result.stderr
    assert re.search(r"ranked-fine-tuning .* failed", result.stdout)
    result = moa(
        "compare", "-m", "sft", "-b", "tiny.toml", "--baseline", "main.json", "--tolerance", "0.05", cwd=merged
    )
    assert result.returncode == 1, result.stderr
    assert "ranked-fine-tuning on tiny lost" in result.stderr


def test_a_gate_whose_methods_all_fail_is_closed(merged: Path) -> None:
    (mine,) = [argument for argument in CONTEST if argument.endswith(".py")]
    alone = ("compare", "-m", mine, "-b", "tiny.toml", "-c", "ranked-fine-tuning.learning_rate=1e-6")
    result = moa(*alone, "--baseline", "main.json", "-o", "gg.md", "-o", "gg.xml", cwd=merged, TROUBLE="raise")
    assert result.returncode == 1, result.stderr
    assert re.search(r"ranked-fine-tuning .* failed", result.stdout)
    assert "Gate regressed" in (merged / "gg.md").read_text()
    assert 'type="failed"' in (merged / "gg.xml").read_text()


def test_other_units_are_no_question_of_better_or_worse(merged: Path) -> None:
    """Refused once the scale card is there, before any training: at once the second time, when it is prepared."""
    runs = runs_in(merged)
    for prepared in (False, True):
        changed = ("-c", "sampling.temperature=0.9", "--baseline", "main.json")
        result = moa("compare", "-m", "sft", "-b", "tiny.toml", *changed, cwd=merged)
        refused(result, "scale card", "sampling")
        assert ("worker" in result.stderr) == (not prepared)
    refused(moa(*CONTEST, "-c", "batch=7", "--keep-collapsed", "--baseline", "main.json", cwd=merged), "collapsed")
    assert runs_in(merged) == runs


def test_a_preparation_that_fails_closes_the_gate(merged: Path) -> None:
    """Nothing is trained without it, and it is tried once."""
    runs, changed = runs_in(merged), ("-c", "sampling.temperature=0.8", "--baseline", "main.json")
    result = moa("compare", "-m", "sft", "-b", "tiny.toml", *changed, cwd=merged, TROUBLE="raise")
    assert result.returncode == 1, result.stderr
    assert re.search(r"sft .* failed", result.stdout)
    assert result.stderr.count("error:") == 1
    assert runs_in(merged) == runs


def runs_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("runs/tiny/*/*-s0"))


@pytest.mark.parametrize("share", ["1.5", "-1%", "much", "nan"])
def test_a_tolerance_is_a_share(share: str, tmp_path: Path) -> None:
    refused(moa("compare", "--tolerance", share, cwd=tmp_path), "--tolerance", share)
