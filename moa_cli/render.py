"""A comparison to read: terminal table, Markdown, CSV, LaTeX, JSON and figures, from the document of `compare`."""

from __future__ import annotations

import csv as csv_format
import io
import json as json_format
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import BadInput
from moa_cli.gate import WORSE, told

Formats = Mapping[str, Callable[[dict[str, Any]], bytes]]
"""What writes a document, by suffix."""
WIDTH = 80
NOTE = "Hypervolume (HV) above ref, in SFT standard deviations; 95 % intervals over prompts and seeds; * excludes 0."
MARKER = "<!-- moa compare -->"
SHORT_NOTE = "HV: hypervolume; ± half the 95 % interval over prompts and seeds; * excludes 0"


def table(document: dict[str, Any]) -> RenderableType:
    """For a terminal of 80 columns or more: a block per benchmark. Half the width of an interval follows its value."""
    blocks: list[RenderableType] = []
    for benchmark in document["benchmarks"]:
        blocks += [_heading(benchmark), _block(benchmark), *map(Text, _left_out(benchmark)), Text()]
    if document.get("gate"):
        blocks += [_gate_block(document["gate"]), Text()]
    return Group(*blocks, Text(SHORT_NOTE, style="dim"))


def markdown(document: dict[str, Any]) -> str:
    """A table per benchmark, for a pull request or a README. A bot finds its own comment by the marker."""
    lines: list[str] = [MARKER, "", *_gate_lines(document.get("gate"))]
    for benchmark in document["benchmarks"]:
        title, *facts = _facts(benchmark)
        lines += [f"### {markdown_text(title)}", "", markdown_text(" · ".join(facts)), ""]
        lines += [f"| {' | '.join(_COLUMNS)} |", "|:---" + "|---:" * (len(_COLUMNS) - 1) + "|"]
        for row in benchmark["rows"]:
            name, *numbers = _cells(benchmark, row)
            lines += [f"| {' | '.join([markdown_text(name), *numbers])} |"]
        lines += [""]
        for line in _left_out(benchmark):
            lines += [markdown_text(line), ""]
    return "\n".join([*lines, NOTE, ""])


def csv(document: dict[str, Any]) -> str:
    """One line per method and point; columns of objectives that a benchmark does not have stay empty."""
    objectives = list(dict.fromkeys(o for b in document["benchmarks"] for o in b["objectives"]))
    scores = [f"{kind}:{objective}" for kind in ("weight", "reward", "evaluator") for objective in objectives]
    columns = ["benchmark", "version", "method", "steering", "seeds", "label", *scores, "kl", "collapse"]
    file = io.StringIO()
    writer = csv_format.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for benchmark in document["benchmarks"]:
        for row in benchmark["rows"]:
            shared = {"benchmark": benchmark["name"], "version": benchmark["version"]}
            shared |= {"method": row["method"], "steering": row["steering"], "seeds": " ".join(map(str, row["seeds"]))}
            for point in row["points"]:
                line = shared | {name: point[name] for name in ("label", "kl", "collapse")}
                for kind, entry in (("weight", "weights"), ("reward", "reward"), ("evaluator", "evaluator")):
                    names = [f"{kind}:{objective}" for objective in benchmark["objectives"]]
                    line |= dict(zip(names, point[entry], strict=True))
                writer.writerow(line)
    return file.getvalue()


def latex(document: dict[str, Any]) -> str:
    """A booktabs table per benchmark, to be put into a paper as it is (needs \\usepackage{booktabs})."""
    parts: list[str] = []
    for benchmark in document["benchmarks"]:
        body = [" & ".join(map(_latex, _cells(benchmark, row))) + r" \\" for row in benchmark["rows"]]
        parts += [
            f"% {' '.join(one_line(fact) for fact in _facts(benchmark))}",
            rf"\begin{{tabular}}{{l{'r' * (len(_COLUMNS) - 1)}}}",
            r"\toprule",
            " & ".join(map(_latex, _COLUMNS)) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    return "\n".join(parts)


def json(document: dict[str, Any]) -> str:
    """The document itself."""
    return json_format.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write(document: dict[str, Any], path: Path, formats: Formats | None = None) -> None:
    """Writes a comparison, or what other `formats` are for, in the format of the file's suffix, whole or not at all.

    BadInput for an unknown suffix.
    """
    formats = formats or FORMATS
    check_suffix(path, formats)
    content = formats[path.suffix.lower()](document)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        if partial.exists():
            partial.unlink()
        raise BadInput(
            f"cannot write {path}: {error.strerror}",
            "the result was made, but not saved",
            "choose another place with -o FILE",
        ) from error


def check_suffix(path: Path, formats: Formats) -> None:
    """BadInput for a file whose suffix is none of the formats."""
    if path.suffix.lower() not in formats:
        raise BadInput(
            f"cannot write {path}: its suffix names no known format",
            "the suffix of -o decides what is written",
            f"use one of {' '.join(formats)}",
        )


def as_text(render: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], bytes]:
    """A renderer of text as one of bytes."""
    return lambda document: render(document).encode()


