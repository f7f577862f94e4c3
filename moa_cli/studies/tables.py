"""A study to read: terminal tables, Markdown and CSV, from its document."""

from __future__ import annotations

import csv as csv_format
import io
import textwrap
from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from moa_cli.comparisons import Difference
from moa_cli.formats import Blocks, column, comparison_csv, comparison_markdown, comparison_table
from moa_cli.studies.document import Cell, Estimate, FoundTable, Study
from moa_cli.words import amount, csv_cell, interval, markdown_text, one_line, star, time_words

NOTE = (
    "Scores in SFT SDs; in brackets, 95 % intervals over prompts and seeds; * told apart, p < .05 over prompts and "
    "trainings, corrected for all of its table (Holm)"
)


_WRITTEN: dict[str, Callable[[float], str]] = {
    "KL": "{:.1f}".format,
    "collapsed": "{:.0%}".format,
    "preference accuracy": "{:.3f}".format,
    "intensity accuracy": "{:.3f}".format,
    "alpha": "{:g}".format,
    "time": time_words,
}
"""How numbers of a column are written; others by `amount`."""


def study_table(study: Study) -> RenderableType:
    """A study for a terminal."""
    parts: list[RenderableType] = [Text(f"{title(study)}\n", style="bold")]
    if study.comparison:
        parts += [comparison_table(study.comparison), Text()]
    for benchmark in study.benchmarks:
        parts += [Text(f"WARNING: {warning}", style="bold red") for warning in benchmark.warnings]
        for one in benchmark.tables:
            name, *facts = map(one_line, benchmark.facts(one.title))
            parts += [Text.assemble((name, "bold"), f"  {' · '.join(facts)}"), _block(one), Text()]
    parts += [Text(line, style="bold red") for line in study.failed]
    if not study.comparison:
        parts.append(Text(NOTE, style="dim"))
    return Group(*parts)


def study_markdown(study: Study) -> str:
    """A study in Markdown, each value with its whole interval."""
    lines = [f"## {markdown_text(title(study))}", ""]
    if study.comparison:
        lines.append(comparison_markdown(study.comparison))
    for benchmark in study.benchmarks:
        for warning in benchmark.warnings:
            lines += [f"**Warning: {markdown_text(warning)}**", ""]
        for one in benchmark.tables:
            name, *facts = benchmark.facts(one.title)
            lines += [f"### {markdown_text(name)}", "", markdown_text(" · ".join(facts)), ""]
            lines += [f"| {' | '.join(map(markdown_text, one.columns))} |"]
            words = _of_words(one)
            lines += ["|" + "|".join(":---" if word else "---:" for word in words) + "|"]
            for row in cells(one):
                told = [markdown_text(cell) if word else cell for cell, word in zip(row, words, strict=True)]
                lines += [f"| {' | '.join(told)} |"]
            lines += [""]
    lines += [line for told in study.failed for line in (f"**{markdown_text(told)}**", "")]
    return "\n".join([*lines, *([] if study.comparison else [NOTE, ""])])


def study_csv(study: Study) -> str:
    """A line per row of the tables; the points of its fronts where the study is a comparison."""
    if study.comparison:
        return comparison_csv(study.comparison)
    lines = [
        _spread(("benchmark", "version", "table", *one.columns), (b.name, b.version, one.title, *row))
        for b in study.benchmarks
        for one in b.tables
        for row in one.rows
    ]
    lines += [
        {"benchmark": one.benchmark, "failed": f"{one.method} seed {one.seed}: {one.what}"} for one in study.failures
    ]
    names = list(dict.fromkeys(key for line in lines for key in line))
    file = io.StringIO()
    writer = csv_format.DictWriter(file, names, lineterminator="\n")
    writer.writerow({name: csv_cell(name) for name in names})
    writer.writerows({name: csv_cell(cell) for name, cell in line.items()} for line in lines)
    return file.getvalue()


def title(study: Study) -> str:
    """The question, and about what."""
    return f"{study.study} of {one_line(', '.join(study.methods))}"


def _block(one: FoundTable) -> Blocks:
    """One table; headings are broken so that no column is wider than what it holds."""
    rows, columns, of_words = cells(one), [], _of_words(one)
    for k, (heading, words) in enumerate(zip(one.columns, of_words, strict=True)):
        width = max(len(part) for part in [*(row[k] for row in rows), *heading.split()])
        broken = "\n".join(textwrap.wrap(one_line(heading), width))
        columns.append(column(broken, [row[k] for row in rows], words=words, most=30))
    return Blocks(tuple(columns), names=max(1, [*of_words, False].index(False)), apart=1)


def _of_words(one: FoundTable) -> list[bool]:
    """Which columns hold words."""
    return [any(isinstance(cell, str) for cell in column) for column in zip(*one.rows, strict=True)]


def cells(one: FoundTable) -> list[list[str]]:
    """The rows of a table in words."""
    return [[_cell(cell, name) for name, cell in zip(one.columns, row, strict=True)] for row in one.rows]


def _cell(cell: Cell, name: str) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return one_line(cell)
    if isinstance(cell, Difference):
        return f"{interval(*cell.interval, sign='+')}{star(cell.clear) or ' '}"
    if isinstance(cell, Estimate):
        return interval(cell.value, cell.low, cell.high, sign="+")
    return _WRITTEN.get(name, amount)(cell)


def _spread(columns: Sequence[str], row: Sequence[Cell]) -> dict[str, str | int | float | None]:
    """A row by column, intervals over several columns."""
    line: dict[str, str | int | float | None] = {}
    for name, cell in zip(columns, row, strict=True):
        if isinstance(cell, Estimate):
            line |= {name: cell.value, f"{name} low": cell.low, f"{name} high": cell.high}
        elif isinstance(cell, Difference):
            facts = {"low": cell.low, "high": cell.high, "p": cell.p, "p_holm": cell.p_holm, "clear": cell.clear}
            line |= {name: cell.value, **{f"{name} {fact}": value for fact, value in facts.items()}}
        else:
            line[name] = cell
    return line
