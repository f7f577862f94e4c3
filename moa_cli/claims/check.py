"""What papers claim, checked over measured runs.

The claims are data, `moa_cli/claims/claims.toml`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import BadInput, Front
from benchmarks.common import nearest
from methods import find_method, method_names
from moa_cli.claims.claim import Claim
from moa_cli.claims.document import CheckedClaim, Claims, ClaimsOn
from moa_cli.claims.measures import MEASURES, Missing, Variant, Variants, most_trained
from moa_cli.comparisons import LEAST_PROMPTS, run_of
from moa_cli.runs import (
    GIVEN,
    Source,
    as_config,
    check_benchmark_named,
    check_method_named,
    default_config,
    read_record,
    restore,
    source_of,
)
from moa_cli.words import scorers_word, warnings_of


def check_claims(
    claims: Sequence[Claim], fronts: Sequence[Front], say: Callable[[str], None], *, named: Collection[Path] = ()
) -> Claims:
    """Every claim on every benchmark of the fronts, which are those of runs.

    Answers made elsewhere are left out. So are runs whose method is no longer what it was, or that need code which is
    not among the files `named`, and `say` is told.
    """
    found: dict[str, Variants] = {}
    for front in (f for f in fronts if f.steering != GIVEN):
        try:
            _add(found.setdefault(front.card.benchmark, Variants()), front, named)
        except BadInput as error:
            say(f"left out: {run_of(front)}; {error.what}; {error.fix}")
    return Claims(benchmarks=tuple(_on_one(claims, name, methods) for name, methods in found.items() if methods))


def _add(methods: Variants, front: Front, named: Collection[Path]) -> None:
    """Puts a run among those of its method and configuration; the method's own hyperparameters come first."""
    variants = methods.get(front.method, [])
    for i, one in enumerate(variants):
        if one.fronts[0].config == front.config:
            variants[i] = replace(one, fronts=(*one.fronts, front))
            return
    assert front.folder is not None
    record = read_record(front.folder.parent)
    check_method_named(record.method, named=named)
    check_benchmark_named(record.benchmark.source, named=named)
    method = restore(record.method, front.config)
    own = as_config(method) == default_config(find_method(record.method))
    one = Variant(source=source_of(record, front.folder.parent), method=method, fronts=(front,))
    methods[front.method] = [one, *variants] if own else [*variants, one]


def _on_one(claims: Sequence[Claim], name: str, methods: Variants) -> ClaimsOn:
    """The benchmark's part of the document."""
    first = next(iter(methods.values()))[0]
    card = first.fronts[0].card
    seeds = sorted({f.seed for variants in methods.values() for v in variants for f in v.fronts})
    checked = [_checked(claim, methods) for claim in claims]
    place = where(first.source, seeds)
    return ClaimsOn(
        name=name,
        seeds=tuple(seeds),
        prompts=card.prompts,
        under=scorers_word("scores", not card.not_held_out),
        warnings=warnings_of(card.prompts, LEAST_PROMPTS, seeds),
        claims=tuple(c.model_copy(update={"command": f"{c.command} {place}"}) if c.command else c for c in checked),
    )


def where(source: Source, seeds: Sequence[int]) -> str:
    """What makes a command be about this very benchmark and these seeds."""
    options = [("-b", source.name)]
    if source.data_dir is not None:
        options.append(("--data-dir", str(source.data_dir)))
    options += [("-c", f"{key}={json.dumps(value)}") for key, value in source.options.items()]
    options += [("--seed", str(seed)) for seed in seeds]
    return shlex.join(item for option in options for item in option)


def _checked(claim: Claim, methods: Variants) -> CheckedClaim:
    """A claim with what was measured and the verdict, or why there is none and which command would help."""
    judged = partial(CheckedClaim, **{f.name: getattr(claim, f.name) for f in fields(Claim)})
    try:
        for name in claim.of:
            if name not in (*methods, *method_names()):
                raise Missing(f"there is no method {name!r}{nearest(name, [*methods, *method_names()])}")
        measured = MEASURES[claim.measure](methods, claim.of)
        value, low, high = measured.value, measured.low, measured.high
        if not np.isfinite((value, low, high)).all():
            raise Missing("what was measured makes no number")
    except Missing as missing:
        return judged(verdict="not measured", reason=missing.reason, command=missing.command)
    except (BadInput, ArithmeticError, LookupError, ValueError) as error:  # of this claim; it must not cost the others
        return judged(verdict="not measured", reason=str(error).partition("\n")[0])
    trainings = min(len(most_trained(methods, name).fronts) for name in claim.of)
    return judged(verdict=claim.verdict(measured, trainings), value=value, low=low, high=high)
