"""What a worker process does with a job. The parent imports this module too, so what is heavy is imported when used."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import BadInput
from benchmarks.common import Log, error_words, full_disk, no_memory, no_room, staying, telling, watching
from benchmarks.models import release, setup, share_memory
from moa_cli.console import interruption
from moa_cli.jobs.job import ANSWERS, NOTE, Event, Job, Outcome


def perform(job: Job, log: Log, *, quiet: bool) -> Outcome:
    """Does a job and never raises, whatever the user's code does, but for Ctrl-C in the process that gets it.

    With `quiet`, what libraries print goes to output.txt in the run's folder.
    """
    begin, folder = time.perf_counter(), job.folder or job.source.home
    try:
        benchmark = job.source.load()
        folder = job.folder or benchmark.home / benchmark.name / "prepared"
        output = folder / "output.txt" if quiet else None
        with output_to(output), watching(_now_and_then(log)), telling(_aloud(log)), staying():
            result = job.work(benchmark, log)
        return Outcome(job=job, seconds=time.perf_counter() - begin, result=result)
    except BadInput as error:
        known = (error.what, error.why, error.fix)
        return Outcome(job=job, seconds=time.perf_counter() - begin, error=known, traceback=traceback.format_exc())
    except BaseException as error:
        if multiprocessing.parent_process() is None and (end := interruption(error)):
            raise end from None
        story = traceback.format_exc()
        if full_disk(error):
            room = no_room(f"{job.label} failed", folder)
            return Outcome(job=job, seconds=time.perf_counter() - begin, error=room, traceback=story)
        what = f"{job.label} failed: {(error_words(error).splitlines() or [''])[0]}"
        fix = (
            "there is too little memory: run fewer at a time with --jobs 1, or lower the batch with -c"
            if no_memory(error)
            else "-v shows the traceback; once mended, the same command goes on where it stopped"
        )
        return Outcome(
            job=job,
            seconds=time.perf_counter() - begin,
            error=(what, _keep(folder / "output.txt", story), fix),
            traceback=story,
        )  # fmt: skip


def _now_and_then(log: Log) -> Callable[[int, int], None]:
    """Passes on how many answers there are, at most once a second."""
    told = 0.0

    def report(done: int, total: int) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= 1:
            told = now
            log(ANSWERS, done, total, {})

    return report


def _aloud(log: Log) -> Callable[[str], None]:
    """Passes a line on as it is."""
    return lambda line: log(f"{NOTE}{line}", 0, 0, {})


def _keep(path: Path, story: str) -> str:
    """Appends a traceback to a file; returns where it is."""
    try:
        with open(path, "a", encoding="utf-8", opener=_here) as file:
            file.write(story)
        return f"its traceback is in {path}"
    except OSError:
        return "the job stopped; others are not affected"


@contextmanager
def output_to(path: Path | None) -> Iterator[None]:
    """Inside the block, all that this process and its libraries print is appended to the file."""
    if path is None:
        yield
        return
    saved = os.dup(1), os.dup(2)
    number = _appending(path)
    os.dup2(number, 1)
    os.dup2(number, 2)
    os.close(number)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, kept in zip((1, 2), saved, strict=True):
            os.dup2(kept, number)
            os.close(kept)


def _appending(path: Path) -> int:
    """A file opened to append to, by its number: no link is followed. Where it cannot be written, what is appended is
    lost."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _here(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _here(path: str | Path, flags: int) -> int:
    """Opens a file, and nothing that a link leads to, and waits for nobody who reads a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


_send: Callable[[Event], None]


_quiet: bool


def start(events: Any, gpus: Any, threads: int, sharing: int, quiet: bool) -> None:
    """Prepares a worker process: its GPU, threads and share of memory, where its progress goes.

    It ends when its parent does.
    """
    global _send, _quiet
    from tqdm import tqdm

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    gpu = gpus.get()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    logging.getLogger("moa.settings").setLevel(logging.ERROR)  # the parent loaded the same benchmark and has warned
    tqdm.set_lock(threading.RLock())  # its own one, between processes, is a semaphore that outlives a stopped worker
    _send, _quiet = events.put, quiet
    os.dup2(2, 1)  # stdout belongs to the parent's result
    share_memory(sharing)
    setup(threads)


def perform_here(job: Job) -> Outcome:
    """Does a job in a worker process."""
    from methods.engines import forget_loaded

    def log(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        _send((job.key, stage, step, steps, measured))

    outcome = perform(job, log, quiet=_quiet)
    forget_loaded()  # policies that were loaded hold on to the job's benchmark, and it to its own and to rewards
    release()
    return outcome


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
