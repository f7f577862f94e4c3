"""What papers claim, checked over measured runs: the document `moa.claims/1`.

The claims are data, `benchmarks/claims.toml`.
"""

from __future__ import annotations

import json
import shlex
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import BadInput, Front, Interval, nearest
from methods import find_method, method_names
from moa_cli import plan, store
from moa_cli.config import as_config, restore
from moa_cli.fronts import run_of
from moa_cli.job import Source
from moa_cli.measures import MEASURES, PAIRED, Measured, Missing
from moa_cli.output import Formats, as_text
from moa_cli.output import json as as_json
from moa_cli.words import markdown_text, one_line

SCHEMA = "moa.claims/1"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence, where it comes from, and the number that decides."""

    claim: str
    source: str
    published: str
    measure: str
    """A name in `MEASURES`."""
    of: tuple[str, ...]
    """One or two methods."""
    above: float | None = None
    below: float | None = None
    """Exactly one of them: the side on which the claim holds."""

    def verdict(self, interval: Interval) -> str:
        """What an interval says about it: it lies on the right side, on the wrong one, or on both.

        >>> claim = Claim(claim="", source="", published="", measure="cost", of=("a", "b"), below=0.5)
        >>> claim.verdict(Interval(0.4, 0.3, 0.6))
        'inconclusive'
        """
        low, high = interval.low, interval.high
        if self.above is not None:
            right, wrong = low > self.above, high <= self.above
        else:
            assert self.below is not None
            right, wrong = high < self.below, low >= self.below
        return "replicated" if right else "not replicated" if wrong else "inconclusive"


def load(own: Path | None = None) -> list[Claim]:
    """The claims that come with moa, and those of a file. BadInput for one that says nothing that can be checked."""
    ours = files("benchmarks").joinpath("claims.toml").read_text(encoding="utf-8")
    found = _claims(ours, "benchmarks/claims.toml")
    if own is None:
        return found
    try:
        return [*found, *_claims(own.read_text(encoding="utf-8"), str(own))]
    except OSError as error:
        raise BadInput(f"cannot read {own}: {error.strerror}", _FILE, _EXAMPLE) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"cannot read {own}: it is not UTF-8 text", _FILE, _EXAMPLE) from error


def _claims(text: str, name: str) -> list[Claim]:
    """The claims of a file. BadInput for a file without any: it would change nothing, and nobody would notice."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"cannot read {name}: {error}", _FILE, _EXAMPLE) from error
    entries = content.pop("claims", [])
    if content:
        key = next(iter(content))
        raise BadInput(f"{name} has an unknown entry: {key}{nearest(key, ['claims'])}", _FILE, _EXAMPLE)
    if not isinstance(entries, list) or not entries:
        raise BadInput(f"there are no claims in {name}", _FILE, _EXAMPLE)
    return [_claim(entry, name) for entry in entries]


_FILE = "claims are a TOML file of [[claims]]"
_EXAMPLE = "see benchmarks/claims.toml: claim, source, published, measure, of, and above or below"


def _claim(entry: Any, name: str) -> Claim:
    """One entry, checked."""
    faults = []
    if not isinstance(entry, dict):
        faults.append("it is no table")
        entry = {"claim": entry}
    elif unknown := set(entry) - {f.name for f in fields(Claim)}:
        faults.append(f"it has unknown entries: {', '.join(sorted(unknown))}")
    texts = ("claim", "source", "published", "measure")
    if missing := {*texts, "of"} - set(entry):
        faults.append(f"it lacks {', '.join(sorted(missing))}")
    elif wrong := [key for key in texts if not isinstance(entry[key], str)]:
        faults.append(f"{', '.join(wrong)} must be text")
    elif entry["measure"] not in MEASURES:
        faults.append(f"there is no measure {entry['measure']!r} (there are {', '.join(MEASURES)})")
    elif not _are_names(entry["of"], 1 + (entry["measure"] in PAIRED)):
        faults.append(f"{entry['measure']} is of {'two methods' if entry['measure'] in PAIRED else 'one method'}")
    bounds = [entry[key] for key in ("above", "below") if key in entry]
    if len(bounds) != 1:
        faults.append("it holds above or below a number: name one")
    elif type(bounds[0]) not in (int, float):
        faults.append(f"it holds above or below a number, not {bounds[0]!r}")
    if faults:
        raise BadInput(
            f"a claim in {name} cannot be checked: {entry.get('claim', entry)!r}", "; ".join(faults), _EXAMPLE
        )
    return Claim(**{**entry, "of": tuple(entry["of"])})


def _are_names(value: Any, count: int) -> bool:
    """Whether a value of the file is a list of so many texts."""
    return isinstance(value, list) and len(value) == count and all(isinstance(name, str) for name in value)


def check(claims: Sequence[Claim], fronts: Sequence[Front], say: Callable[[str], None]) -> dict[str, Any]:
    """Every claim on every benchmark of the fronts, which are those of runs.

    Answers made elsewhere are left out; so are runs whose method is no longer what it was, and `say` is told.
    """
    found: dict[str, dict[str, list[Measured]]] = {}
    for front in (f for f in fronts if f.steering != store.GIVEN):
        try:
            _add(found.setdefault(front.card.benchmark, {}), front)
        except BadInput as error:
            say(f"left out: {run_of(front)}; {error.what}")
    return {
        "schema": SCHEMA,
        "benchmarks": [_on_one(claims, name, methods) for name, methods in found.items() if methods],
    }


