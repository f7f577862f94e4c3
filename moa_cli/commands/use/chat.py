"""`moa chat`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from moa_cli.commands import options
from moa_cli.commands.options import RunFolder, Verbose, WeightsOfOne
from moa_cli.console import out, refuse, say, show_error
from moa_cli.words import inert, typed_weights

if TYPE_CHECKING:
    from moa_cli.runs import Contestant
    from moa_cli.runs.export import Talk

HELP = "/weights .7,.3   /both .9,.1 .1,.9 [QUESTION]   /reset   /quit"


def chat(
    run: RunFolder,
    weights: WeightsOfOne = None,
    method: options.MethodFiles = None,
    benchmark: options.BenchmarkFiles = None,
    verbose: Verbose = False,
) -> None:
    """Talk with the policy of a run. Reads stdin, a question per line, where that is no terminal.

    \b
    moa chat runs/hh-rlhf-mini/ric/1a2b3c4d-s0 --weights 0.3,0.7
    """
    from moa_cli.commands.common import one_run, quietly, weights_in

    typed = weights_in(weights) if weights is not None else None
    chosen = one_run(run, method, benchmark)
    with quietly():
        from moa_cli.runs.export import Talk, asked_weights

        talk = Talk(chosen, asked_weights(chosen, typed))
        talk.policy(talk.weights)  # or it is said what is missing
        say(f"{chosen.method_name} on {chosen.benchmark.name}, weights {typed_weights(talk.weights)}   {HELP}")
        _converse(talk)


def _converse(talk: Talk) -> None:
    """Does what is said, line by line, until there is no more, or /quit."""
    from benchmarks import BadInput

    for line in _lines():
        if line == "/quit":
            return
        try:
            _do(talk, line)
        except BadInput as error:
            show_error(error.what, error.why, error.fix)


def _do(talk: Talk, line: str) -> None:
    """Answers, or obeys. BadInput for what is no command."""
    command, _, rest = line.partition(" ")
    if not line.startswith("/"):
        _stream(talk.ask(line))
    elif command == "/weights" and rest:
        talk.weights = _weights(talk.run, rest)
        say(f"weights {typed_weights(talk.weights)}")
    elif command == "/both" and len(words := rest.split(maxsplit=2)) >= 2:
        _side_by_side(talk, words[:2], words[2] if len(words) > 2 else "")
    elif line == "/reset":
        talk.reset()
        say("nothing was said")
    else:
        refuse(f"{line} is no command here", "what begins with / is one", HELP)


def _weights(run: Contestant, text: str) -> tuple[float, ...]:
    from moa_cli.commands.common import weights_in
    from moa_cli.runs.export import asked_weights

    return asked_weights(run, weights_in(text.replace(" ", "")))


def _stream(answer: Iterator[str]) -> None:
    """Writes an answer as it grows."""
    shown = ""
    for text in answer:
        if text.startswith(shown):
            sys.stdout.write(inert(text[len(shown) :]))  # letter by letter: no piece begins what another ends
            sys.stdout.flush()
            shown = text
    sys.stdout.write("\n")
    sys.stdout.flush()


def _side_by_side(talk: Talk, weights: list[str], question: str) -> None:
    """Answers to a question, or to the last one again, in two columns."""
    from rich.table import Table

    first, second = (_weights(talk.run, text) for text in weights)
    last = [turn["content"] for turn in talk.turns if turn["role"] == "user"][-1:]
    if not (question or last):
        refuse("there is no question yet", "/both answers one twice", "/both .9,.1 .1,.9 QUESTION")
    answers = talk.both(question, (first, second))
    table = Table(expand=True)
    for text in weights:
        table.add_column(text, ratio=1)
    table.add_row(*answers)
    out(table)


def _lines() -> Iterator[str]:
    """What is typed, or what a file or pipe has, without empty lines."""
    if not sys.stdin.isatty():
        yield from filter(None, map(str.strip, sys.stdin))
        return
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            return
        if line:
            yield line
