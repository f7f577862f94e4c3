"""Numbers and texts for people: with their intervals, on one line, inert in terminals, Markdown, LaTeX and CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.spec import Signal

NOT_COUNTED = "not counted"


def star(clear: bool) -> str:
    """A mark for a difference by which two can be told apart."""
    return "*" if clear else ""


def warnings_of(prompts: int, least: int, seeds: Sequence[int] = ()) -> tuple[str, ...]:
    """What is said loudly: that there are fewer test prompts than anything can be told apart on, or a single seed."""
    few = f"only {prompts} test prompt{'s' * (prompts != 1)}: below {least}, nothing can be told apart"
    one = "one training: differences are on it alone, and nobody is called better"
    return (*([few] if prompts < least else []), *([one] if len(seeds) == 1 else []))


def signal_word(signal: Signal, held_out: bool) -> str:
    """What numbers under a signal are called in a table, a drawing or a sentence.

    Where one of its objectives has no evaluator of its own, nothing in it is held-out: scores are "reward" there, and
    the rewards that methods train on "training reward".
    """
    if signal == "scores":
        return "held-out" if held_out else "reward"
    return "reward" if held_out else "training reward"


def scorers_word(signal: Signal, held_out: bool) -> str:
    """What gives these numbers."""
    if signal == "rewards":
        return "training rewards"
    return "held-out evaluators" if held_out else "rewards"


def number_words(value: float, sign: str = "") -> str:
    """A number of a table, nothing without a minus.

    >>> number_words(-0.001, "+"), number_words(-0.25), number_words(12345)
    ('+0.00', '-0.25', '1.234e+04')
    """
    return f"{value:{sign}z.2f}" if abs(value) < 100 else f"{value:{sign}.4g}"


def interval(value: float, low: float, high: float, sign: str = "") -> str:
    """A value and its whole interval."""
    return f"{number_words(value, sign)} [{number_words(low, sign)}, {number_words(high, sign)}]"


def kl_words(nats: float | None) -> str:
    """A divergence; a dash where nobody knows it."""
    return "-" if nats is None else f"{nats:.1f}"


def time_words(seconds: float | None) -> str:
    """Seconds in the unit that suits them; empty where nobody counted."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def in_trainings(found: int, trainings: int) -> str:
    """In how many of its row's trainings a point has collapsed, where that is not in all."""
    return "" if found == trainings else f" in {found} of {trainings} trainings"


def numbered(what: str, numbers: Sequence[int]) -> str:
    """Numbered things in words.

    >>> numbered("seed", [0, 1])
    'seeds 0, 1'
    """
    return f"{what}{'s' * (len(numbers) != 1)} {', '.join(map(str, numbers))}"


def prepared_name(name: str, preparation: int) -> str:
    """A benchmark's name, and which of its preparations it is where that is not the first."""
    return f"{name} preparation {preparation}" if preparation else name


def signed(value: float | None) -> str:
    """A number that is more or less than nothing; a dash where nobody knows it."""
    return "-" if value is None else number_words(value, "+")


def setting_words(value: object) -> str:
    """A hyperparameter's value in a table."""
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)


def inert(text: str) -> str:
    """A text as terminals show it and do nothing else: "?" for what steers them, or turns around what is read."""
    odd = [c for c in set(text) if not c.isprintable() and c != "\n"]
    return text.translate(dict.fromkeys(map(ord, odd), "?")) if odd else text


def one_line(text: str) -> str:
    """A text from data on one line, without control characters."""
    return inert(text).replace("\n", "?")


_MARKUP = re.compile(
    r"[\\`*_{}\[\]<>|#~&$]|^-(?= )|^[+](?= |$)|^[-=](?=[-= ]+$)|(?<=^\d)[.)](?= |$)|(?<=^\d\d)[.)](?= |$)"
)
"""What Markdown, its formulas, lists and headings are made of."""


_LINKED = re.compile(
    r"(?<![a-z0-9])@(?=\w)|@(?=[\w.\\-]*\.[a-z])|(?<=\\#)(?=\w)|:(?=//)|(?<=:)(?=[\w+\\-]+:)|"
    r"\bgh-(?=\d)|www(?=\.)",
    re.IGNORECASE,
)
"""After what GitHub would make a link of the rest, notify somebody or draw a sign: people, issues, addresses."""


def markdown_text(text: str) -> str:
    """A text from data as plain text in Markdown. What would be a link or a mention holds a space of no width."""
    return _LINKED.sub(r"\g<0>&#8203;", _MARKUP.sub(r"\\\g<0>", one_line(text).strip()))


def csv_cell(value: object) -> object:
    """A cell of a CSV file: a number as it is, a text on one line, behind a ' where spreadsheets take it for a formula.

    >>> csv_cell("=1+1"), csv_cell("-1"), csv_cell(-1.0), csv_cell("1 - 1")
    ("'=1+1", "'-1", -1.0, '1 - 1')
    """
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.lstrip().startswith(tuple("=+-@＝＋－＠")) else text


_LATEX = {
    **{c: f"\\{c}" for c in "{}$&#_%"},
    **{c: f"{{{c}}}" for c in "[]*"},  # behind a line break these are its arguments
    "|": r"\textbar{}",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "≤": r"$\leq$",
}


def latex_text(text: str) -> str:
    """A text from data as plain text in LaTeX."""
    return "".join(_LATEX.get(c, c) for c in one_line(text))


def shown(measured: dict[str, float]) -> str:
    """Measurements in few characters.

    >>> shown({"reward/helpful": 0.512, "kl": 3.0, "tokens/s": 1234.0})
    'helpful 0.51  kl 3.00  1234 tokens/s'
    """
    parts = []
    for name, value in measured.items():
        short = name.rpartition("/")[2]
        parts.append(f"{value:.0f} {name}" if name == "tokens/s" else f"{short} {value:.2f}")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them.

    >>> duration(75)
    '1:15'
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def from_here(text: str) -> str:
    """A text for a document that others read: paths below the current folder from there on.

    What is on somebody's disk is nobody else's business, and is no path elsewhere.

    >>> from_here(f"-b {Path.cwd()}/shop.toml -o /tmp/x.md")
    '-b shop.toml -o /tmp/x.md'
    """
    here = f"{Path.cwd()}/"
    return re.sub(rf"(?<![\w./-]){re.escape(here)}(?=[\w.])", "", text) if here != "//" else text


def typed_weights(weights: Sequence[float], digits: int = 4) -> str:
    """Weights as --weights and --at take them.

    >>> typed_weights((0.25, 0.75)), typed_weights((1 / 3,) * 3, 3)
    ('0.25,0.75', '0.333,0.333,0.333')
    """
    return ",".join(f"{w:.{digits}g}" for w in weights)


def bytes_words(count: int) -> str:
    """A size on disk.

    >>> bytes_words(0), bytes_words(4_200), bytes_words(13_500_000_000)
    ('0 B', '4.2 kB', '13.5 GB')
    """
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def age_words(seconds: float) -> str:
    """How long ago something was.

    >>> age_words(40), age_words(5400), age_words(200_000)
    ('1 min', '2 h', '2 d')
    """
    if seconds < 3570:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 47.5 * 3600 else f"{seconds / 86400:.0f} d"


def amount(value: float) -> str:
    """A count in three digits.

    >>> amount(1234567.0)
    '1.23M'
    """
    for unit in ("", "k", "M", "G", "T", "P"):
        if abs(value) < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}E"
