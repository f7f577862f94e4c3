"""The items of `-c` as keys and values: presets, TOML files, run.json files, what was tuned, KEY=VALUE."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import Benchmark
from benchmarks.common import field_types, json_of, nearest, stored_bytes, stored_text, to_type, toml_of
from benchmarks.load import has_trained_rewards, option_names
from methods import Method, find_method, method_name, method_names
from moa_cli.runs.surroundings import below_home
from moa_cli.runs.tuned import TUNED, Tuning, tuned_settings

PREFIX = "preset="
PRESETS = Path(__file__).parent / "presets"
"""Settings for a kind of machine or of a published protocol, as TOML files that come with moa."""


def preset_names() -> list[str]:
    """The presets that there are."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def preset_settings(name: str) -> dict[str, object]:
    """What a preset sets, a table for each method. ValueError for one that is unknown."""
    if name not in (known := preset_names()):
        raise ValueError(f"there is no such preset{nearest(name, known)}; there are: {', '.join(known)}")
    return toml_of((PRESETS / f"{name}.toml").read_text(encoding="utf-8"))


def pairs_of(
    items: Sequence[str],
    classes: Mapping[str, type[Method]],
    tuned: Mapping[str, Mapping[str, Tuning]],
    bare: Sequence[Benchmark],
    mistakes: list[str],
) -> list[tuple[str, Any]]:
    """All keys and values, in order. `classes` are the methods of the command, by what was typed, `bare` its benchmarks
    as they are without them: of a preset, what neither has is left out."""
    pairs: list[tuple[str, Any]] = []
    for item in items:
        path = Path(item)
        try:
            if item in tuned:
                for typed, found in tuned[item].items():
                    pairs += tuned_settings(classes[typed], found).items()
            elif item.startswith(PREFIX):
                settings = dotted(preset_settings(item.removeprefix(PREFIX)))
                pairs += [(key, value) for key, value in settings.items() if fits(key, value, classes, bare)]
            elif path.suffix == ".toml" and "=" not in item:
                settings = dotted(toml_of(stored_text(path)))
                pairs += [(key, value) for key, value in settings.items() if not _of_another(key, classes)]
            elif path.suffix == ".json" and "=" not in item:
                pairs += _of_run(json_of(stored_bytes(path), finite=True), classes).items()
            elif "=" in item:
                key, _, text = item.partition("=")
                pairs.append((key.strip(), _value(text.strip())))
            else:
                what = f"{PREFIX}NAME, FILE.toml, a run.json, {TUNED}, a folder with what was tuned, or KEY=VALUE"
                mistakes.append(f"{item}: expected {what}")
        except OSError as error:
            mistakes.append(f"{item}: {error.strerror}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else error
            mistakes.append(f"{item}: {reason}")
    return pairs


def fits(key: str, value: Any, classes: Mapping[str, type[Method]], bare: Sequence[Benchmark]) -> bool:
    """Whether a setting that was not typed is one of a benchmark or method of the command, or a preset. Weights are for
    as many objectives as they have."""
    owner, _, name = key.rpartition(".")
    if f"{key}=" == PREFIX:
        return True
    if key in ("grid", "trained_grid"):
        match value:
            case [[*first], *_]:
                return all(len(first) == len(benchmark.objectives) for benchmark in bare)
    if key == "objectives" and isinstance(value, list):
        return all(name in benchmark.names for benchmark in bare for name in value)
    if key in option_names():
        return owner != "reward" or any(has_trained_rewards(benchmark) for benchmark in bare)
    return any(owner in ("", method_name(cls)) and name in field_types(cls) for cls in classes.values())


def _of_another(key: str, classes: Mapping[str, type[Method]]) -> bool:
    """Whether a setting of a file is one of a method that comes with moa and is not among those of the command: one
    file serves commands of several methods and of one."""
    owner, _, name = key.rpartition(".")
    others = set(method_names()) - {method_name(cls) for cls in classes.values()}
    return owner in others and name in field_types(find_method(owner))


def _of_run(record: dict[str, Any], classes: Mapping[str, type[Method]]) -> dict[str, Any]:
    """What a run.json sets: its benchmark's options and its method's configuration.

    A method that is a Python file has to be among those of the command: what a record names is not run by itself.
    """
    if not str(record.get("schema")).startswith("moa.run/"):  # of whatever version: settings are said alike in all
        raise ValueError('it is no run.json: it does not say "schema": "moa.run/..."')
    method = below_home(record["method"])
    if method.endswith(".py"):
        files = {Path(typed).resolve(): cls for typed, cls in classes.items() if typed.endswith(".py")}
        if Path(method).resolve() not in files:
            mend = (
                f"if you trust it, add {to_type('-m', method)}"
                if Path(method).is_file()
                else f"put {method} back, and add it"
            )
            raise ValueError(f"its method is a Python file, which runs only where it is named: {mend}")
        name = method_name(files[Path(method).resolve()])
    else:
        name = method_name(find_method(method))
    return record["benchmark"]["options"] | {
        f"{name}.{key}": "none" if value is None else value for key, value in record["config"].items()
    }


NUMBERS = re.compile(r"[][\s,\d.eE+-]*\d[][\s,\d.eE+-]*")
"""A number, or lists of some."""


def _value(text: str) -> Any:
    """A TOML value; .7 and 1. are numbers, which TOML lacks; a bare word that is no value is a text.

    >>> _value(".7"), _value("[[.5, 1.]]"), _value("scratch:4m"), _value("./model")
    (0.7, [[0.5, 1.0]], 'scratch:4m', './model')
    >>> _value("1..2")
    '1..2'
    """
    told = text
    if NUMBERS.fullmatch(text):
        told = re.sub(r"(?<=\d)\.(?!\d)", ".0", re.sub(r"(?<!\d)\.(?=\d)", "0.", text))
    try:
        parsed = toml_of(f"value = {told}")
        if list(parsed) == ["value"]:
            return parsed["value"]
    except ValueError as error:
        if text[:1] in ("[", "{"):
            raise ValueError(f"{error}; a text that begins so is typed in double quotes") from None
        if text[:1] in ('"', "'"):
            raise
    if not text:
        raise ValueError("there is no value after =")
    return text


def typed_setting(key: str, value: object) -> str:
    """A setting as `-c` takes it.

    >>> typed_setting("policy", "scratch:4m"), typed_setting("version", "2"), typed_setting("grid", [[1, 0.0]])
    ('policy=scratch:4m', 'version="2"', 'grid=[[1, 0.0]]')
    >>> typed_setting("between", " "), typed_setting("between", " [")
    ('between=" "', 'between=" ["')
    """
    if isinstance(value, str) and value.strip()[:1] not in ("", *"[{\"'") and _value(value.strip()) == value:
        return f"{key}={value}"
    return f"{key}={json.dumps(value, ensure_ascii=False, default=str)}"


def dotted(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested tables by dotted keys.

    >>> dotted({"ric": {"rounds": 1}, "seed": 2})
    {'ric.rounds': 1, 'seed': 2}
    """
    pairs: dict[str, object] = {}
    for key, value in table.items():
        pairs |= dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return pairs
