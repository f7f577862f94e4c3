"""The studies: which runs each is about, and the document that its answer is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks import BadInput, Benchmark
from benchmarks.ceiling import find_samples
from benchmarks.common import to_type
from benchmarks.prepare import stored_card
from methods import Method, find_method, method_name
from moa_cli.comparisons import LEAST_PROMPTS, Comparison, Failure
from moa_cli.jobs import Job, TakesGoals, ceiling_jobs, measuring_jobs, sweeping_jobs
from moa_cli.runs import Contestant, Settings, as_config, contestants, default_config, resolve
from moa_cli.studies import findings
from moa_cli.studies.document import Study, StudyOn
from moa_cli.studies.findings import Findings, InRounds
from moa_cli.studies.strength import check_goes_far, factors_in, scaled_by
from moa_cli.words import warnings_of

BASE = "sft"
"""What trained configurations are compared with."""


def _any_method(method: Method, benchmark: Benchmark) -> None:
    """Settings that a method lacks are refused where they are read."""


def _takes_goals(method: Method, benchmark: Benchmark) -> None:
    if not isinstance(method, TakesGoals):
        raise BadInput(
            f"{method_name(type(method))} cannot be asked for intensities",
            "this study asks for each objective at every intensity, others left out (intensities, with_goals)",
            "moa study controllability -m moslim",
        )


def _forgets(method: Method, benchmark: Benchmark) -> None:
    if not isinstance(method, InRounds):
        raise BadInput(
            f"{method_name(type(method))} does not train for one objective after the other",
            "this study asks what is left of the first after the second (alphas, after)",
            "moa study retention -m spo",
        )
    if 0 not in method.alphas or len(set(method.alphas)) < 2:
        raise BadInput(
            f"alphas = {list(method.alphas)} leaves nothing to compare",
            "this study compares alpha 0, which keeps nothing on purpose, with others",
            "-c 'alphas=[0.0,0.5,1.0]'",
        )
    if len(benchmark.objectives) < 2:
        raise BadInput(
            f"{benchmark.name} has one objective here",
            "this study asks what is left of the first after training for the second",
            "choose a benchmark, or objectives, with two: moa list benchmarks",
        )


def _measuring(runs: Sequence[Contestant]) -> list[Job]:
    return measuring_jobs(runs, may_train=True)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question about one method, or several, and how it is answered."""

    method: str
    """Studied unless -m names another."""
    find: Callable[[Sequence[Contestant]], Findings]
    """The answer, from runs on one benchmark that are all done."""
    check: Callable[[Method, Benchmark], None] = _any_method
    """Raises BadInput where the question cannot be put."""
    varies: str = ""
    """The hyperparameter whose values are compared, none where one configuration is looked at."""
    values: tuple[str, ...] = ()
    """Compared unless --over names others."""
    jobs: Callable[[Sequence[Contestant]], list[Job]] = _measuring
    """What is left to do."""
    scales: bool = False
    """Whether the values are factors, by which the strength of every method is multiplied: there may be several."""


STUDIES = {
    "controllability": Question(
        method="moslim", find=findings.controllability, check=_takes_goals, jobs=sweeping_jobs
    ),
    "reward-model-size": Question(
        method="moslim", find=findings.reward_accuracies, varies="reward_base", values=("0.3m", "1m", "4m")
    ),
    "optimizer": Question(
        method="moslim", find=findings.spent_costs, varies="optimizer", values=("rloo", "grpo", "online-dpo", "ppo")
    ),
    "retention": Question(method="spo", find=findings.retention, check=_forgets),
    "kl": Question(
        method="rewarded-soups", find=findings.score_and_kl, check=check_goes_far, scales=True,
        values=("0.25", "0.5", "1", "2", "4"),
    ),
}  # fmt: skip


def find_study(name: str) -> Question:
    """The study of a name. BadInput, with the nearest name, where there is none."""
    if name not in STUDIES:
        near = get_close_matches(name, STUDIES, n=1, cutoff=0.4)
        raise BadInput(
            f"there is no study {name!r}",
            f"there are: {', '.join(STUDIES)}",
            to_type("moa", "study", near[0] if near else next(iter(STUDIES))),
        )
    return STUDIES[name]


