"""Many jobs side by side in worker processes, each after those it needs. Nothing heavy is imported in the parent."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import Empty

from benchmarks import Benchmark
from benchmarks.models import ENVIRONMENT, MADE_HERE, USABLE, planned, size_of, there_is
from benchmarks.rewards import resident_bytes
from moa_cli.jobs.job import Event, Job, Look, Outcome
from moa_cli.jobs.progress import Display
from moa_cli.jobs.worker import perform, perform_here, start

SMALL = ("scratch:0.3m", "scratch:1m", "scratch:2m")
"""Policies that gain nothing from a second thread."""


Submit = Callable[[Job], "Future[Outcome]"]


@dataclass(frozen=True)
class Workers:
    """How many processes, and what each may use."""

    count: int
    threads: int
    gpus: tuple[str, ...] = ()
    here: bool = False
    """Do the jobs in this process: a launcher has started several like it."""
    reason: str = ""


def choose_workers(jobs: Sequence[Job], benchmarks: Iterable[Benchmark], asked: int | None) -> Workers:
    """As many workers as there are jobs or cores or, where there are any, GPUs, and as memory holds; `asked` overrides.

    The threads of a worker are its share of the cores, or OMP_NUM_THREADS.
    """
    if "LOCAL_RANK" in os.environ:
        return Workers(
            1, 1, here=True, reason="jobs run in this process, because a launcher started it (LOCAL_RANK is set)"
        )
    benchmarks = list(benchmarks)
    looks = sum(isinstance(job, Look) for job in jobs)
    parts = max((1 + 2 * len(b.objectives) for b in benchmarks), default=0) if looks else 0
    most = max(1, len(jobs) - 2 * looks, looks * parts)
    cores, gpus = usable_cores(), _gpus()
    if gpus:
        room, where = len(gpus), _count(len(gpus), "GPU")
    elif (platform.system(), platform.machine()) == ("Darwin", "arm64"):
        room, where = 1, "one GPU"
    else:
        room, where = cores, _count(cores, "CPU core")
    need = 0 if gpus else max(map(least_memory, benchmarks), default=0)
    if need and (held := max(1, int(USABLE * there_is()) // need)) < min(most, room):
        room, where = held, f"memory for {held} of {need / 1e9:.1f} GB"
    count = asked or min(most, room)
    small, threads = all(b.policy in SMALL for b in benchmarks), threads_of(benchmarks, count)
    why = "--jobs" if asked else f"at most {_count(most, 'job')} side by side, {where}"
    same = " (small policies: results then do not depend on the number of cores)"
    reason = f"{_count(count, 'worker')} ({why}), {_count(threads, 'thread')} each{same if small else ''}"
    return Workers(count, threads, gpus, reason=reason)


def threads_of(benchmarks: Sequence[Benchmark], workers: int) -> int:
    """Threads of each of so many workers: one where all policies are small, else OMP_NUM_THREADS, or its share of the
    cores."""
    if all(b.policy in SMALL for b in benchmarks):
        return 1
    return _wanted_threads() or max(1, usable_cores() // workers)


def least_memory(benchmark: Benchmark) -> int:
    """Bytes that training a benchmark's policy whole takes at least, a row at a time; 0 where its size is not known,
    or is no matter.

    Its rewards are resident, in float32, as it is beside its reference.
    """
    found = size_of(benchmark.policy) if benchmark.pretrained else None
    if found is None or found[0].parameters < MADE_HERE:
        return 0
    tokens, rewards = benchmark.max_prompt_tokens + benchmark.sampling.max_new_tokens, resident_bytes(benchmark)
    return planned(found[0], rows=1, tokens=tokens, held=4, checkpointing=True, reference=True, rewards=rewards).total


def _wanted_threads() -> int:
    """OMP_NUM_THREADS, 0 where it is not set."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(told) if told.isdigit() else 0


Follow = Callable[[Outcome], Sequence[Job]]
"""What is to be done once a job has ended, well or not."""


def nothing_more(outcome: Outcome) -> Sequence[Job]:
    """No job follows."""
    return ()


