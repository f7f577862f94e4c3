"""Training and measuring in Python: as a worker of the command line does it, with progress on stderr."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from benchmarks import BadInput, Benchmark, Front
from benchmarks.common import LARGEST, Log, fit, plain
from benchmarks.models import setup, soften_warnings
from methods import Method, Run, method_name, training_config
from methods.contract import checked_points
from moa_cli.console import errors
from moa_cli.jobs import run as jobs
from moa_cli.jobs.job import Job, Outcome
from moa_cli.jobs.pool import threads_of
from moa_cli.jobs.progress import Display
from moa_cli.runs import Source, method_source, read_record


def train(benchmark: Benchmark, method: Method, *, seed: int = 0, log: Log | None = None, restart: bool = False) -> Run:
    """Trains a method on a benchmark, and prepares the benchmark where that is missing.

    A run that is trained is returned as it is, one that was interrupted goes on; with `restart` it begins anew. The
    folder, the threads and the environment are those of `moa train`. Progress goes to stderr, or to a `log` of one's
    own. BadInput for what `moa train` refuses.
    """
    seed = _checked(benchmark, method, seed)
    checked_points(method, benchmark)
    with _as_a_worker(benchmark, method, seed, "train", log) as told:
        return jobs.train(benchmark, method, seed=seed, log=told, restart=restart)


def evaluate(
    benchmark: Benchmark, method: Method, run: Run, *, split: Literal["dev", "test"] = "test", log: Log | None = None
) -> Front:
    """Measures a trained run at all weights of the benchmark and stores the front. What is measured stays.

    Settings are chosen on `split="dev"`; such a front lies in a place of its own, and is not compared. Progress goes to
    stderr, or to a `log` of one's own. BadInput for a method that did not train the run.
    """
    _checked(benchmark, method, run.seed)
    _check_trained_by(method, run)
    with _as_a_worker(benchmark, method, run.seed, "measure", log) as told:
        return jobs.evaluate(benchmark, method, run, split=split, log=told)


def _checked(benchmark: Benchmark, method: Method, seed: int) -> int:
    """The seed. BadInput for what none of the three can be."""
    for given, kind, how in ((benchmark, Benchmark, 'load_benchmark("...")'), (method, Method, 'find_method("...")()')):
        if not isinstance(given, kind):
            raise BadInput(f"{given!r:.60} is no {kind.__name__.lower()}", "it was given in the place of one", how)
    with suppress(TypeError):
        if (number := int(fit(seed, int))) >= 0:
            return number
    raise BadInput(f"{seed!r:.60} is no seed", f"a seed is a whole number from 0 to {LARGEST}", "seed=0")


def _check_trained_by(method: Method, run: Run) -> None:
    """BadInput where another method, or one with other hyperparameters of training, trained a run."""
    record, mine = read_record(run.dir), plain(training_config(method))
    theirs = {name: record.config.get(name) for name in mine}
    if (record.method, theirs) != (method_source(type(method)), mine):
        other = [f"{name} = {theirs[name]!r}, not {mine[name]!r}" for name in mine if theirs[name] != mine[name]]
        raise BadInput(
            f"{run.dir} was not trained by this {method_name(type(method))}",
            f"it was trained by {record.method}{' with ' if other else ''}{', '.join(other[:3])}",
            "evaluate a run with the method that was given to train",
        )


@contextmanager
def _as_a_worker(benchmark: Benchmark, method: Method, seed: int, purpose: str, log: Log | None) -> Iterator[Log]:
    """Inside the block threads are those of a worker, libraries are quiet, and the log that is given shows itself."""
    setup(threads_of([benchmark], workers=1))
    _quieten()
    if log is not None:
        yield log
        return
    label = f"{method_name(type(method))}/{benchmark.name}/s{seed}"
    job = Job(
        key=label, label=label, purpose=purpose, source=Source(benchmark.name, benchmark.home), work=lambda *_: None
    )
    with Display(errors) as display:
        display.start(job)

        def show(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
            display.event((label, stage, step, steps, measured))
            display.tick()

        begin = display.clock()
        yield show
        if display.lines[label].steps:  # else it was there already
            display.end(Outcome(job=job, seconds=display.clock() - begin))


def _quieten() -> None:
    """What libraries say by themselves is of no use here: bars of their own, and what they will rename one day."""
    from datasets import disable_progress_bars
    from huggingface_hub.utils import disable_progress_bars as disable_hub_bars
    from transformers.utils import logging

    disable_progress_bars()
    disable_hub_bars()
    logging.disable_progress_bar()
    soften_warnings()
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(torch|transformers|trl|peft)\b")
