"""A comparison as a table, and in files of every format."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.common.errors import BadInput
from benchmarks.measure.front import Front
from moa_cli.claims.document import Claims
from moa_cli.claims.tables import CLAIM_FORMATS
from moa_cli.commands.common.finish import check_outputs, write_outputs
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.console import out
from moa_cli.formats.columns import columns
from moa_cli.formats.exports import COMPARISON_FORMATS, comparison_csv, comparison_markdown, latex
from moa_cli.formats.output import Formats, check_place, write_document
from moa_cli.formats.terminal import comparison_table
from moa_cli.studies.document import Study
from moa_cli.studies.outputs import STUDY_FORMATS
from moa_cli.studies.tables import study_csv
from tests.kit.documents import edited
from tests.kit.fronts import COST, NAMES, make_card, make_front, other_card
from tests.kit.pages import show
from tests.kit.runs import record_with
from tests.kit.worlds import GOLD


@pytest.mark.parametrize("objectives", [1, 2, 3, 5])
def test_the_table_fits_eighty_columns(objectives):
    card = make_card(objectives)
    names = ["sft", "rewarded-soups", "morlhf", "a-name-that-is-much-too-long-for-any-column"]
    steering = ["none", "merge", "retrain", "prompt"]
    text = show(compare([make_front(n, k / 2, steering=steering[k], card=card) for k, n in enumerate(names)]))
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text, "no colours in a file"
    assert "…" not in text, "no number is cut"
    assert "rewarded-soups" in text


def test_names_stay_on_a_narrow_screen_and_columns_go(document) -> None:
    console = Console(width=40)
    with console.capture() as captured:
        console.print(comparison_table(document))
    text = captured.get()
    assert all(row.method in text for row in document.benchmarks[0].rows)
    head = next(line for line in text.splitlines() if line.startswith("method"))
    assert head.split()[:2] == ["method", "held-out"]
    assert "time" not in head
    assert "…" not in text


def test_long_names_are_folded_in_the_room_there_is() -> None:
    """Settings that tell rows apart stand whole beside what has room, on a screen that has it."""
    config = {"learning_rate": 2.93e-06, "offline_epochs": 6.35}
    fronts = [make_front("sft", 0, steering="none"), make_front("ric", 1.0, config=config), make_front("ric", 1.5)]
    text = show(compare(fronts))
    assert "ric learning_rate=2.93e-06" in text.split("\n\n")[0]
    assert max(map(len, text.splitlines())) <= 80


def test_what_has_no_room_beside_the_names_goes_on_below(document: Comparison) -> None:
    """At every width all numbers are there, and no name, heading or number is broken."""
    wide = show(document, 160)
    table = wide[: wide.index("TFLOP  ")].splitlines()
    words = {word for line in table[1:] for word in line.split() if "─" not in word}
    for width in (100, 80, 60, 42):
        narrow = show(document, width)
        assert max(map(len, narrow.splitlines())) <= width
        lines = narrow[: narrow.index("TFLOP  ")].splitlines()
        assert words <= {word for line in lines for word in line.split()}, width
        starts = [line.split()[0] for line in lines if line.strip()]
        for row in document.benchmarks[0].rows:
            assert starts.count(row.method) == starts.count("method")
        assert starts.count("method") == {100: 2, 80: 2, 60: 3, 42: 5}[width]


def test_a_skewed_interval_is_told_alike_in_the_terminal_and_in_files(fronts: list[Front]) -> None:
    """+0.60 [-0.01, +0.87] is not +0.60 ±0.44."""

    def change(saved: dict) -> None:
        for pair in saved["benchmarks"][0]["pairs"]:
            pair["hypervolume"] |= {"value": 0.6, "low": -0.01, "high": 0.87}

    skewed = edited(compare(fronts), change)
    told = r"[+-]0\.60 \[[+-]0\.\d\d, [+-]0\.\d\d\]"
    for text in (show(skewed), comparison_markdown(skewed), latex(skewed).replace("{[}", "[").replace("{]}", "]")):
        assert len(re.findall(told, text)) >= 2
        assert "±" not in text


def test_the_footnote_explains_the_columns_that_are_there(fronts, document):
    def footnote(shown: Comparison) -> str:
        text = show(shown)
        return " ".join(text[text.index("HV: ") :].split())

    assert footnote(document) == (
        "HV: hypervolume above ref, in SFT standard deviations, at equally many distinct policies; held-out: under "
        "evaluators no method trains on; utility: mean over the asked weights w of w . held-out score, less sft's; in "
        "brackets, 95 % intervals over prompts; KL: nats per answer from sft; coll.: collapsed answers; "
        "time: of training; "
        "TFLOP: of training, / with the trained rewards and tags it used"
    ), "one training, no star"
    seeds = [make_front("soup", 1.0, seed=seed) for seed in (0, 1)]
    alone = footnote(compare(seeds))
    assert "over prompts and trainings; KL" in alone, "no difference, no star"
    assert "w . held-out score, 0 being the scale card's mean" in alone
    both = compare([*seeds, *(make_front("sft", 0, steering="none", seed=seed) for seed in (0, 1))])
    assert "* told apart, p < .05 over prompts and trainings, corrected for all pairs (Holm)" in footnote(both)


def test_the_table_marks_what_differs_from_the_base(fronts, document):
    several = compare([replace(front, seed=seed) for front in fronts for seed in (0, 1, 2)])
    for shown, star in ((document, ""), (several, r"\*")):
        lines = show(shown).splitlines()
        context, base = (next(line for line in lines if line.startswith(name)) for name in ("context", "sft"))
        told = r"\+\d+\.\d\d \[\+\d+\.\d\d, \+\d+\.\d\d\]"
        assert re.search(rf" {told}{star} +{told}{star} *$", context)
        assert "+" not in base
    lines = show(document).splitlines()
    assert lines[0].rstrip() == "toy@1  helpful, harmless · 60 prompts · seed 0 · ref -2"


def test_a_method_below_the_base_loses_what_the_pair_says(fronts):
    two = [fronts[0], make_front("worse", -1.5)]
    document = compare([replace(front, seed=seed) for front in two for seed in (0, 1)])
    (pair,) = document.benchmarks[0].pairs
    assert (pair.a, pair.b) == ("sft", "worse")
    for one in (pair.hypervolume, pair.utility):
        assert f"-{one.value:.2f} [-{one.high:.2f}, -{one.low:.2f}]*" in comparison_markdown(document)


def test_seeds_that_differ_are_shown(fronts):
    text = show(compare([*fronts, make_front("soup", 1.0, seed=1)]))
    assert "seeds differ" in text
    assert "(seeds 0, 1)" in " ".join(text.split())


def test_names_cannot_inject_markup(tmp_path):
    nasty = "[red]a|b_c$x^2$\x1b[31m\n%&"
    document = compare([make_front(nasty, 1.0), make_front("plain", 0.5)])
    assert "[red]a|b_c" in show(document)
    assert "\x1b" not in show(document)
    assert r"\[red\]a\|b\_c" in comparison_markdown(document)
    assert r"{[}red{]}a\textbar{}b\_c\$x\textasciicircum{}2\$?{[}31m?\%\&" in latex(document)
    write_document(document, tmp_path / "figure.svg", COMPARISON_FORMATS)


def test_markdown_has_whole_intervals(document):
    scores = document.benchmarks[0].rows[0].scores
    text = comparison_markdown(document)
    assert f"| context | {scores.hypervolume:.2f} [{scores.low:.2f}, {scores.high:.2f}] | +" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_tables_name_the_base_and_tell_control_cost_and_efficiency(fronts):
    """Efficiency only where there is a ceiling; what its samples do not reach is bounded."""
    plain = list(columns(compare(fronts).benchmarks[0]))
    names = [row.method for row in compare(fronts).benchmarks[0].rows]

    def change(document: dict) -> None:
        (benchmark,) = document["benchmarks"]
        under = {
            "prompts": 40, "fronts": [], "best_of_n": [], "curve": [],
            "efficiency": {names[0]: {"value": 0.7, "low": 0.6, "high": 0.8}, **dict.fromkeys(names[1:])},
            "unreached": {names[1]: {"label": "1,0", "kl": 9.0, "reach": 2.0, "at_most": 0.62}},
        }  # fmt: skip
        benchmark["ceiling"] = {"scores": under} | dict.fromkeys(
            ("rewards", "evaluators"), under | {"efficiency": {}, "unreached": {}}
        )
        benchmark["rows"][0] |= {"kendall_tau": {"helpful": 1.0, "harmless": None}, "cost": {"flops": 2.09e12}}

    document = edited(compare(fronts), change)
    (benchmark,) = document.benchmarks
    cells = columns(benchmark)
    assert [*cells] == [*plain[:6], "efficiency", *plain[6:]]
    assert "vs sft" in cells
    told = [[cells[name](row) for name in ("tau", "efficiency", "TFLOP")] for row in benchmark.rows]
    assert told[0] == ["1.00, -", "70% [60%, 80%]", "2.1"]
    assert told[1][1] == "≤ 62%"
    assert told[2][1] == "-"
    for text in (comparison_markdown(document), latex(document)):
        assert "share of what optimising the rewards perfectly gains" in text
        assert "over prompts;" in text, "there is one seed"
    assert r"$\leq$ 62\%" in latex(document)
    assert f"\nefficiency  {names[0]} 70% [60%, 80%], {names[1]} ≤ 62%\n" in re.sub(" +\n", "\n", show(document))
    assert "efficiency: held-out gain over sft, as a share" in " ".join(show(document).split())
    assert "efficiency" not in show(compare(fronts))


def test_the_table_tells_what_an_answer_costs(fronts):
    """As a multiple of the starting policy's, where both are counted: best-of-n trains nothing, and pays for every
    answer."""
    spent = {"sft": {"serving_flops": 6e7}, "soup": {"serving_flops": 1.08e8}, "context": {"serving_flops": 2.9e9}}
    given = replace(make_front("given", 0.5, steering="given"), cost={})
    measured = [*(replace(front, cost=COST | spent[front.method]) for front in fronts), given]
    (benchmark,) = compare(measured).benchmarks
    cells = columns(benchmark)
    told = {row.method: cells["answer"](row) for row in benchmark.rows}
    assert told == {"context": "48x", "soup": "1.8x", "sft": "1x", "given": "-"}
    assert [*cells][-4:] == ["TFLOP", "with what it used", "answer", "time"]
    assert "answer: floating-point" in comparison_markdown(compare(measured))
    for unknown in (fronts, measured[1:]):
        assert "answer" not in comparison_markdown(compare(unknown))


def test_the_tables_tell_what_a_row_cost_alone_and_with_what_it_used(fronts):
    """1 TFLOP, and 2.5 with a trained reward; nothing is known of answers that were made elsewhere, and of a front
    whose training no ledger saw that is said."""
    reward = {"reward helpful": dict.fromkeys(COST, 1.5e12)}
    spent = {"soup": {"used": reward}, "context": {"cost": COST | {"flops": None}}, "sft": {}}
    given = replace(make_front("given", 0.5, steering="given"), cost={})
    document = compare([*(replace(front, **spent[front.method]) for front in fronts), given])
    (benchmark,) = document.benchmarks
    cells = columns(benchmark)
    told = {row.method: [cells[name](row) for name in ("TFLOP", "with what it used")] for row in benchmark.rows}
    assert told == {
        "soup": ["1.0", "2.5"], "context": ["not counted"] * 2, "sft": ["1.0", "1.0"], "given": ["-", "-"],
    }  # fmt: skip
    assert next(row.used for row in benchmark.rows if row.method == "soup") == ("reward helpful",)
    shown = " ".join(show(document).split())
    assert "soup 1.0 / 2.5" in shown
    assert "context not counted / not counted" in shown
    lines = list(csv.DictReader(io.StringIO(comparison_csv(document))))
    assert {(line["method"], line["flops"], line["flops_with_used"]) for line in lines} == {
        ("soup", "1000000000000.0", "2500000000000.0"), ("context", "not counted", "not counted"),
        ("sft", "1000000000000.0", "1000000000000.0"), ("given", "", ""),
    }  # fmt: skip


def test_what_is_not_held_out_is_not_called_so(document):
    """A benchmark file may have no evaluator beside a reward."""
    told = ": no evaluator beside the reward, so nothing here is held-out"
    card = other_card(make_card(3), evaluators=(GOLD[0], *NAMES[1:3]))
    open_book = compare([make_front("soup", 1.0, card=card)])
    for text in (show(open_book), comparison_markdown(open_book), latex(open_book)):
        assert f"harmless, humour{told}" in text
    assert told not in show(document)
    closed_to_nobody = compare([make_front("soup", 1.0, card=other_card(make_card(), evaluators=NAMES[:2]))])
    assert "no method trains on" not in show(open_book)
    assert "no method trains on" not in show(closed_to_nobody)


def test_csv_has_a_line_per_point(fronts):
    document = compare([*fronts, make_front("wide", 1.0, card=make_card(3, "other"))])
    lines = list(csv.DictReader(io.StringIO(comparison_csv(document))))
    assert len(lines) == 1 + 11 + 11 + 6
    first = document.benchmarks[0].rows[0].points[0]
    assert float(lines[0]["reward:helpful"]) == first.rewards[0]
    assert float(lines[0]["score:harmless"]) == first.scores[1]
    assert (lines[0]["collapsed"], lines[0]["collapsed_seeds"]) == ("False", "0")
    assert (lines[0]["policy"], lines[1]["policy"], lines[0]["compared"]) == ("0", "1", "True")
    scores = document.benchmarks[0].rows[0].scores
    assert {float(line["hypervolume"]) for line in lines[:11]} == {scores.hypervolume}
    assert (lines[0]["under"], lines[0]["policies"], float(lines[0]["utility"])) == ("held-out", "11", scores.utility)
    assert (lines[0]["weight:humour"], lines[-1]["weight:humour"]) == ("", "1.0")


def test_latex_is_balanced(document):
    text = latex(document)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert text.count(r" \\") == 1 + 3
    cells = [line.count(" & ") for line in text.splitlines() if line.endswith(r" \\")]
    assert cells == [10] * 4


@pytest.mark.parametrize("suffix", [".md", ".json", ".csv", ".tex", ".png", ".pdf", ".svg", ".JSON"])
def test_a_suffix_decides_the_format_and_the_document_the_bytes(document, tmp_path, suffix):
    starts = {
        ".png": b"\x89PNG",
        ".pdf": b"%PDF",
        ".svg": b"<?xml",
        ".json": b"{",
        ".JSON": b"{",
        ".md": b"<!-- moa compare -->",
    }
    for name in ("one", "two"):
        write_document(document, tmp_path / "deep" / f"{name}{suffix}", COMPARISON_FORMATS)
    one, two = (tmp_path / "deep" / f"{name}{suffix}" for name in ("one", "two"))
    assert one.read_bytes().startswith(starts.get(suffix, b""))
    assert one.read_bytes() == two.read_bytes()
    assert len(list((tmp_path / "deep").iterdir())) == 2, "nothing temporary is left"


def test_json_is_the_document(document, tmp_path):
    write_document(document, tmp_path / "x.json", COMPARISON_FORMATS)
    assert Comparison.from_json((tmp_path / "x.json").read_text()) == document


@pytest.mark.parametrize("name", ["x.docx", "x", "."])
def test_an_unknown_suffix_lists_the_known(document, tmp_path, name):
    with pytest.raises(BadInput, match=r"\.md \.json \.csv \.tex \.xml \.png \.pdf \.svg"):
        write_document(document, tmp_path / name, COMPARISON_FORMATS)


def test_a_place_that_cannot_be_written(document, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "x.json").mkdir()
    for path in (tmp_path / "file" / "x.json", tmp_path / "x.json"):
        with pytest.raises(BadInput, match="cannot write"):
            write_document(document, path, COMPARISON_FORMATS)
    assert {p.name for p in tmp_path.iterdir()} == {"file", "x.json"}


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    check_outputs([tmp_path / "new" / "a.md"], COMPARISON_FORMATS, tmp_path)
    for path, reason in (("folder.md", "is a folder"), ("file/new/a.md", "file is a file"), ("pipe.md", "is no file")):
        with pytest.raises(BadInput, match=reason):
            check_outputs([tmp_path / path], COMPARISON_FORMATS, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.md", "pipe.md"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("toy/ric/01234567-s0/table.md", "", "what lies in .*01234567-s0 is moa's own"),
        ("toy/prepared/new.csv", "", "what lies in .*prepared is moa's own"),
        ("toy/tuned/ric.json", "", "what lies in .*tuned is moa's own"),
        ("run.json", record_with().to_json(), "it is a moa.run/2"),
        ("data.json", '[{"prompt": "a"}]', "it is a file that -o did not write"),
        ("data.csv", "prompt,answer\n", "it is a file that -o did not write"),
        ("leaders.csv", "benchmark,owner\n", "it is a file that -o did not write"),
        ("dash.json", '{"a": {"schema": "moa.compare/4"}}', "it is a file that -o did not write"),
    ],
)
def test_what_no_output_is_is_not_replaced(name: str, content: str, reason: str, tmp_path: Path) -> None:
    """Nor when a link leads there; before any work."""
    record_with().write(tmp_path / "toy/ric/01234567-s0/run.json")
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if content:
        path.write_text(content)
    (tmp_path / f"link{path.suffix}").symlink_to(path)
    for typed in (path, tmp_path / f"link{path.suffix}"):
        with pytest.raises(BadInput, match=f"cannot write .*: {reason}"):
            check_outputs([typed], COMPARISON_FORMATS, tmp_path)


@pytest.mark.parametrize("formats", [COMPARISON_FORMATS, STUDY_FORMATS, CLAIM_FORMATS])
def test_an_earlier_output_is_replaced(formats: Formats[Any], document: Comparison, tmp_path: Path) -> None:
    """Also of an earlier version, of another command, or an empty file, as `mktemp` makes."""
    study = Study(study="kl", methods=(), benchmarks=(), comparison=document)
    documents = document.to_json(), Claims(benchmarks=()).to_json(), study.to_json(), '{"schema": "moa.compare/1"}', ""
    for text in documents:
        (tmp_path / "a.json").write_text(text)
        check_outputs([tmp_path / "a.json"], formats, tmp_path)
    for text in (comparison_csv(document), study_csv(study), ""):
        (tmp_path / "a.csv").write_text(text)
        check_place(tmp_path / "a.csv", tmp_path)
    (tmp_path / "prepared").mkdir()  # a folder of one's own
    check_place(tmp_path / "prepared" / "a.csv", tmp_path)


def test_a_link_leads_to_what_is_written(document: Comparison, tmp_path: Path) -> None:
    """As that of a page which is served elsewhere; it stays a link."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.csv").symlink_to("elsewhere/b.csv")
    for _ in range(2):
        check_outputs([tmp_path / "a.csv"], COMPARISON_FORMATS, tmp_path)
        write_document(document, tmp_path / "a.csv", COMPARISON_FORMATS)
        assert (tmp_path / "elsewhere/b.csv").read_text().startswith("benchmark,")
        assert (tmp_path / "a.csv").is_symlink()