def run_jobs(
    jobs: Sequence[Job], workers: Workers, display: Display, *, quiet: bool = True, follow: Follow = nothing_more
) -> dict[str, Outcome]:
    """Does all jobs, and those that follow; returns how each went, by its key.

    A job that fails takes along only those that need it.
    """
    waiting, done = list(jobs), dict[str, Outcome]()
    running: dict[Future[Outcome], Job] = {}
    with display, _started(workers, display.event, quiet) as (submit, drain):
        while waiting or running:
            for job in [j for j in waiting if all(key in done for key in (*j.needs, *j.after))]:
                failed = [done[need] for need in job.needs if done[need].error]
                if failed:
                    waiting.remove(job)
                    done[job.key] = _skipped(job, failed[0])
                    display.end(done[job.key])
                elif len(running) < workers.count:
                    waiting.remove(job)
                    display.start(job)
                    running[submit(job)] = job
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            drain()
            display.tick(waiting, workers.count)
            for future in finished:
                job = running.pop(future)
                outcome = _outcome(job, future)
                done[job.key] = outcome
                display.end(outcome)
                if isinstance(job, Look) and not outcome.error:
                    waiting = _with_found(waiting, job, outcome.result)
                waiting += follow(outcome)
    return done


def _with_found(waiting: Sequence[Job], look: Look, found: Sequence[Job]) -> list[Job]:
    """The jobs that were found first, and after them those that need the look."""
    needs = tuple(job.key for job in found)
    return [*found, *(replace(j, needs=needs) if look.key in j.needs else j for j in waiting)]


def _outcome(job: Job, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        what = f"{job.label} failed: a worker process was killed from outside"
        why = "the system does that most often when memory ran out"
        fix = "the same command goes on where it stopped; with --jobs 1 it needs the least memory"
        return Outcome(job=job, error=(what, why, fix), killed=True)


def _skipped(job: Job, cause: Outcome) -> Outcome:
    fix = "mend that, then the same command goes on"
    error = (f"{job.label} was not started", f"it needs {cause.job.label}, which failed", fix)
    return Outcome(job=job, started=False, error=error, cause=cause.cause or cause)


@contextmanager
def _started(
    workers: Workers, listen: Callable[[Event], None], quiet: bool
) -> Iterator[tuple[Submit, Callable[[], None]]]:
    """The workers: a function that gives them a job, and one that passes on what they have reported."""
    if workers.here:
        yield lambda job: _in_this_process(job, listen), lambda: None
        return
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)  # some are read when a process starts
    context = multiprocessing.get_context("spawn")
    events, gpus = context.Queue(), context.Queue()
    for number in range(workers.count):
        gpus.put(workers.gpus[number % len(workers.gpus)] if workers.gpus else None)
    sharing = -(-workers.count // max(1, len(workers.gpus)))
    pool = ProcessPoolExecutor(workers.count, context, start, (events, gpus, workers.threads, sharing, quiet))

    def submit(job: Job) -> Future[Outcome]:
        try:
            with _deaf_children():
                return pool.submit(perform_here, job)
        except BrokenProcessPool as error:
            broken: Future[Outcome] = Future()
            broken.set_exception(error)
            return broken

    def drain() -> None:
        try:
            while True:
                listen(events.get_nowait())
        except Empty:
            pass

    try:
        yield submit, drain
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started inside the block ignore Ctrl-C from their first moment: the parent stops them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _in_this_process(job: Job, listen: Callable[[Event], None]) -> Future[Outcome]:
    def log(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        listen((job.key, stage, step, steps, measured))

    future: Future[Outcome] = Future()
    future.set_result(perform(job, log, quiet=False))
    return future


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> tuple[str, ...]:
    """NVIDIA GPUs, as CUDA_VISIBLE_DEVICES names them; what the user has put there wins."""
    visible: Mapping[str, str] = os.environ
    if "CUDA_VISIBLE_DEVICES" in visible:
        return tuple(gpu for gpu in visible["CUDA_VISIBLE_DEVICES"].split(",") if gpu not in ("", "-1"))
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(str(n) for n, _ in enumerate(line for line in listed.stdout.splitlines() if line.startswith("GPU ")))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
