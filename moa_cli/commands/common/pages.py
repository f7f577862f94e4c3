"""What `moa list` and `moa show` say, to read: facts as tables and pages, and those of fronts and preparations."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

from pydantic import JsonValue
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchmarks import Benchmark
from benchmarks.common import Part, to_type
from benchmarks.load import option_names
from benchmarks.prepare import StoredCard, stored_card
from benchmarks.spec import SIGNALS
from moa_cli.commands.common.facts import BenchmarkFacts, MethodFacts, RunFacts, RunRow
from moa_cli.formats import Blocks, Column, column
from moa_cli.runs import FrontFacts
from moa_cli.words import (
    age_words,
    bytes_words,
    duration,
    kl_words,
    number_words,
    prepared_name,
    shown,
    signal_word,
    typed_weights,
)

LEAST = 16
"""Characters that settings get on the narrowest screen."""


ANSWERING = "; only when answering"
"""Said of a hyperparameter whose change trains nothing."""


SOUND = 0.05
"""Up to this share of collapsed answers, a starting policy passes without a warning."""


@dataclass(frozen=True)
class RunsTable:
    """Runs to read: a line each. Paths are never broken, so that they can be pasted; columns go for lack of room."""

    rows: Sequence[RunRow]

    def __rich_console__(self, console: Console, screen: ConsoleOptions) -> RenderResult:
        if not self.rows:
            yield Text("none", style="dim")
            return
        cells = {
            "run": [_pasted(row.path) for row in self.rows],
            "status": [row.status.partition(":")[0] for row in self.rows],
            "HV": ["" if row.hypervolume is None else number_words(row.hypervolume) for row in self.rows],
            "size": [bytes_words(row.size) for row in self.rows],
            "age": [age_words(row.age) for row in self.rows],
        }
        widths = {name: max(map(len, [name, *column])) + 2 for name, column in cells.items()}
        while len(widths) > 2 and sum(widths.values()) > screen.max_width + 2:
            widths.popitem()
        room = screen.max_width - sum(widths.values())
        more = [_short(row.settings, max(room, 1)) for row in self.rows] if room >= LEAST else []
        names = [*widths, *(["settings"] if any(more) else [])]
        cells |= {"settings": more or [""] * len(self.rows)}
        lines = [dict(zip(cells, line, strict=True)) for line in zip(*cells.values(), strict=True)]
        head = "".join(_aligned(name, name, widths.get(name, 0)) for name in names)
        yield unbroken(head.rstrip(), "bold")
        for row, line in zip(self.rows, lines, strict=True):
            told = "".join(_aligned(name, line[name], widths.get(name, 0)) for name in names)
            yield unbroken(told.rstrip())
            if reason := row.status.partition(": ")[2]:
                yield Text(f"  {reason}", style="red")


def unbroken(line: str, style: str = "") -> Text:
    """A line that a terminal may wrap and nothing breaks: what is copied from it can be typed."""
    return Text(line, style=style, no_wrap=True, overflow="ignore")


def _aligned(column: str, cell: str, width: int) -> str:
    """A cell in its column: numbers to the right."""
    return f"{cell.rjust(width - 2)}  " if column in ("HV", "size", "age") else cell.ljust(width)


def _pasted(path: str) -> str:
    """A path as it can be typed here, the shorter way."""
    return min(path, os.path.relpath(path), key=len)


def _short(settings: Mapping[str, JsonValue], room: int) -> str:
    """Settings as -c takes them, in so many characters.

    >>> _short({"rounds": 1, "keep": "quantile"}, 40), _short({"rounds": 1, "keep": "quantile"}, 16)
    ('rounds=1 keep=quantile', 'rounds=1 keep=q…')
    """
    words = " ".join(f"{name}={'none' if value is None else _cell(value)}" for name, value in settings.items())
    return words if len(words) <= room else f"{words[: room - 1]}…"


def list_page(parts: Sequence[Part]) -> RenderableType:
    """Methods, benchmarks or runs, each in a line."""
    if runs := [part for part in parts if isinstance(part, RunRow)]:
        return RunsTable(runs)
    names = list(type(parts[0]).model_fields) if parts else []
    return _lines(names, [[getattr(part, name) for name in names] for part in parts])


def _lines(names: Sequence[str], rows: Sequence[Sequence[object]]) -> RenderableType:
    """A line per row, under the names of the columns."""
    if not rows:
        return Text("none", style="dim")
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in names:
        made.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        made.add_row(*(Text(_cell(value)) for value in row))
    return made


def front_table(front: FrontFacts, *, whole: bool) -> RenderableType:
    """The points of a front and the range of their language; with `whole`, its hypervolume below."""
    names = front.objectives
    words = [signal_word(signal, front.held_out) for signal in SIGNALS]
    columns = [*(f"{name}\n{word}" for word in words for name in names), "KL", "collapsed"]
    rows = [
        [*(f"{v:+.2f}" for v in (*p.scores, *p.rewards)), kl_words(p.kl), f"{p.collapse:.0%}"] for p in front.points
    ]
    title = Text(f"{front.method} on {front.benchmark}, seed {front.seed}", style="bold")
    volumes = zip(words, (front.hypervolume.scores, front.hypervolume.rewards), strict=True)
    foot = f"hypervolume: {', '.join(f'{word} {value:.3f}' for word, value in volumes)}\n"
    points = column("point", [p.label for p in front.points], words=True, most=30)
    return Group(title, _numbers(points, columns, rows), Text(_language_line(front)), Text(foot if whole else ""))


def _numbers(names: Column, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """A line per name, with its numbers."""
    numbers = (column(heading, [row[k] for row in rows]) for k, heading in enumerate(headings))
    return Blocks((names, *numbers), apart=1)


def _language_line(front: FrontFacts) -> str:
    """Some numbers of the points' language, each as its range over them; a dash where it is unknown of any."""

    def span(name: str, shape: str) -> str:
        values = [p.language.get(name) for p in front.points]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return "-"
        return " to ".join(dict.fromkeys(f"{value:{shape}}" for value in (min(known), max(known))))

    return (
        f"language: perplexity {span('perplexity', '.2f')}, self-BLEU {span('self_bleu', '.2f')}, "
        f"ended {span('ended', '.0%')}"
    )


