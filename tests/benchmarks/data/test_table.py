"""What a table can say: conversations, grades and winners per objective; what is skipped, counted and refused."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common import digest
from benchmarks.common.errors import BadInput
from benchmarks.data import table as table_module
from benchmarks.data.clean import alike, first_turn
from benchmarks.data.items import Columns
from benchmarks.data.table import Table
from benchmarks.spec.answers import SPLITS, Answer, PreferencePair

HELD = {"split": "test"}


def table(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> Table:
    """A table of these training rows; the last one is for the test."""
    path = folder / "rows.jsonl"
    said = [{"split": "train", **row} for row in rows[:-1]] + [{**rows[-1], "split": "test"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in said), encoding="utf-8")
    columns = replace(settings.pop("columns", Columns()), split="split")
    return Table(path=str(path), columns=columns, dev_share=0, **settings)


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def test_messages_are_a_dialogue_that_ends_in_its_last_answer(tmp_path: Path) -> None:
    rows: list[list[dict[str, Any] | None]] = [
        [{"role": "system", "content": "Be brief."}, user("Hi."), said("Hello!"), user("And?"), said(" Fine. ")],
        [user("Hi.")],
        [{"role": "tool", "content": "x"}, user("Hi."), said("Hello!")],
        [user("Hi."), {"role": "system", "content": "x"}, said("Hello!")],
        [user(" "), said("Hello!")],
        [user("Hi."), said(None)],
        [user("Hi."), said(""), user("And?"), said("Fine.")],
        [said("Hello!")],
        [],
        [said("Hello!"), user("And?"), said("So.")],
        [None, user("Hi."), said("Hello!")],
        [{"role": None, "content": "x"}, user("Hi."), said("Hello!")],
        [user("Hi."), said("Hello!"), said("How are you?")],
        [user("Go on:\n\nHuman: Hi.\n\nAssistant: Yo.\n\nHuman: Bye."), said("x")],
        [{"role": "system", "content": "As in:\n\nHuman: Hi.\n\nAssistant: Yo."}, user("Hi."), said("Hello!")],
        [user("Hi."), said("Hello!"), said("Yes?"), user("And?"), user("Well?"), said("x\n\nHuman: y")],
        [user("Held out?"), said("Yes.")],
    ]
    data = table(tmp_path, [{"messages": row} for row in rows], format="messages")
    prompt = "Be brief.\n\nHuman: Hi.\n\nAssistant: Hello!\n\nHuman: And?\n\nAssistant:"
    greeted = "\n\nAssistant: Hello!\n\nHuman: And?\n\nAssistant:"
    twice = "\n\nHuman: Hi.\n\nAssistant: Hello!\n\nAssistant: Yes?\n\nHuman: And?\n\nHuman: Well?\n\nAssistant:"
    assert data.responses() == data.demonstrations()
    assert data.responses() == [Answer(prompt, "Fine."), Answer(greeted, "So."), Answer(twice, "x\n\nHuman: y")]
    assert data.prompts("test") == ["\n\nHuman: Held out?\n\nAssistant:"]
    assert data.skipped == {
        "ends on a human turn": 1, "unknown role 'tool'": 1, "system message between others": 1, "empty prompt": 1,
        "empty answer": 1, "empty message": 1, "not a dialogue": 2, "ends on two assistant turns": 1,
        "a message is null": 1, "unknown role None": 1,
        "a turn holds the mark of another": 2,
    }  # fmt: skip


@pytest.mark.parametrize("nothing", ["", " \n", None, "\u200b", "\u3164"])
def test_a_system_that_says_nothing_is_none(tmp_path: Path, nothing: str | None) -> None:
    """As many chat templates and published sets begin."""
    system = {"role": "system", "content": nothing}
    rows = [{"messages": [*begins, user(q), said("a")]} for q in ("q", "held") for begins in ([system], [])]
    data = table(tmp_path, rows, format="messages")
    assert data.responses() == [Answer("\n\nHuman: q\n\nAssistant:", "a")]
    pair = {"chosen": [system, user("q"), said("a")], "rejected": [user("q"), said("b")]}
    data = table(tmp_path, [pair, {key: [user("held"), said(key)] for key in pair}], format="pairs", objective="kind")
    assert data.preference_pairs("kind", "train") == [PreferencePair("\n\nHuman: q\n\nAssistant:", "a", "b")]
    assert data.skipped == {}


def test_messages_of_another_form_are_refused_with_their_line(tmp_path: Path) -> None:
    data = table(tmp_path, [{"messages": [{"from": "human", "value": "Hi."}]}, {"messages": []}], format="messages")
    with pytest.raises(BadInput, match=r"rows\.jsonl:1 .*'messages\[0\]\.role' is missing"):
        data.prompts("train")


def parts(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts]


def test_content_in_parts_is_one_text(tmp_path: Path) -> None:
    system, q, a = {"role": "system", "content": parts("Be", " brief.")}, parts("Why", " not?"), parts("So.")
    image = {"type": "image_url", "image_url": {"url": "x"}, "text": None}
    no_text = ([image, *q], [{"type": "text", "text": None}], [{"type": "text"}], [{"type": None}], [None])
    rows = [[system, user(q), said(a)], [user("q"), said([])], *([user(odd), said("a")] for odd in no_text)]
    rows.append([user(parts("held")), said(a)])
    data = table(tmp_path, [{"messages": row} for row in rows], format="messages")
    assert data.responses() == [Answer("Be brief.\n\nHuman: Why not?\n\nAssistant:", "So.")]
    assert data.skipped == {"content that is no text": 5, "empty answer": 1}
    rows = [
        {"prompt": [user(q)], "chosen": [said(a)], "rejected": [said("b")]},
        {"prompt": [user([image])], "chosen": [said(a)], "rejected": [said("b")]},
        {"prompt": "held", "chosen": [said(a)], "rejected": [said(parts("b"))]},
    ]
    data = table(tmp_path, rows, format="pairs", objective="kind")
    pair = PreferencePair("\n\nHuman: Why not?\n\nAssistant:", "So.", "b")
    assert data.preference_pairs("kind", "train") == [pair]
    assert data.skipped == {"content that is no text": 1}


@pytest.mark.parametrize(
    "content", [5, ["q"], [{"text": "q"}], [{"type": "text", "text": 5}], {"type": "text", "text": "q"}]
)
def test_content_of_another_form_is_refused_with_its_line(tmp_path: Path, content: Any) -> None:
    data = table(tmp_path, [{"messages": [user(content), said("a")]}] * 2, format="messages")
    with pytest.raises(BadInput, match=r"rows\.jsonl:1 is not a row .*'messages\[0\]\.content"):
        data.prompts("train")


def test_pairs_of_conversations_with_and_without_a_prompt(tmp_path: Path) -> None:
    """The prompt is the common beginning; a prompt beside it counts where the answers stand alone."""
    hi = [user("Hi."), said("Hello!"), user("And?")]
    rows: list[dict[str, Any]] = [
        {"chosen": [*hi, said("Fine.")], "rejected": [*hi, said("Go.")]},
        {"prompt": "Why?", "chosen": [user("Why?"), said("So.")], "rejected": [user("Why?"), said("Hm.")]},
        {"prompt": "Who?", "chosen": [said("I.")], "rejected": [said("You.")]},
        {"prompt": [user("Where?")], "chosen": [said("Here.")], "rejected": [said("There.")]},
        {"prompt": "What?", "chosen": "This.", "rejected": "That."},
        {"prompt": "Y?", "chosen": [said("a"), user("b"), said("c")], "rejected": [said("a"), user("b"), said("d")]},
        {"prompt": "Longer?", "chosen": [said("a"), user("b"), said("c")], "rejected": [said("d")]},
        {"prompt": "Whole?", "chosen": [user("Whole?"), said("a")], "rejected": [said("b")]},
        {"prompt": [said("Hi."), user("Z?")], "chosen": [said("Hi."), user("Z?"), said("a")], "rejected": [said("b")]},
        {"prompt": "None?", "chosen": [], "rejected": [said("a")]},
        {"chosen": [user("a"), said("x")], "rejected": [user("b"), said("y")]},
        {"chosen": [user("a"), said("x")], "rejected": [user("a"), said("x ")]},
        {"chosen": [said("x")], "rejected": [said("y")]},
        {"chosen": [user("Held?"), said("x")], "rejected": [user("Held?"), said("y")]},
    ]
    data = table(tmp_path, rows, format="pairs", objective="kind", template="Q: {prompt}")
    assert data.preference_pairs("kind", "train") == [
        PreferencePair("\n\nHuman: Hi.\n\nAssistant: Hello!\n\nHuman: And?\n\nAssistant:", "Fine.", "Go."),
        PreferencePair("\n\nHuman: Why?\n\nAssistant:", "So.", "Hm."),
        PreferencePair("\n\nHuman: Who?\n\nAssistant:", "I.", "You."),
        PreferencePair("\n\nHuman: Where?\n\nAssistant:", "Here.", "There."),
        PreferencePair("Q: What?", "This.", "That."),
        PreferencePair("\n\nHuman: Y?\n\nAssistant: a\n\nHuman: b\n\nAssistant:", "c", "d"),
        PreferencePair("\n\nHuman: Whole?\n\nAssistant:", "a", "b"),
        PreferencePair("\n\nAssistant: Hi.\n\nHuman: Z?\n\nAssistant:", "a", "b"),
    ]
    assert data.skipped == {"two different last prompts": 2, "chosen equals rejected": 1, "not a dialogue": 2}


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        (5, "a value has another type: 'prompt' is 5, not str or"),
        (True, "'prompt' is True"),
        (float("nan"), "'prompt' is nan"),
        ({"role": "user", "content": "q"}, "'prompt' is {'role': 'user', 'content': 'q'}"),
        (["q"], "'prompt[0]' is 'q'"),
        ([{"from": "human", "value": "q"}], "'prompt[0].role' is missing"),
        ([{"role": "user"}], "'prompt[0].content' is missing"),
    ],
)
def test_a_prompt_beside_messages_is_a_text_or_messages(tmp_path: Path, prompt: Any, fault: str) -> None:
    data = table(tmp_path, [{"prompt": prompt, "chosen": [said("a")], "rejected": [said("b")]}] * 2, format="pairs")
    with pytest.raises(BadInput, match=rf"rows\.jsonl:1 is not a row of this data set: .*{re.escape(fault)}"):
        data.prompts("train")


def test_winners_label_the_same_pair_under_every_objective(tmp_path: Path) -> None:
    def row(prompt: str, helpful: Any, harmless: Any) -> dict[str, Any]:
        return {"prompt": prompt, "response_0": "A", "response_1": "B", "better": helpful, "safer": harmless}

    rows = [row("p", 0, 1), row("q", 1, "1"), row("r", None, 0.0), row("s", None, ""), row("t", 0, 0)]
    data = table(tmp_path, rows, format="winners", winners=(("helpful", "better"), ("harmless", "safer")))
    assert data.preference_pairs("helpful", "train") == [PreferencePair("p", "A", "B"), PreferencePair("q", "B", "A")]
    assert data.preference_pairs("harmless", "train") == [
        PreferencePair("p", "B", "A"), PreferencePair("q", "B", "A"), PreferencePair("r", "A", "B"),
    ]  # fmt: skip
    assert data.preference_pairs("helpful", "test") == [PreferencePair("t", "A", "B")]
    assert data.demonstrations() == [Answer("p", "A"), Answer("p", "B"), Answer("q", "B"), Answer("r", "A")]
    assert len(data.responses()) == 8
    assert data.graded_labels("helpful") == []


@pytest.mark.parametrize("third", [2, -1, "A", True, 0.5])
def test_a_third_winner_is_refused_with_line_and_column(tmp_path: Path, third: Any) -> None:
    rows = [{"prompt": "p", "response_0": "A", "response_1": "B", "safer": k} for k in (0, third, 1)]
    data = table(tmp_path, rows, format="winners", winners=(("harmless", "safer"),))
    with pytest.raises(BadInput, match=rf"rows\.jsonl:2, column 'safer': the winner is {third!r}\n.* 0 or 1"):
        data.prompts("train")


def graded(prompt: str, response: str, **grades: Any) -> dict[str, Any]:
    return {"prompt": prompt, "response": response, "helpfulness": None, "correctness": None, **grades}


GRADES = {"format": "grades", "grades": (("helpful", "helpfulness"), ("correct", "correctness"))}


def test_grades_become_pairs_and_grades_from_one(tmp_path: Path) -> None:
    """helpful: A 4 > B (3 + 2) / 2 = 2.5 > C 0 = D; as grades from 1 these are 5, 4 (half up), 1, 1."""
    rows = [
        graded("p", "A", helpfulness=4, correctness="1"), graded("p", "B", helpfulness=3),
        graded("p", "B", helpfulness="2.0"), graded("p", "C", helpfulness=0, correctness=" N/A "),
        graded("p", "D", helpfulness=0, correctness=4), graded("q", "E", correctness=2), graded("q", None),
        graded(" ", "F"), graded("q", "F", helpfulness=1),
        graded("t", "T", helpfulness=1),
    ]  # fmt: skip
    data = table(tmp_path, rows, grade_range=(0.0, 4.0), **GRADES)
    assert {p[1:] for p in data.preference_pairs("helpful", "train")} == {
        ("A", "B"), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"),
    }  # fmt: skip
    assert [p[1:] for p in data.preference_pairs("correct", "train")] == [("D", "A")]
    of = {(answer.prompt, answer.response): grade for answer, grade in data.graded_labels("helpful")}
    assert of == {("p", "A"): 5, ("p", "B"): 4, ("p", "C"): 1, ("p", "D"): 1, ("q", "F"): 2}
    assert {(a.response, grade) for a, grade in data.graded_labels("correct")} == {("A", 2), ("D", 5), ("E", 3)}
    means = {"A": 2.5, "B": 2.5, "C": 0, "D": 2}
    assert {a.response for a in data.demonstrations() if a.prompt == "p"} == {
        k for k, mean in means.items() if mean == 2.5
    }
    assert {a.response for a in data.demonstrations() if a.prompt == "q"} == {"E"}
    assert len(data.responses()) == 6
    assert data.skipped == {"response is null": 1, "empty prompt": 1}


@pytest.mark.parametrize("odd", ["good", "nan", 5, -1, True, [3], "4,5", 10**400])
def test_a_grade_that_is_none_is_refused_with_line_and_column(tmp_path: Path, odd: Any) -> None:
    rows = [graded("p", "A", helpfulness=4), graded("p", "B", correctness=odd), graded("q", "C")]
    with pytest.raises(BadInput, match=r"rows\.jsonl:2, column 'correctness': the grade is ") as caught:
        table(tmp_path, rows, grade_range=(0.0, 4.0), **GRADES).prompts("train")
    assert f"{odd!r:.40}" in caught.value.what
    assert "from 0 to 4" in caught.value.why


def test_all_that_is_wrong_with_rows_is_told_at_once(tmp_path: Path) -> None:
    """Both grades of a row, those of others, and what is no row; of many alike, three, and how many more."""
    rows = [graded("p", "A", helpfulness="a", correctness="b"), graded("q", "B", helpfulness=9), {"prompt": "q"}]
    with pytest.raises(BadInput) as caught:
        table(tmp_path, rows, grade_range=(0.0, 4.0), **GRADES).prompts("train")
    told = caught.value.what.splitlines()
    assert told[0].endswith("rows.jsonl: 4 mistakes")
    assert [line.split("rows.jsonl:")[1].split(": ")[0] for line in told[1:]] == [
        "1, column 'helpfulness'", "1, column 'correctness'", "2, column 'helpfulness'",
        "3 is not a row of this data set",
    ]  # fmt: skip
    assert caught.value.why.count("grades here are numbers") == caught.value.fix.count("mend the row") == 1
    many = [graded("p", "A", helpfulness="a") for _ in range(1203)]
    with pytest.raises(BadInput) as caught:
        table(tmp_path, many, grade_range=(0.0, 4.0), **GRADES).prompts("train")
    assert "1,203 mistakes" in caught.value.what
    assert caught.value.what.endswith("rows.jsonl:3, column 'helpfulness': the grade is 'a', and 1,200 more like it")
    assert caught.value.why.startswith("grades here are numbers")


def test_all_files_that_are_missing_are_told_at_once(tmp_path: Path) -> None:
    data = table(tmp_path, [graded("p", "A")], **GRADES)
    with pytest.raises(BadInput) as caught:
        replace(data, dev_path=str(tmp_path / "dev.jsonl"), test_path=str(tmp_path / "test.jsonl")).prompts("train")
    assert caught.value.what.count("no data file") == 2


@pytest.mark.parametrize("given", [10, 10.0, "10", " 10.0", "ten", float("nan")])
@pytest.mark.parametrize("written", [("10", "ten", "nan"), ("10.0", "ten", "nan")])
def test_a_grade_stands_for_another_however_it_is_written(tmp_path: Path, given: Any, written: tuple[str, ...]) -> None:
    """As Parquet writes whole numbers where a column has nulls."""
    rows = [graded("p", "A", helpfulness=given), graded("p", "B", helpfulness=2), graded("q", "C")]
    data = table(tmp_path, rows, regrade=tuple((grade, "1") for grade in written), **GRADES)
    assert data.graded_labels("helpful") == [(Answer("p", "A"), 1), (Answer("p", "B"), 2)]


def test_graded_answers_in_a_list_of_a_row(tmp_path: Path) -> None:
    """As UltraFeedback has them: ratings are texts, some N/A, and a release wrote 10 for 1."""

    def completion(text: str | None, rating: Any) -> dict[str, Any]:
        return {"response": text, "annotations": {"helpfulness": rating if rating is None else {"Rating": rating}}}

    rows = [
        {"instruction": "p", "completions": [completion("A", "10"), completion("B", "3"), completion("C", "N/A")]},
        {"instruction": "q", "completions": [completion("D", None), completion(None, "2"), completion("E", 5)]},
        {"instruction": "r", "completions": []},
        {"instruction": "t", "completions": [completion("T", "4")]},
    ]
    settings: dict[str, Any] = {
        "format": "grades", "columns": Columns(prompt="instruction", response="completions[].response"),
        "grades": (("helpful", "completions[].annotations.helpfulness.Rating"),),
    }  # fmt: skip
    data = table(tmp_path, rows, regrade=(("10", "1"),), **settings)
    assert {(a.response, grade) for a, grade in data.graded_labels("helpful")} == {("A", 1), ("B", 3), ("E", 5)}
    assert data.preference_pairs("helpful", "train") == [PreferencePair("p", "B", "A")]
    assert {a.response for a in data.responses()} == {"A", "B", "C", "D", "E"}
    assert data.skipped == {"completions[].response is null": 1, "completions is empty": 1}
    with pytest.raises(BadInput, match=r"jsonl:1, column 'completions\[0\]\.annotations\.helpfulness\.Rating'.* '10'"):
        table(tmp_path, rows, **settings).prompts("train")
    del rows[0]["completions"][1]["annotations"]  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match=r"jsonl:1 .*'completions\[1\]\.annotations' is missing"):
        table(tmp_path, rows, **settings).prompts("train")


def test_what_a_prompt_begins_with_is_kept_and_an_empty_one_is_skipped(tmp_path: Path) -> None:
    rows = [{"prompt": p, "response": "a"} for p in ("\n\nHuman: Hi\n\nAssistant:", " plain \n", " \n", None, "held")]
    data = table(tmp_path, rows, format="answers")
    assert data.prompts("train") == ["\n\nHuman: Hi\n\nAssistant:", "plain"]
    assert data.skipped == {"empty prompt": 1, "prompt is null": 1}


def test_what_nobody_can_see_is_no_prompt_and_no_answer(tmp_path: Path) -> None:
    """A space without width, a mark of the order of bytes, a control character: no white space, and nothing said."""
    rows = [{"prompt": "\u200b", "response": "a"}, {"prompt": "p", "response": "\ufeff\u200b \x00"}]
    rows += [{"prompt": "q", "response": "\u200bseen"}, {"prompt": "held", "response": "a"}]
    data = table(tmp_path, rows, format="answers")
    assert data.responses() == [Answer("q", "\u200bseen")]
    assert data.skipped == {"empty prompt": 1, "empty answer": 1}
    texts = [{"text": f"\n\nHuman: {asked}\n\nAssistant: {answer}"} for asked, answer in ((" ", "a"), ("q", "\u200b"))]
    rows = [*texts, {"text": "\n\nHuman: q\n\nAssistant: a"}, {"text": "\n\nHuman: held\n\nAssistant: a"}]
    data = table(tmp_path, rows, format="dialogues")
    assert len(data.responses()) == 1
    assert data.skipped == {"empty prompt": 1, "empty answer": 1}


TWO = [user("q"), said("a")]


@pytest.mark.parametrize(
    ("settings", "good", "bad", "reason"),
    [
        ({"format": "answers"}, {"prompt": "q", "response": "a"}, {"response": None}, "response is null"),
        ({"format": "messages"}, {"messages": TWO}, {"messages": None}, "messages is null"),
        ({"format": "dialogues"}, {"text": "Human: q\n\nAssistant: a"}, {"text": None}, "text is null"),
        ({"format": "pairs"}, {"chosen": TWO, "rejected": [user("q"), said("b")]}, {"chosen": None}, "chosen is null"),
        ({"format": "pairs"}, {"prompt": "q", "chosen": "a", "rejected": "b"}, {"rejected": None}, "rejected is null"),
        (
            {"format": "pairs", "columns": Columns(objective="goal")},
            {"prompt": "q", "chosen": "a", "rejected": "b", "goal": "kind"}, {"goal": None}, "goal is null",
        ),
        ({"format": "answers"}, {"prompt": "q", "response": "a"}, {"split": None}, "split is null"),
        (
            {"format": "grades", "columns": Columns(response="said[].text"), "grades": (("kind", "said[].grade"),)},
            {"prompt": "q", "said": [{"text": "a", "grade": 3}]}, {"said": None}, "said is null",
        ),
        (
            {"format": "grades", "columns": Columns(response="said[].text"), "grades": (("kind", "said[].by.grade"),)},
            {"prompt": "q", "said": [{"text": "a", "by": {"grade": 3}}]}, {"said": [None]}, "said[].text is null",
        ),
        (
            {"format": "pairs"},
            {"chosen": TWO, "rejected": [user("q"), said("b")]}, {"chosen": [None]}, "a message is null",
        ),
    ],
)  # fmt: skip
def test_a_null_is_skipped_and_counted_wherever_it_stands(
    tmp_path: Path, settings: dict[str, Any], good: dict[str, Any], bad: dict[str, Any], reason: str
) -> None:
    data = table(tmp_path, [good, good | bad, good, json.loads(json.dumps(good).replace('"q', '"held '))], **settings)
    if settings["format"] in ("messages", "dialogues") or isinstance(good.get("chosen"), list):
        rows = [good, good | bad, {k: json.loads(json.dumps(v).replace("q", "held")) for k, v in good.items()}]
        data = table(tmp_path, rows, **settings)
    assert len(data.prompts("train")) == len(data.prompts("test")) == 1
    assert data.skipped == {reason: 1}


def test_labels_that_name_no_objective_are_told_with_their_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels = ["kind", "Kind", "kind ", "kinds", "kind", "Kind", "KIND", "kind"]
    rows = [{"prompt": f"p{i}", "chosen": "a", "rejected": "b", "goal": label} for i, label in enumerate(labels)]
    data = table(tmp_path, rows, format="pairs", columns=Columns(objective="goal"), known=("kind", "brief"))
    with caplog.at_level(logging.WARNING, logger="moa"):
        assert len(data.preference_pairs("kind", "train")) == 2
    meant = "is no objective (did you mean kind?)"
    assert data.skipped == {
        f"label 'Kind' {meant}": 2,
        f"label 'kind ' {meant}": 1,
        f"label 'kinds' {meant}": 1,
        f"label 'KIND' {meant}": 1,
    }
    assert f"rows.jsonl: of 2 rows the label 'Kind' {meant}" in caplog.text
    assert data.fingerprint() == replace(data, known=()).fingerprint()


def test_rows_that_are_no_dialogues_show_what_one_looks_like(tmp_path: Path) -> None:
    data = table(tmp_path, [{"text": "User: q\nBot: a"}] * 3, format="dialogues")
    with pytest.raises(BadInput, match="leaves 0 training and 0 test rows") as caught:
        data.prompts("train")
    assert repr("\n\nHuman: Hi.\n\nAssistant: Hello!") in caught.value.fix


@pytest.mark.parametrize(
    ("last", "way"),
    [
        (said("x" * 3000), "data.max_response_chars"),
        (user("Well?"), "the last turn has to be the answer"),
        ({"role": "bot", "content": "Hi."}, "roles are system, user and assistant"),
        (said(None), "data.columns"),
    ],
)
def test_what_to_do_where_all_rows_are_skipped_depends_on_why(tmp_path: Path, last: dict[str, Any], way: str) -> None:
    data = table(tmp_path, [{"messages": [user("Hi."), last]}] * 3, format="messages")
    with pytest.raises(BadInput, match="leaves 0 training and 0 test rows") as caught:
        data.prompts("train")
    assert way in caught.value.fix


def test_answers_that_hold_more_than_the_answer_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rewards would be trained on the prompt, too, and on what ends a turn."""
    rows = [{"prompt": f"Why {i}?", "response": f"Why  {i}? So."} for i in range(4)]
    with caplog.at_level(logging.WARNING, logger="moa"):
        table(tmp_path, rows, format="answers").prompts("train")
    assert "rows.jsonl: 4 of 4 answers begin with their prompt" in caplog.text
    rows = [{"prompt": f"Why {i}?", "response": f"So.{end}"} for i, end in enumerate(("<|im_end|>", "</s>\n", "", ""))]
    with caplog.at_level(logging.WARNING, logger="moa"):
        table(tmp_path, rows, format="answers").prompts("train")
    assert "rows.jsonl: 2 of 4 answers begin or end in a special token, such as '<|im_end|>'" in caplog.text


