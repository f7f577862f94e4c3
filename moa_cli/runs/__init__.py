"""Runs on disk: folders, records, configuration, answers made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.runs.code import check_benchmark_named, check_method_named
    from moa_cli.runs.config import (
        Settings,
        Source,
        as_config,
        default_config,
        over_preparations,
        resolve,
        restore,
        takes_tuned,
    )
    from moa_cli.runs.contestant import (
        Contestant,
        Rescoring,
        answered,
        check_in_force,
        check_same_code,
        contestants,
        find_rescoring,
        recorded_benchmark,
        source_of,
        stored_contestant,
        stored_contestants,
    )
    from moa_cli.runs.folders import (
        DEV,
        FRONT,
        SWEEP,
        SWEEP_BEFORE,
        beside_front,
        bytes_of,
        check_home,
        code_of,
        find_runs,
        front_name,
        fronts_in,
        method_source,
        run_around,
        run_name,
        taken_around,
    )
    from moa_cli.runs.front import Asked, FrontFacts, note_trials, read_asked, read_measured, write_asked
    from moa_cli.runs.items import PREFIX, dotted, fits, preset_names, preset_settings, typed_setting
    from moa_cli.runs.log import LogRow, last_rows, log_curves
    from moa_cli.runs.record import GIVEN, Origin, Record, is_earlier, measured_again, read_record
    from moa_cli.runs.responses import Found, Responses, read_responses
    from moa_cli.runs.state import Counting, counted_cards, failed_for, has_front, is_scored, note_failure
    from moa_cli.runs.surroundings import (
        git_commit,
        note_taken,
        processor,
        typed_command,
        versions,
        whole_command,
        working_folder,
    )
    from moa_cli.runs.tuned import TUNED, State, Trial, Tuning, read_tuning, searched_fields, tuned_as, tuning_file

__getattr__, __all__ = door(__name__)
