"""Searches without trainings: which trials are asked for, which is the best, and what is left after a kill."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import silent, telling
from benchmarks.load.load import load_benchmark
from benchmarks.prepare.parts import part_folders
from methods.contract.find import find_method
from moa_cli import jobs
from moa_cli.jobs.job import Job, Outcome
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant
from moa_cli.runs.tuned import Tuning, read_tuning
from moa_cli.tuning import trying
from moa_cli.tuning.page import tuning_table
from moa_cli.tuning.search import MethodSearch, Plan, open_search
from moa_cli.tuning.trying import Measured
from moa_cli.tuning.tuner import Tuner, open_tuner
from tests.kit.documents import rewritten
from tests.kit.fronts import make_card, make_front, only, store_card
from tests.kit.tokenizers import tiny_policy_in, tiny_tokenizer

Try = Callable[[Contestant], Measured | None]


def run_of(method: str, home: Path, **settings: object) -> Contestant:
    benchmark = load_benchmark("hh-rlhf-mini", home=home)
    store_card(benchmark, make_card(prompts=4))
    for folder in part_folders(benchmark).values():  # what is prepared, as far as a search looks
        folder.mkdir(parents=True, exist_ok=True)
    return Contestant.of(Source("hh-rlhf-mini", home), benchmark, find_method(method)(**settings), 0)


def reach(run: Contestant, *, flops: float = 1e9, kl: float = 1.0, collapse: float = 0.0) -> Measured:
    """Better the longer the training."""
    method = run.method
    value = method.epochs if hasattr(method, "epochs") else method.offline_epochs  # type: ignore[attr-defined]
    return Measured(rewards=value, scores=-value, kl=kl, collapse=collapse, flops=flops, seconds=1.0)


def go_on(tuner: Tuner, trial: Try, *, stop: int = 10**9) -> list[str]:
    """Does the jobs one after the other, as a worker would, until so many are done; the labels of what was begun."""
    waiting, begun = [job for job in tuner.first() if job.key in tuner.asked], []
    while waiting:
        job = waiting.pop(0)
        begun.append(job.label)
        if len(begun) > stop:
            break
        found = trial(tuner.asked[job.key][2])
        waiting += tuner.follow(outcome(job, found))
    return begun


def outcome(job: Job, found: Measured | None) -> Outcome:
    return Outcome(job=job, result=found, error=None if found else ("it broke", "why", "fix"))


def configs(search: MethodSearch | Tuning) -> list[dict[str, object]]:
    trials = search.told if isinstance(search, MethodSearch) else search.trials
    return [trial.config for trial in trials]


def search_all(runs: Sequence[Contestant], plan: Plan, trial: Try = reach, **how: int) -> Tuner:
    tuner = Tuner([open_search(run, plan) for run in runs])
    go_on(tuner, trial, **how)
    return tuner


def test_the_default_is_first_and_the_best_is_kept(tmp_path: Path) -> None:
    run = run_of("morlhf", tmp_path)
    (search,) = search_all([run], Plan(trials=7)).searches
    found = read_tuning(search.path)
    assert search.path == tmp_path / "hh-rlhf-mini" / "tuned" / "morlhf.json"
    assert len(found.trials) == 7
    assert [trial.number for trial in found.trials] == [*range(7)]
    assert found.trials[0].config["learning_rate"] == run.method.learning_rate  # type: ignore[attr-defined]
    assert found.trials[0].run == f"morlhf/{run.folder.name}"
    for name in ("learning_rate", "epochs", "kl_coef"):
        low, high = found.searched[name]
        values = [trial.config[name] for trial in found.trials]
        assert len(set(map(str, values))) == 7
        assert all(low <= value <= high for value in values)  # type: ignore[operator]
    assert found.chosen
    assert found.chosen.rewards == max(trial.rewards or 0 for trial in found.trials)
    toml = search.path.with_suffix(".toml").read_text()
    assert f"epochs = {found.chosen.config['epochs']}" in toml
    assert "best of 7 trials" in toml


def test_what_is_chosen_by_the_evaluator_says_so(tmp_path: Path) -> None:
    (search,) = search_all([run_of("morlhf", tmp_path)], Plan(trials=4, on="scores")).searches
    found = read_tuning(search.path)
    assert found.chosen
    assert found.chosen.scores == max(trial.scores or -9 for trial in found.trials)
    assert "EVALUATORS" in search.path.with_suffix(".toml").read_text()


def test_neither_collapse_nor_running_away_can_win(tmp_path: Path) -> None:
    def trial(run: Contestant) -> Measured | None:
        epochs = run.method.epochs  # type: ignore[attr-defined]
        if epochs > 2:
            return reach(run, kl=9.0)
        if epochs > 1:
            return reach(run, collapse=0.21)
        return None if epochs < 0.4 else reach(run)

    (search,) = search_all([run_of("morlhf", tmp_path)], Plan(trials=14, max_kl=4.0), trial).searches
    found = search.document()
    assert {trial.state for trial in found.trials} == {"fine", "collapsed", "too far", "failed"}
    assert found.chosen
    assert found.chosen.state == "fine"
    assert found.chosen.rewards == max(trial.rewards or 0 for trial in found.trials if trial.state == "fine")
    unlimited = search_all([run_of("morlhf", tmp_path)], Plan(trials=14), trial).searches[0].document()
    assert unlimited.chosen
    assert unlimited.chosen.kl == 9.0, "without a cap the same trials have another best"


def test_nothing_is_gained_against_a_default_that_may_not_be_taken(tmp_path: Path) -> None:
    run = run_of("morlhf", tmp_path)

    def trial(tried: Contestant) -> Measured:
        return reach(tried, kl=9.0 if tried.method == run.method else 1.0)

    (search,) = search_all([run], Plan(trials=3, max_kl=4.0), trial).searches
    printed = io.StringIO()
    Console(width=200, file=printed).print(tuning_table(search.document()))
    text = printed.getvalue()
    assert "the best of 3 trials (the default: too far);" in text
    assert "against the default" not in text


def test_a_search_that_was_stopped_goes_on_with_the_same_trials(tmp_path: Path) -> None:
    whole = search_all([run_of("morlhf", tmp_path / "whole")], Plan(trials=8)).searches[0]
    for stop in range(1, 8):
        home = tmp_path / str(stop)
        search_all([run_of("morlhf", home)], Plan(trials=8), stop=stop)
        stopped = open_search(run_of("morlhf", home), Plan(trials=8))
        assert configs(stopped) == configs(whole)[:stop], "what was found is there"
        again = Tuner([stopped])
        assert len(go_on(again, reach)) == 8 - stop, "what was under way is asked for again, and no more is lost"
        assert configs(again.searches[0]) == configs(whole)
    assert go_on(Tuner([open_search(run_of("morlhf", tmp_path / "3"), Plan(trials=8))]), reach) == []
    more = search_all([run_of("morlhf", tmp_path / "3")], Plan(trials=10)).searches[0]
    assert configs(more)[:8] == configs(whole)
    assert len(more.told) == 10


def test_a_default_that_is_chosen_later_is_tried_as_it_is(tmp_path: Path) -> None:
    """ParetoHqD's learning rate is None: which one that is depends on the policy."""

    def trial(run: Contestant) -> Measured:
        return replace_rewards(1.0 if run.method.learning_rate is None else 0.5)  # type: ignore[attr-defined]

    def replace_rewards(value: float) -> Measured:
        return Measured(rewards=value, scores=0.0, kl=1.0, collapse=0.0, flops=1e9, seconds=1.0)

    search_all([run_of("paretohqd", tmp_path)], Plan(trials=6), trial, stop=0)
    (search,) = search_all([run_of("paretohqd", tmp_path)], Plan(trials=6), trial).searches
    rates = [config["learning_rate"] for config in configs(search)]
    assert rates[0] is None
    assert None not in rates[1:]
    assert search.document().best == 0


