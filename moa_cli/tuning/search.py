"""The search for one method's settings: Optuna asks and is told, in a journal beside what is found.

What was tried is in it as soon as it is known. A trial whose process was stopped is asked for again, with the same
settings, so that its run goes on where it stopped.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from benchmarks.common import Choices, Search, digest, plain, refusal_words
from benchmarks.measure import TOO_MANY
from benchmarks.spec import Signal
from methods import Adapter
from moa_cli.console import say
from moa_cli.jobs import Outcome
from moa_cli.runs import Contestant, State, Trial, Tuning, as_config, searched_fields, tuning_file
from moa_cli.tuning.journal import JOURNAL, reading, stored_in
from moa_cli.tuning.space import contains, ends, suggest
from moa_cli.tuning.trying import Measured

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial as OptunaTrial

AT_RANDOM = 4
"""Trials, the default among them, before what was found guides the search [choice]: trainings are dear, and few."""


DEFAULT = "default"
"""The mark of the trial of the configuration that is to be improved."""


LAST = -1e6
"""What Optuna is told of a trial that cannot be the best, less by how far it is from being allowed."""


@dataclass(frozen=True)
class Plan:
    """What is searched for, the same for every method."""

    trials: int
    on: Signal = "rewards"
    max_kl: float | None = None
    budget: float | None = None
    """Floating-point operations that the trainings of a method may take together; None: `Tuner` chooses."""


@dataclass
class MethodSearch:
    """The search for one method's settings."""

    run: Contestant
    """The configuration that is to be improved, at the seed at which all are trained."""
    plan: Plan
    study: Study
    spaces: dict[str, Search | Choices]
    under_way: dict[int, OptunaTrial] = field(default_factory=dict)
    """Trials that have been asked for and not been told of, by number."""
    broken: bool = False
    """Whether the configuration that is to be improved failed, or a process was killed: the search ends for now."""

    @property
    def path(self) -> Path:
        """Where what is found is kept."""
        return kept_in(self.run)

    @property
    def told(self) -> list[Trial]:
        """The trials that have ended, the configuration that is to be improved first."""
        found = [trial for trial in self.study.get_trials(deepcopy=False) if "trial" in trial.user_attrs]
        found.sort(key=lambda trial: (DEFAULT not in trial.user_attrs, trial.number))
        return [
            Trial.model_validate_json(json.dumps(t.user_attrs["trial"] | {"number": n})) for n, t in enumerate(found)
        ]

    @property
    def default(self) -> Trial | None:
        """How the configuration that is to be improved went, None where it is not known yet."""
        first = self.told[:1]
        return first[0] if first and first[0].config == plain(as_config(self.run.method)) else None

    @property
    def start(self) -> dict[str, JsonValue]:
        """What it has of the settings that are searched, where that is among what is searched, and what it is trained
        with: a pretrained policy has other rates where none are set."""
        method, config = self.run.method, as_config(self.run.method)
        others = method.other_rates(self.run.benchmark) if isinstance(method, Adapter) else {}
        return {n: config[n] for n, space in self.spaces.items() if contains(space, config[n]) and n not in others}

    @property
    def spent(self) -> float:
        """Floating-point operations of all trainings so far."""
        return sum(trial.flops for trial in self.told)

    def resume(self) -> None:
        """Asks again for what was under way when a process was stopped, or begins with the configuration as it is."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(trial.number, state=TrialState.FAIL)  # it says of no result, so it does not count
            if set(trial.params) == set(self.spaces):  # else it was not begun, and its number finds it again
                self.study.enqueue_trial(
                    trial.params, user_attrs={n: v for n, v in trial.user_attrs.items() if n == DEFAULT}
                )
        default = [trial for trial in self.study.get_trials(deepcopy=False) if DEFAULT in trial.user_attrs]
        if not any("trial" in trial.user_attrs or trial.state == TrialState.WAITING for trial in default):
            self.study.enqueue_trial(self.start, user_attrs={DEFAULT: True})

    def ask(self) -> tuple[int, Contestant] | None:
        """The next trial: its number in the study, and the run to make. None where none is left."""
        from optuna.samplers import TPESampler

        while (number := len(self.told) + len(self.under_way)) < self.plan.trials and not self.broken:
            if self.plan.budget is not None and self.spent >= self.plan.budget:
                break
            seed = int(digest([self.run.seed, number])[:8], 16)  # of the number, so that a search goes on as it would
            self.study.sampler = TPESampler(seed=seed, n_startup_trials=AT_RANDOM)
            base = as_config(self.run.method)
            with reading(self.path.with_suffix(JOURNAL)):
                trial = self.study.ask()
                default = DEFAULT in trial.user_attrs
                own = {n: suggest(trial, n, self.spaces[n]) for n in (self.start if default else self.spaces)}
            try:
                method = self.run.method if default else replace(self.run.method, **own)
            except Exception as error:  # of a user's __post_init__, for what do not go together
                say(f"{self.run.method_name} trial {number} failed: {refusal_words(error)}")
                self._keep(trial, Trial(number=0, config=plain(base | own), run="", state="failed"))
                continue
            self.under_way[trial.number] = trial
            made = Contestant.of(self.run.source, self.run.benchmark, method, self.run.seed)
            return trial.number, replace(made, variant=f"trial {number}")
        return None

    def tell(self, number: int, run: Contestant, outcome: Outcome) -> None:
        """Keeps how a trial went. The same command tries again a default that failed, which is not kept, and what a
        killed process was at, which stays under way in the journal."""
        from optuna.trial import TrialState

        asked = self.under_way.pop(number)
        if outcome.killed:
            self.broken = True
            return
        trial = self._trial(run, outcome.result if not outcome.error else None)
        if trial.state == "failed" and DEFAULT in asked.user_attrs:
            self.broken = True
            self.study.tell(asked, state=TrialState.FAIL)
        else:
            self._keep(asked, trial)

    def _keep(self, asked: OptunaTrial, trial: Trial) -> None:
        """Keeps how a trial went, whether it was begun or its settings were refused."""
        from optuna.trial import TrialState

        asked.set_user_attr("trial", trial.model_dump(mode="json"))
        if trial.state == "failed":
            self.study.tell(asked, state=TrialState.FAIL)
        else:
            self.study.tell(asked, self._value(trial))
        self.store()

    def store(self) -> None:
        """Writes what is known so far, in place of what another search has found; nothing before a trial has ended."""
        if self.told:
            self.document().store(self.path)

    def _trial(self, run: Contestant, found: Measured | None) -> Trial:
        place = f"{run.method_name}/{run.folder.name}"
        told: dict[str, Any] = {"number": 0, "config": plain(as_config(run.method)), "run": place}
        if found is None:
            return Trial(state="failed", **told)
        too_far = self.plan.max_kl is not None and (found.kl is None or found.kl > self.plan.max_kl)
        state: State = "collapsed" if found.collapse > TOO_MANY else "too far" if too_far else "fine"
        return Trial(state=state, **told, **found._asdict())

    def _value(self, trial: Trial) -> float:
        """What Optuna is told: the utility, or far below all utilities where the trial cannot be the best."""
        if trial.state == "collapsed":
            return LAST - (trial.collapse or 0.0)
        if trial.state == "too far":
            return LAST - (trial.kl or 0.0)
        value = trial.under(self.plan.on)
        assert value is not None
        return value

    def document(self) -> Tuning:
        """What is known so far."""
        trials = self.told
        fine = [(self._value(trial), -trial.number) for trial in trials if trial.state == "fine"]
        return Tuning(
            method=self.run.method_name,
            benchmark=self.run.benchmark.name,
            identity=self.run.benchmark.identity,
            on=self.plan.on,
            max_kl=self.plan.max_kl,
            seed=self.run.seed,
            prompts=len(self.run.benchmark.prompts("dev")),
            asked=self.plan.trials,
            budget=self.plan.budget,
            searched={name: ends(space) for name, space in self.spaces.items()},
            trials=tuple(trials),
            best=-max(fine)[1] if fine else None,
        )


def kept_in(run: Contestant) -> Path:
    """Where the search for the settings of a run's method is kept."""
    return tuning_file(run.source.home, run.benchmark.name, run.method_name)


def open_search(run: Contestant, plan: Plan) -> MethodSearch:
    """The search for a method's settings: one that was begun goes on, with more trials where more are asked for.

    What is searched and how, the benchmark and the configuration that is to be improved make a search another one.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = searched_fields(type(run.method))
    path = kept_in(run).with_suffix(JOURNAL)
    path.parent.mkdir(parents=True, exist_ok=True)
    base, grid = plain(as_config(run.method)), run.benchmark.trained_grid
    told = [run.folder.name, base, run.benchmark.measuring_identity, grid, spaces, plan.on, plan.max_kl]
    with reading(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            storage=stored_in(path), study_name=digest(told), direction="maximize",
            load_if_exists=True,
        )  # fmt: skip
        search = MethodSearch(run, plan, study, spaces)
        search.resume()
        search.document()
    return search
