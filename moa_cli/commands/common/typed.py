"""What was typed, read and checked before any work begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from moa_cli.commands.common.remarks import remarks
from moa_cli.console import refuse, say

if TYPE_CHECKING:
    from benchmarks import BadInput
    from moa_cli.comparisons import Wish
    from moa_cli.runs import Contestant, Settings


DEFAULT_BENCHMARK = "hh-rlhf-mini"


def settings_of(
    items: list[str] | None, benchmarks: list[str], methods: list[str], data_dir: Path | None, home: Path
) -> Settings:
    """What was typed, checked before any work begins."""
    from moa_cli.runs import resolve

    if data_dir is not None and not data_dir.is_dir():
        refuse(f"there is no folder {data_dir}", "--data-dir is where the data is read from", "check the path")
    settings = resolve(items or [], benchmarks, methods, data_dir=data_dir, home=home)
    for benchmark in settings.benchmarks.values():
        for line in remarks(benchmark):
            say(line)
    if settings.tuned is not None:
        for name in settings.methods:
            found = settings.tuned.get(name)
            by = " by the evaluators" if found and found.on == "scores" else ""
            best = f"the best of {len(found.trials)} trials on {found.benchmark}{by}" if found else ""
            say(f"{name}: {best or 'not tuned, so as it is by default'}")
    return settings


def settings_over(
    items: list[str] | None,
    benchmarks: list[str],
    methods: list[str],
    preparations: list[int],
    data_dir: Path | None,
    home: Path,
) -> list[Settings]:
    """What was typed, on each of these preparations; for each benchmark by itself where settings were tuned on it."""
    from moa_cli.runs import over_preparations, takes_tuned

    apart = [[name] for name in benchmarks] if any(map(takes_tuned, items or [])) else [benchmarks]
    every: list[Settings] = []
    for names in apart:
        settings = settings_of(items, names, methods, data_dir, home)
        every += over_preparations(settings, preparations, data_dir=data_dir, home=home)
    return every


def check_runs(paths: Iterable[Path], home: Path, otherwise: str) -> None:
    """BadInput for a method where the folder of a run belongs, with the newest of its runs, or what to do `otherwise`:
    a command to be followed by -m METHOD."""
    from benchmarks.common import some_of, to_type, written_at
    from methods import find_method, method_name, method_names
    from moa_cli.runs import find_runs

    for path in paths:
        file = path.suffix == ".py" and path.is_file()
        if not file and (path.exists() or str(path) not in method_names()):
            continue
        found = find_runs(home, (), [method_name(find_method(str(path)))])
        newest = sorted(found, key=written_at, reverse=True)
        first = some_of([str(run) for run in newest], 3)
        refuse(
            f"there is no run {path}",
            f"{path} is a method, {f'of which there are {first}' if found else f'and {home} has no run of it'}",
            f"{f'name a run: {newest[0]}; or ' if found else ''}{otherwise} {to_type('-m', path)}",
        )


def trained_runs(
    paths: list[Path], benchmarks: list[str], home: Path, *, methods: Sequence[str] = (), named: Collection[Path] = ()
) -> list[Contestant]:
    """The runs of these folders, else all trained ones of some benchmarks and methods that can still be asked.

    Each as it was trained, then as often as it was measured with something else.

    Code that a run needs is to be among the files `named`.
    """
    from benchmarks import BadInput
    from moa_cli.runs import read_record, stored_contestants

    chosen: list[Contestant] = []
    refusals: list[BadInput] = []
    for folder in trained_folders(paths, benchmarks, home, methods=methods):
        try:
            chosen += stored_contestants(folder, named=named)
        except BadInput as error:
            if paths:
                raise
            refusals.append(error)
    say_left_out(refusals)
    if not chosen:
        refuse(f"no run in {home} can be measured", "each was left out, as said above", "moa train -m METHOD")
    for run in chosen:
        if not run.trained:
            refuse(
                f"{run.folder} is not trained to its end",
                "only what is trained can be measured",
                f"it goes on where it stopped: {read_record(run.folder).training(run.folder)}",
            )
    return chosen


def say_left_out(errors: Iterable[BadInput]) -> None:
    """Says which runs that nobody named were left out, and why.

    What is said of several is said once, with their number.
    """
    told = Counter(f"{error.what}; {error.fix}" for error in errors)
    for line, count in told.items():
        say(f"left out{f' ({count} runs)' if count > 1 else ''}: {line}")


def trained_folders(paths: list[Path], benchmarks: list[str], home: Path, *, methods: Sequence[str] = ()) -> list[Path]:
    """These folders, else those of all trained runs of some benchmarks and methods; BadInput where there is none."""
    from moa_cli.runs import find_runs

    found = paths or [p for p in find_runs(home, benchmarks, methods) if _is_trained(p)]
    of = f"{' of ' + ', '.join(methods) if methods else ''}{' on ' + ', '.join(benchmarks) if benchmarks else ''}"
    if not paths:
        say(f"{len(found)} trained runs in {home}{of}")
    if not found:
        refuse(f"there is no trained run in {home}{of}", "only what is trained can be measured", "moa train -m METHOD")
    return found


def _is_trained(folder: Path) -> bool:
    """Whether a run that nobody named is trained; one whose record cannot be used is left out, and said to be."""
    from benchmarks import BadInput
    from moa_cli.runs import read_record

    try:
        return read_record(folder).status == "trained"
    except BadInput as error:
        say(f"left out: {error.what}; {error.fix}")
        return False


def names_in(values: list[str] | None) -> list[str]:
    """Names given by repeating an option, with commas, or both."""
    return [name.strip() for value in values or [] for name in value.split(",") if name.strip()]


def seeds_in(values: list[str] | None) -> list[int]:
    """Seeds given by repeating the option, with commas, or both; [] where none was."""
    return _numbers(values, "--seed", "seed")


def preparations_in(values: list[str] | None) -> list[int]:
    """Preparations given by repeating the option, with commas, or both, each once; [] where none was."""
    return list(dict.fromkeys(_numbers(values, "--preparations", "preparation")))


def prompts_in(items: list[str] | None) -> tuple[list[str], int | None]:
    """The items of -c but `eval_prompts`, and that: on how many prompts fronts are to be that are there already."""
    key = "eval_prompts="
    others = [item for item in items or [] if not item.startswith(key)]
    typed = [item.removeprefix(key) for item in items or [] if item.startswith(key)]
    if typed and not typed[-1].isdecimal():
        refuse(
            f"-c {key}{typed[-1]} is no number of prompts",
            "it picks the fronts that were measured on as many",
            f"-c {key}100",
        )
    return others, int(typed[-1]) if typed else None


def _numbers(values: list[str] | None, option: str, what: str) -> list[int]:
    from benchmarks.common import LARGEST

    names = names_in(values)
    wrong = [name for name in names if not name.isdecimal() or float(name) > LARGEST]
    if wrong or (values and not names):
        refuse(
            f"{option} {(wrong or values or [''])[0]!r} is no {what}",
            f"a {what} is a whole number from 0 to {LARGEST}; several have commas between",
            f"{option} 0, or {option} 0,1,2",
        )
    return [int(name) for name in names]


def seed_in(value: str | None) -> int | None:
    """The one seed that answers from elsewhere have, None where none was given."""
    if value is None:
        return None
    seeds = seeds_in([value])
    if len(seeds) > 1:
        refuse(
            f"--seed {value} names {len(seeds)} seeds",
            "these answers are those of one seed, unless a column says otherwise",
            "name one; or --column seed=COLUMN, and no --seed",
        )
    return seeds[0]


def method_list(values: list[str] | None) -> list[str]:
    """The methods that were named, each once however it is written, "all" for every one."""
    from methods import method_names, written

    found: dict[str, str] = {}
    for name in names_in(values):
        for one in method_names() if name == "all" else [name]:
            found.setdefault(written(one), one)
    return list(found.values())


def benchmark_list(values: list[str] | None) -> list[str]:
    """The benchmarks that were named, files with their whole path (it is part of a reward's name); else the default."""
    if names := names_in(values):
        return list(
            dict.fromkeys(str(Path(name).resolve()) if name.endswith((".toml", ".py")) else name for name in names)
        )
    say(f"benchmark: {DEFAULT_BENCHMARK} (no -b was given; it is embedded and runs on a CPU)")
    return [DEFAULT_BENCHMARK]


def folder_names(values: list[str] | None, home: Path) -> list[str]:
    """The names of these benchmarks, under which their runs lie.

    BadInput for a name that neither a benchmark nor a folder of runs has.
    """
    from benchmarks import benchmark_names, load_benchmark

    known = [*benchmark_names(), *(path.name for path in home.glob("*") if path.is_dir())]
    return [name if name in known else load_benchmark(name).name for name in names_in(values)]


def weights_in(text: str, option: str = "--weights") -> tuple[float, ...]:
    """Numbers with commas between."""
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError:
        weights = (inf,)
    if not all(map(isfinite, weights)):
        refuse(f"{option} {text} are no numbers", "one weight per objective, with commas between", f"{option} 0.3,0.7")
    return weights


def wish_in(at: str | None, answer_cost: str | None, kl: float | None) -> Wish | None:
    """What somebody wants who weighs the objectives like this; None where nobody said."""
    from moa_cli.comparisons import Wish

    if at is None:
        for option, typed in (("--max-answer-cost", answer_cost), ("--max-kl", kl)):
            if typed is not None:
                refuse(f"{option} was given without --at", "it limits what is taken at these weights", "--at 0.3,0.7")
        return None
    cost = None if answer_cost is None else _times_in(answer_cost)
    return Wish(weights=weights_in(at, "--at"), max_answer_cost=cost, max_kl=kl)


def _times_in(text: str) -> float:
    """A multiple, written as 2x or 2."""
    try:
        times = float(text.removesuffix("x"))
    except ValueError:
        times = 0.0
    if not 0 < times < inf:
        refuse(
            f"--max-answer-cost {text} is no multiple",
            "it is how many times the operations of the starting policy's answer are fine",
            "--max-answer-cost 2x",
        )
    return times


def share_in(text: str) -> float:
    """A share of 1, written as 1% or 0.01."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        refuse(f"--tolerance {text} is no share", "it is at least 0 and below 1, or in per cent", "--tolerance 1%")
    return share