def test_a_trial_is_asked_for_the_same_weights_whatever_its_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points of its own, such as SPO's, answer (1, 0), (.6, .4) and (0, 1) with the nearest: the first, the second and
    the last of (1, 0), (.7, .3), (.3, .7), (0, 1)."""
    front, run = only(make_front("spo", 1.0), [0, 3, 7, 10]), run_of("spo", tmp_path)
    monkeypatch.setattr(jobs, "train", lambda *_, **__: SimpleNamespace(dir=tmp_path), raising=False)
    monkeypatch.setattr(jobs, "evaluate", lambda *_, **__: front, raising=False)
    monkeypatch.setattr(trying, "read_record", lambda _: SimpleNamespace(cost={"flops": 1.0, "seconds": 2.0}))
    benchmark = replace(run.benchmark, trained_grid=((1.0, 0.0), (0.6, 0.4), (0.0, 1.0)))
    found = trying.try_out(benchmark, silent, run=jobs.RunAddress.of(run), source=run.source)
    for value, means in ((found.rewards, front.means("rewards")), (found.scores, front.means("scores"))):
        assert value == pytest.approx((means[0, 0] + means[1] @ [0.6, 0.4] + means[3, 1]) / 3)


def test_a_default_rate_says_nothing_of_pretrained_policies(tmp_path: Path) -> None:
    """A whole one is trained at 1e-6 where 1e-5 stands: a search that took that for what was tried would be misled."""
    folder = tiny_policy_in(tmp_path, tiny_tokenizer("bytes", "<s> $A"))
    for policy, told in (("scratch:1m", True), (str(folder), False)):
        run = run_of("morlhf", tmp_path / str(told))
        search = open_search(replace(run, benchmark=replace(run.benchmark, policy=policy)), Plan(trials=2))
        assert search.ask()
        [params] = [trial.params for trial in search.study.get_trials()]
        assert set(params) == {"epochs", "kl_coef", *(["learning_rate"] if told else [])}


def test_another_configuration_is_another_search(tmp_path: Path) -> None:
    plan = Plan(trials=2)
    first = search_all([run_of("morlhf", tmp_path)], plan).searches[0]
    other = search_all([run_of("morlhf", tmp_path, samples_per_prompt=2)], plan).searches[0]
    assert [config["samples_per_prompt"] for config in configs(other)] == [2, 2]
    assert configs(open_search(run_of("morlhf", tmp_path), plan)) == configs(first)


def test_every_method_may_spend_as_much(tmp_path: Path) -> None:
    """Dear defaults: 3 x 4; the cheap method may take 12 then too, and trains longer where that costs more."""
    cost = {"morlhf": 4.0, "ric": 1.0}

    def trial(run: Contestant) -> Measured:
        return reach(run, flops=cost[run.folder.parent.name])

    runs = [run_of("morlhf", tmp_path), run_of("ric", tmp_path)]
    tuner = search_all(runs, Plan(trials=3), trial)
    assert [search.plan.budget for search in tuner.searches] == [12.0, 12.0]
    assert [len(search.told) for search in tuner.searches] == [3, 3]
    cost |= {"ric": 5.0}
    longer = search_all(runs, Plan(trials=30, budget=12.0), trial)
    assert [len(search.told) for search in longer.searches] == [3, 5], "4+4+4, and 1+1+1+5+5"


def test_defaults_are_tried_before_the_budget_is_known(tmp_path: Path) -> None:
    runs = [run_of("morlhf", tmp_path), run_of("ric", tmp_path)]
    tuner = Tuner([open_search(run, Plan(trials=3)) for run in runs])
    first = tuner.first()
    assert [job.label.split("/")[0] for job in first] == ["morlhf", "ric"]
    assert tuner.follow(outcome(first[0], reach(runs[0]))) == []
    assert len(tuner.follow(outcome(first[1], reach(runs[1])))) == 2


def test_a_default_that_fails_ends_the_search_of_its_method(tmp_path: Path) -> None:
    runs = [run_of("morlhf", tmp_path), run_of("ric", tmp_path)]

    def trial(run: Contestant) -> Measured | None:
        return None if run.folder.parent.name == "ric" else reach(run)

    tuner = search_all(runs, Plan(trials=3), trial)
    assert [len(search.told) for search in tuner.searches] == [3, 0]
    mended = search_all(runs, Plan(trials=3))
    assert [len(search.told) for search in mended.searches] == [3, 3]


def test_a_default_that_failed_is_not_forgotten_for_another_trial_that_fails(tmp_path: Path) -> None:
    tuner = Tuner([open_search(run_of("morlhf", tmp_path), Plan(trials=4))], width=2)
    default, beside = tuner.first()
    assert tuner.follow(outcome(default, None)) == []
    assert tuner.follow(outcome(beside, None)) == []
    assert tuner.searches[0].broken


def test_a_default_that_failed_is_tried_again_though_another_trial_was_kept(tmp_path: Path) -> None:
    run = run_of("morlhf", tmp_path)
    tuner = Tuner([open_search(run, Plan(trials=2))], width=2)
    default, beside = tuner.first()
    tuner.follow(outcome(default, None))
    tuner.follow(outcome(beside, reach(run)))
    (search,) = search_all([run], Plan(trials=2)).searches
    assert len(search.told) == 2
    assert search.default is not None


def test_what_a_killed_process_was_at_is_tried_again(tmp_path: Path) -> None:
    """All jobs of a command end where one worker is killed: that says nothing of their settings."""
    run = run_of("morlhf", tmp_path)
    whole = search_all([run_of("morlhf", tmp_path / "whole")], Plan(trials=3), reach).searches[0]
    tuner = Tuner([open_search(run, Plan(trials=3))], width=2)
    for job in tuner.first():
        assert tuner.follow(Outcome(job=job, error=("a worker process was killed", "", ""), killed=True)) == []
    assert tuner.searches[0].told == []
    (search,) = search_all([run], Plan(trials=3)).searches
    assert configs(search) == configs(whole)
    assert {trial.state for trial in search.told} == {"fine"}


def test_trials_side_by_side_are_different(tmp_path: Path) -> None:
    run = run_of("morlhf", tmp_path)
    tuner = Tuner([open_search(run, Plan(trials=5))], width=3)
    first = tuner.first()
    assert len(first) == 3
    assert len({job.folder for job in first}) == 3
    for job in reversed(first):
        tuner.follow(outcome(job, reach(tuner.asked[job.key][2])))
    (search,) = tuner.searches
    assert search.told[0].config["epochs"] == replace(run.method).epochs  # type: ignore[attr-defined]


def test_nothing_in_a_journal_is_code(tmp_path: Path) -> None:
    search_all([run_of("morlhf", tmp_path)], Plan(trials=2))
    files = sorted(path.name for path in (tmp_path / "hh-rlhf-mini" / "tuned").iterdir())
    assert files == ["morlhf.journal", "morlhf.json", "morlhf.toml"]
    for line in (tmp_path / "hh-rlhf-mini" / "tuned" / "morlhf.journal").read_text().splitlines():
        assert line.startswith("{")


def test_a_changed_number_of_a_search_is_refused_and_one_without_a_sum_is_read(tmp_path: Path) -> None:
    """As one that was edited, or made before there were checksums."""
    search_all([run_of("morlhf", tmp_path)], Plan(trials=2))
    path = tmp_path / "hh-rlhf-mini" / "tuned" / "morlhf.json"
    asked = read_tuning(path)
    path.write_text(path.read_text().replace('"asked": 2', '"asked": 3'))
    with pytest.raises(BadInput, match='if you edited it, remove its "sum"'):
        read_tuning(path)
    rewritten(path, lambda content: None)
    assert read_tuning(path) == asked.model_copy(update={"asked": 3})


@pytest.mark.parametrize("name", ["tuned", "tuned/morlhf.journal"])
def test_no_search_is_kept_where_a_link_leads(name: str, tmp_path: Path) -> None:
    run, theirs = run_of("morlhf", tmp_path / "runs"), tmp_path / "theirs"
    theirs.mkdir()
    link = tmp_path / "runs" / "hh-rlhf-mini" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(theirs if name == "tuned" else theirs / "f")
    with pytest.raises(BadInput, match="leads out of"), open_tuner([run], Plan(trials=2)):
        pass
    assert not list(theirs.iterdir())


@pytest.mark.parametrize("left", ['{"op_code": 4, "work', "{"])
def test_half_a_line_of_a_journal_is_cut_off(left: str, tmp_path: Path) -> None:
    """A process was killed while it wrote, and left Optuna's lock behind as well."""
    run, plan = run_of("morlhf", tmp_path), Plan(trials=4)
    before = configs(search_all([run], plan, stop=2).searches[0])
    journal = tmp_path / "hh-rlhf-mini" / "tuned" / "morlhf.journal"
    with open(journal, "a") as file:
        file.write(left)
    journal.with_name("morlhf.journal.lock").symlink_to(journal)
    search = search_all([run], plan).searches[0]
    assert configs(search)[:2] == before
    assert len(search.told) == 4


