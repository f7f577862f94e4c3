"""A comparison in every format: CSV and LaTeX here, and who writes the others."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Callable
from typing import Any

from moa_cli.comparisons import facts, remarks, told_verdict
from moa_cli.formats.columns import columns, note
from moa_cli.formats.output import Formats, as_json, as_text
from moa_cli.words import latex_text, markdown_text

MARKER = "<!-- moa compare -->"


def comparison_markdown(document: dict[str, Any]) -> str:
    """A table per benchmark, for a pull request or a README. A bot finds its own comment by the marker."""
    lines: list[str] = [MARKER, "", *_gate_lines(document.get("gate"))]
    for benchmark in document["benchmarks"]:
        title, *measured = facts(benchmark)
        lines += [f"### {markdown_text(title)}", "", markdown_text(" · ".join(measured)), ""]
        cells = columns(benchmark)
        lines += [f"| {' | '.join(map(markdown_text, cells))} |", "|:---" + "|---:" * (len(cells) - 1) + "|"]
        for row in benchmark["rows"]:
            name, *numbers = (write(row) for write in cells.values())
            lines += [f"| {' | '.join([markdown_text(name), *numbers])} |"]
        lines += [""]
        for line in remarks(benchmark):
            lines += [markdown_text(line), ""]
    if document["benchmarks"]:
        lines += [markdown_text(note(document)), ""]
    return "\n".join(lines)


def _gate_lines(gate: dict[str, Any] | None) -> list[str]:
    """What the gate found, as lines of Markdown; none where there is no gate."""
    if not gate:
        return []
    lines = [
        f"**Gate {gate['verdict']}** against {markdown_text(gate['baseline'])}, "
        f"tolerance {100 * gate['tolerance']:g} %", "",
        "| benchmark | method | held-out hypervolume against the baseline |", "|:---|:---|:---|",
    ]  # fmt: skip
    for v in gate["verdicts"]:
        lines += [f"| {markdown_text(v['benchmark'])} | {markdown_text(v['method'])} | {told_verdict(v)} |"]
    return [*lines, ""]


def comparison_csv(document: dict[str, Any]) -> str:
    """One line per method and point; columns of objectives that a benchmark does not have stay empty."""
    objectives = list(dict.fromkeys(o for b in document["benchmarks"] for o in b["objectives"]))
    scores = [f"{kind}:{objective}" for kind in ("weight", "reward", "evaluator") for objective in objectives]
    told = ["kl", "collapse", "collapsed", "collapsed_seeds"]
    columns = ["benchmark", "version", "method", "steering", "seeds", "label", *scores, *told]
    file = io.StringIO()
    writer = csv_format.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for benchmark in document["benchmarks"]:
        for row in benchmark["rows"]:
            shared = {"benchmark": benchmark["name"], "version": benchmark["version"]}
            shared |= {"method": row["method"], "steering": row["steering"], "seeds": " ".join(map(str, row["seeds"]))}
            for point in row["points"]:
                line = shared | {name: point[name] for name in ("label", *told)}
                for kind, entry in (("weight", "weights"), ("reward", "reward"), ("evaluator", "evaluator")):
                    names = [f"{kind}:{objective}" for objective in benchmark["objectives"]]
                    line |= dict(zip(names, point[entry], strict=True))
                writer.writerow(line)
    return file.getvalue()


def latex(document: dict[str, Any]) -> str:
    """A booktabs table per benchmark, its note below it, for a paper as it is (needs \\usepackage{booktabs})."""
    parts: list[str] = []
    for benchmark in document["benchmarks"]:
        title, *measured = facts(benchmark)
        told = " ".join([f"{title}: {'; '.join(measured)}. {note(document)}", *(f"{r}." for r in remarks(benchmark))])
        cells = columns(benchmark)
        rows = [[write(row) for write in cells.values()] for row in benchmark["rows"]]
        head, *body = (" & ".join(map(latex_text, line)) + r" \\" for line in [list(cells), *rows])
        parts += [
            rf"\begin{{tabular}}{{l{'r' * (len(cells) - 1)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par{{\footnotesize {latex_text(told)}}}",
            "",
        ]
    return "\n".join(parts)


def _image(suffix: str) -> Callable[[dict[str, Any]], bytes]:
    def draw(document: dict[str, Any]) -> bytes:
        from moa_cli.formats.figure import comparison_image

        return comparison_image(document, suffix)

    return draw


def _junit(document: dict[str, Any]) -> bytes:
    from moa_cli.formats.junit import xml

    return xml(document)


def _report(document: dict[str, Any]) -> bytes:
    from moa_cli.report import report_html

    return report_html(document).encode()


COMPARISON_FORMATS: Formats = {
    ".md": as_text(comparison_markdown),
    ".json": as_text(as_json),
    ".csv": as_text(comparison_csv),
    ".tex": as_text(latex),
    ".xml": _junit,
    ".png": _image("png"),
    ".pdf": _image("pdf"),
    ".svg": _image("svg"),
    ".html": _report,
}