def _image(suffix: str) -> Callable[[dict[str, Any]], bytes]:
    def draw(document: dict[str, Any]) -> bytes:
        from moa_cli.figure import image

        return image(document, suffix)

    return draw


def _junit(document: dict[str, Any]) -> bytes:
    from moa_cli.junit import xml

    return xml(document)


def _report(document: dict[str, Any]) -> bytes:
    from moa_cli.report import html

    return html(document).encode()


FORMATS: Formats = {
    ".md": as_text(markdown),
    ".json": as_text(json),
    ".csv": as_text(csv),
    ".tex": as_text(latex),
    ".xml": _junit,
    ".png": _image("png"),
    ".pdf": _image("pdf"),
    ".svg": _image("svg"),
    ".html": _report,
}

_COLUMNS = ("method", "HV held-out", "vs base", "HV reward", "KL", "collapsed", "time")


def _cells(benchmark: dict[str, Any], row: dict[str, Any]) -> list[str]:
    """One row of `_COLUMNS` with whole intervals."""
    held_out, gain = row["evaluator"], _gain(benchmark, row)
    return [
        _name(benchmark, row),
        interval(held_out["hypervolume"], held_out["hv_low"], held_out["hv_high"]),
        f"{interval(*gain, sign='+')}{star(gain)}" if gain else "",
        interval(row["hypervolume"], row["hv_low"], row["hv_high"]),
        kl(row["kl"]),
        f"{row['collapse']:.0%}",
        time(row["cost"].get("seconds")),
    ]


def _block(benchmark: dict[str, Any]) -> Table:
    """The rows of one benchmark, in 80 columns."""
    block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    block.add_column("method", overflow="fold", max_width=19)
    for heading in ("HV held-out", "vs base", "HV reward", "KL", "coll.", "time"):
        block.add_column(heading, justify="right", no_wrap=True)
    for row in benchmark["rows"]:
        held_out, gain = row["evaluator"], _gain(benchmark, row)
        colour = "" if gain is None or not star(gain) else "green" if gain[0] > 0 else "red"
        block.add_row(
            Text(_name(benchmark, row)),
            plus_minus(held_out["hypervolume"], held_out["hv_low"], held_out["hv_high"]),
            Text(f"{plus_minus(*gain, sign='+')}{star(gain) or ' '}" if gain else "- ", style=colour),
            plus_minus(row["hypervolume"], row["hv_low"], row["hv_high"]),
            kl(row["kl"]),
            f"{row['collapse']:.0%}",
            time(row["cost"].get("seconds")),
        )
    return block


def _gate_block(gate: dict[str, Any]) -> Group:
    """What the gate found, in 80 columns."""
    colour = "red" if gate["verdict"] == "regressed" else "green"
    against = f"  against {one_line(gate['baseline'])}, tolerance {100 * gate['tolerance']:g} %"
    title = Text.assemble(("gate ", "bold"), (gate["verdict"], f"bold {colour}"), against)
    block = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("benchmark", "method"):
        block.add_column(heading, overflow="fold")
    for heading in ("HV before", "difference", "verdict"):
        block.add_column(heading, justify="right", no_wrap=True)
    for v in gate["verdicts"]:
        known = "difference" in v
        block.add_row(
            Text(one_line(v["benchmark"])),
            Text(one_line(v["method"])),
            _number(v["base"]) if known else "-",
            plus_minus(v["difference"], v["low"], v["high"], sign="+") if known else "-",
            Text(v["verdict"], style="red" if v["verdict"] in WORSE else ""),
        )
    return Group(title, block)


def _gate_lines(gate: dict[str, Any] | None) -> list[str]:
    """The same in Markdown."""
    if not gate:
        return []
    lines = [
        f"**Gate {gate['verdict']}** against {markdown_text(gate['baseline'])}, tolerance {100 * gate['tolerance']:g} %", "",
        "| benchmark | method | held-out hypervolume against the baseline |", "|:---|:---|:---|",
    ]  # fmt: skip
    for v in gate["verdicts"]:
        lines += [f"| {markdown_text(v['benchmark'])} | {markdown_text(v['method'])} | {told(v)} |"]
    return [*lines, ""]