def _add(methods: dict[str, list[Measured]], front: Front) -> None:
    """Puts a run among those of its method and configuration; the method's own hyperparameters come first."""
    variants = methods.get(front.method, [])
    for i, one in enumerate(variants):
        if one.fronts[0].config == front.config:
            variants[i] = replace(one, fronts=(*one.fronts, front))
            return
    assert front.folder is not None
    record = store.read_record(front.folder.parent)
    method = restore(record.method, record.config)
    own = as_config(method) == as_config(find_method(record.method)())
    one = Measured(source=plan.source_of(record, front.folder.parent), method=method, fronts=(front,))
    methods[front.method] = [one, *variants] if own else [*variants, one]


def _on_one(claims: Sequence[Claim], name: str, methods: dict[str, list[Measured]]) -> dict[str, Any]:
    """The benchmark's part of the document."""
    first = next(iter(methods.values()))[0]
    seeds = sorted({f.seed for variants in methods.values() for v in variants for f in v.fronts})
    checked = [_checked(claim, methods) for claim in claims]
    place = where(first.source, seeds)
    return {
        "name": name,
        "seeds": seeds,
        "prompts": first.fronts[0].card.prompts,
        "claims": [c | {"command": f"{c['command']} {place}"} if c["command"] else c for c in checked],
    }


def where(source: Source, seeds: Sequence[int]) -> str:
    """What makes a command be about this very benchmark and these seeds."""
    options = [("-b", source.name)]
    if source.data_dir is not None:
        options.append(("--data-dir", str(source.data_dir)))
    options += [("-c", f"{key}={json.dumps(value)}") for key, value in source.options.items()]
    options += [("--seed", str(seed)) for seed in seeds]
    return shlex.join(item for option in options for item in option)


def _checked(claim: Claim, methods: dict[str, list[Measured]]) -> dict[str, Any]:
    """A claim with what was measured and the verdict, or why there is none and which command would help."""
    told = {f.name: getattr(claim, f.name) for f in fields(Claim)} | {"of": list(claim.of)}
    try:
        for name in claim.of:
            if name not in (*methods, *method_names()):
                raise Missing(f"there is no method {name!r}{nearest(name, [*methods, *method_names()])}")
        interval = MEASURES[claim.measure](methods, claim.of)
        if not np.isfinite(interval).all():
            raise Missing("what was measured makes no number")
    except Missing as missing:
        why = {"reason": missing.reason, "command": missing.command}
    except (BadInput, ArithmeticError, LookupError, ValueError) as error:  # of this claim; it must not cost the others
        why = {"reason": str(error).partition("\n")[0], "command": None}
    else:
        return told | {"verdict": claim.verdict(interval), **interval._asdict(), "reason": None, "command": None}
    return told | {"verdict": "not measured", "value": None, "low": None, "high": None, **why}


def table(document: dict[str, Any]) -> tuple[RenderableType, ...]:
    """The claims for a terminal of 80 columns: a line per claim and benchmark.

    Commands are texts, which are not to be broken.
    """
    parts: list[RenderableType] = []
    for benchmark in document["benchmarks"]:
        block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        block.add_column("claim", overflow="fold", max_width=42)
        block.add_column("measured", justify="right")
        block.add_column("verdict")
        for claim in benchmark["claims"]:
            block.add_row(
                Text(one_line(claim["claim"])), _number(claim), Text(claim["verdict"], style=_STYLES[claim["verdict"]])
            )
        parts += [Text(" · ".join(_facts(benchmark)), style="bold"), block, Text(_tally(benchmark), style="dim")]
        missing = [claim for claim in benchmark["claims"] if claim["reason"]]
        for claim in missing:
            if not claim["command"]:
                parts.append(f"not measured: {one_line(claim['claim'])}: {one_line(claim['reason'])}")
        commands = dict.fromkeys(claim["command"] for claim in missing if claim["command"])
        parts += [*(["to measure the rest:"] if commands else []), *(f"  {command}" for command in commands), ""]
    return tuple(parts)


def markdown(document: dict[str, Any]) -> str:
    """A table per benchmark, with sources."""
    lines = []
    for benchmark in document["benchmarks"]:
        lines += [f"### {markdown_text(' · '.join(_facts(benchmark)))}", ""]
        lines += ["| claim | source | published | measured | verdict |", "|:---|:---|:---|---:|:---|"]
        for claim in benchmark["claims"]:
            told = [markdown_text(claim[name]) for name in ("claim", "source", "published")]
            why = f": {markdown_text(claim['reason'])}" if claim["reason"] else ""
            lines += [f"| {' | '.join([*told, _number(claim), claim['verdict'] + why])} |"]
        lines += ["", _tally(benchmark), ""]
    return "\n".join(lines)


FORMATS: Formats = {".md": as_text(markdown), ".json": as_text(as_json)}

_STYLES = {"replicated": "green", "not replicated": "red", "inconclusive": "yellow", "not measured": "dim"}


def _facts(benchmark: dict[str, Any]) -> list[str]:
    seeds = benchmark["seeds"]
    return [
        one_line(benchmark["name"]),
        f"{benchmark['prompts']} prompts",
        f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
    ]


def _number(claim: dict[str, Any]) -> str:
    """What was measured, with its interval and what it had to be."""
    if claim["value"] is None:
        return "-"
    side = f"> {claim['above']:g}" if claim["above"] is not None else f"< {claim['below']:g}"
    value, low, high = claim["value"], claim["low"], claim["high"]
    digits = 2 if max(map(abs, (value, low, high))) >= 0.1 else 4
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}] {side}"


def _tally(benchmark: dict[str, Any]) -> str:
    """How many claims met which verdict."""
    counts = Counter(claim["verdict"] for claim in benchmark["claims"])
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _STYLES if counts[verdict])