def test_a_line_that_says_nothing_is_refused(tmp_path: Path) -> None:
    """What mends it is said: its runs are there, and the same command finds them."""
    run, plan = run_of("morlhf", tmp_path), Plan(trials=2)
    before = configs(search_all([run], plan).searches[0])
    journal = tmp_path / "hh-rlhf-mini" / "tuned" / "morlhf.journal"
    journal.write_text(f"{journal.read_text()}{{}}\n")
    with pytest.raises(BadInput, match=f"cannot use {journal}") as refusal:
        open_search(run, plan)
    assert f"rm {journal}" in refusal.value.fix
    journal.unlink()
    assert configs(search_all([run], plan).searches[0]) == before


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    run, plan = run_of("morlhf", tmp_path), Plan(trials=2)
    search_all([run], plan)
    journal = tmp_path / "hh-rlhf-mini" / "tuned" / "morlhf.journal"
    unsummed = re.sub(r', ?"sum": ?"\w+"', "", journal.read_text())
    journal.write_text(unsummed.replace('"collapse":', '"collapsed":'))
    with pytest.raises(BadInput, match="of another version: ValidationError"):
        open_search(run, plan)
    journal.write_text(unsummed.replace("FloatD", "IntD"))
    with pytest.raises(BadInput, match="of another version"):
        search_all([run], Plan(trials=3))


