"""What a command is about: methods, benchmarks, settings, seeds, runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands.options.completion import complete_benchmarks, complete_methods, complete_studies

Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", "-m", metavar="METHOD", autocompletion=complete_methods,
        help="A method's name or Python file; for more than one repeat -m or use commas; 'all' for all.",
    ),
]  # fmt: skip


MethodsOrAll = Annotated[
    list[str] | None,
    typer.Option(
        "--method", "-m", metavar="METHOD", autocompletion=complete_methods,
        help="Only runs of these methods. One that is a Python file runs only if it is named here.",
    ),
]  # fmt: skip


MethodFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--method", "-m", metavar="FILE.py",
        help="A method that is a Python file, whose runs are left out if it is not named here; repeatable.",
    ),
]  # fmt: skip


BENCHMARK = "A benchmark's name, .toml or .py file; for more than one repeat -b or use commas."


BenchmarkFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--benchmark", "-b", metavar="FILE",
        help="The run's benchmark, where it is a Python file or has Python functions as rewards.",
    ),
]  # fmt: skip


StudiedMethods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", "-m", metavar="METHOD", autocompletion=complete_methods,
        help="A method's name or Python file, in place of the one that the study is about; kl takes several, repeat or "
        "use commas.",
    ),
]  # fmt: skip


Benchmarks = Annotated[
    list[str] | None,
    typer.Option(
        "--benchmark", "-b", metavar="BENCHMARK", autocompletion=complete_benchmarks,
        help=rf"{BENCHMARK} \[default: hh-rlhf-mini]",
    ),
]  # fmt: skip


BenchmarksOrAll = Annotated[
    list[str] | None,
    typer.Option(
        "--benchmark", "-b", metavar="BENCHMARK", autocompletion=complete_benchmarks,
        help=rf"{BENCHMARK} \[default: hh-rlhf-mini; of runs that are there, all]",
    ),
]  # fmt: skip


Items = Annotated[
    list[str] | None,
    typer.Option(
        "--config", "-c", metavar="ITEM",
        help="preset=NAME, a TOML file, a run.json, 'tuned' (what moa tune found), the folder of another store that "
        "has it, or KEY=VALUE; later ones win. KEY is a setting of the benchmark (eval_prompts, sampling.temperature), "
        "a hyperparameter of every method that has it (batch), or of one method (ric.batch).",
    ),
]  # fmt: skip


SEEDS = "For more than one repeat it or use commas."


Seeds = Annotated[  # rich takes an unescaped bracket for markup
    list[str] | None, typer.Option("--seed", metavar="N", help=rf"{SEEDS} \[default: 0]")
]


SeedsOrAll = Annotated[
    list[str] | None,
    typer.Option("--seed", metavar="N", help=rf"{SEEDS} \[default: 0; of runs that are there, all]"),
]


PREPARATIONS = (
    f"Do it on several preparations of the benchmark: other starting policies, rewards and noise of the data. {SEEDS}"
)


Preparations = Annotated[
    list[str] | None, typer.Option("--preparations", metavar="N", help=rf"{PREPARATIONS} \[default: 0]")
]


PreparationsOrAll = Annotated[
    list[str] | None,
    typer.Option("--preparations", metavar="N", help=rf"{PREPARATIONS} \[default: 0; of runs that are there, all]"),
]


RunFolders = Annotated[
    list[Path] | None, typer.Argument(metavar="RUN...", help="Folders of runs; all trained ones if none.")
]


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, as moa list runs prints it.")]


Compared = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[RUN|FILE]...",
        help="Folders of runs, or one comparison saved as .json; if neither these nor -m are given, all measured runs.",
    ),
]


WeightsOfOne = Annotated[
    str | None, typer.Option("--weights", metavar="W,W", help=r"One per objective. \[default: equal]")
]


StudyName = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", autocompletion=complete_studies,
        help="controllability, reward-model-size, optimizer, retention or kl.",
    ),
]  # fmt: skip


Over = Annotated[
    list[str] | None,
    typer.Option(
        "--over", metavar="VALUE",
        help="The optimizers, the sizes, hub ids or paths of reward models, or the factors on strengths, in place of "
        "the study's own; repeat or use commas.",
    ),
]  # fmt: skip
