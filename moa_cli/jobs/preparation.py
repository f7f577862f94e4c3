"""The jobs that prepare a benchmark: one finds what is missing, one makes each part, the last the card."""

from __future__ import annotations

from functools import partial

from benchmarks import Benchmark
from benchmarks.common import Log
from moa_cli.jobs.job import Job, Look, benchmark_label
from moa_cli.runs import Source


def preparation_jobs(source: Source) -> list[Job]:
    """The jobs that prepare a benchmark; the first one finds out which others there are."""
    name = benchmark_label(source)
    look = Look(
        key=f"look {name}",
        label=f"{name}: what is prepared",
        purpose="prepare",
        source=source,
        work=partial(_look, source=source),
    )
    card = Job(
        key=f"card {name}", label=f"{name}: scale card",
        foreseen=f"{name}: starting policy, rewards and scale card, as far as missing",
        purpose="prepare", source=source, work=_make_card, needs=(look.key,),
    )  # fmt: skip
    return [look, card]


def _look(benchmark: Benchmark, log: Log, *, source: Source) -> tuple[Job, ...]:
    """A job for each part that is missing."""
    from benchmarks.prepare import missing_parts

    name = benchmark_label(source)
    return tuple(
        Job(
            key=f"part {name}: {part}", label=f"{name}: {part}", purpose="prepare", source=source,
            work=partial(_make_part, part=part),
        )
        for part in missing_parts(benchmark)
    )  # fmt: skip


def _make_part(benchmark: Benchmark, log: Log, *, part: str) -> None:
    from benchmarks.prepare import prepare_part

    prepare_part(benchmark, part, log)


def _make_card(benchmark: Benchmark, log: Log) -> None:
    from benchmarks.prepare import prepare

    prepare(benchmark, log)