def own(folder: Path, field: str, body: str = "") -> Contestant:
    """A run of a method of one's own, whose epochs are searched."""
    lines = [
        "from dataclasses import dataclass", "from typing import Annotated", "from moa_cli import *",
        "@dataclass(frozen=True, kw_only=True)", "class Own(Method):", '    steering = "none"', f"    epochs: {field}",
        *([f"    def __post_init__(self): {body}"] if body else []),
        "    def train(self, benchmark, run): pass", "    def policy(self, benchmark, run, weights): pass",
    ]  # fmt: skip
    (folder / "own.py").write_text("\n".join(lines))
    return run_of(str(folder / "own.py"), folder)


def test_whole_ends_of_a_number_are_ends_of_numbers(tmp_path: Path) -> None:
    """Else 0 and 1 alone would be tried, 0 in place of the default, and workers would mean other runs by them."""
    run = own(tmp_path, "Annotated[float, Search(0, 1)] = 0.5")
    search = search_all([run], Plan(trials=4)).searches[0]
    tried = [config["epochs"] for config in configs(search)]
    assert tried[0] == 0.5
    assert all(isinstance(value, float) and 0 < value < 1 for value in tried)


@pytest.mark.parametrize("refusal", ["0 if self.epochs < 3 else int('three')", "assert self.epochs < 3"])
def test_settings_that_a_method_refuses_are_a_trial_that_failed(refusal: str, tmp_path: Path) -> None:
    run = own(tmp_path, "Annotated[int, Choices(1, 3)] = 1", refusal)
    search = search_all([run], Plan(trials=6)).searches[0]
    assert {(trial.config["epochs"], trial.state) for trial in search.told} == {(1, "fine"), (3, "failed")}
    assert len(search.told) == 6
    assert len(open_search(run, Plan(trials=6)).told) == 6


