"""Reading rows, and the two published data sets: tiny folders for every fault, real data where it is there."""

from __future__ import annotations

import gzip
import json
import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.data.clean import alternate, share_of, split_dialogue
from benchmarks.data.rows import Source, read_hub, read_rows
from benchmarks.hh_rlhf import SUBSETS, HhRlhf
from benchmarks.hh_rlhf import benchmark as hh_rlhf
from benchmarks.load.load import load_benchmark
from benchmarks.reddit_summary import RedditSummary, post_of
from benchmarks.reddit_summary import benchmark as reddit_summary
from benchmarks.spec.answers import Answer, PreferencePair
from tests.kit.files import ROOT

REAL = ROOT.parent / "shared" / "data"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"the published data sets are not in {REAL}")
SCHEMA = {"chosen": str, "rejected": str}
POST = "My neighbour borrowed a ladder. " * 5


def write(path: Path, rows: Sequence[Any]) -> Path:
    """A .jsonl.gz file of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def dialogue(question: str, answer: str) -> str:
    return f"\n\nHuman: {question}\n\nAssistant: {answer}"


def pair(question: str, chosen: str = "Yes.", rejected: str = "No.") -> dict[str, str]:
    return {"chosen": dialogue(question, chosen), "rejected": dialogue(question, rejected)}


def hh_folder(folder: Path, **rows: list[dict[str, str]]) -> HhRlhf:
    """A folder in HH-RLHF's layout; `helpful_base_train=...` gives the rows of a file, others hold one row."""
    for subset in [s for subsets in SUBSETS.values() for s in subsets]:
        for split in ("train", "test"):
            key = f"{subset}_{split}".replace("-", "_")
            write(folder / subset / f"{split}.jsonl.gz", rows.get(key, [pair(f"{subset} {split}?")]))
    return HhRlhf(Source(folder), 60, 20, dev_share=0)


def comparison(
    post: str | None, chosen: str = "Ladder lent.", rejected: str = "Hm.", choice: int = 0
) -> dict[str, Any]:
    texts = [chosen, rejected] if choice == 0 else [rejected, chosen]
    info = {"id": "p", "subreddit": None, "title": None, "post": post}
    return {"info": info, "summaries": [{"text": f" {text}"} for text in texts], "choice": choice}


def reddit_folder(folder: Path, train: list[Any], axis: Sequence[Any] = (), posts: Sequence[Any] = ()) -> RedditSummary:
    write(folder / "comparisons" / "train.jsonl.gz", train)
    write(folder / "comparisons" / "validation.jsonl.gz", [comparison(f"Held out. {POST}")])
    for table, split, rows in (("axis", "validation", axis), ("posts", "test", posts)):
        if rows:
            write(folder / table / "train.jsonl.gz", rows)
            write(folder / table / f"{split}.jsonl.gz", [])
    return RedditSummary(Source(folder), dev_share=0)


# Files


def test_a_malformed_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"chosen": "a", "rejected": "b"}\n\n{"chosen": "a", "rej\n')
    with pytest.raises(BadInput, match=r"rows\.jsonl:3 is not JSON"):
        list(read_rows(path, SCHEMA))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"chosen": "a", "rejectd": "b"}, "'rejected' is missing \\(did you mean rejectd\\?\\)"),
        ({"chosen": "a", "rejected": 3}, "a value has another type: 'rejected' is 3, not str"),
        ({"chosen": "a", "rejected": None}, "a value has another type: 'rejected' is None, not str"),
    ],
)
def test_a_row_of_another_schema_is_refused_with_its_line(tmp_path: Path, row: Any, message: str) -> None:
    path = write(tmp_path / "rows.jsonl.gz", [{"chosen": "a", "rejected": "b"}, row])
    with pytest.raises(BadInput, match=f":2 is not a row of this data set: {message}") as caught:
        list(read_rows(path, SCHEMA))
    assert '{"chosen": str, "rejected": str}' in caught.value.why


@pytest.mark.parametrize("row", [3, "a", ["a", "b"], None])
def test_a_row_that_is_no_object_is_refused(tmp_path: Path, row: Any) -> None:
    path = write(tmp_path / "rows.jsonl.gz", [row])
    with pytest.raises(BadInput, match=f":1 is no object: {type(row).__name__} {re.escape(repr(row))}") as caught:
        list(read_rows(path, SCHEMA))
    assert caught.value.why == 'each row must be an object, {"chosen": str, "rejected": str}'
    with pytest.raises(BadInput) as caught:
        list(read_rows(path, {}))
    assert caught.value.why == 'each row must be an object, such as {"prompt": "...", "answer": "..."}'


