"""The options that several commands share. Help shows them in panels: what it is about first, where it runs last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.commands.options.asked import (
        At,
        Baseline,
        ColumnNames,
        Earlier,
        KeepCollapsed,
        MaxAnswerCost,
        MaxKL,
        Name,
        OnePoint,
        OneSeed,
        Pareto,
        Prompts,
        Rescore,
        ResponsesFile,
        Tolerance,
        WithCeiling,
        WithPower,
        finite,
    )
    from moa_cli.commands.options.completion import complete_subjects
    from moa_cli.commands.options.output import (
        AllAnswers,
        AsJson,
        ClaimsOutputs,
        DryRun,
        Outputs,
        StudyOutputs,
        TryOut,
        Verbose,
    )
    from moa_cli.commands.options.running import DataDir, Home, Jobs, Prepared, RewardTimeout, Track
    from moa_cli.commands.options.subject import (
        BenchmarkFiles,
        Benchmarks,
        BenchmarksOrAll,
        Compared,
        Items,
        MethodFiles,
        Methods,
        MethodsOrAll,
        Over,
        Preparations,
        PreparationsOrAll,
        RunFolder,
        RunFolders,
        Seeds,
        SeedsOrAll,
        StudiedMethods,
        StudyName,
        WeightsOfOne,
    )

__getattr__, __all__ = door(__name__)
