"""What comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from moa_cli.console import be_verbose

OUTPUT = "Output"


DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what would be done, with models, downloads, memory, FLOPs and about how many hours, and do nothing.",
        rich_help_panel=OUTPUT,
    ),
]  # fmt: skip


TryOut = Annotated[
    bool,
    typer.Option("--dry-run", help="Try all but the writing, and write nothing.", rich_help_panel=OUTPUT),
]


AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=OUTPUT)]


Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", callback=be_verbose, help="Show tracebacks and what libraries print."),
]


AllAnswers = Annotated[
    bool,
    typer.Option(
        "--all-answers",
        help="Put every answer into .html and .json, not those to some prompts; their size is told.",
        rich_help_panel=OUTPUT,
    ),
]


def _output(what: str, suffixes: str) -> Any:
    """The option -o."""
    told = f"Write the {what} here too, as its suffix says: {suffixes}; repeatable."
    return typer.Option("--output", "-o", metavar="FILE", help=told, rich_help_panel=OUTPUT)


Outputs = Annotated[list[Path] | None, _output("comparison", ".md .json .csv .tex .xml (JUnit) .png .pdf .svg .html")]


ClaimsOutputs = Annotated[list[Path] | None, _output("result", ".md .json")]


StudyOutputs = Annotated[list[Path] | None, _output("result", ".md .json .csv .html .png .pdf .svg")]