def test_damaged_missing_and_unknown_files_are_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.jsonl.gz", [pair("?")] * 100).read_bytes()
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-20])
    (tmp_path / "not.jsonl.gz").write_text("hello")
    (tmp_path / "not.parquet").write_text("hello")
    (tmp_path / "latin.jsonl").write_bytes('{"chosen": "ü"}'.encode("latin-1"))
    (tmp_path / "table.json").write_text("{")
    for name in ("cut.jsonl.gz", "not.jsonl.gz", "not.parquet", "latin.jsonl", "table.json"):
        with pytest.raises(BadInput, match="cannot be read"):
            list(read_rows(tmp_path / name, SCHEMA))
    with pytest.raises(BadInput, match="no data file"):
        list(read_rows(tmp_path / "none.jsonl", SCHEMA))
    (tmp_path / "rows.xlsx").touch()
    with pytest.raises(BadInput, match="unknown suffix"):
        list(read_rows(tmp_path / "rows.xlsx", SCHEMA))


def test_the_hub_out_of_reach_points_to_data_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr("datasets.load_dataset", unreachable)
    with pytest.raises(BadInput, match="cannot be loaded from the hub: ConnectionError") as caught:
        list(read_hub("owner/name", "train", SCHEMA))
    assert "--data-dir" in caught.value.fix


def test_the_hub_is_asked_for_the_published_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, config: str | None, **kwargs: Any) -> list[dict[str, str]]:
        asked.append((name, config, kwargs["data_dir"], kwargs["split"]))
        return [pair(f"{kwargs['data_dir']} {kwargs['split']}")]

    monkeypatch.setattr("datasets.load_dataset", load)
    data = hh_rlhf().data
    assert len(data.prompts("train")) + len(data.prompts("dev")) == 4
    assert ("Anthropic/hh-rlhf", None, "harmless-base", "train") in asked


def test_alternate_takes_turns_and_keeps_the_rest() -> None:
    assert alternate([1, 2, 3], [], [10, 20]) == [1, 10, 2, 20, 3]


# HH-RLHF


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Hello", "not a dialogue"),
        ("\n\nAssistant: Hello", "not a dialogue"),
        (dialogue("Hi", " "), "empty answer"),
        (dialogue("Hi", "Hello") + "\n\nHuman: Bye", "ends on a human turn"),
    ],
)
def test_dialogues_that_hold_no_answer(text: str, fault: str) -> None:
    assert split_dialogue(text) == fault


def test_a_dialogue_is_split_at_its_last_answer() -> None:
    text = dialogue("Hi", "Hello") + dialogue("Please call", "Please call a doctor ")
    assert split_dialogue(text) == Answer(
        "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Please call\n\nAssistant:", "Please call a doctor"
    )


def test_bad_pairs_are_skipped_counted_and_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    different = {"chosen": dialogue("One?", "Yes."), "rejected": dialogue("Two?", "No.")}
    human = {"chosen": dialogue("a", "b") + "\n\nHuman: c", "rejected": dialogue("a", "d")}
    rows = [
        pair("Kept?"), pair("Kept?"), pair("Same?", "Yes.", "Yes."), pair("Empty?", "Yes.", ""), different, human,
        pair("Long? " * 20), pair("Long answer?", "Yes. " * 20), pair("harmless-base test?"),
        {"chosen": "a", "rejected": "b"},
    ]  # fmt: skip
    data = hh_folder(tmp_path, helpful_base_train=rows)
    with caplog.at_level(logging.WARNING, logger="moa"):
        pairs = data.preference_pairs("helpful", "train")
        data.prompts("test")
    assert pairs[0] == PreferencePair("\n\nHuman: Kept?\n\nAssistant:", "Yes.", "No.")
    assert len(pairs) == 3
    assert data.skipped == dict.fromkeys(
        (
            "repeated pair", "chosen equals rejected", "empty answer", "two different last prompts",
            "ends on a human turn", "prompt longer than 60 characters", "answer longer than 20 characters",
            "prompt also in the test split", "not a dialogue",
        ),
        1,
    )  # fmt: skip
    assert len(caplog.records) == 1
    assert "kept 8 rows, skipped 9" in caplog.text


