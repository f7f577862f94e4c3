"""The options that several commands share, and what the shell completes for them."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer

from moa_cli.console import be_verbose


def limit_rewards(seconds: float | None) -> None:
    """Tells this process and the workers that it starts how long a call of a reward may take."""
    import os

    from benchmarks.common import TIMEOUT

    if seconds is not None:
        os.environ[TIMEOUT] = str(seconds)


def finite(value: float | None) -> float | None:
    """A number that may have no upper end, and yet is one. BadParameter for infinity."""
    if value is not None and value == inf:
        raise typer.BadParameter("Input should be a finite number")
    return value


def at_home(folder: Path) -> Path:
    """A folder with "~" for that of the user, as a variable has it that no shell has read."""
    return folder.expanduser()


def complete_method(incomplete: str) -> list[str]:
    """Names of methods."""
    from methods import method_names

    return [name for name in method_names() if name.startswith(incomplete)]


def complete_methods(incomplete: str) -> list[str]:
    """Names of methods, and "all"."""
    return [*complete_method(incomplete), *(["all"] if "all".startswith(incomplete) else [])]


def complete_benchmarks(incomplete: str) -> list[str]:
    """Names of benchmarks."""
    from benchmarks import benchmark_names

    return [name for name in benchmark_names() if name.startswith(incomplete)]


def complete_subjects(incomplete: str) -> list[str]:
    """What `moa show` shows by name."""
    return [*complete_method(incomplete), *complete_benchmarks(incomplete)]


def complete_studies(incomplete: str) -> list[str]:
    """Names of studies."""
    from moa_cli.studies import STUDIES

    return [name for name in STUDIES if name.startswith(incomplete)]


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


BENCHMARK = "A benchmark's name, .toml or .py file; for more than one repeat -b or use commas."


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


Home = Annotated[
    Path,
    typer.Option(
        "--runs", metavar="DIR", envvar="MOA_RUNS", callback=at_home, help="Where runs and prepared benchmarks lie."
    ),
]  # fmt: skip


DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Read the benchmark's data from this folder.")
]


Track = Annotated[
    str | None,
    typer.Option(
        "--track", metavar="TRACKER",
        help="Send what trainings measure to trackio, wandb or tensorboard, too, under the name of the run.",
    ),
]  # fmt: skip


RewardTimeout = Annotated[
    float | None,
    typer.Option(
        "--reward-timeout", metavar="SECONDS", envvar="MOA_REWARD_TIMEOUT", min=0.001, callback=limit_rewards,
        help=r"End a call of a reward that is a Python function if it takes longer than that. \[default: no limit]",
    ),
]  # fmt: skip


Prepared = Annotated[
    Path | None,
    typer.Option(
        "--prepared", metavar="FILE.tar",
        help="Take what is prepared from this file of moa prepare -o, into the folder of runs, instead of making it.",
    ),
]  # fmt: skip


Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", metavar="N", min=1,
        help=r"Number of worker processes. \[default: one per GPU or CPU core, at most one per job]",
    ),
]  # fmt: skip


DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what would be done, with models, downloads, memory, FLOPs and about how many hours, and do nothing.",
    ),
]  # fmt: skip


AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", callback=be_verbose, help="Show tracebacks and what libraries print.")
]


RunFolders = Annotated[
    list[Path] | None, typer.Argument(metavar="RUN...", help="Folders of runs; all trained ones if none.")
]


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, as moa list runs prints it.")]


WeightsOfOne = Annotated[
    str | None, typer.Option("--weights", metavar="W,W", help=r"One per objective. \[default: equal]")
]


Pareto = Annotated[bool, typer.Option("--pareto", help="Measure the whole front and keep it.")]


OnePoint = Annotated[str | None, typer.Option("--weights", metavar="W,W", help="Measure this point; it is not kept.")]


ResponsesFile = Annotated[
    Path | None,
    typer.Option(
        "--responses", metavar="FILE",
        help="Score answers that were made elsewhere and keep them as a front: .jsonl .json .csv .tsv (each also .gz) "
        ".parquet, shards as 'answers-*.jsonl', or a saved Arrow folder; a row each with prompt and answer, and where "
        "there are such: weights (a list or '0.3,0.7'), method, seed. Every test prompt needs its answer at every "
        "weight.",
    ),
]  # fmt: skip


Rescore = Annotated[
    bool,
    typer.Option(
        "--rescore", help="Where a benchmark's evaluators have changed: score stored answers again, generate nothing."
    ),
]


Prompts = Annotated[bool, typer.Option("--prompts", help="Print the test prompts as JSON, to be answered elsewhere.")]


Name = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME",
        help="With --responses: what to call the method, whatever a column says. Without it: as the column says, or "
        "else as the file.",
    ),
]  # fmt: skip


ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="ROLE=COLUMN",
        help="With --responses: what a column is called, if not prompt, answer or response, weights, method, seed; "
        "repeatable. Only if named: weight:OBJECTIVE; reward:OBJECTIVE and score:OBJECTIVE, raw scores of the "
        "benchmark's own rewards, which are then not computed.",
    ),
]  # fmt: skip


OneSeed = Annotated[
    str | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="With --responses: the method's seed, whatever a column says. Without it: as the column says, or else 0.",
    ),
]


def _output(what: str, suffixes: str) -> Any:
    """The option -o."""
    told = f"Write the {what} here too, as its suffix says: {suffixes}; repeatable."
    return typer.Option("--output", "-o", metavar="FILE", help=told)


Compared = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[RUN|FILE]...",
        help="Folders of runs, or one comparison saved as .json; if neither these nor -m are given, all measured runs.",
    ),
]


Outputs = Annotated[list[Path] | None, _output("comparison", ".md .json .csv .tex .xml (JUnit) .png .pdf .svg .html")]


Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline", metavar="FILE.json",
        help="An earlier comparison. Leave with 1 if a method lost hypervolume against it, for certain, is "
        "gone or crashed.",
    ),
]  # fmt: skip


Tolerance = Annotated[
    str | None,
    typer.Option(
        "--tolerance", metavar="SHARE", help=r"Losses up to this share of the baseline pass: 1% or 0.01. \[default: 1%]"
    ),
]  # fmt: skip


KeepCollapsed = Annotated[
    bool,
    typer.Option(
        "--keep-collapsed", help="Count points at which more than a fifth of the answers are degenerate, too."
    ),
]  # fmt: skip


Earlier = Annotated[
    bool,
    typer.Option(
        "--earlier",
        help="Where the code of a method of one's own has changed: compare what it was trained by before, too.",
    ),
]


At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="W,W",
        help="Say which method to take, and at which of its weights, if the objectives count like this, and how sure "
        "that is: chosen on one half of the test prompts, reported on the other.",
    ),
]  # fmt: skip


MaxAnswerCost = Annotated[
    str | None,
    typer.Option(
        "--max-answer-cost", metavar="TIMES",
        help="With --at: an answer takes at most so many times the operations of the starting policy's, such as 2x.",
    ),
]  # fmt: skip


MaxKL = Annotated[
    float | None,
    typer.Option(
        "--max-kl", metavar="NATS", min=0, callback=finite,
        help="With --at: at most so far from the starting policy, per answer.",
    ),
]  # fmt: skip


ClaimsOutputs = Annotated[list[Path] | None, _output("result", ".md .json")]


WithPower = Annotated[
    bool,
    typer.Option(
        "--power", help="Say how small a difference these trainings and prompts can show, with a chance of 80 %."
    ),
]


AllAnswers = Annotated[
    bool,
    typer.Option(
        "--all-answers", help="Put every answer into .html and .json, not those to some prompts; their size is told."
    ),
]


WithCeiling = Annotated[
    bool,
    typer.Option(
        "--ceiling",
        help="Draw what the ceiling is estimated from: the best scores that any policy could have at a given KL. It "
        "is kept, and shown from then on.",
    ),
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


StudyOutputs = Annotated[list[Path] | None, _output("result", ".md .json .csv .html .png .pdf .svg")]