def card_table(b: Benchmark) -> RenderableType:
    """What a preparation found: one row per objective."""
    stored = stored_card(b)
    assert stored is not None
    return Group(Text(prepared_name(f"{b.name}@{b.version}", b.preparation), style="bold"), *_card(stored))


def _card(stored: StoredCard) -> list[RenderableType]:
    """What a preparation found, as it is stored."""
    card, report = stored.card, stored.report
    columns = ["reward\naccuracy", "evaluator\naccuracy", "reward\nmean, SD", "score\nmean, SD"]
    rows = []
    for m, name in enumerate(card.objectives):
        accuracy = [told.get(name) for told in (report.pair_accuracy.reward, report.pair_accuracy.evaluator)]
        units = [f"{mean:.3g}, {std:.3g}" for mean, std in (card.units("rewards")[m], card.units("scores")[m])]
        rows.append([*("-" if share is None else f"{share:.3f}" for share in accuracy), *units])
    collapse = report.collapse
    return [
        _numbers(column("objective", card.objectives, words=True, most=30), columns, rows),
        Text(f"card {card.hash}, made in {duration(report.cost.seconds)}"),
        Text(
            f"{collapse:.1%} of the starting policy's answers are collapsed"
            + (", and every method starts from it: -c policy=... names another\n" if collapse > SOUND else "\n"),
            style="red" if collapse > SOUND else "",
        ),
    ]


def method_page(method: MethodFacts) -> RenderableType:
    """A method to read."""
    parts: list[RenderableType] = [Text(method.title, style="bold"), Text(), *_paragraphs(method.summary)]
    parts += [Text(), Text(f"steering: {method.steering}")]
    if any("[choice" in text for text in (method.summary, *(h.meaning for h in method.hyperparameters))):
        parts += [Text(), Text("[choice]: ours, not a paper's")]
    for h in method.hyperparameters:
        default = "none" if h.default is None else json.dumps(h.default)
        parts += [
            Text(),
            Text.assemble((h.name, "bold"), f" = {default}  ", (f"({h.type}{ANSWERING * h.answering})", "dim")),
        ]
        parts += _paragraphs(h.meaning, indent=4)
    return Group(*parts)


