"""A text from data does nothing but be shown, in whatever is printed or written."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmarks.common.document import json_text
from moa_cli.commands.use.chat import _stream
from moa_cli.comparisons.document import Comparison
from moa_cli.console import screen
from moa_cli.formats.exports import COMPARISON_FORMATS
from moa_cli.formats.terminal import comparison_table
from moa_cli.jobs.job import Job
from moa_cli.jobs.progress import Display
from moa_cli.report.elements.style import plain
from moa_cli.runs.config import Source
from moa_cli.runs.folders import as_slug
from moa_cli.words import csv_cell, inert, latex_text, markdown_text, one_line
from tests.kit.cli import moa, refused
from tests.kit.documents import edited
from tests.kit.fronts import a_failure
from tests.kit.pages import Page
from tests.kit.runs import record_with
from tests.kit.worlds import benchmark_in

ESCAPES = "\x1b]52;c;ZWNobw==\x07\x1b[31m\x9b31m\u202e"
"""Sets the clipboard, the colour (twice), and the direction of reading."""
PIECES = (
    *("\x1b[2J", "\x9b31m", "\u202e", "\u2066", "\ud800", "\x00", "\r", "\n", "\t", "\u2028", "\ufffe"),
    *("<script>", "<!--", "&#64;", "`", "**", "](http://x.y)", "![a](b)", "|", "# ", "- ", "1. ", "~~", "$x$", "\\"),
    *("@octocat", "#12", "gh-3", "https://x.yz/", "www.x.yz", "a@b.cd", ":heart:", "---"),
    *("=1+1", "+1", "-1", "@SUM(A1)", "＝1", "'", '"', ",", ";"),
    *(r"\input{x}", "%", "$", "&", "{", "}", "^", "_", "[1cm]", "*", "]]>", "a", "b c", "é", " "),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=5).map("".join)
MANY = settings(max_examples=60, deadline=None, derandomize=True)


def is_inert(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)


@MANY
@given(TEXTS)
def test_in_a_terminal(text: str) -> None:
    shown = io.StringIO()
    screen(file=shown, width=80).print(text)
    assert is_inert(shown.getvalue())
    assert is_inert(inert(text))
    assert (inert(text) == text) == is_inert(text), "what is inert stays as it is"
    assert one_line(text).isprintable()


@MANY
@given(TEXTS, st.integers(1, 3))
@example(ESCAPES, 1)
def test_in_an_answer_that_grows_in_a_chat(text: str, step: int) -> None:
    """A sequence may be split between two pieces."""
    written = io.StringIO()
    with redirect_stdout(written):
        _stream(text[: end + step] for end in range(0, len(text), step))
    assert written.getvalue() == f"{inert(text)}\n"


def test_in_the_progress_of_a_terminal() -> None:
    """What a method calls a stage, or measures in it: the live table prints past what makes all else inert."""
    file = io.StringIO()
    display = Display(screen(file=file, force_terminal=True, width=160))
    with display:
        display.start(Job(key="k", label=ESCAPES, purpose="train", source=Source("b", Path("runs")), work=print))
        display.event(("k", ESCAPES, 1, 2, {ESCAPES: 1.0}))
        display.live.refresh()
    assert file.getvalue().count("?]52;c;ZWNobw==?[31m?31m?") >= 3
    assert not set(file.getvalue()) & set("\x07\x9b\u202e")
    assert "\x1b]" not in file.getvalue()


@MANY
@given(TEXTS)
def test_in_json(text: str) -> None:
    written = json_text({text: [text]})
    assert is_inert(written)
    assert written.encode()
    assert json.loads(written) == {text: [text]}, "and says the same"


MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LINKED = re.compile(r"(?<![A-Za-z0-9])@[a-z0-9]|#\d|\bgh-\d|://|www\.|\w@[\w.-]+\.[a-z]|:[\w+-]+:", re.IGNORECASE)
"""What GitHub makes of texts after Markdown is read."""


@MANY
@given(TEXTS)
@example("@octocat #12 https://x.yz a@b.cd :heart: gh-3 www.x.yz &#64;octocat")
@example("- a")
@example("12. a")
@example("`a` *b* ~~c~~ <b> [d](e)")
def test_in_markdown(text: str) -> None:
    if one_line(text).strip() == "-":
        return  # the dash of a cell
    rendered = MARKDOWN.parse(f"{markdown_text(text)}\n")
    blocks = [token.type for token in rendered]
    assert blocks in ([], ["paragraph_open", "inline", "paragraph_close"])
    children = rendered[1].children if rendered else []
    assert {child.type for child in children or []} <= {"text"}
    read = "".join(child.content for child in children or [])
    assert read.replace("\u200b", "") == one_line(text).strip().replace("\u200b", "")
    assert not LINKED.search(read)


@MANY
@given(TEXTS)
def test_in_latex(text: str) -> None:
    kept = re.sub(r"\\[{}$&#_%]|\\text[a-z]+\{\}|\{[\[\]*]\}|\$\\leq\$", "", latex_text(text))
    assert kept.isprintable()
    assert not set(kept) & {*r"\{}$&#_%~^[]*|<>"}


@MANY
@given(TEXTS | st.floats())
def test_in_csv(value: str | float) -> None:
    cell = csv_cell(value)
    if isinstance(value, float):
        assert cell is value
    else:
        assert str(cell).isprintable()
        assert not str(cell).lstrip().startswith(tuple("=+-@＝＋－＠"))


@MANY
@given(TEXTS)
def test_in_figures_and_names_of_folders(text: str) -> None:
    assert plain(text).isprintable()
    assert not re.search(r"(?<!\\)\$", plain(text)), "no formula"
    slug = as_slug(text)
    assert slug.isprintable()
    assert slug not in (".", "..")
    assert "/" not in slug


HARMLESS = "harmless"


def named(document: Comparison, name: str) -> Comparison:
    """The comparison, where a method, a benchmark, an objective and a failure's words are this text."""

    def put(content: dict) -> None:
        text = json.dumps(content).replace('"soup"', json.dumps(name)).replace('"helpful"', json.dumps(f"{name}o"))
        content.update(json.loads(text.replace('"toy"', json.dumps(f"{name}b"))))
        content["failures"] = [a_failure(name, benchmark=f"{name}b", what=name).model_dump(mode="json")]

    return edited(document, put)