def test_dialogues_without_leading_line_breaks_or_with_those_of_windows(tmp_path: Path) -> None:
    texts = [
        "Human: Q?\n\nAssistant: A.",
        "\r\n\r\nHuman: Q?\r\n\r\nAssistant: B.",
        "Q?",
        "\n\nHuman: T\n\nAssistant: t",
    ]
    data = table(tmp_path, [{"text": text} for text in texts], format="dialogues")
    prompt = "\n\nHuman: Q?\n\nAssistant:"
    assert data.responses() == [Answer(prompt, "A."), Answer(prompt, "B.")]
    assert data.skipped == {"not a dialogue": 1}


def test_prompts_that_differ_in_white_space_or_case_are_in_one_split(tmp_path: Path) -> None:
    prompts = ("question 0?", "Question  0?", "Question 1?", "Question 0?")
    data = table(tmp_path, [{"prompt": p, "response": "a"} for p in prompts], format="answers")
    assert data.prompts("train") == ["Question 1?"]
    assert data.skipped == {"prompt also in the test split": 2}
    prompts = ("Cafe\u0301?", "Caf\u00e9\u200b?", "Cafe?", "caf\u00e9?")  # the accent apart, something without width
    data = table(tmp_path, [{"prompt": p, "response": "a"} for p in prompts], format="answers")
    assert data.prompts("train") == ["Cafe?"]
    near = [{"prompt": p, "response": "a"} for i in range(40) for p in (f"Is {i}?", f"is  {i}?")]
    data = replace(table(tmp_path, [*near, {"prompt": "held", "response": "a"}], format="answers"), dev_share=0.25)
    keys = [{" ".join(p.lower().split()) for p in data.prompts(split)} for split in ("train", "dev")]
    assert not keys[0] & keys[1]
    assert keys[1]


