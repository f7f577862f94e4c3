"""Jobs: what is to be done for runs, in which order, in which process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.jobs.answers import Odd, rescoring_jobs, taking_jobs
    from moa_cli.jobs.ceiling import ceiling_jobs, stored_samples
    from moa_cli.jobs.goals import TakesGoals
    from moa_cli.jobs.job import Job, Look, Outcome
    from moa_cli.jobs.plan import (
        after_preparations,
        measuring_jobs,
        pointing_jobs,
        preparing_jobs,
        run_label,
        sweeping_jobs,
        training_jobs,
    )
    from moa_cli.jobs.pool import Follow, Workers, choose_workers, nothing_more, run_jobs, usable_cores
    from moa_cli.jobs.preparation import preparation_jobs
    from moa_cli.jobs.progress import Display
    from moa_cli.jobs.run import evaluate, train
    from moa_cli.jobs.work import RunAddress, make_run, measure_point
    from moa_cli.jobs.worker import output_to

__getattr__, __all__ = door(__name__)
