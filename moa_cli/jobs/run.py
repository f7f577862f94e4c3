"""What is done for one run, in whatever process: train a method, measure it. A run goes on where it stopped."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from benchmarks import BadInput, Benchmark, Front
from benchmarks.common import (
    SUMS,
    Cost,
    Log,
    charged_to,
    check_inside,
    check_links,
    copied_whole,
    locked,
    method_at_work,
    missing_again,
    plain,
    read_cost,
    remove,
    set_aside,
    silent,
    staying,
    tell,
    whole_folder,
    write_json,
)
from benchmarks.measure import evaluate as measure
from benchmarks.prepare import prepare
from methods import Method, Run, method_name
from moa_cli.runs import (
    DEV,
    FRONT,
    Asked,
    Contestant,
    Record,
    Source,
    as_config,
    code_of,
    front_name,
    note_failure,
    note_trials,
    read_record,
    write_asked,
)


def train(
    benchmark: Benchmark,
    method: Method,
    *,
    seed: int = 0,
    log: Log = silent,
    source: Source | None = None,
    restart: bool = False,
) -> Run:
    """Trains a method on a benchmark, and prepares the benchmark where that is missing.

    A run that is trained is returned as it is, one that was interrupted goes on. With `restart` it begins anew.
    `source` is remembered so that the command line can evaluate the run later.
    """
    contestant = Contestant.of(source or Source(benchmark.name, benchmark.home), benchmark, method, seed)
    folder = contestant.folder
    card = prepare(benchmark, log).card
    with at_work(folder, benchmark.home, restart=restart):
        cost = _stored_cost(folder)
        run = Run(folder, seed, log, cost)
        if contestant.trained:
            run.kept.end()
            return run
        _check_units(folder, card.units_hash)
        mending = bool(missing_again(folder / "policy")) and read_record(folder).status == "trained"
        record = Record.begin(
            benchmark, contestant.source, status="training", method=contestant.method_source, steering=method.steering,
            code=code_of(type(method)), config=plain(as_config(method)), seed=seed, trained_at=method.points(benchmark),
        )  # fmt: skip
        record.write(folder / "run.json")
        _take_over(contestant, run)
        note_failure(folder, None)
        try:
            _train(benchmark, method, run, mending=mending)
        except (Exception, SystemExit) as error:  # a user's code may call sys.exit
            note_failure(folder, error)
            raise
        trained = record.model_copy(
            update={"status": "trained", "cost": _counted(run), "used": cost.used, "lost": cost.lost}
        )
        trained.write(folder / "run.json")
        run.kept.end()
    return run


def evaluate(
    benchmark: Benchmark, method: Method, run: Run, *, split: Literal["dev", "test"] = "test", log: Log = silent
) -> Front:
    """Measures a trained run at all weights of the benchmark and stores the front. What is measured stays.

    Settings are chosen on `split="dev"`; such a front lies in a place of its own, and is not compared.

    It lies beside the fronts of the same run that were measured with something else (`front_name`).
    """
    points, config = method.points(benchmark), as_config(method)
    folder = run.dir / front_name(benchmark, method, FRONT if split == "test" else DEV)

    def watch(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        log("front", step, steps, measured)

    watch("", 0, len(points), {})
    record = read_record(run.dir)
    with at_work(run.dir, benchmark.home):
        run.kept.end()  # its training may have been killed when all but this was done
        write_asked(folder, Asked(weights=points, config=plain(config), eval_prompts=benchmark.eval_prompts))
        front = measure(
            benchmark, partial(staying()(method.policy), benchmark, run), points, folder,
            method=method_name(type(method)), steering=method.steering, seed=run.seed,
            cost=record.cost, used=record.used, config=config, labels=method.labels(benchmark), split=split, log=watch,
        )  # fmt: skip
        note_trials(run.dir, folder, record.trials, record.tuned_on)
        return replace(front, trials=record.trials, tuned_on=record.tuned_on)


@contextmanager
def at_work(folder: Path, home: Path, *, restart: bool = False) -> Iterator[None]:
    """Holds the lock of a run's folder, and empties that first with `restart`.

    BadInput where another process holds it, or a link leads out: of the home of all runs, or from within the folder.
    """
    check_inside(folder, home)
    with locked(folder / "lock", wait=False):
        if restart:
            _clear(folder)
        check_links(folder, home)
        yield


def opened(folder: Path, log: Log = silent) -> Run:
    """The run in a folder. BadInput where a link leads out of that: a policy may keep something there."""
    check_links(folder, folder)
    return Run(folder, read_record(folder).seed, log, _stored_cost(folder))


def _take_over(contestant: Contestant, run: Run) -> None:
    """Copies the stages of the run that the method builds on, where it is trained, and charges what they cost."""
    other, policies = contestant.foundation(), run.dir / "policy"
    if other is None or policies.exists() or not other.trained:
        return
    with whole_folder(policies, sums=False) as partial_copy:
        copied_whole(other.folder / "policy", partial_copy)
    run.cost.add(_stored_cost(other.folder))
    run.log(f"taken over from {method_name(type(other.method))}", 1, 1, {})


def _train(benchmark: Benchmark, method: Method, run: Run, *, mending: bool) -> None:
    """`method.train`, with its time and memory on the ledger of the run and its speed on the log."""
    cost = run.cost

    def watch(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        speed = watched.clock.speed
        run.progress(stage, step, steps, measured | ({"tokens/s": speed} if speed else {}))

    _forget_peak_memory()
    watched = replace(run, progress=watch)  # its clock starts here
    watched.kept.begin(mending=mending)
    try:
        with charged_to(cost), staying(), method_at_work():
            method.train(benchmark, watched)
        watched.kept.done()
    finally:
        cost.tick()
        cost.peak_memory_bytes = max(cost.peak_memory_bytes, _peak_memory())
        write_json(run.dir / "cost.json", cost.to_json())


def _counted(run: Run) -> dict[str, float | None]:
    """What the training spent, None where the ruler cannot know.

    A policy that was left without training on a token of any policy of the ruler's was trained out of its sight. Where
    the ledger was damaged, what was spent before is not known.
    """
    counted: dict[str, float | None] = dict(run.cost.numbers)
    left = any((run.dir / "policy").glob("*"))
    if (run.dir / ".cost.json.damaged").exists():
        return counted | dict.fromkeys(SUMS)
    return counted | ({"trained_tokens": None, "flops": None} if left and not run.cost.trained_tokens else {})


def _check_units(folder: Path, units: str) -> None:
    """Refuses to go on with a training that began in other units."""
    if not (folder / "run.json").exists():
        return
    begun = read_record(folder).units
    if begun not in (None, units):
        raise BadInput(
            f"{folder} began in other units ({begun}, now {units})",
            "the benchmark was prepared again meanwhile, so its rewards have other units",
            "begin anew: moa train with --restart",
        )


def _stored_cost(folder: Path) -> Cost:
    """What was spent so far; nothing where that is damaged, which is told."""
    path = folder / "cost.json"
    try:
        return read_cost(path)
    except FileNotFoundError:
        return Cost()
    except ValueError:
        with suppress(OSError):
            set_aside(path)
        tell(f"{path} is damaged: what was spent so far is not counted")
        return Cost()


def _clear(folder: Path) -> None:
    """Empties a run's folder, but for the lock that is held."""
    for path in folder.iterdir():
        if path.name != "lock":
            remove(path)


def _forget_peak_memory() -> None:
    """Starts measuring peak memory anew, where the system can: a worker has done other jobs before."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory() -> int:
    """Bytes: of the GPU where there is one, else of the process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