def test_the_last_search_is_what_is_kept(tmp_path: Path) -> None:
    """The same command says again what it found, and is taken at its word; one that found nothing takes no place."""
    run, plan, path = run_of("morlhf", tmp_path), Plan(trials=2), tmp_path / "hh-rlhf-mini/tuned/morlhf.json"
    other = run_of("morlhf", tmp_path, samples_per_prompt=2)
    for tried in (run, other):
        search_all([tried], plan).store()
    assert read_tuning(path).trials[0].config["samples_per_prompt"] == 2
    search_all([run], plan).store()
    assert read_tuning(path).trials[0].config["samples_per_prompt"] != 2
    search_all([run_of("morlhf", tmp_path, samples_per_prompt=3)], plan, lambda _: None).store()
    assert len(read_tuning(path).trials) == 2


@pytest.mark.parametrize("at", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("was", "byte"), [(b'"', b"\xff"), (b"1", b"2"), (b"\n", b"\n\n"), (b"\n", b"\nnull\n")])
def test_a_journal_is_gone_on_with_from_before_its_damage(was: bytes, byte: bytes, at: float, tmp_path: Path) -> None:
    """The same settings are tried again, whose runs are there. What was damaged is kept, and is told once."""
    run, plan = run_of("morlhf", tmp_path), Plan(trials=4)
    before = configs(search_all([run], plan, stop=2).searches[0])
    journal = tmp_path / "hh-rlhf-mini" / "tuned" / "morlhf.journal"
    content = journal.read_bytes()
    place = content.index(was, int(at * len(content)))
    damaged = content[:place] + byte + content[place + 1 :]
    journal.write_bytes(damaged)
    lines: list[str] = []
    with telling(lines.append):
        search = search_all([run], plan).searches[0]
        assert search_all([run], plan).searches[0].told == search.told
    assert lines == [f"{journal} is damaged: what was tried from there on is tried again"]
    assert (journal.parent / ".morlhf.journal.damaged").read_bytes() == damaged
    assert configs(search)[:2] == before
    assert len(search.told) == 4


@pytest.mark.parametrize("width", [1, 2])
def test_never_more_trials_than_asked_for(width: int, tmp_path: Path) -> None:
    tuner = Tuner([open_search(run_of("morlhf", tmp_path), Plan(trials=3))], width=width)
    assert len(go_on(tuner, reach)) == 3
