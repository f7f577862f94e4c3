"""Fronts side by side: how a comparison is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from benchmarks import BadInput, Front
from benchmarks.ceiling import Samples
from benchmarks.common import plain, to_type, written_at
from benchmarks.measure import known
from benchmarks.spec import SIGNALS, Signal
from moa_cli.comparisons import equal, pairs, row
from moa_cli.comparisons.ceiling import ceiling_part
from moa_cli.comparisons.contributions import training
from moa_cli.comparisons.document import Comparison, OnBenchmark
from moa_cli.comparisons.kept import SAMPLED, kept_answers, kept_curves, shown_samples
from moa_cli.comparisons.parts import LEAST_PROMPTS, Quality, Row, least_trained
from moa_cli.comparisons.under import Under
from moa_cli.runs import GIVEN, Record, measured_again, read_record
from moa_cli.words import setting_words, warnings_of


def compare(
    fronts: list[Front],
    *,
    keep_collapsed: bool = False,
    ceilings: Mapping[str, Samples] = MappingProxyType({}),
    answers: int | None = SAMPLED,
) -> Comparison:
    """Compares fronts, benchmark by benchmark.

    A row is a method with one configuration; it may have several seeds on several preparations of the benchmark, and
    its numbers are means over them: of points (`points`), of each training's own indicator (all else). Two numbers are
    the headline: the hypervolume at as many distinct policies of every row, by which rows go from the highest to the
    lowest, and the utility, the mean over the same weights w for all of w . score(w), less the base's. `pairs` are
    differences a - b in both, tested over prompts and trainings. IGD+ is the distance to the non-dominated points of
    all fronts together; expected utility is over an even grid of weights. Points at which too many answers are
    degenerate do not count, unless they are kept. `ceilings` maps the hash of a scale card to the samples that its
    ceiling is estimated from. `answers` says to how many prompts the answers are kept for readers, at the weights that
    they look at first; None keeps all. BadInput for fronts of one benchmark that were measured in different units.
    """
    if not fronts:
        raise BadInput("there is nothing to compare", "no front was given", "moa train -m METHOD, then moa compare")
    names = dict.fromkeys(f.card.benchmark for f in fronts)
    return Comparison(
        benchmarks=tuple(
            _on_benchmark([f for f in fronts if f.card.benchmark == name], keep_collapsed, ceilings, answers)
            for name in names
        )
    )


def _on_benchmark(
    fronts: list[Front], keep_collapsed: bool, ceilings: Mapping[str, Samples], answers: int | None
) -> OnBenchmark:
    """What is said of one benchmark, in whichever order its fronts come."""
    fronts = sorted(fronts, key=training)
    card = fronts[0].card
    first: dict[int, Front] = {}
    for front in fronts:
        _check_same_units(fronts[0], front)
        _check_same_units(first.setdefault(front.card.preparation, front), front)
    groups = _rows(fronts)
    preparations = _preparations(groups)
    fronts_asked = {name: equal.Asked(seeds[0].weights, equal.policies(seeds)) for name, seeds in groups.items()}
    compared, asked = equal.equal_points(fronts_asked), equal.largest_grid(a.weights for a in fronts_asked.values())
    by_signal = {
        signal: Under(signal=signal, rows=groups, compared=compared, asked=asked, keep_collapsed=keep_collapsed)
        for signal in SIGNALS
    }
    under = by_signal["scores"]
    groups = {name: groups[name] for name in sorted(groups, key=lambda name: -under.volumes[name].value)}
    counting = [name for name in groups if keep_collapsed or any(f.sound.any() for f in groups[name])]
    start = least_trained({name: seeds[0].cost for name, seeds in groups.items() if seeds[0].steering == "none"})
    start = start if start in counting else None

    gains = {signal: found.gains(start) for signal, found in by_signal.items()}

    def measured(name: str, signal: Signal) -> Quality:
        found, gain = by_signal[signal], gains[signal][name]
        return row.quality(found.volumes[name], found.means[name], compared[name], found.best, gain, card.ref)

    rows = [
        Row(
            method=name,
            steering=seeds[0].steering,
            seeds=tuple(dict.fromkeys(f.seed for f in seeds)),
            rewards=measured(name, "rewards"),
            scores=measured(name, "scores"),
            kendall_tau={o: row.obedience(seeds, m) for m, o in enumerate(card.objectives)},
            collapse=row.mean([f.collapse_rate.mean() for f in seeds]),
            kl=known(row.mean([f.mean_kl.mean() for f in seeds])),
            points=tuple(row.row_points(seeds, fronts_asked[name].policies, compared[name])),
            attainment=row.surfaces({signal: by_signal[signal].means[name] for signal in SIGNALS}),
            cost=row.mean_costs([f.cost for f in seeds]),
            charged=row.mean_costs([f.charged for f in seeds]),
            used=tuple(dict.fromkeys(part for f in seeds for part in f.used)),
            config=plain(seeds[0].config),
            trials=min(f.trials for f in seeds),
            tuned_on="scores" if any(f.tuned_on == "scores" for f in seeds) else "rewards",
            runs=tuple(row.prompt_scores(under.counted[name], card.objectives)),
        )
        for name, seeds in groups.items()
    ]
    samples = ceilings.get(card.hash) if len(preparations) == 1 else None
    return OnBenchmark(
        name=card.benchmark,
        version=card.version,
        objectives=card.objectives,
        ref=card.ref,
        card=card,
        policy_name=next((front.policy_name for front in fronts if front.policy_name), ""),
        preparations=preparations,
        prompts=card.prompts,
        warnings=(*warnings_of(card.prompts, LEAST_PROMPTS), *row.one_answer(rows)),
        keeps_collapsed=keep_collapsed,
        policies=max(map(len, compared.values())),
        asked=asked,
        rows=tuple(rows),
        pairs=tuple(pairs.paired({n: groups[n][0] for n in counting}, under.headlines, under.counted, under.by_chance)),
        detectable=pairs.detectable({n: groups[n][0] for n in groups}, under.headlines),
        refs=tuple(pairs.other_refs({name: under.equal[name] for name in groups}, card.ref)),
        samples=tuple(shown_samples(groups)),
        answers=kept_answers(groups, answers),
        curves=tuple(kept_curves(groups)),
        agreement=pairs.agreement(by_signal["rewards"].volumes, under.volumes),
        ceiling=None if samples is None else ceiling_part(groups, samples, keep_collapsed=keep_collapsed),
    )


OF_PREPARATION = {
    "preparation",
    "policy",
    "rewards",
    "evaluators",
    "reward_mean",
    "reward_std",
    "score_mean",
    "score_std",
}
"""What is another in another preparation: whose fronts are compared in the units of their own."""


def _check_same_units(one: Front, other: Front) -> None:
    differences = one.card.differences(other.card)
    if not differences or ("preparation" in differences and OF_PREPARATION.issuperset(differences)):
        return
    if one.card.split != other.card.split:
        raise BadInput(
            f"the fronts of {one.method} and {other.method} on {one.card.benchmark} cannot be compared",
            f"one was measured on {one.card.split} prompts and the other on {other.card.split} prompts; "
            "settings are chosen on dev prompts, and test prompts are reported",
            f"measure both on the test prompts: {_measuring(one if one.card.split == 'dev' else other)}",
        )
    ours, theirs = one.card.model_dump(mode="json"), other.card.model_dump(mode="json")
    if "prompts" in differences and one.card.scale_hash == other.card.scale_hash:
        raise BadInput(
            f"the fronts of {one.method} and {other.method} on {one.card.benchmark} cannot be compared",
            f"one was measured on {ours['prompts']} test prompts and the other on {theirs['prompts']}",
            _alike(one, other),
        )
    details = [f"{name} ({_short(ours[name])} or {_short(theirs[name])})" for name in differences]
    raise BadInput(
        f"the fronts of {one.method} and {other.method} on {one.card.benchmark} cannot be compared",
        f"their scale cards differ in {', '.join(details)}, so their numbers have different units",
        _in_units(one, other),
    )


def _alike(one: Front, other: Front) -> str:
    """The command that measures the front on fewer prompts on as many as the other."""
    few, many = sorted((one, other), key=lambda front: front.card.prompts)
    record = _record(few)
    if record is None or record.steering == GIVEN or few.folder is None or many.folder is None:
        return "measure both on the same prompts"
    run, beside = few.folder.parent, many.folder.parent
    making = record.training(run, by="compare")
    return f"{making} -c eval_prompts={many.card.prompts}; then {to_type('moa', 'compare', run, beside)}"


def _in_units(one: Front, other: Front) -> str:
    """The command that makes the run with the older of two cards again, in the units of now."""
    measured = [front.folder for front in (one, other) if front.folder]
    if len(measured) < 2:
        return "compare what was measured under one card"
    older = min(measured, key=lambda folder: written_at(folder / "front.json"))
    record = _record(one if one.folder == older else other)
    if record is None:
        return "make the older one again"
    making = record.command if record.steering == GIVEN else record.training(older.parent)
    return f"make the older one again, as its benchmark is now: {making}"


def _record(front: Front) -> Record | None:
    """That of the run of a front, None where there is none that can be read."""
    try:
        return read_record(front.folder.parent) if front.folder else None
    except BadInput:
        return None


def _measuring(front: Front) -> str:
    """The command that measures the run of a front."""
    return measured_again(front.folder.parent) if front.folder else "moa eval RUN --pareto"


def _rows(fronts: list[Front]) -> dict[str, list[Front]]:
    """The fronts of each row, ordered by seed, under its name: the method, and what tells its configurations apart."""
    rows: dict[str, list[Front]] = {}
    for method in dict.fromkeys(f.method for f in fronts):
        configs: dict[str, list[Front]] = {}
        for front in fronts:
            if front.method == method:
                configs.setdefault(json.dumps(front.config, sort_keys=True), []).append(front)
        flat = [_flat(seeds[0].config) for seeds in configs.values()]
        columns = {key: _apart([facts.get(key) for facts in flat]) for key in dict.fromkeys(k for f in flat for k in f)}
        told = {key: values for key, values in columns.items() if len({*values}) > 1}
        for k, seeds in enumerate(configs.values()):
            name = " ".join([method, *(f"{key}={values[k]}" for key, values in told.items())])
            rows[name] = seeds
            _check_seeds(name, rows[name])
    return rows


def _apart(values: Sequence[Any]) -> list[str]:
    """Values in few characters, different for different values: numbers to three digits, where these tell them apart.

    >>> _apart([2.0187620982365364e-05, 0.0001414, None]), _apart([0.10001, 0.10002])
    (['2.02e-05', '0.000141', 'none'], ['0.10001', '0.10002'])
    """
    whole = [_short(value) for value in values]
    few = [_short(float(setting_words(value))) if isinstance(value, float) else _short(value) for value in values]
    return few if len({*few}) == len({*whole}) else whole


def _preparations(rows: Mapping[str, Sequence[Front]]) -> tuple[int, ...]:
    """The preparations of every row. BadInput where a row lacks one that another has."""
    own = {name: {f.card.preparation for f in fronts} for name, fronts in rows.items()}
    every = sorted(set[int]().union(*own.values()))
    for name, has in own.items():
        if lacks := [str(p) for p in every if p not in has]:
            common = ",".join(str(p) for p in every if all(p in one for one in own.values()))
            instead = f"; or --preparations {common} for what all have" if common else ""
            raise BadInput(
                f"{name} was not measured on preparation {', '.join(lacks)}, and others were",
                "rows are compared on the same starting policies and rewards",
                f"moa compare -m ... --preparations {','.join(map(str, every))} makes what is missing{instead}",
            )
    return tuple(every)


def _check_seeds(name: str, seeds: list[Front]) -> None:
    """Refuses a seed that is there twice, and seeds whose points cannot be averaged."""
    for one, other in pairwise(seeds):
        if training(one) == training(other):
            raise BadInput(
                f"seed {one.seed} of {name} is there twice{_where(one, other)}",
                "a run that counts twice would pass for more evidence, and trainings of several codes are no seeds",
                "name one of them; or none, and the newest count: moa compare",
            )
        if one.weights != other.weights:
            raise BadInput(
                f"seeds {one.seed} and {other.seed} of {name} were measured at different weights",
                "points at different weights cannot be averaged",
                f"measure both at the same weights: {_measuring(one)}; {_measuring(other)}",
            )


def _where(one: Front, other: Front) -> str:
    """The folders of two runs, where both have one."""
    folders = [front.folder.parent for front in (one, other) if front.folder]
    return f": {folders[0]} and {folders[1]}" if len(folders) == 2 else ""


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested entries by their dotted names."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _short(value: Any) -> str:
    """A value in few characters, different for different values; what is not set as one would type it."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