KINDS = (".md", ".csv", ".tex", ".xml", ".html")


@pytest.fixture(scope="module")
def before(document: Comparison) -> dict[str, str]:
    harmless = named(document, f"a{HARMLESS}")
    return {kind: COMPARISON_FORMATS[kind](harmless).decode() for kind in KINDS}


@pytest.mark.parametrize(
    "text", ["".join(PIECES[:4] + PIECES[5:11]), "@octocat <script>1</script> =1+1 https://x.yz |"]
)
def test_in_every_format_of_a_comparison(document: Comparison, before: dict[str, str], text: str) -> None:
    """It has as many elements, columns and cells as with a harmless name."""
    comparison = named(document, f"a{text}")
    written = {kind: COMPARISON_FORMATS[kind](comparison).decode() for kind in KINDS}
    for kind, content in written.items():
        assert is_inert(content.replace("\t", " " if kind == ".html" else "\t")), kind
    tokens = [
        [(token.type, {child.type for child in token.children or []} - {"text"}) for token in MARKDOWN.parse(content)]
        for content in (written[".md"], before[".md"])
    ]
    assert tokens[0] == tokens[1]
    rows = [list(csv.reader(io.StringIO(content))) for content in (written[".csv"], before[".csv"])]
    assert [*map(len, rows[0])] == [*map(len, rows[1])]
    assert all(not cell or cell[0] not in "=+@-" or float(cell) < 0 for row in rows[0] for cell in row)
    cases = ElementTree.fromstring(written[".xml"].encode()).findall(".//testcase")
    assert one_line(f"a{text}") in [case.get("name") for case in cases]
    assert {tag for tag, *_ in Page(written[".html"]).elements} == {tag for tag, *_ in Page(before[".html"]).elements}
    assert latex_text(f"a{text}") in written[".tex"]
    shown = io.StringIO()
    screen(file=shown, width=100).print(comparison_table(comparison))
    assert is_inert(shown.getvalue())


def test_from_the_command_line(tmp_path: Path) -> None:
    """From a run's record, log and folder, a table's version, a row's keys, what is typed."""
    folder = tmp_path / "runs" / "b" / "sft" / "12345678-s3"
    folder.mkdir(parents=True)
    record = record_with(config={"name": ESCAPES, ESCAPES: "x"}, command=ESCAPES, method="gone", device=ESCAPES)
    record.write(folder / "run.json")
    row = {"stage": ESCAPES, "step": 1, "steps": 2, ESCAPES: 1.0}
    (folder / "log.jsonl").write_text(json.dumps(row) + "\n")
    (folder.with_name(f"{ESCAPES}-s0")).mkdir()
    (folder.with_name(f"{ESCAPES}-s0") / "run.json").write_text("{")
    place = benchmark_in(tmp_path)
    toml = (place / "tiny.toml").read_text()
    (place / "version.toml").write_text(f"version = {json.dumps(ESCAPES)}\n{toml}")
    (place / "keys.jsonl").write_text(json.dumps({f"q{ESCAPES}": 1}) + "\n")
    (place / "keys.toml").write_text(toml.replace("rows.jsonl", "keys.jsonl"))
    for command in (
        ["list", "runs"], ["list", "--json"], ["show", str(folder)], ["show", str(folder), "--json"], ["compare"],
        ["show", "version.toml"], ["eval", "--prompts", "-b", "keys.toml"], ["eval", "--weights", ESCAPES],
    ):  # fmt: skip
        result = moa(*command, cwd=place)
        assert is_inert(result.stdout + result.stderr), command
        assert len(result.stdout + result.stderr) > 40, command
    refused(moa("eval", "--prompts", "-b", "keys.toml", cwd=place), "found keys q?]52")


def test_what_is_logged_is_said_as_all_else_is(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    from moa_cli.console import Said

    Said().emit(logging.makeLogRecord({"msg": f"skipped {ESCAPES}"}))
    assert capsys.readouterr().err.startswith("skipped ?]52")