@pytest.mark.parametrize("unseen", [*"\u034f\u115f\u17b4\u180b\u180f\u2800\u3164\uffa0\ufe00\ufe0f\U000e0100\u200b"])
def test_what_counts_as_a_letter_or_a_mark_may_be_unseen(tmp_path: Path, unseen: str) -> None:
    """Fillers, choices of a form, braille without a dot: they say nothing, and no two prompts differ in them."""
    rows = [
        {"prompt": f"Hea{unseen}rt?{unseen}", "response": "a"}, {"prompt": "Caf\u00e9?", "response": "a"},
        {"prompt": f"Cafe{unseen}\u0301?", "response": "a", "split": "test"}, {"prompt": unseen, "response": "a"},
        {"prompt": "p", "response": f" {unseen}"}, {"prompt": f"kept{unseen}", "response": f"a{unseen}"},
        {"prompt": "heart?", "response": "a"},
    ]  # fmt: skip
    data = table(tmp_path, rows, format="answers")
    assert len(data.responses()) == 1
    assert data.skipped == {"prompt also in the test split": 2, "empty prompt": 1, "empty answer": 1}


@pytest.mark.parametrize("word", ["Train", "training", "validation", ""])
def test_a_split_that_no_one_knows_is_refused(tmp_path: Path, word: str) -> None:
    rows = [{"prompt": "p", "response": "a"}, {"prompt": "q", "response": "a", "split": word}]
    rows += [{"prompt": "r", "response": "a"}] * 2
    data = table(tmp_path, rows, format="answers")
    with pytest.raises(BadInput, match=rf"rows\.jsonl:2, column 'split': there is no split '{word}'"):
        data.prompts("train")
    if word:
        assert "q" in replace(data, dev_split=word).prompts("dev")


