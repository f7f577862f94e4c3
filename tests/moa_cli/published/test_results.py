"""What pages show of recorded results, and what is said to be stale."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.common.identity import plain
from benchmarks.load.load import load_benchmark
from benchmarks.prepare.card import Card, PairAccuracy, Report, StoredCard
from benchmarks.spec.places import policy_id
from methods.contract.find import find_method, method_names
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.published.results import NOTHING, PAGES, RESULTS, Recorded, filled, read_recorded, stale
from moa_cli.runs.config import as_config
from moa_cli.runs.tuned import tuning_file
from moa_cli.studies.document import FoundTable, Study, StudyOn
from tests.kit.files import ROOT
from tests.kit.fronts import make_card, make_front, other_card
from tests.kit.runs import make_tuning

MINI = "hh-rlhf-mini"
OTHER = "reddit-summary-mini: nothing is recorded"


def card_now() -> Card:
    """The units of a mini, as the present code would make them."""
    mini = load_benchmark(MINI, home=RESULTS)
    own = {"reward": [], "evaluator": []}
    for o in mini.objectives:
        own["reward"].append(o.reward.id(mini, o.name))
        own["evaluator"].append(o.evaluator.id(mini, o.name))
    return other_card(
        make_card(), benchmark=MINI, version=mini.version, objectives=mini.names, policy=policy_id(mini),
        rewards=own["reward"], evaluators=own["evaluator"],
    )  # fmt: skip


def recorded(card: Card, **changes: object) -> Comparison:
    """A comparison of all methods as they are by default, but for some settings of RiC."""
    made = []
    for name in method_names():
        cls = find_method(name)
        config = plain(as_config(cls())) | (changes if name == "ric" else {})
        steering = "none" if name == "sft" else "merge"
        made.append(make_front(name, 0.0 if name == "sft" else 1.0, steering=steering, card=card, config=config))
    return compare(made)


def test_what_the_code_still_makes_is_not_stale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("moa_cli.published.results.RESULTS", tmp_path)
    tuned_ric(tmp_path, batch=7)
    assert stale(Recorded(recorded(card_now(), batch=7), None, ())) == [OTHER]


def test_what_has_changed_since_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("moa_cli.published.results.RESULTS", tmp_path)
    tuned_ric(tmp_path, batch=9)
    old = recorded(other_card(card_now(), policy="policy-before"), batch=7, forgotten=1)
    rows = [row for row in old.benchmarks[0].rows if row.method != "mod"]
    rows[-1] = rows[-1].model_copy(update={"method": "gone"})
    changed = old.benchmarks[0].model_copy(update={"rows": tuple(rows)})
    told = stale(Recorded(Comparison(benchmarks=(changed,)), None, ()))
    lost = old.benchmarks[0].rows[-1].method
    changes = (
        "its starting policy is another now",
        *(f"{name} is missing" for name in method_names() if name in ("mod", lost)),
        "gone is no method any more",
        "ric has another batch, forgotten now",
    )
    assert told == [*(f"{MINI}: {line}" for line in changes), OTHER]
    assert stale(Recorded(None, None, ())) == ["nothing is recorded in results/"]


def tuned_ric(home: Path, batch: int) -> None:
    mini = load_benchmark(MINI, home=home)
    make_tuning(mini, "ric", found={"batch": batch}, trials=2).store(tuning_file(home, MINI, "ric"))


def test_marks_are_filled(tmp_path: Path) -> None:
    tuned_ric(tmp_path, batch=7)
    comparison = recorded(card_now())
    comparison.write(tmp_path / "compare.json")
    found = read_recorded(tmp_path)
    page = "# A\n<!-- results: tables -->\nold\n<!-- end -->\nB\n<!-- results: tuned -->\n<!-- end -->\n"
    once = filled(page, found)
    assert once.startswith("# A\n<!-- results: tables -->\n")
    assert "\nold\n" not in once
    assert "| rewarded-soups |" in once
    assert "has the largest held-out hypervolume" in once
    assert "| `hh-rlhf-mini` | `ric` | 2 |" in once
    assert "`batch = 7`" in once
    assert filled(once, found) == once
    assert NOTHING in filled(page, Recorded(None, None, ()))
    summary = filled("<!-- results: summary -->\n<!-- end -->", found)
    assert re.search(r"HV at 11 on `hh-rlhf-mini`: `[\w-]+` \d\.\d\d, .*`sft` \d\.\d\d\.\n", summary)
    assert "has the largest held-out hypervolume" in summary
    with pytest.raises(KeyError):
        filled("<!-- results: nonsense -->\n<!-- end -->", found)


def test_a_pretrained_policy_has_its_own_marks(tmp_path: Path) -> None:
    """Each comparison with how well its rewards rank."""
    page = "<!-- results: pretrained -->\n<!-- end -->\n<!-- results: pretrained_tables -->\n<!-- end -->"
    assert filled(page, read_recorded(tmp_path)).count(NOTHING) == 2
    accuracy = PairAccuracy(reward={"ah": 0.625, "oh": 0.7}, evaluator={"ah": 0.6, "oh": 0.71})
    report = Report(pair_accuracy=accuracy, costs={}, collapse=0.0, tagged=0.0)
    card = other_card(make_card(), objectives=("ah", "oh"))
    for name in ("one", "two"):
        recorded(card).model_copy(update={"command": f"moa compare -b {name}"}).write(
            tmp_path / "real" / f"{name}.json"
        )
        StoredCard(card=card, report=report).write(tmp_path / "real" / "cards" / f"{name}.json")
    summary, _, tables = filled(page, read_recorded(tmp_path)).partition("<!-- end -->")
    assert summary.count("rank as people did: ah 0.62 / 0.60, oh 0.70 / 0.71.") == 1
    assert "has the largest held-out hypervolume" in summary
    assert re.findall("moa compare -b .*", tables) == ["moa compare -b one", "moa compare -b two"]
    assert tables.count("| rewarded-soups |") == tables.count("rank as people did") == 2


def test_a_study_of_kl_has_its_mark(tmp_path: Path) -> None:
    page = "<!-- results: kl -->\n<!-- end -->"
    assert NOTHING in filled(page, read_recorded(tmp_path))
    table = FoundTable(title="utility at a KL", columns=("method", "1"), rows=(("ric", 0.5), ("spo", None)))
    on = StudyOn(
        name=MINI, version="1", objectives=("ah", "oh"), prompts=8, seeds=(0,), warnings=(), tables=(table,)
    )  # fmt: skip
    Study(study="kl", methods=("ric", "spo"), benchmarks=(on,), comparison=None).write(tmp_path / "kl.json")
    shown = filled(page, read_recorded(tmp_path))
    assert "utility at a KL · 8 prompts · seed 0" in shown
    assert "| ric | 0.5" in shown


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_what_is_recorded(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == filled(text, read_recorded()), "make pages"