def _left_out(benchmark: dict[str, Any]) -> list[str]:
    """Which points have collapsed, a line per row that has any."""
    lines, done = [], "kept" if benchmark["keeps_collapsed"] else "left out"
    for row in benchmark["rows"]:
        labels = [one_line(point["label"]) for point in row["points"] if point["collapsed"]]
        if labels:
            name = _name(benchmark, row)
            lines.append(f"{name}: over a fifth of the answers degenerate at {'; '.join(labels)} ({done})")
    return lines


def _heading(benchmark: dict[str, Any]) -> Text:
    """What was measured, on one line where it fits."""
    title, objectives, *facts = map(one_line, _facts(benchmark))
    measured = " · ".join(facts)
    fits = len(f"{title}  {objectives} · {measured}") <= WIDTH
    return Text.assemble((title, "bold"), f"  {objectives}", " · " if fits else "\n", measured)


def _facts(benchmark: dict[str, Any]) -> list[str]:
    """What was measured: benchmark@version, objectives, prompts, seeds, ref."""
    seeds = _common_seeds(benchmark)
    ref = [f"{r:g}" for r in benchmark["ref"]]
    return [
        f"{benchmark['name']}@{benchmark['version']}",
        ", ".join(benchmark["objectives"]),
        f"{benchmark['prompts']} prompts",
        "seeds differ" if seeds is None else f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
        f"ref {ref[0] if len(set(ref)) == 1 else ', '.join(ref)}",
    ]


def _common_seeds(benchmark: dict[str, Any]) -> list[int] | None:
    """The seeds of every row, None where rows have different ones."""
    seeds = [row["seeds"] for row in benchmark["rows"]]
    return seeds[0] if all(s == seeds[0] for s in seeds) else None


def _name(benchmark: dict[str, Any], row: dict[str, Any]) -> str:
    """The row's name, with its seeds where rows have different ones."""
    if _common_seeds(benchmark) is not None:
        return one_line(row["method"])
    return one_line(f"{row['method']} (seed{'s' * (len(row['seeds']) > 1)} {', '.join(map(str, row['seeds']))})")


def _base(benchmark: dict[str, Any]) -> str | None:
    """The row that others are compared with: the first that is not steered at all, which no training moved."""
    return next((row["method"] for row in benchmark["rows"] if row["steering"] == "none"), None)


def _gain(benchmark: dict[str, Any], row: dict[str, Any]) -> tuple[float, float, float] | None:
    """Difference to the base with its interval, None for the base itself and where there is none."""
    base = _base(benchmark)
    for pair in benchmark["pairs"]:
        if (pair["a"], pair["b"]) == (row["method"], base):
            return pair["difference"], pair["low"], pair["high"]
        if (pair["b"], pair["a"]) == (row["method"], base):
            return -pair["difference"], -pair["high"], -pair["low"]
    return None


def star(gain: tuple[float, float, float]) -> str:
    """A mark for an interval that excludes 0."""
    return "*" if gain[1] > 0 or gain[2] < 0 else ""


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.2f}" if abs(value) < 100 else f"{value:{sign}.4g}"


def interval(value: float, low: float, high: float, sign: str = "") -> str:
    """A value and its whole interval."""
    return f"{_number(value, sign)} [{_number(low, sign)}, {_number(high, sign)}]"


def plus_minus(value: float, low: float, high: float, sign: str = "") -> str:
    """A value and half the width of its interval."""
    return f"{_number(value, sign)} ±{_number((high - low) / 2)}"


def kl(nats: float | None) -> str:
    """A divergence; a dash where nobody knows it."""
    return "-" if nats is None else f"{nats:.1f}"


def time(seconds: float | None) -> str:
    """Seconds in the unit that suits them; empty where nobody counted."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def one_line(text: str) -> str:
    """A text from data on one line, without control characters."""
    return "".join(c if c.isprintable() else "?" for c in text)


def markdown_text(text: str) -> str:
    """A text from data as plain text in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", one_line(text))


_LATEX = {
    **{c: f"\\{c}" for c in "{}$&#_%"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def _latex(text: str) -> str:
    """A text from data as plain text in LaTeX."""
    return "".join(_LATEX.get(c, c) for c in one_line(text))
