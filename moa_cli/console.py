"""What the command line prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable
from io import BufferedWriter, FileIO, TextIOWrapper
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


class Unread(BaseException):
    """Nobody reads stdout any more, as when `head` has seen enough. No Exception, nor a BrokenPipeError: libraries
    leave with 1 for such, or take it for one of theirs."""


class _Stdout(FileIO):
    """Says once that it takes no more, with Unread where nobody reads it: Python tries again when it ends."""

    def write(self, data: Any) -> int:
        """Bytes that were written."""
        try:
            return super().write(data)
        except OSError as error:
            _lead_nowhere(self.fileno())
            if isinstance(error, BrokenPipeError):
                raise Unread from None
            raise


class _Stderr(FileIO):
    """Loses what nobody reads, or what there is no room for: no work ends for that."""

    def write(self, data: Any) -> int:
        """Bytes that were written, or lost."""
        try:
            return super().write(data)
        except OSError:
            _lead_nowhere(self.fileno())
            return len(data)


def _lead_nowhere(number: int) -> None:
    """What is written to a file goes nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def have_streams() -> None:
    """What a shell or a service has closed of stdin, stdout and stderr leads nowhere from now on: the next file that is
    opened would be where all is printed. So does what stops taking anything later."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    if sys.stdout is sys.__stdout__:  # and not what somebody has put in its place
        sys.stdout = _through(_Stdout, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _through(_Stderr, sys.stderr)


def _through(kind: type[FileIO], stream: Any) -> TextIOWrapper:
    """A stream as Python has made it, but for what becomes of its bytes."""
    stream.flush()
    return TextIOWrapper(
        BufferedWriter(kind(stream.fileno(), "w", closefd=False)), stream.encoding, stream.errors,
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )  # fmt: skip


def is_verbose() -> bool:
    """Whether tracebacks and what libraries print are wanted."""
    return _verbose


def be_verbose(value: bool) -> None:
    """Remembers that -v was typed, with whatever command."""
    global _verbose
    _verbose = _verbose or value


def out(result: Any) -> None:
    """Prints the result: a text or something to render as it is, several of these, or else a document as JSON.

    What nobody reads is not printed, and the command goes on. BadInput where stdout takes no more.
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
    except Unread:
        pass
    except OSError as error:
        refuse(f"cannot write the result: {error.strerror}", "stdout takes no more", "make room, or -o FILE elsewhere")


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