def test_test_prompts_take_turns_and_every_fourth_row_comes_first(tmp_path: Path) -> None:
    data = hh_folder(
        tmp_path,
        helpful_base_test=[pair(f"h{i}") for i in range(6)],
        harmless_base_test=[pair(f"x{i}") for i in range(3)],
        helpful_online_test=[],
        helpful_rejection_sampled_test=[],
    )
    order = [prompt.split()[1] for prompt in data.prompts("test")]
    assert order == ["h0", "x0", "h4", "x1", "h1", "x2", "h5", "h2", "h3"]


def test_answers_of_hh_rlhf(tmp_path: Path) -> None:
    data = hh_folder(tmp_path)
    assert len(data.prompts("train")) == len(data.demonstrations()) == 4
    assert {a.response for a in data.demonstrations()} == {"Yes."}
    assert len(data.responses()) == 8
    assert data.preference_pairs("humor", "train") == []


def test_a_pretrained_policy_has_longer_rows(tmp_path: Path) -> None:
    """Than one that is made here, whose answers of 80 tokens could not end."""
    rows = [pair("short?"), pair("long?", "y" * 321), pair("q" * 769), pair("longer?", "y" * 2049), pair("q" * 2049)]
    hh_folder(tmp_path, harmless_base_train=rows)
    for policy, count in (("scratch:1m", 1), ("some/model", 3)):
        benchmark = load_benchmark("hh-rlhf", data_dir=tmp_path, options={"policy": policy})
        assert sum(len(benchmark.preference_pairs("harmless", split)) for split in ("train", "dev")) == count


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one, same = hh_folder(tmp_path / "a"), hh_folder(tmp_path / "b")
    other = hh_folder(tmp_path / "c", harmless_base_test=[pair("else?")])
    assert one.fingerprint() == HhRlhf(Source(tmp_path / "a"), 60, 20, dev_share=0).fingerprint()
    others = [
        replace(one, **changed)
        for changed in ({"max_prompt_chars": 61}, {"max_response_chars": 21}, {"dev_share": 0.1})
    ]
    assert len({d.fingerprint() for d in (one, other, *others)}) == 5
    assert hash(one) != hash(same)


def test_a_missing_subset_shows_the_layout(tmp_path: Path) -> None:
    hh_folder(tmp_path)
    (tmp_path / "helpful-online" / "train.jsonl.gz").unlink()
    with pytest.raises(BadInput, match=r"helpful-online/train\.jsonl\.gz") as caught:
        HhRlhf(Source(tmp_path), 60, 20).fingerprint()
    assert caught.value.why == "the folder holds: test.jsonl.gz"


@pytest.mark.parametrize("make", [hh_rlhf, reddit_summary])
def test_wrong_folders_and_objectives_are_refused(tmp_path: Path, make: Any) -> None:
    with pytest.raises(BadInput, match="there is no folder"):
        make(tmp_path / "none")
    with pytest.raises(BadInput, match=r"'helpfull?' \(did you mean helpful\?\)|no objective 'helpfull'"):
        make(tmp_path, ["helpfull"])
    with pytest.raises(BadInput, match="objectives \\[\\]"):
        make(tmp_path, [])
    named = make(tmp_path).names[0]
    with pytest.raises(BadInput, match=rf"no objective '{named}s'\n"):
        make(tmp_path, [named, f"{named}s"])  # the nearest one is named already


def test_folder_rewards_share_no_pairs_and_hub_evaluators_are_other_models(tmp_path: Path) -> None:
    for objective in (*hh_rlhf(tmp_path).objectives, *reddit_summary(tmp_path).objectives):
        assert {objective.reward.fold, objective.evaluator.fold} == {"even", "odd"}  # type: ignore[union-attr]
    assert hh_rlhf(tmp_path).policy == "scratch:4m"
    hub = [*hh_rlhf(None, ["helpful", "harmless", "humor"]).objectives]
    hub += reddit_summary(None, ["preference", "faithful", "quality"]).objectives
    assert all(o.reward != o.evaluator for o in hub)
    models = [getattr(o.evaluator, "model", o.evaluator) for o in hub]
    assert not {getattr(o.reward, "model", None) for o in hub[:3]} & set(models[:3])
    assert not {getattr(o.reward, "model", None) for o in hub[3:]} & set(models[3:])


