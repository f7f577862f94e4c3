"""What commands share: what was typed, what is made or measured, how it is told, and how a command ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.commands.common.alone import one_run, quietly
    from moa_cli.commands.common.carrying import check_archive, take_prepared
    from moa_cli.commands.common.contests import (
        check_options,
        comparison_of,
        contest,
        even_weights,
        hold,
        judged,
        left_to_do,
        saved_alone,
    )
    from moa_cli.commands.common.examination import Checked, examine_benchmark, examine_method, is_benchmark_file
    from moa_cli.commands.common.facts import (
        BenchmarkFacts,
        benchmark_rows,
        is_benchmark,
        is_method,
        method_facts,
        method_rows,
        nothing_called,
        run_facts,
        run_rows,
        tunings_called,
    )
    from moa_cli.commands.common.finish import (
        check_files,
        check_outputs,
        check_room,
        close_gate,
        execute,
        failures_of,
        foresee,
        leave_unless,
        method_folders,
        named_files,
        same_place,
        show_failures,
        succeed,
        tell_answers,
        write_outputs,
    )
    from moa_cli.commands.common.machine import examine
    from moa_cli.commands.common.measured import Doing, check_mode, measure_runs, only_benchmark, score_again, take_in
    from moa_cli.commands.common.pages import benchmark_page, card_table, front_table, list_page, method_page, run_page
    from moa_cli.commands.common.remarks import few_prompts
    from moa_cli.commands.common.removal import KINDS, check_removable, removable, remove
    from moa_cli.commands.common.reproduction import Reproduction, reproduction_page
    from moa_cli.commands.common.tracking import track_with
    from moa_cli.commands.common.typed import (
        DEFAULT_BENCHMARK,
        benchmark_list,
        check_runs,
        folder_names,
        method_list,
        names_in,
        preparations_in,
        prompts_in,
        seed_in,
        seeds_in,
        settings_of,
        settings_over,
        share_in,
        weights_in,
        wish_in,
    )

__getattr__, __all__ = door(__name__)
