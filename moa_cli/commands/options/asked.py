"""What is asked of runs and comparisons."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Annotated

import typer

GATE, CHOICE, ELSEWHERE = "Gate", "Choose one", "Answers that were made elsewhere"


def finite(value: float | None) -> float | None:
    """A number that may have no upper end, and yet is one. BadParameter for infinity."""
    if value is not None and value == inf:
        raise typer.BadParameter("Input should be a finite number")
    return value


Pareto = Annotated[bool, typer.Option("--pareto", help="Measure the whole front and keep it.")]


OnePoint = Annotated[str | None, typer.Option("--weights", metavar="W,W", help="Measure this point; it is not kept.")]


Rescore = Annotated[
    bool,
    typer.Option(
        "--rescore", help="Where a benchmark's evaluators have changed: score stored answers again, generate nothing."
    ),
]


Prompts = Annotated[
    bool,
    typer.Option(
        "--prompts", help="Print the test prompts as JSON, to be answered elsewhere.", rich_help_panel=ELSEWHERE
    ),
]


ResponsesFile = Annotated[
    Path | None,
    typer.Option(
        "--responses", metavar="FILE",
        help="Score answers that were made elsewhere and keep them as a front: .jsonl .json .csv .tsv (each also .gz) "
        ".parquet, shards as 'answers-*.jsonl', or a saved Arrow folder; a row each with prompt and answer, and where "
        "there are such: weights (a list or '0.3,0.7'), method, seed. Every test prompt needs its answer at every "
        "weight.",
        rich_help_panel=ELSEWHERE,
    ),
]  # fmt: skip


Name = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME",
        help="With --responses: what to call the method, whatever a column says. Without it: as the column says, or "
        "else as the file.",
        rich_help_panel=ELSEWHERE,
    ),
]  # fmt: skip


ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="ROLE=COLUMN",
        help="With --responses: what a column is called, if not prompt, answer or response, weights, method, seed; "
        "repeatable. Only if named: weight:OBJECTIVE; reward:OBJECTIVE and score:OBJECTIVE, raw scores of the "
        "benchmark's own rewards, which are then not computed.",
        rich_help_panel=ELSEWHERE,
    ),
]  # fmt: skip


OneSeed = Annotated[
    str | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="With --responses: the method's seed, whatever a column says. Without it: as the column says, or else 0.",
        rich_help_panel=ELSEWHERE,
    ),
]


Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline", metavar="FILE.json",
        help="An earlier comparison. Leave with 1 if a method lost hypervolume against it, for certain, is "
        "gone or crashed.",
        rich_help_panel=GATE,
    ),
]  # fmt: skip


Tolerance = Annotated[
    str | None,
    typer.Option(
        "--tolerance", metavar="SHARE",
        help=r"Losses up to this share of the baseline pass: 1% or 0.01. \[default: 1%]",
        rich_help_panel=GATE,
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


WithCeiling = Annotated[
    bool,
    typer.Option(
        "--ceiling",
        help="Draw what the ceiling is estimated from: the best scores that any policy could have at a given KL. It "
        "is kept, and shown from then on.",
    ),
]


WithPower = Annotated[
    bool,
    typer.Option(
        "--power", help="Say how small a difference these trainings and prompts can show, with a chance of 80 %."
    ),
]


At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="W,W",
        help="Say which method to take, and at which of its weights, if the objectives count like this, and how sure "
        "that is: chosen on one half of the test prompts, reported on the other.",
        rich_help_panel=CHOICE,
    ),
]  # fmt: skip


MaxAnswerCost = Annotated[
    str | None,
    typer.Option(
        "--max-answer-cost", metavar="TIMES",
        help="With --at: an answer takes at most so many times the operations of the starting policy's, such as 2x.",
        rich_help_panel=CHOICE,
    ),
]  # fmt: skip


MaxKL = Annotated[
    float | None,
    typer.Option(
        "--max-kl", metavar="NATS", min=0, callback=finite,
        help="With --at: at most so far from the starting policy, per answer.",
        rich_help_panel=CHOICE,
    ),
]  # fmt: skip
