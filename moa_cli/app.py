"""The command line: one function per command. Results go to stdout, progress and errors to stderr.

Exit codes: 0 fine, 1 a method regressed, 2 the question could not be answered (in part: what is there is still printed
and written), 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from benchmarks.models import soften_warnings
from moa_cli.commands import (
    chat,
    check,
    claims,
    clean,
    compare,
    doctor,
    evaluate,
    export,
    init,
    list_,
    prepare,
    rm,
    show_,
    soup,
    study,
    train,
    tune,
    view,
)
from moa_cli.commands.project import ProjectCommand, bare_flags
from moa_cli.console import (
    Said,
    Terminated,
    Unread,
    errors,
    exit_code,
    have_streams,
    interruption,
    is_verbose,
    out,
    refuse,
    say,
    show_error,
)

UsageError: type[Any] = typer.BadParameter.__bases__[0]  # click's, or that of the click that typer brings along


class Commands(TyperGroup):
    """The commands. None raises SystemExit or EOFError of its own, for which typer would leave with 0 or 1.

    These come from a user's code that runs in this process, and are its fault. What was mistyped is refused as
    everything else is.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return bare_flags(super().get_params(ctx))

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Reads what stands before a command."""
        try:
            return super().make_context(*args, **more)
        except UsageError as error:
            _refuse_mistyped(error, error.ctx)
        except typer.Exit as left:  # with 1 for a shell without completion, which says that a method became worse
            raise typer.Exit(2 if left.exit_code else 0) from None

    def invoke(self, ctx: Any) -> Any:
        """Does a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as end:
            say("interrupted")
            raise typer.Exit(exit_code(end)) from None
        except UsageError as error:
            _refuse_mistyped(error, error.ctx or ctx)
        except (SystemExit, EOFError) as error:
            from benchmarks import BadInput
            from benchmarks.common import error_words

            place = traceback.extract_tb(error.__traceback__)[-1]
            raise BadInput(
                f"{place.filename}, line {place.lineno}: {error_words(error)}",
                "code that a command uses may not end it: nobody would know what came of it",
                "make it return, or raise an error that says what is wrong",
            ) from error


def _refuse_mistyped(error: Any, at: Any) -> NoReturn:
    usage = at.get_usage().strip().removeprefix("Usage: ")
    refuse(error.format_message().rstrip("."), f"what it takes is: {usage}", f"{at.command_path} --help")


class OptionsAlone(ProjectCommand):
    """A command that takes nothing but options: names that were typed without one are told which they need."""

    option = "-m"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads what was typed."""
        ctx.allow_extra_args = True
        rest: list[str] = super().parse_args(ctx, args)
        if ctx.args and not ctx.resilient_parsing:
            names = ",".join(ctx.args)
            what = "a method" if self.option == "-m" else "a benchmark"
            refuse(
                f"{' '.join(ctx.args)} was typed without {self.option}", f"{what} is named with {self.option}",
                f"moa {ctx.info_name} {self.option} {names}",
            )  # fmt: skip
        return rest


class OfBenchmarks(OptionsAlone):
    """One of these that is about benchmarks."""

    option = "-b"


app = typer.Typer(
    name="moa",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _terminate(*_: object) -> None:
    raise Terminated


def _come_again(lost: sys.UnraisableHookArgs) -> None:
    """Where Python lets no exception through, as in a finalizer, an interruption that came there comes once more."""
    if isinstance(lost.exc_value, KeyboardInterrupt):
        number = signal.SIGTERM if isinstance(lost.exc_value, Terminated) else signal.SIGINT
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
    else:
        sys.__unraisablehook__(lost)


def main() -> None:
    """The entry point of `moa`. No exception leaves with exit code 1; SIGTERM ends it as Ctrl-C does."""
    have_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an encoding without "±" shall not cost the result
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # nor bytes that are no text a talk: no tokenizer takes them
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)  # as a batch system stops what it has started
        sys.unraisablehook = _come_again
    logging.lastResort = Said(logging.WARNING)
    soften_warnings()
    try:
        app(prog_name="moa")
    except SystemExit as left:
        if left.code == 130 and (end := interruption(left)):  # typer's, which knows Ctrl-C alone
            sys.exit(exit_code(end))
        raise
    except Unread:
        sys.exit(0)
    except BaseException as error:
        from benchmarks import BadInput
        from benchmarks.common import error_words, full_disk, no_memory, no_path, no_room, not_permitted

        if end := interruption(error):
            say("interrupted")
            sys.exit(exit_code(end))
        if isinstance(error, PermissionError):
            error = not_permitted(error.filename)
        elif refusal := no_path(error):
            error = refusal
        elif full_disk(error):
            error = BadInput(*no_room("it stopped", getattr(error, "filename", None) or "what was written to"))
        elif no_memory(error):
            last = (str(error).strip() or type(error).__name__).splitlines()[-1]
            why, fix = f"the system gave no more: {last}", "close what else runs here, or raise its limit"
            error = BadInput("it stopped: there is too little memory", why, fix)
        elif isinstance(error, FileNotFoundError) and not _is_somewhere():
            why = "files and runs are looked for from there"
            error = BadInput("the folder that this was typed in is gone", why, "cd to one that is there")
        if is_verbose():
            errors.print(traceback.format_exc(), soft_wrap=True)
        if isinstance(error, BadInput):
            show_error(error.what, error.why, error.fix)
        else:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"this should not happen: {Path(where.filename).name}, line {where.lineno}"
            show_error(error_words(error), place, "the same command with -v shows the traceback")
        sys.exit(2)


def _is_somewhere() -> bool:
    """Whether the working folder is there."""
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def _print_version(value: bool) -> None:
    if value:
        from moa_cli.runs import versions

        out(f"moa {versions()['moa-cli']}")
        raise typer.Exit


@app.callback()
def moa(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    no_project: Annotated[
        bool, typer.Option("--no-project", help="Take nothing from moa.toml, nor from pyproject.toml.")
    ] = False,
) -> None:
    """Train and compare multi-objective alignment methods for language models.

    [b]moa compare -m sft,ric[/b] prepares the embedded benchmark, trains both methods, measures and compares them.
    """


PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Train and compare": {"prepare": prepare, "train": train, "eval": evaluate, "compare": compare},
    "Ask more": {"tune": tune, "study": study, "claims": claims},
    "Look": {"list": list_, "show": show_, "view": view},
    "Take a policy home": {"export": export, "chat": chat, "soup": soup},
    "A method or a benchmark of your own": {"init": init, "check": check},
    "Keep house": {"rm": rm, "clean": clean, "doctor": doctor},
}
"""The commands, as the help sorts them."""


for panel, named in PANELS.items():
    for name, command in named.items():
        cls = OfBenchmarks if name == "prepare" else OptionsAlone if name in ("train", "tune") else ProjectCommand
        app.command(name, cls=cls, rich_help_panel=panel)(command)
