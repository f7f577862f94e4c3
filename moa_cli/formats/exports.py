"""A comparison in every format: CSV and LaTeX here, and who writes the others."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Callable, Mapping

from moa_cli.comparisons import HEADLINES, Comparison, Gate, OnBenchmark, alike
from moa_cli.formats.columns import candidate_cells, columns, note
from moa_cli.formats.output import Formats, as_text
from moa_cli.words import NOT_COUNTED, csv_cell, latex_text, markdown_text

MARKER = "<!-- moa compare -->"


def comparison_markdown(comparison: Comparison) -> str:
    """A table per benchmark, for a pull request or a README. A bot finds its own comment by the marker."""
    lines: list[str] = [MARKER, "", *_gate_lines(comparison.gate)]
    for benchmark in comparison.benchmarks:
        title, *measured = benchmark.facts
        lines += [f"### {markdown_text(title)}", "", markdown_text(" · ".join(measured)), ""]
        for warning in benchmark.warnings:
            lines += [f"**Warning: {markdown_text(warning)}**", ""]
        cells = columns(benchmark)
        lines += [f"| {' | '.join(map(markdown_text, cells))} |", "|:---" + "|---:" * (len(cells) - 1) + "|"]
        for row in benchmark.rows:
            name, *numbers = (write(row) for write in cells.values())
            lines += [f"| {' | '.join([markdown_text(name), *numbers])} |"]
        lines += ["", *_failed_lines(comparison, benchmark.name)]
        for line in benchmark.remarks:
            lines += [markdown_text(line), ""]
        lines += _choice_lines(benchmark)
    for name in comparison.unmeasured:
        lines += [f"### {markdown_text(name)}", "", *_failed_lines(comparison, name)]
    if comparison.benchmarks:
        lines += [markdown_text(note(comparison)), ""]
    return "\n".join(lines)


def _choice_lines(benchmark: OnBenchmark) -> list[str]:
    """What to take at the weights that were asked, as lines of Markdown; none where nobody asked."""
    choice, score = benchmark.choice, benchmark.score_word("scores")
    if choice is None:
        return []
    head = f"| {markdown_text(choice.title)} | w . {score} | behind | best | KL | answer |"
    rows = [f"| {' | '.join([markdown_text(one.name), *candidate_cells(one)])} |" for one in choice.candidates]
    told = [line for words in choice.told(score) for line in (markdown_text(words), "")]
    return [head, "|:---|---:|---:|---:|---:|---:|", *rows, "", *told]


def _failed_lines(comparison: Comparison, name: str) -> list[str]:
    """What failed on a benchmark, as lines of Markdown."""
    return [line for told in comparison.failed_on(name) for line in (f"**{markdown_text(told)}**", "")]


def _gate_lines(gate: Gate | None) -> list[str]:
    """What the gate found, as lines of Markdown; none where there is no gate."""
    if gate is None:
        return []
    lines = [
        f"**Gate {gate.verdict}** against {markdown_text(gate.baseline)}, tolerance {100 * gate.tolerance:g} %", "",
        "| benchmark | method | hypervolume against the baseline |", "|:---|:---|:---|",
    ]  # fmt: skip
    for one in gate.verdicts:
        told = one.told if one.change else markdown_text(one.told)
        lines += [f"| {markdown_text(one.benchmark)} | {markdown_text(one.method)} | {told} |"]
    return [*lines, ""]


def comparison_csv(comparison: Comparison) -> str:
    """One line per method and point, rows in their order, with the row's headline numbers on each of its lines.

    Then one per reason for which something failed, with nothing but what that was. Columns of objectives that a
    benchmark does not have stay empty.
    """
    objectives = list(dict.fromkeys(o for b in comparison.benchmarks for o in b.objectives))
    values = [f"{what}:{objective}" for what in ("weight", "reward", "score") for objective in objectives]
    told = ["policy", "compared", "kl", "collapse", "collapsed", "collapsed_seeds"]
    spent = ["flops", "flops_with_used", "trials", "tuned_on"]
    numbers = [
        "under",
        "policies",
        "hypervolume",
        "low",
        "high",
        "all_weights",
        "utility",
        "utility_low",
        "utility_high",
    ]
    versus = ["base", *(f"{headline}_{what}" for headline in HEADLINES for what in ("vs_base", "p_holm", "clear"))]
    whose = ["benchmark", "version", "method", "steering", "preparations", "seeds"]
    names = [*whose, *numbers, *versus, *spent, "warnings", "failed", "label"]
    columns_ = [*names, *values, *told]
    file = io.StringIO()
    writer = csv_format.DictWriter(file, columns_, lineterminator="\n")
    writer.writerow({name: csv_cell(name) for name in columns_})
    for benchmark in comparison.benchmarks:
        for row in benchmark.rows:
            shared: dict[str, object] = {"benchmark": benchmark.name, "version": benchmark.version}
            shared |= {"preparations": " ".join(map(str, benchmark.preparations))}
            shared |= {"method": row.method, "steering": row.steering, "seeds": " ".join(map(str, row.seeds))}
            shared |= {"under": benchmark.word("scores"), "policies": benchmark.policies, "base": benchmark.base}
            shared |= {"warnings": "; ".join(benchmark.warnings)}
            if not benchmark.left_out(row):
                shared |= row.scores.model_dump(include=set(numbers))
            for headline in HEADLINES:
                if gain := benchmark.gain(row, headline):
                    told_of = {"vs_base": gain.value, "p_holm": gain.p_holm, "clear": gain.clear}
                    shared |= {f"{headline}_{what}": value for what, value in told_of.items()}
            tuned = [row.trials, row.tuned_on if row.trials else ""]
            shared |= dict(zip(spent, [*map(_operations, (row.cost, row.charged)), *tuned], strict=True))
            for point in row.points:
                line = shared | point.model_dump(include={"label", *told})
                for what, of in (("weight", point.weights), ("reward", point.rewards), ("score", point.scores)):
                    line |= dict(zip([f"{what}:{name}" for name in benchmark.objectives], of, strict=True))
                writer.writerow({name: csv_cell(cell) for name, cell in line.items()})
    for group in alike(comparison.failures):
        first, seeds = group[0], " ".join(str(one.seed) for one in group if one.seed is not None)
        whose_failed = first.benchmark, "", first.method or "ceiling", "", first.preparation, seeds
        line = dict(zip(whose, whose_failed, strict=True)) | {"failed": first.what}
        writer.writerow({name: csv_cell(cell) for name, cell in line.items()})
    return file.getvalue()


def _operations(cost: Mapping[str, float | None]) -> str:
    """What training took, empty where nothing is known of it."""
    if "flops" not in cost:
        return ""
    return NOT_COUNTED if cost["flops"] is None else str(cost["flops"])


def latex(comparison: Comparison) -> str:
    """A booktabs table per benchmark, its note below it, for a paper as it is (needs \\usepackage{booktabs})."""
    parts: list[str] = []
    for benchmark in comparison.benchmarks:
        title, *measured = benchmark.facts
        read = f"{title}: {'; '.join(measured)}. {note(comparison)}"
        warned = [f"Warning: {warning}." for warning in benchmark.warnings]
        failed = comparison.failed_on(benchmark.name)
        told = " ".join([*warned, read, *(f"{line}." for line in (*failed, *benchmark.remarks))])
        cells = columns(benchmark)
        rows = [[write(row) for write in cells.values()] for row in benchmark.rows]
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
    for name in comparison.unmeasured:
        told = " ".join([f"{name}:", *(f"{line}." for line in comparison.failed_on(name))])
        parts += [rf"\par{{\footnotesize {latex_text(told)}}}", ""]
    return "\n".join(parts)


def _image(suffix: str) -> Callable[[Comparison], bytes]:
    def draw(comparison: Comparison) -> bytes:
        from moa_cli.formats.figure import comparison_image

        return comparison_image(comparison, suffix)

    return draw


def _junit(comparison: Comparison) -> bytes:
    from moa_cli.formats.junit import xml

    return xml(comparison)


def _report(comparison: Comparison) -> bytes:
    from moa_cli.report import report_html

    return report_html(comparison).encode()


COMPARISON_FORMATS: Formats[Comparison] = {
    ".md": as_text(comparison_markdown),
    ".json": as_text(Comparison.to_json),
    ".csv": as_text(comparison_csv),
    ".tex": as_text(latex),
    ".xml": _junit,
    ".png": _image("png"),
    ".pdf": _image("pdf"),
    ".svg": _image("svg"),
    ".html": _report,
}
