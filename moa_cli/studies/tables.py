"""A study to read: terminal tables, Markdown, CSV, JSON and figures, from the document `moa.study/1`."""

from __future__ import annotations

import csv as csv_format
import io
import json
import textwrap
from collections.abc import Callable
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moa_cli.formats import Formats, as_json, as_text, comparison_csv, comparison_markdown, comparison_table
from moa_cli.words import amount, interval, markdown_text, one_line, plus_minus, star, time_words

NOTE = "Scores in SFT SDs; {} over prompts and seeds; * excludes 0"


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "KL": "{:.1f}".format,
    "collapsed": "{:.0%}".format,
    "preference accuracy": "{:.3f}".format,
    "intensity accuracy": "{:.3f}".format,
    "alpha": "{:g}".format,
    "time": time_words,
}
"""How numbers of a column are written; others by `amount`."""


def study_table(document: dict[str, Any]) -> RenderableType:
    """A study's document for a terminal of 80 columns or more. Half the width of an interval follows its value."""
    parts: list[RenderableType] = [Text(f"{_title(document)}\n", style="bold")]
    if document["comparison"]:
        parts += [comparison_table(document["comparison"]), Text()]
    for benchmark in document["benchmarks"]:
        for one in benchmark["tables"]:
            title, *facts = map(one_line, _facts(benchmark, one))
            parts += [Text.assemble((title, "bold"), f"  {' · '.join(facts)}"), _block(one), Text()]
    if not document["comparison"]:
        parts.append(Text(NOTE.format("± half the 95 % interval"), style="dim"))
    return Group(*parts)


def study_markdown(document: dict[str, Any]) -> str:
    """A study's document in Markdown, each value with its whole interval."""
    lines = [f"## {markdown_text(_title(document))}", ""]
    if document["comparison"]:
        lines.append(comparison_markdown(document["comparison"]))
    for benchmark in document["benchmarks"]:
        for one in benchmark["tables"]:
            title, *facts = _facts(benchmark, one)
            lines += [f"### {markdown_text(title)}", "", markdown_text(" · ".join(facts)), ""]
            lines += [f"| {' | '.join(map(markdown_text, one['columns']))} |"]
            words = _of_words(one)
            lines += ["|" + "|".join(":---" if word else "---:" for word in words) + "|"]
            for cells in _cells(one, interval):
                told = [markdown_text(cell) if word else cell for cell, word in zip(cells, words, strict=True)]
                lines += [f"| {' | '.join(told)} |"]
            lines += [""]
    note = [] if document["comparison"] else [NOTE.format("95 % intervals"), ""]
    return "\n".join([*lines, *note])


def study_csv(document: dict[str, Any]) -> str:
    """A line per row of the tables; the points of its fronts where the study is a comparison."""
    if document["comparison"]:
        return comparison_csv(document["comparison"])
    lines = [
        {"benchmark": b["name"], "version": b["version"], "table": one["title"]} | _spread(one["columns"], row)
        for b in document["benchmarks"]
        for one in b["tables"]
        for row in one["rows"]
    ]
    file = io.StringIO()
    writer = csv_format.DictWriter(
        file, list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()


def _image(suffix: str) -> Callable[[dict[str, Any]], bytes]:
    def draw(document: dict[str, Any]) -> bytes:
        from moa_cli.formats import comparison_image
        from moa_cli.studies.figure import study_image

        if document["comparison"]:
            return comparison_image(document["comparison"], suffix)
        return study_image(document, suffix)

    return draw


def plain_study(document: dict[str, Any]) -> dict[str, Any]:
    """A study's document as JSON types, its comparison too."""
    compared = document["comparison"]
    return document | {"comparison": compared and json.loads(compared.to_json())}


STUDY_FORMATS: Formats[dict[str, Any]] = {
    ".md": as_text(study_markdown),
    ".json": as_text(lambda document: as_json(plain_study(document))),
    ".csv": as_text(study_csv),
    ".png": _image("png"),
    ".pdf": _image("pdf"),
    ".svg": _image("svg"),
}


def _title(document: dict[str, Any]) -> str:
    """The question, and about what."""
    return f"{document['study']} of {one_line(document['method'])}"


def _facts(benchmark: dict[str, Any], one: dict[str, Any]) -> list[str]:
    """Benchmark, what the table shows, prompts, seeds."""
    seeds = benchmark["seeds"]
    return [
        f"{benchmark['name']}@{benchmark['version']}",
        one["title"],
        f"{benchmark['prompts']} prompts",
        f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
    ]


def _block(one: dict[str, Any]) -> Table:
    """One table; headings are broken so that no column is wider than what it holds."""
    rows, block = _cells(one, plus_minus), Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    block.show_edge = False
    for k, (heading, words) in enumerate(zip(one["columns"], _of_words(one), strict=True)):
        width = max(len(part) for part in [*(row[k] for row in rows), *heading.split()])
        broken = "\n".join(textwrap.wrap(one_line(heading), width))
        if words:
            block.add_column(broken, overflow="fold", vertical="bottom")
        else:
            block.add_column(broken, justify="right", no_wrap=True)
    for row in rows:
        block.add_row(*map(Text, row))
    return block


def _of_words(one: dict[str, Any]) -> list[bool]:
    """Which columns hold words."""
    return [any(isinstance(cell, str) for cell in column) for column in zip(*one["rows"], strict=True)]


def _cells(one: dict[str, Any], between: Callable[..., str]) -> list[list[str]]:
    """The rows of a table in words; `between` writes a value with its interval."""
    return [[_cell(cell, name, between) for name, cell in zip(one["columns"], row, strict=True)] for row in one["rows"]]


def _cell(cell: Any, name: str, between: Callable[..., str]) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return one_line(cell)
    if isinstance(cell, dict) and "difference" in cell:
        gain = cell["difference"], cell["low"], cell["high"]
        return f"{between(*gain, sign='+')}{star(gain) or ' '}"
    if isinstance(cell, dict):
        return between(cell["value"], cell["low"], cell["high"], sign="+")
    return _WRITTEN.get(name, amount)(cell)


def _spread(columns: list[str], row: list[Any]) -> dict[str, Any]:
    """A row by column, intervals over several columns."""
    line: dict[str, Any] = {}
    for name, cell in zip(columns, row, strict=True):
        if not isinstance(cell, dict):
            line[name] = cell
            continue
        bounds = {f"{name} {key}": cell[key] for key in ("low", "high", "p") if key in cell}
        line |= {name: cell.get("value", cell.get("difference")), **bounds}
    return line
