"""The strength of a method, by factors: the setting that says how far training goes from the starting policy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import inf, nextafter

from benchmarks import BadInput, Benchmark
from benchmarks.common import field_types, fit, type_words
from methods import Adapter, Method, method_name
from moa_cli.runs import as_config


def check_goes_far(method: Method, benchmark: Benchmark) -> None:
    """BadInput for a method whose strength no factor changes."""
    name, field = method_name(type(method)), method.sets_kl
    if field is None:
        raise BadInput(
            f"{name} has no setting for how far training goes from the starting policy",
            "this study multiplies that setting by several factors (sets_kl)",
            'a class names it: sets_kl = "learning_rate"; of those made here: moa study kl -m rewarded-soups,modpo',
        )
    if not as_config(method)[field]:
        raise BadInput(
            f"{field} of {name} is {as_config(method)[field]}, which no factor changes",
            "this study multiplies it by several factors",
            f"set it to begin with: -c {name}.{field}=NUMBER",
        )
    if isinstance(method, Adapter):
        _check_trained_at(method, name, field, benchmark)


def _check_trained_at(method: Adapter, name: str, field: str, benchmark: Benchmark) -> None:
    """BadInput for a rate that a pretrained policy, where none is set, is not trained at."""
    rates = method.other_rates(benchmark).get(field)
    if rates is None or (method.lora_rank and rates.adapters == getattr(method, field)):
        return
    raise BadInput(
        f"{field} of {name} is not set, and depends on what is trained: {rates.whole:g} for a whole pretrained policy, "
        f"{rates.adapters:g} for adapters",
        "this study multiplies it by several factors",
        f"-c {name}.{field}={rates.whole:g}, or -c {name}.lora_rank=64 -c {name}.{field}={rates.adapters:g}",
    )


def factors_in(over: Sequence[str]) -> list[float]:
    """Factors as they were typed. BadInput for what is none."""
    wrong = [text for text in over if not re.fullmatch(r"\d*\.?\d+", text) or not 0 < float(text) < inf]
    if wrong:
        raise BadInput(
            f"--over {','.join(wrong)}: expected numbers above 0",
            "this study multiplies the strength of every method by them",
            "--over 0.25,0.5,1,2,4",
        )
    return [float(text) for text in over]


def scaled_by(method: Method, factor: float, *, pretrained: bool = False) -> Method:
    """The method with its strength multiplied, as a whole number where it is one. BadInput where that is too much.

    For a pretrained policy a rate that comes to the default is the next number: the default would count as not set.
    """
    name, field = method_name(type(method)), str(method.sets_kl)
    value = as_config(method)[field]
    assert isinstance(value, int | float)
    whole = isinstance(value, int) and value * factor < inf
    scaled = max(1, round(value * factor)) if whole else float(f"{value * factor:.6g}")
    hint = field_types(type(method))[field]
    try:
        made = method if factor == 1 else replace(method, **{field: fit(scaled, hint)})
        set_apart = pretrained and isinstance(made, Adapter) and field in made.unset_rates()
        return replace(made, **{field: nextafter(scaled, inf)}) if set_apart else made
    except TypeError as error:
        raise BadInput(
            f"{name}.{field} cannot be {scaled:g}: expected {type_words(hint)}",
            f"this study multiplies {value:g} by {factor:g}",
            "name other factors: --over 0.25,0.5,1",
        ) from error
