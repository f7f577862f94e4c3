"""What the command line prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.text import Text

from moa_cli.words import inert


class Inert:
    """Something to print, whose text does nothing but be shown."""

    def __init__(self, shown: RenderableType):
        self.shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in console.render(self.shown, options):
            yield part if part.control else Segment(inert(part.text), part.style)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.shown)


class _AllInert(RenderHook):
    def process_renderables(self, renderables: Iterable[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [Inert(shown) for shown in renderables]


def screen(**how: Any) -> Console:
    """A console on which no text is more than text: the one place where all that is printed passes."""
    console = Console(highlight=False, markup=False, emoji=False, **how)
    console.push_render_hook(_AllInert())
    return console


errors = screen(stderr=True)
_verbose = False


class Terminated(KeyboardInterrupt):
    """SIGTERM came, as a batch system stops what it has started."""


def interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interruption that an error is, or came of: a library that is stopped while it tidies up raises others."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def exit_code(end: KeyboardInterrupt) -> int:
    """With what a command leaves that was ended: 128 and the number of the signal."""
    return 143 if isinstance(end, Terminated) else 130


class Said(logging.Handler):
    """What is logged, on stderr as all else is."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints a line."""
        say(record.getMessage())


def have_streams() -> None:
    """What a shell or a service has closed of stdin, stdout and stderr leads nowhere from now on: the next file that is
    opened would be where all is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def is_verbose() -> bool:
    """Whether tracebacks and what libraries print are wanted."""
    return _verbose


def be_verbose(value: bool) -> None:
    """Remembers that -v was typed, with whatever command."""
    global _verbose
    _verbose = _verbose or value


def out(result: Any) -> None:
    """Prints the result: a text or something to render as it is, several of these, or else a document as JSON.

    BadInput where stdout takes no more.
    """
    from benchmarks.common import Document, json_text

    escaped = not (sys.stdout.encoding or "").lower().startswith("utf")  # JSON stays exact where letters are missing
    told = os.environ.get("COLUMNS", "")
    own = sys.stdout.isatty() or (told.isdecimal() and int(told) > 0)  # then rich knows the width
    console = screen(width=None if own else 160)
    parts = result if isinstance(result, tuple) else (result,)
    try:
        for part in parts:
            if isinstance(part, Document):
                part = json.loads(part.to_json())
            if isinstance(part, list | dict):
                sys.stdout.write(json_text(part, ascii_only=escaped) + "\n")
            else:
                console.print(part, soft_wrap=isinstance(part, str), crop=False)  # a path is never cut
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries again when it ends
        if not isinstance(error, BrokenPipeError):  # the reader has seen enough, as `head` does
            refuse(
                f"cannot write the result: {error.strerror}", "stdout takes no more", "make room, or -o FILE elsewhere"
            )


def say(text: str) -> None:
    """A line on stderr."""
    errors.print(text, soft_wrap=True)


def suggest(command: str) -> None:
    """What to type next, in a line that is there for people alone: on a terminal."""
    if sys.stderr.isatty():
        errors.print(Text(f"next: {command}", style="dim"), soft_wrap=True)


def ask(question: str) -> bool:
    """Whether the answer is yes. BadInput where nobody can be asked."""
    if not sys.stdin.isatty():
        refuse(f"{question} nobody is there to say so", "this is no terminal", "the same command with --yes")
    errors.print(f"{question} [y/N] ", end="", soft_wrap=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def show_error(what: str, why: str, fix: str) -> None:
    """Three lines: what, why, what to type."""
    for label, text in (("error:", what), ("why:", why), ("try:", fix)):
        errors.print(Text.assemble((label, "bold red" if label == "error:" else "dim"), " ", text), soft_wrap=True)


def refuse(what: str, why: str, fix: str) -> NoReturn:
    """Raises BadInput."""
    from benchmarks import BadInput

    raise BadInput(what, why, fix)
