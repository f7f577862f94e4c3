"""HTML that is balanced and inert by construction.

What `el` makes is markup, every other text is shown and nothing else.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

LONG, SHORT = 2000, 200
"""Characters that are shown of one text from data, and of a name."""


class Html(str):
    """Markup that was made here, as opposed to a text from data."""


def el(name: str, *inside: str, **attributes: str) -> Html:
    """An element; what is in it is a text from data unless it is Html.

    `class_` is written class, `aria_label` aria-label.

    >>> el("p", "1 < 2", el("b", "!"), class_="loud")
    '<p class="loud">1 &lt; 2<b>!</b></p>'
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{flat(text)}"' for key, text in attributes.items())
    return Html(f"<{name}{written}>{join(inside)}</{name}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Several parts as one."""
    return Html(inert(between).join(inert(part) for part in parts))


def listed(names: Sequence[str], last: str = "and") -> Html:
    """Names as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    head = [join(names[:-1], ", "), f" {last} "] if len(names) > 1 else []
    return join([*head, names[-1]])


def inert(text: str, most: int = LONG) -> Html:
    """A text from data as markup that shows it and does nothing; Html is left as it is.

    Characters that are not seen, or that turn around what is, are named. What goes beyond `most` characters is counted.

    >>> inert("<b>\\u202e")
    '&lt;b&gt;<span class="sign" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>'
    """
    if isinstance(text, Html):
        return text
    shown = "".join(_sign(c) if _hidden(c) else escape(c) for c in _cut(text, most))
    more = el("span", f" … {len(text) - most:,} more characters", class_="more") if len(text) > most else ""
    return Html(shown + more)


def flat(text: str) -> Html:
    """A text from data where no element can be: in an attribute and in the title."""
    return Html(escape(seen(text)))


def seen(text: str) -> str:
    """A text from data with names for what cannot be seen, cut."""
    return "".join(f"⟨U+{ord(c):04X}⟩" if _hidden(c) else c for c in _cut(text, LONG))


def data(content: object) -> Html:
    """What a script of the page reads: JSON of which nothing can be taken for markup.

    >>> data(["</script>"])
    '<script type="application/json">["\\\\u003c/script\\\\u003e"]</script>'
    """
    written = json.dumps(content, separators=(",", ":"))
    for c in "<>&":
        written = written.replace(c, f"\\u{ord(c):04x}")
    return el("script", Html(written), type="application/json")


def called(text: str) -> Html:
    """A name from data within other text, whose direction it cannot change."""
    return el("bdi", inert(text, SHORT))


def _cut(text: str, most: int) -> str:
    return text[:most].replace("\r\n", "\n")


def _hidden(c: str) -> bool:
    """Control and format characters, lone surrogates, unassigned and private ones, other kinds of line ends."""
    return c not in "\n\t" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _sign(c: str) -> str:
    label = unicodedata.name(c, unicodedata.category(c))
    return f'<span class="sign" title="{escape(label)}">U+{ord(c):04X}</span>'


def spread(value: float, low: float, high: float, sign: str = "") -> Html:
    """A value and, smaller, its interval."""
    return join([number(value, sign), el("small", f" [{number(low, sign)}, {number(high, sign)}]")])


def number(value: float | None, sign: str = "", digits: int = 2) -> str:
    """A number with a real minus, a dash where there is none.

    >>> number(-1.2345)
    '−1.23'
    """
    if value is None:
        return "–"
    text = f"{value:{sign}z.{digits}f}" if abs(value) < 1000 else f"{value:{sign}.4g}"
    return text.replace("-", "−")


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], class_: str = "numbers") -> Html:
    """A table whose first column names its rows; where it is wider than the page, it scrolls in a box of its own."""
    body = [el("tr", el("th", row[0], scope="row"), *(el("td", cell) for cell in row[1:])) for row in rows]
    columns = el("tr", *(el("th", name, scope="col") for name in head))
    inner = el("table", el("caption", el("span", caption)), el("thead", columns), el("tbody", *body), class_=class_)
    return el("div", inner, class_="wide", role="region", tabindex="0", aria_label=caption)