def test_a_conversation_is_in_one_split(tmp_path: Path) -> None:
    """A later turn holds the answers to those before: a test prompt would stand in the training data, answered."""
    turns = [f"Why {n}?" for n in range(60)]
    rows = [
        [user(turn)] + [said("So."), user("And then?")] * depth + [said(f"Thus {depth}.")]
        for turn in turns
        for depth in range(3)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows), encoding="utf-8")
    data = Table(path=str(path), format="messages", test_share=0.3, dev_share=0.2)
    splits = {split: {first_turn(prompt) for prompt in data.prompts(split)} for split in SPLITS}
    assert all(splits.values())
    assert sum(map(len, splits.values())) == len(turns)
    assert sum(len(data.prompts(split)) for split in SPLITS) == len(rows)


@pytest.mark.parametrize("preamble", [False, True])
def test_what_all_begin_with_tells_none_apart(preamble: bool, tmp_path: Path) -> None:
    """Conversations that an assistant opens, and prompts in one template with turns of its own."""
    path, settings = tmp_path / "rows.jsonl", {"format": "messages"}
    rows: list[Any] = [{"messages": [said(f"Good morning, {n}."), user(f"Why {n}?"), said("So.")]} for n in range(60)]
    if preamble:
        template = "\n\nHuman: Hi.\n\nAssistant: Hello!\n\nHuman: {prompt}\n\nAssistant:"
        rows, settings = [{"prompt": f"Why {n}?", "response": "So."} for n in range(60)], {"template": template}
        settings["format"] = "answers"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = Table(path=str(path), test_share=0.5, **settings)
    assert 20 < len(data.prompts("test")) < 40


