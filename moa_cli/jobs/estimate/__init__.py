"""What jobs would take, before any is started: models, operations, hours and memory. Nothing is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.jobs.estimate.amounts import Known, Spent, spent_on, summed
    from moa_cli.jobs.estimate.checks import check_fits, try_functions
    from moa_cli.jobs.estimate.document import DryRun
    from moa_cli.jobs.estimate.foreseen import forecast, known_of
    from moa_cli.jobs.estimate.lengths import are_here
    from moa_cli.jobs.estimate.page import dry_run_page
    from moa_cli.jobs.estimate.parts import nowhere

__getattr__, __all__ = door(__name__)