# TL;DR


def test_comparisons_become_pairs(tmp_path: Path) -> None:
    data = reddit_folder(tmp_path, [comparison(f"One.\n\n{POST}", choice=1)])
    [got] = data.preference_pairs("preference", "train")
    post = f"One. {POST}".strip()
    instruction = "### Instruction: Generate a one-sentence summary of this post."
    assert got.prompt == f"{instruction} ### Input: {post} ### Response:"
    assert got[1:] == ("Ladder lent.", "Hm.")
    assert data.preference_pairs("faithful", "train") == []


def test_bad_rows_of_tldr_are_counted(tmp_path: Path) -> None:
    three = comparison(POST)
    three["summaries"].append({"text": "x"})
    rows = [
        comparison(POST), comparison(POST), comparison("Short."), comparison(None), comparison(POST, "a", "a"),
        comparison(POST, "a", " "), comparison(POST, "a" * 500), three, comparison(f"Held out. {POST}"),
    ]  # fmt: skip
    data = reddit_folder(tmp_path, rows)
    assert data.preference_pairs("preference", "train") == [
        PreferencePair(data.prompts("train")[0], "Ladder lent.", "Hm.")
    ]
    assert data.skipped == dict.fromkeys(
        (
            "repeated comparison", "post not of 100 to 1200 characters", "no post", "chosen equals rejected",
            "empty answer", "answer longer than 400 characters", "not a choice between two",
            "post also in the test split",
        ),
        1,
    )  # fmt: skip


def test_near_copies_of_test_prompts_are_not_trained_on(tmp_path: Path) -> None:
    """White space and case apart, in both published data sets."""
    rows = [pair("Kept?"), pair("HARMLESS-base  test?")]
    data = hh_folder(tmp_path / "hh", helpful_base_train=rows)
    assert [p.prompt for p in data.preference_pairs("helpful", "train")][:1] == ["\n\nHuman: Kept?\n\nAssistant:"]
    assert data.skipped == {"prompt also in the test split": 1}
    posts = [comparison(POST), comparison(f"HELD OUT. {POST}")]
    reddit = reddit_folder(tmp_path / "reddit", posts)
    assert len(reddit.prompts("train")) == 1
    assert reddit.skipped == {"post also in the test split": 1}


def test_ratings_become_pairs_and_grades(tmp_path: Path) -> None:
    def rated(summary: str, accuracy: int | None) -> dict[str, Any]:
        return {
            "prompt": f"TITLE: T\nPOST: {POST}\nTL;DR:",
            "summary": summary,
            "ratings": {"accuracy": accuracy, "coverage": None},
        }

    axis = [rated("A", 7), rated("B", 2), rated("B", 5), rated("C", 2), rated("D", None), rated("E", 2)]
    axis += [rated("F", 4), rated("F", 5)]  # half of a grade is one up: B 3.5 is 4, F 4.5 is 5
    data = reddit_folder(tmp_path, [comparison(POST)], axis)
    pairs = data.preference_pairs("faithful", "train")  # A 7 > B 3.5 > C 2 = E 2, D not rated
    pairs = [p for p in pairs if "F" not in p[1:]]
    assert {p[1:] for p in pairs} == {("A", "B"), ("A", "C"), ("A", "E"), ("B", "C"), ("B", "E")}
    grades = {answer.response: grade for answer, grade in data.graded_labels("faithful")}
    assert grades == {"A": 7, "B": 4, "C": 2, "E": 2, "F": 5}
    assert data.preference_pairs("coverage", "train") == data.graded_labels("preference") == []
    assert len(data.prompts("train")) == 1


def test_the_authors_own_summaries_are_demonstrations(tmp_path: Path) -> None:
    data = reddit_folder(tmp_path, [comparison(POST)], posts=[{"post": f"Two. {POST}", "summary": "Mine."}])
    assert [a.response for a in data.demonstrations()] == ["Ladder lent.", "Mine."]
    assert [a.response for a in data.responses()] == ["Ladder lent.", "Hm.", "Mine."]


def test_a_prompt_without_a_post_has_none() -> None:
    assert post_of("POST: x\nTL;DR:") == "x"
    assert post_of("Article: x") is None


# Dev prompts