def _paragraphs(text: str, indent: int = 0) -> list[RenderableType]:
    """A docstring as wide as the screen. What is indented in it, a formula, keeps its lines."""
    parts: list[RenderableType] = []
    for paragraph in re.split(r"\n\s*\n", text):
        own = len(paragraph) - len(paragraph.lstrip(" "))
        words = dedent(paragraph) if own else " ".join(paragraph.split())
        parts += [Padding.indent(Text(words), indent + own), Text()]
    return parts[:-1]


def benchmark_page(benchmark: BenchmarkFacts, typed: str) -> RenderableType:
    """A benchmark to read, `typed` as this: settings, objectives, and what a preparation found."""
    options = [(name, _option(benchmark, name)) for name in option_names()]
    parts: list[RenderableType] = [
        Text(f"{benchmark.name}@{benchmark.version}", style="bold"),
        Text(),
        _grid((name, value) for name, value in options if value),
    ]
    for objective in benchmark.objectives:
        signals = [("  reward", str(objective.reward["words"])), ("  evaluator", str(objective.evaluator["words"]))]
        parts += [Text(), Text.assemble((objective.name, "bold"), f"  {objective.description}"), _grid(signals)]
    if benchmark.prepared:
        parts += [Text(), *_card(benchmark.prepared)]
    else:
        parts += [Text(), unbroken(f"not prepared yet: {to_type('moa', 'prepare', '-b', typed)}")]
    if benchmark.as_read:
        parts += [*([] if benchmark.prepared else [Text()]), *_as_read(benchmark.as_read)]
    return Group(*parts)


def _as_read(read: Mapping[str, str]) -> list[RenderableType]:
    """An answer as models read it; those that read the same text are named together."""
    readers: dict[str, list[str]] = {}
    for name, text in read.items():
        readers.setdefault(text, []).append(name)
    parts: list[RenderableType] = [Text("An answer as it is read, with what tokenizers and templates add:")]
    for text, names in readers.items():
        parts += [Text(), Text(f"by {', '.join(names)}", style="bold"), Padding.indent(Text(text.strip("\n")), 2)]
    return parts


def _option(benchmark: BenchmarkFacts, name: str) -> str:
    """What an option of `load_benchmark` is now; nothing where the benchmark has no use for it."""
    owner, _, key = name.rpartition(".")
    if name == "objectives":
        return ", ".join(objective.name for objective in benchmark.objectives)
    if name == "grid":
        return "  ".join(map(typed_weights, benchmark.grid))
    if name == "trained_grid":
        return "  ".join(map(typed_weights, benchmark.trained_grid))
    if owner == "reward":  # of all trained rewards, which may differ
        trained = [o.reward for o in benchmark.objectives if o.reward["kind"] == "TrainedReward"]
        return ", ".join(dict.fromkeys(_cell(reward[key]) for reward in trained))
    table = getattr(benchmark, {"policy": "finetuning"}.get(owner, owner)) if owner else {}
    value = table[key] if owner else getattr(benchmark, key)
    return _cell(value) if value not in ([], "") else "-"


def _grid(facts: Iterable[tuple[str, str]]) -> Table:
    """Names in bold, with what belongs to them."""
    grid = Table.grid(padding=(0, 2))
    for name, value in facts:
        grid.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    return grid


def run_page(run: RunFacts) -> RenderableType:
    """A run to read: nested entries by their dotted names; rows of a log in a line each; the command that made it."""
    facts: list[tuple[str, str]] = []
    for name, value in run.told().items():
        if isinstance(value, dict):
            facts += [(f"{name}.{key}", _cell(item)) for key, item in value.items()]
        elif name not in ("command", "log"):
            facts.append((name, _cell(value)))
    facts += [("log", f"{row.stage}  {row.step}/{row.steps}  {shown(row.measured)}") for row in run.log]
    return Group(_grid(facts), unbroken(f"command  {run.record.command}"))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