def test_a_file_that_cannot_be_written_costs_no_other(
    document: Comparison, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.md").mkdir()
    files = [tmp_path / "folder.md", tmp_path / "a.csv"]
    assert not write_outputs(document, files, COMPARISON_FORMATS)
    assert (tmp_path / "a.csv").read_text().startswith("benchmark,")
    assert "cannot write" in capsys.readouterr().err
    assert write_outputs(document, files[1:], COMPARISON_FORMATS)


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", '"\u00b1"'), ("ascii", r'"\u00b1"')])
def test_json_is_exact_in_every_encoding(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    out(["\u00b1"])
    written = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert json.loads(written) == ["\u00b1"]
    assert shown in written


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_comparison_is_printed_as_it_is_written(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte where the stream has every letter, else with the same content."""
    document = compare([make_front("souped \u00b1", 1.0)])
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    out(document)
    written = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert Comparison.from_json(written) == document
    assert (written == document.to_json()) == (encoding == "utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
def test_a_full_disk_is_told() -> None:
    """Once: Python must not try again when it ends."""
    code = "from moa_cli.console import have_streams, out; have_streams(); out('a result')"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert "cannot write the result" in done.stderr
    assert "Exception ignored" not in done.stderr


def test_who_steers_by_the_prompt_is_compared_with_the_start_told_goals():
    """In two columns of the tables, and below the one of a terminal; nobody else is."""
    card, reach = (
        make_card(),
        {"sft": ("none", 0.0), "sft-goals": ("prompt", 0.5), "ric": ("prompt", 1.5), "soup": ("merge", 1.0)},
    )
    fronts = [
        make_front(name, value, seed=seed, steering=steering, card=card)
        for name, (steering, value) in reach.items()
        for seed in (0, 1, 2)
    ]
    document = compare(fronts)
    (on,) = document.benchmarks
    for head, headline in (("vs sft-goals", "hypervolume"), ("utility vs sft-goals", "utility")):
        cells = {row.method: columns(on)[head](row) for row in on.rows}
        gain = on.difference("ric", "sft-goals", headline)
        assert gain is not None
        assert cells.pop("ric").startswith(f"{gain.value:+.2f} [")
        assert set(cells.values()) == {""}
        assert re.search(rf"^{head}  ric \+\d", show(document), re.MULTILINE)


def test_how_small_a_difference_can_be_seen_is_said_where_it_is_asked():
    def told(seeds: int) -> str:
        fronts = [make_front(name, seed, seed=seed) for name in ("soup", "ric") for seed in range(seeds)]
        console = Console(file=io.StringIO(), width=100)
        console.print(comparison_table(compare(fronts), power=True))
        return console.file.getvalue()  # type: ignore[attr-defined]

    assert re.search(r"power: .*\d in hypervolume and .*\d in utility", told(3))
    assert "power: nothing is told apart; two methods with --seed 0,1,2 could be" in told(1)
