"""Checks of what a method is and of what it leaves: fields, files, stages, charges."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path

from benchmarks.common import Cost, charged_to
from methods.conformance.examined import Examined, Wrong, expect, hashes
from methods.contract import attribute_docstrings, checked_points


def hyperparameters(examined: Examined, place: Path) -> None:
    """its hyperparameters are frozen fields"""
    method = examined.method
    cls, mend = type(method), "write @dataclass(frozen=True, kw_only=True) above the class"
    expect(is_dataclass(cls) and "__init__" in vars(cls), f"{cls.__name__} is no dataclass itself", mend)
    expect(method == type(method)(**_values(examined)), "two methods with the same settings differ", mend)
    hash(method)
    for field in fields(cls):
        try:
            setattr(method, field.name, getattr(method, field.name))
        except FrozenInstanceError:
            continue
        raise Wrong(f"{field.name} can be changed afterwards", mend)
    try:
        json.dumps(_values(examined))
    except TypeError as error:
        raise Wrong(
            f"its settings cannot be written: {error}", "numbers, texts, booleans, None or tuples of them"
        ) from error


def docstrings(examined: Examined, place: Path) -> None:
    """every hyperparameter says what it is"""
    cls = type(examined.method)
    missing = sorted({field.name for field in fields(cls)} - attribute_docstrings(cls).keys())
    expect(not missing, f"no docstring below {', '.join(missing)}", "write a text in three quotes below the field")
    expect(cls.__doc__, f"{cls.__name__} has no docstring", "say below `class` what it does")


def only_the_run_is_written(examined: Examined, place: Path) -> None:
    """only its run is written"""
    changed = sorted(path for path in examined.after if examined.after[path] != examined.before.get(path))
    gone = sorted(examined.before.keys() - examined.after.keys())
    mend = "write into run.dir, and the policies into stage.writing()"
    expect(not (changed or gone), f"train changed {', '.join([*changed, *gone][:3])}", mend)
    runs = examined.run.dir.parent
    own = (runs, examined.working, examined.run.dir, *examined.run.dir.parents)
    strays = [p for p in runs.rglob("*") if p not in own and examined.run.dir not in p.parents]
    expect(not strays, f"train wrote {', '.join(map(str, strays[:3]))}", mend)


def stages(examined: Examined, place: Path) -> None:
    """what is left are whole stages"""
    left = [p for p in examined.run.dir.rglob("*") if p.is_file()]
    half = [p for p in left if "checkpoint" in str(p.relative_to(examined.run.dir)) or p.name.endswith(".partial")]
    expect(not half, f"{half[:1]} is left of the training", "train in a stage, which removes what is no longer needed")
    found = list((examined.run.dir / "policy").glob("*"))
    expect(
        bool(found) == examined.anything, "train leaves no policy", "end with train_sft, train_rl, or stage.writing()"
    )
    for stage in found:
        whole = any((stage / f"{name}.safetensors").exists() for name in ("model", "adapter_model"))
        expect(whole, f"stage {stage.name} has no model", "save one into the folder that stage.writing() gives")


def done_is_done(examined: Examined, place: Path) -> None:
    """training again does nothing"""
    before, cost = hashes(examined.run.dir), Cost()
    with charged_to(cost):
        examined.method.train(examined.benchmark, examined.fresh_run)
    mend = "return where stage.done is true, before anything is drawn or written"
    expect(hashes(examined.run.dir) == before, "training again changes what is there", mend)
    again = cost.trained_tokens or cost.generated_tokens
    expect(not again, "training again trains or answers again", mend)


def charged(examined: Examined, place: Path) -> None:
    """its training is counted"""
    cost = examined.run.cost
    if examined.anything:
        mend = "train benchmark.prepared.load_starting_policy(), not a model of your own, whose passes nobody counts"
        expect(cost.trained_tokens > 0 and cost.flops > 0, "no token that it trained on was counted", mend)
    else:
        expect(cost == Cost(), "it trains nothing and spends something", "leave train empty")


def points(examined: Examined, place: Path) -> None:
    """its points are weights"""
    found = checked_points(examined.method, examined.benchmark)
    one = examined.method.steering != "none" or len(found) == 1
    expect(one, f"steering is none, and there are {len(found)} points", "leave points out: all of them are one policy")


def _values(examined: Examined) -> dict[str, object]:
    return {field.name: getattr(examined.method, field.name) for field in fields(examined.method)}


FOLDER_CHECKS = (
    hyperparameters, docstrings, only_the_run_is_written, stages, done_is_done, charged, points,
)  # fmt: skip
"""Checks that take no further training; each is called with a trained method and an empty folder."""