def test_a_share_of_prompts_is_chosen_by_hash() -> None:
    """A twentieth of 200 prompts is 10, whatever their order; one of few, never all, none for a share of 0."""
    prompts = [f"p{i}" for i in range(200)]
    chosen = share_of(prompts, 0.05)
    assert len(chosen) == 10
    assert chosen == share_of(reversed(prompts), 0.05) == share_of(prompts * 2, 0.05)
    assert chosen < share_of(prompts, 0.1)
    assert [len(share_of(prompts[:n], 0.05)) for n in (3, 1, 0)] == [1, 0, 0]
    assert share_of(prompts, 0) == set()


def only_dev(data: Any, objective: str) -> tuple[set[str], set[str]]:
    """The dev prompts, and those of everything that is trained on."""
    rows = [*data.demonstrations(), *data.responses(), *data.preference_pairs(objective, "train")]
    if objective == "faithful":
        rows += [answer for answer, _ in data.graded_labels(objective)]
    return set(data.prompts("dev")), {row[0] for row in rows} | set(data.prompts("train"))


def test_nothing_is_trained_on_dev_prompts_of_hh_rlhf(tmp_path: Path) -> None:
    """Of 43 training prompts, 40 of helpful-base and one of each other subset, a fifth are 9; the others lose none."""
    rows = [pair(f"h{i}", f"Yes {k}.") for i in range(40) for k in range(2)]
    data = replace(hh_folder(tmp_path, helpful_base_train=rows), dev_share=0.2)
    dev, trained = only_dev(data, "helpful")
    assert (len(dev), len(trained)) == (9, 34)
    assert not dev & (trained | set(data.prompts("test")))
    pairs = data.preference_pairs("helpful", "dev") + data.preference_pairs("harmless", "dev")
    assert {p.prompt for p in pairs} == dev
    assert len(pairs) > len(dev), "with all of a prompt's pairs"
    assert data.skipped == {}


def test_nothing_is_trained_on_dev_prompts_of_tldr(tmp_path: Path) -> None:
    posts = [f"{i}. {POST}".strip() for i in range(20)]
    axis = [
        {"prompt": f"POST: {post}\nTL;DR:", "summary": summary, "ratings": {"accuracy": n, "coverage": n}}
        for post in posts
        for n, summary in ((2, "Ladder lent."), (6, "Hm."))
    ]
    own = [{"post": post, "summary": "Mine."} for post in posts]
    data = replace(reddit_folder(tmp_path, [comparison(post) for post in posts], axis, own), dev_share=0.2)
    dev, trained = only_dev(data, "faithful")
    assert (len(dev), len(trained)) == (4, 16)
    assert not dev & (trained | set(data.prompts("test")))
    for objective in ("preference", "faithful"):
        assert {p.prompt for p in data.preference_pairs(objective, "dev")} == dev


# Real data


@real_data
@pytest.mark.parametrize("folder", ["hh-rlhf", "reddit-tldr"])
def test_real_data(folder: str) -> None:
    benchmark = hh_rlhf(REAL / folder) if folder == "hh-rlhf" else reddit_summary(REAL / folder)
    train, test = benchmark.prompts("train"), benchmark.prompts("test")
    assert len(train) > 1000
    assert len(test) > 200
    assert len(set(train)) == len(train)
    dev = benchmark.data.prompts("dev")
    assert len(dev) == round(0.05 * (len(train) + len(dev)))
    assert len({*train, *dev, *test}) == len(train) + len(dev) + len(test)
    assert all(not p.endswith(" ") for p in train)
    assert {a.prompt for a in benchmark.responses()} <= set(train)
    assert all(a.response and a.response == a.response.strip() for a in benchmark.responses())
    for objective in benchmark.names:
        assert len(benchmark.preference_pairs(objective)) > 900
        assert len(benchmark.preference_pairs(objective, "test")) > 150
    again = hh_rlhf(REAL / folder) if folder == "hh-rlhf" else reddit_summary(REAL / folder)
    assert again.identity == benchmark.identity
    assert again.prompts("test") == test


@real_data
def test_the_wrong_folder_is_recognised() -> None:
    with pytest.raises(BadInput, match="comparisons"):
        reddit_summary(REAL / "hh-rlhf").prompts("test")


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from benchmarks.load import load_benchmark; load_benchmark('hh-rlhf'); "
        "print([m for m in ('torch', 'transformers', 'datasets', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