def test_lines_that_are_indented_alike_stay_so(tmp_path: Path) -> None:
    """Code is another without its indentation."""
    answers = {
        "    def f():\n        pass\n": "def f():\n    pass",
        " Hello\nthere ": "Hello\nthere",
        "\n\n  a\n    b": "a\n  b",
    }
    for given, kept in answers.items():
        data = table(tmp_path, [{"prompt": "p", "response": given}, {"prompt": "q", "response": "b"}], format="answers")
        assert [answer.response for answer in data.responses()] == [kept]


@pytest.mark.parametrize(
    ("rows", "settings", "words"),
    [
        ([("p", "a"), ("p", "b"), ("p", "c")], {"test_share": 0.9}, "take more different prompts"),
        ([(f"p{n}", "a") for n in range(9)], {"test_share": 1.0}, "or a smaller test_share"),
        ([(f"p{n}", "a") for n in range(9)], {"test_share": 1e-9}, "or a larger test_share"),
        ([("p", "a")] * 2, {"columns": Columns(split="part")}, "column 'part' names no test row"),
    ],
)
def test_where_a_split_is_empty_it_is_said_what_helps(
    rows: list[tuple[str, str]], settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    told = [json.dumps({"prompt": prompt, "response": answer, "part": "train"}) for prompt, answer in rows]
    path.write_text("\n".join(told), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        Table(path=str(path), format="answers", **settings).prompts("test")
    assert words in caught.value.fix


def test_grades_that_become_one_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Goals are whole grades: of eleven grades from 0 to 1 two would be left."""
    rows = [{"prompt": f"p{n}", "response": f"a{n}", "g": n / 10} for n in range(11)]
    told = "11 different grades of kind become 2"
    for scale, is_told in ((1, True), (10, False)):
        caplog.clear()
        given = [{**row, "g": scale * row["g"]} for row in rows]
        data = table(
            tmp_path, [*given, {"prompt": "t", "response": "t", "g": 0}], format="grades", grades=(("kind", "g"),),
            grade_range=(0.0, float(scale)),
        )  # fmt: skip
        assert len({level for _, level in data.graded_labels("kind")}) == (2 if is_told else 11)
        assert (told in caplog.text) == is_told


def test_a_split_that_no_file_has_is_not_passed_over(tmp_path: Path) -> None:
    """On the hub it would be half of the rows."""
    (tmp_path / "train.jsonl").write_text(json.dumps({"prompt": "p", "response": "a"}) + "\n", encoding="utf-8")
    data = Table(format="answers", hub="owner/name", path=str(tmp_path), train_split="train[:50%]")
    with pytest.raises(BadInput, match=r"train\[:50%\]"):
        data.prompts("train")


def test_a_folder_is_not_taken_for_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` reads one that lies where the command is typed, and no identity would know its rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    for ask in (Table.fingerprint, lambda data: data.prompts("train")):
        with pytest.raises(BadInput, match="there is a folder owner/name here") as caught:
            ask(Table(format="answers", hub="owner/name"))
        assert caught.value.fix.startswith("--data-dir owner/name reads the folder")


def test_a_copy_of_a_hub_data_set_is_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the hub has by now, and whether it can be asked."""
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": "p", "response": "a"}) + "\n", encoding="utf-8")
    found = set()
    for commit in (None, "aaaa", "bbbb"):
        monkeypatch.setattr(table_module, "hub_commit", lambda *_, told=commit: told)
        found.add(Table(format="answers", hub="owner/name", path=str(tmp_path / "a.jsonl")).fingerprint())
    assert len(found) == 1


def test_which_file_is_which_split_is_in_the_fingerprint(tmp_path: Path) -> None:
    a, b, c = (str(tmp_path / f"{name}.jsonl") for name in "abc")
    for path in (a, b, c):
        Path(path).write_text(json.dumps({"prompt": path, "response": "a"}) + "\n", encoding="utf-8")
    ways: list[dict[str, Any]] = [
        {"path": (a, b), "test_path": c},
        {"path": a, "dev_path": b, "test_path": c},
        {"path": a, "test_path": (b, c)},
        {"path": (a, b, c)},
    ]
    assert len({Table(format="answers", **way).fingerprint() for way in ways}) == len(ways)


def test_how_rows_are_split_is_in_the_fingerprint(tmp_path: Path) -> None:
    """Whoever has other splits of the same files raises the number in `fingerprint`: what was prepared and trained from
    the earlier ones must not count as done."""
    rows = "Why {}?", "why  {}?", "Do you \u2764 {}?", "Do you \u2764\ufe0f {}?", "Cafe\u0301 {}", "Caf\xe9 {}"
    prompts = [row.format(n) for n in range(30) for row in rows]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"prompt": p, "response": "a"}) + "\n" for p in prompts), encoding="utf-8")
    data = Table(path=str(path), format="answers")
    splits = digest([[sorted(map(alike, data.prompts(split))), len(data.prompts(split))] for split in SPLITS])
    assert (data.fingerprint(), splits) == ("e68d39f1e2dd", "44648183f391")


def test_what_is_not_said_is_in_no_fingerprint(tmp_path: Path) -> None:
    """So that a setting which is new changes no identity where it is not used."""
    data = table(tmp_path, [{"prompt": "p", "response": "a"}] * 2, format="answers")
    same = [replace(data, template="{prompt}"), replace(data, columns=Columns(split="split", text="text"))]
    other = [replace(data, template="Q: {prompt}"), replace(data, columns=Columns(split="split", text="words"))]
    assert {d.fingerprint() for d in same} == {data.fingerprint()}
    assert len({d.fingerprint() for d in (data, *other)}) == 3