def study_contestants(
    study: Question,
    settings: Settings,
    items: Sequence[str],
    over: Sequence[str],
    seeds: Sequence[int],
    *,
    home: Path,
    data_dir: Path | None,
) -> list[Contestant]:
    """The runs of a study of the methods in `settings`, which the `items` of -c made: of one, but for a study of
    several.

    Where a hyperparameter is varied, one configuration per value, and the starting policy to compare them with.
    """
    runs = partial(contestants, seeds=seeds, home=home, data_dir=data_dir)
    start = replace(settings, methods={BASE: find_method(BASE)()})
    if study.scales:
        methods = {typed: one for typed, one in settings.methods.items() if type(one) is not find_method(BASE)}
        settings = replace(settings, methods=methods or settings.methods)
    elif len(settings.methods) > 1:
        raise BadInput(
            f"-m names {len(settings.methods)} methods", "this study is about one method", "name one of them"
        )
    for benchmark, method in product(settings.benchmarks.values(), settings.methods.values()):
        study.check(method, benchmark)
    if study.scales:
        factors = factors_in(over or study.values)
        pretrained = any(benchmark.pretrained for benchmark in settings.benchmarks.values())
        made = [runs(start)]
        for typed, method in settings.methods.items():
            for one in dict.fromkeys(scaled_by(method, factor, pretrained=pretrained) for factor in factors):
                told = f"{method.sets_kl}={as_config(one)[str(method.sets_kl)]:g}"
                made.append([replace(run, variant=told) for run in runs(replace(settings, methods={typed: one}))])
        return [run for several in made for run in several]
    [(typed, method)] = settings.methods.items()
    if not study.varies:
        if over:
            raise BadInput(
                "--over was given, but this study goes through no setting",
                "it looks at one configuration of the method",
                "leave --over out; -c sets hyperparameters",
            )
        return runs(settings)
    if as_config(method).get(study.varies) != default_config(type(method)).get(study.varies):
        raise BadInput(
            f"{study.varies} is what this study goes through, so it cannot be set",
            "-c gives it one value for all",
            f"leave it out of -c; --over names the values: --over {','.join(study.values)}",
        )
    chosen = runs(start)
    for value in dict.fromkeys(over or study.values):
        own = [*items, f"{study.varies}={value}"]
        varied = resolve(own, settings.benchmarks, [typed], data_dir=data_dir, home=home).methods
        chosen += [replace(run, variant=value) for run in runs(replace(settings, methods=varied))]
    return chosen


def later_jobs(study: Question, runs: Sequence[Contestant], named: Collection[Path]) -> list[Job]:
    """What is left to do once all runs are measured: drawing what the ceiling is estimated from, where it is shown.

    What was drawn for other runs in the same units does. A benchmark that decodes greedily has none. Code that this
    needs is to be among the files `named`.
    """
    fronts = {run.folder: run.front() for run in runs if study.scales and run.benchmark.sampling.temperature}
    homes = {run.folder: run.benchmark.home for run in runs}
    undrawn = {folder: front for folder, front in fronts.items() if find_samples(homes[folder], front.card) is None}
    return ceiling_jobs([*undrawn], [*undrawn.values()], named=named)


def study_name(run: Contestant) -> str:
    """What a run is called in a study: as its method and its variant."""
    return f"{run.method_name} {run.variant}".strip()


def answerable(study: Question, runs: Sequence[Contestant], lost: Sequence[Contestant]) -> list[Contestant]:
    """The runs that the study can be answered from without those that are lost.

    A curve has all seeds at each of its points, so a strength that lacks one is left out. Of a benchmark nothing is
    left where the starting policy is lost that others are compared with, or all of them.
    """
    gone = {id(run) for run in lost}
    points = {(run.benchmark.identity, study_name(run)) for run in lost if study.scales and run.variant}
    stands: list[Contestant] = []
    for identity in dict.fromkeys(run.benchmark.identity for run in runs):
        own = [run for run in runs if run.benchmark.identity == identity and id(run) not in gone]
        own = [run for run in own if (identity, study_name(run)) not in points]
        compared = study.scales or bool(study.varies)
        if not compared or {bool(run.variant) for run in own} == {True, False}:
            stands += own
    return stands


def make_study(name: str, runs: Sequence[Contestant], failures: Sequence[Failure] = ()) -> Study:
    """What a study found in its runs: tables per benchmark, and what of it failed.

    Where configurations were compared, their comparison is there too.
    """
    by_benchmark: dict[str, list[Contestant]] = {}
    for run in runs:
        by_benchmark.setdefault(run.benchmark.identity, []).append(run)
    found = [(group, STUDIES[name].find(group)) for group in by_benchmark.values()]
    varied = any(run.variant for run in runs)
    compared = [one.comparison for _, one in found if one.comparison]
    return Study(
        study=name,
        methods=tuple(dict.fromkeys(run.method_name for run in runs if run.variant or not varied)),
        benchmarks=tuple(_part(group, one) for group, one in found),
        comparison=Comparison(benchmarks=tuple(compared), failures=_as_rows(failures)) if compared else None,
        failures=tuple(failures),
    )


def _as_rows(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """Failures under the names that rows have here: those of their variants alone."""
    names = (str(one.method).partition(" ") for one in failures)
    return tuple(
        one.model_copy(update={"method": variant or method})
        for one, (method, _, variant) in zip(failures, names, strict=True)
    )


def _part(runs: Sequence[Contestant], found: Findings) -> StudyOn:
    """The part of the document on one benchmark."""
    benchmark = runs[0].benchmark
    stored = stored_card(benchmark)
    assert stored is not None
    seeds = sorted({run.seed for run in runs})
    return StudyOn(
        name=benchmark.name,
        version=benchmark.version,
        objectives=benchmark.names,
        prompts=stored.card.prompts,
        seeds=tuple(seeds),
        warnings=warnings_of(stored.card.prompts, LEAST_PROMPTS, seeds),
        tables=tuple(found.tables),
        kl=found.kl,
    )
