"""All searches of a command: which trial is next, of which method, and how much it may cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from benchmarks.common import check_inside, locked
from moa_cli.jobs import Job, Outcome, RunAddress, after_preparations, make_run, run_label
from moa_cli.runs import Contestant, Tuning
from moa_cli.tuning.search import MethodSearch, Plan, kept_in, open_search
from moa_cli.tuning.trying import try_out


@dataclass
class Tuner:
    """The searches of several methods side by side.

    Every method has as many trials and as much compute. Where no budget is given it is the number of trials times what
    the dearest default took [choice], so that nobody gains by long trainings; it is known once all defaults are tried.
    """

    searches: Sequence[MethodSearch]
    width: int = 1
    """Trials of a method at a time. With 1 the same command finds the same; with more it depends on who is first."""
    asked: dict[str, tuple[MethodSearch, int, Contestant]] = field(default_factory=dict)
    """By the key of its job: whose trial it is, its number in the study, and the run."""

    def first(self) -> list[Job]:
        """The first jobs, the preparation of the benchmark before them where it is missing."""
        self._agree()
        return after_preparations((self.asked[job.key][0].run.benchmark, job) for job in self._next())

    def follow(self, outcome: Outcome) -> list[Job]:
        """Keeps how a trial went, and says which follow."""
        if outcome.job.key not in self.asked or not outcome.started:
            return []
        search, number, run = self.asked.pop(outcome.job.key)
        search.tell(number, run, outcome)
        return self._next() if self._agree() else []

    @property
    def documents(self) -> list[Tuning]:
        """What is known so far, by method."""
        return [search.document() for search in self.searches]

    def store(self) -> None:
        """Writes what is known, where `-c tuned` takes it: another search may have been written there meanwhile."""
        for search in self.searches:
            search.store()

    def _agree(self) -> bool:
        """Sets a common budget where none was given. Whether all defaults are tried, so that it can be known."""
        if not all(search.default or search.broken for search in self.searches):
            return False
        most = max((search.default.flops for search in self.searches if search.default), default=0.0)
        for search in self.searches:
            if search.plan.budget is None and most:
                search.plan = replace(search.plan, budget=search.plan.trials * most)
        return True

    def _next(self) -> list[Job]:
        jobs = []
        for search in self.searches:
            while len(search.under_way) < self.width and (asked := search.ask()):
                jobs.append(self._job(search, *asked))
        return jobs

    def _job(self, search: MethodSearch, number: int, run: Contestant) -> Job:
        job = Job(
            key=f"trial {run.method_name} {number}", purpose="tune", source=run.source, folder=run.folder,
            label=run_label(run.method_source, run.source, run.seed, run.folder, run.variant),
            work=partial(try_out, run=RunAddress.of(run), source=run.source),
        )  # fmt: skip
        self.asked[job.key] = search, number, run
        return job


def trials_of(runs: Sequence[Contestant]) -> list[Job]:
    """A trial of each configuration as it is, with preparation before them: what can be foreseen of a search."""
    return after_preparations(
        (
            run.benchmark,
            Job(
                key=f"trial {run.method_name}", purpose="tune", source=run.source, folder=run.folder,
                label=run_label(run.method_source, run.source, run.seed, run.folder, run.variant),
                work=partial(
                    make_run, run=RunAddress.of(run), source=run.source, training=True, front=True, goals=False,
                    restart=False,
                ),
            ),
        )
        for run in runs
    )  # fmt: skip


@contextmanager
def open_tuner(runs: Sequence[Contestant], plan: Plan) -> Iterator[Tuner]:
    """The searches for the settings of these methods, which no other process may go on with meanwhile.

    BadInput where one does, or a link leads out of where they are kept.
    """
    with ExitStack() as held:
        for run in runs:
            path = kept_in(run)
            check_inside(path.with_suffix(".journal"), run.source.home)
            held.enter_context(locked(path.with_name(f".{path.stem}.lock"), wait=False))
        yield Tuner([open_search(run, plan) for run in runs])
