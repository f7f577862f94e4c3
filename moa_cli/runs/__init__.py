"""Runs on disk: folders, records, configuration, answers made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.runs.config import Settings, Source, as_config, hyperparameter_types, resolve, restore
    from moa_cli.runs.contestant import (
        Contestant,
        check_trained_on,
        contestants,
        meant_weights,
        recorded_benchmark,
        source_of,
        stored_contestant,
    )
    from moa_cli.runs.folders import (
        FRONT,
        SWEEP,
        SWEEP_BEFORE,
        check_home,
        find_runs,
        foundation,
        given_folder,
        method_source,
        run_folder,
        run_name,
    )
    from moa_cli.runs.front import forget_other_points, front_document, front_facts, last_rows, stored_front_facts
    from moa_cli.runs.record import (
        GIVEN,
        Record,
        benchmark_record,
        new_record,
        read_record,
        run_status,
        versions,
        write_record,
    )
    from moa_cli.runs.responses import Found, Responses, read_responses
    from moa_cli.runs.state import is_scored, is_trained

__getattr__, __all__ = door(__name__)
