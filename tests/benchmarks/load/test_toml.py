"""A benchmark as one TOML file: what it makes of right files, and that it lists every mistake of wrong ones."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.data.items import Columns
from benchmarks.data.table import Table
from benchmarks.load.toml import read_benchmark
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.function import FunctionReward
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.answers import SPLITS, Answer, PreferencePair
from benchmarks.spec.settings import Sampling, Scratch
from tests.kit.files import MY_BENCHMARK, ROOT

EXAMPLE = MY_BENCHMARK
DOCS = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
DATA = '[data]\npath = "rows.jsonl"\nformat = "pairs"\nobjective = "kind"\n'
GRADED = '[data]\npath = "rows.jsonl"\nformat = "grades"\n'
KIND = '[[objectives]]\nname = "kind"\nreward = "trained"\n'


def rows(path: Path, content: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return path


def pairs(count: int = 40) -> list[dict[str, Any]]:
    return [{"prompt": f"Question {i}", "chosen": "Yes, please.", "rejected": "No."} for i in range(count)]


def toml(folder: Path, text: str) -> Path:
    rows(folder / "rows.jsonl", pairs())
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example() -> None:
    benchmark = read_benchmark(EXAMPLE)
    assert benchmark.name == "my_benchmark"
    assert benchmark.names == ("polite", "brief")
    assert 0 < len(benchmark.prompts("test")) <= benchmark.eval_prompts
    assert not set(benchmark.prompts("train")) & set(benchmark.prompts("test"))
    assert all(p.startswith("Question: ") and p.endswith("\nAnswer:") for p in benchmark.prompts("train"))
    for objective in benchmark.names:
        assert len(benchmark.preference_pairs(objective)) == len(benchmark.prompts("train"))
    polite, brief = (benchmark.preference_pairs(o)[0] for o in benchmark.names)
    assert polite == PreferencePair(brief.prompt, brief.rejected, brief.chosen)
    hash(benchmark)


@pytest.mark.parametrize(
    ("kind", "begin"),
    [
        (Scratch, "`[scratch]`, for"),
        (Sampling, "`[sampling]`: "),
        (TrainedReward, "| `{ steps"),
        (HubReward, "| `{ model"),
    ],
)
def test_the_documentation_has_the_defaults_of_the_code(kind: Any, begin: str) -> None:
    """Those of numbers, in brackets behind the names."""
    passage = DOCS[DOCS.index(f"\n{begin}") + 1 :].split("\n\n")[0].split(" |\n")[0]
    said = {name: float(number) for name, number in re.findall(r"`(\w+)` \((-?[\d.e-]+)", passage)}
    numbers = {f.name: f.default for f in fields(kind) if type(f.default) in (int, float)}
    assert said == numbers | ({"max_new_tokens": 64} if kind is Sampling else {})


@pytest.mark.parametrize("kind", [Benchmark, Table])
def test_the_documentation_has_the_defaults_of_the_tables(kind: Any) -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([\d.]+) \|", DOCS, re.M)
    said = {name: float(number) for names, number in rows for name in re.findall(r"\w+", names)}
    numbers = {f.name: f.default for f in fields(kind) if type(f.default) in (int, float)}
    assert numbers
    assert numbers == {name: said[name] for name in numbers}


def test_the_examples_rewards_prefer_what_the_pairs_prefer() -> None:
    from benchmarks.rewards.function import load_function

    benchmark = read_benchmark(EXAMPLE)
    for objective in benchmark.objectives:
        chosen = [(p.prompt, p.chosen) for p in benchmark.preference_pairs(objective.name)]
        rejected = [(p.prompt, p.rejected) for p in benchmark.preference_pairs(objective.name)]
        for reward in (objective.reward, objective.evaluator):
            assert isinstance(reward, FunctionReward)
            scorer = load_function(reward.function)
            assert (scorer(*zip(*chosen, strict=True)) > scorer(*zip(*rejected, strict=True))).all()


def test_defaults_and_a_trained_twin(tmp_path: Path) -> None:
    benchmark = read_benchmark(toml(tmp_path, DATA + KIND))
    assert (benchmark.name, benchmark.version, benchmark.policy) == ("mine", "1", "scratch:1m")
    assert benchmark.sampling == Sampling(max_new_tokens=64)
    [objective] = benchmark.objectives
    assert objective.reward == TrainedReward(fold="even")
    assert objective.evaluator == TrainedReward(fold="odd", seed=1)


def test_a_base_lies_beside_the_file(tmp_path: Path) -> None:
    """As a policy does; the names of what is made here are no folders."""
    for name in ("own", "1m"):
        (tmp_path / name).mkdir()
    for base, found in (("own", str(tmp_path / "own")), ("1m", "1m"), ("policy", "policy"), ("a/b", "a/b")):
        [objective] = read_benchmark(
            toml(tmp_path, DATA + KIND.replace('"trained"', f'{{ base = "{base}" }}'))
        ).objectives
        assert isinstance(objective.reward, TrainedReward)
        assert isinstance(objective.evaluator, TrainedReward)
        assert objective.reward.base == objective.evaluator.base == found


def test_every_key_arrives(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("def g(prompts, responses): ...")
    (tmp_path / "model").mkdir()
    text = f"""
        name = "full"
        version = "3"
        policy = "model"
        eval_prompts = 7
        grid = [[1, 0], [0.25, 0.75]]
        {DATA}
        [data.columns]
        split = "prompt"
        [[objectives]]
        name = "kind"
        description = "nice"
        reward = {{ steps = 9, base = "4m" }}
        evaluator = {{ model = "model", label = 1, sign = -1, inputs = "response" }}
        [[objectives]]
        name = "sad"
        reward = {{ function = "f.py:g" }}
        evaluator = {{ function = "math:sqrt", version = "2" }}
        [sampling]
        max_new_tokens = 5
        stop = ["X"]
        [scratch]
        learning_rate = 1
    """
    benchmark = read_benchmark(toml(tmp_path, text))
    kind, sad = benchmark.objectives
    assert benchmark.policy == str(tmp_path / "model")
    assert benchmark.grid == ((1.0, 0.0), (0.25, 0.75))
    assert kind.reward == TrainedReward(steps=9, base="4m")
    assert kind.evaluator == HubReward(model=str(tmp_path / "model"), label=1, sign=-1.0, inputs="response")
    assert sad.reward == FunctionReward(function=f"{tmp_path / 'f.py'}:g")
    assert sad.evaluator == FunctionReward(function="math:sqrt", version="2")
    assert benchmark.sampling == Sampling(max_new_tokens=5, stop=("X",))
    assert (benchmark.scratch.learning_rate, benchmark.eval_prompts, benchmark.version) == (1.0, 7, "3")


def test_a_reward_without_evaluator_is_its_own(tmp_path: Path) -> None:
    path = toml(
        tmp_path, DATA.replace("objective", "#") + '[[objectives]]\nname = "unheld"\nreward = { model = "x/y" }\n'
    )
    [objective] = read_benchmark(path).objectives
    assert objective.evaluator == objective.reward


def test_every_mistake_is_listed_with_the_nearest_key(tmp_path: Path) -> None:
    text = """
        polcy = "x"
        eval_prompts = "many"
        grid = [[0.5, 0.6], [1.0]]
        [data]
        pth = "rows.jsonl"
        format = "pair"
        test_share = 2
        columns = { promt = "question" }
        [[objectives]]
        nam = "a"
        reward = { functon = "f.py:g" }
        [[objectives]]
        name = "b"
        reward = "train"
        evaluator = { function = "none.py:g", version = 1 }
        [[objectives]]
        name = "c"
        reward = { function = "none.py:g" }
        evaluator = { fold = "third" }
        [sampling]
        temperature = "hot"
        [scratch]
        batch = 0
    """
    with pytest.raises(BadInput) as caught:
        read_benchmark(toml(tmp_path, text))
    what = caught.value.what
    for mistake in (
        "polcy: there is no such key (did you mean policy?)",
        "eval_prompts: expected a whole number of at least 1, found 'many'",
        "data.pth: there is no such key (did you mean path?)",
        "data.format: expected one of answers, pairs, dialogues, messages, grades, winners, found 'pair'",
        "data.test_share: expected a number from 0 to 1, found 2",
        "data.columns.promt: there is no such key (did you mean prompt?)",
        "objectives[1].nam: there is no such key (did you mean name?)",
        "objectives[1].name is missing",
        "objectives[1].reward.functon: there is no such key (did you mean function?)",
        'objectives[2].reward: expected "trained" or a table',
        "objectives[2].evaluator.version: expected a text, found 1",
        "objectives[3].reward.function: there is no file",
        "objectives[3].evaluator.fold: expected one of all, even, odd, found 'third'",
        "sampling.temperature: expected a number of at least 1e-06, found 'hot'",
        "sampling.max_new_tokens is missing",
        "scratch.batch: expected a whole number of at least 1, found 0",
    ):
        assert mistake in what


@pytest.mark.parametrize(
    ("grid", "also"), [("[[1, 0], [0, 1]]", []), ("[[1, 0], [1]]", ["grid: [1.0] has 1 weights for 2 objectives"])]
)
def test_a_mistake_in_one_objective_makes_no_other(tmp_path: Path, grid: str, also: list[str]) -> None:
    """Weights, and labels, are for all of them: those that are wrong too are told, others are not."""
    labels = 'grades = { kind = "a", short = "b" }\n'
    wrong = '[[objectives]]\nname = "short"\nreward = { model = "owner/name", label = -1 }\n'
    with pytest.raises(BadInput) as caught:
        read_benchmark(toml(tmp_path, f"grid = {grid}\n" + GRADED + labels + KIND + wrong))
    first, *others = [line.strip() for line in caught.value.what.splitlines()[1:]]
    assert first.startswith("objectives[2].reward.label: expected a whole number")
    assert others == also


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (KIND, "data is missing"),
        (DATA, "objectives is missing"),
        (DATA + KIND + KIND, "'kind' is there twice"),
        (DATA.replace("rows.jsonl", "none.jsonl") + KIND, "data.path: no data file"),
        (DATA.replace("path", "hub") + 'path = "rows.jsonl"\n' + KIND, "name either path or hub"),
        (DATA + 'template = "Q: "\n' + KIND, "must contain {prompt}"),
        (DATA + 'template = "chat"\n' + KIND, "the policy's chat template is named above"),
        (DATA.replace("kind", "kid") + KIND, "there is no objective 'kid' (did you mean kind?)"),
        (DATA.replace("objective", "#") + KIND, "set data.objective = 'kind'"),
        (DATA.replace("pairs", "answers") + KIND, 'data.format must be "pairs", "grades" or "winners"'),
        ("grid = [[0.5]]\n" + DATA + KIND, "grid: [0.5] must be non-negative and sum to 1"),
        ("grid = [[0.5, 0.5]]\n" + DATA + KIND, "grid: [0.5, 0.5] has 2 weights for 1 objectives"),
        (DATA + KIND + "x =\n", "cannot be read"),
        (
            'policy = "scratch:1"\n' + DATA + KIND,
            "policy: there is no model 'scratch:1'; those made here are: scratch:0.3m",
        ),
        (DATA + KIND.replace('"trained"', '{ base = "0.3x" }'), "reward.base: there is no model '0.3x'"),
        (
            DATA + KIND.replace('"trained"', '{ function = "f.py:polit" }'),
            "f.py defines no polit (did you mean polite?)",
        ),
        (DATA + KIND.replace('"trained"', '{ function = "f.py:os" }'), "f.py defines no os"),
        (DATA + KIND.replace('"trained"', '{ function = "torn.py:f" }'), "torn.py cannot be read"),
        (DATA + KIND.replace('"trained"', '{ function = "nowhere.at:all" }'), "there is no module nowhere.at"),
        (DATA.replace("rows.jsonl", "rows-*.jsonl") + KIND, "data.path: no data file"),
        (DATA.replace('"rows.jsonl"', '["rows.jsonl", "more.jsonl"]') + KIND, "more.jsonl"),
        (DATA + 'winners = { kind = "better" }\n' + KIND, 'data.winners: the columns of format = "winners"'),
        (GRADED + KIND, 'data.grades: the columns of format = "grades"'),
        (GRADED + 'grades = "x"\n' + KIND, "data.grades: expected a table, each value a text, found 'x'"),
        (GRADED + "grades = { kind = 3 }\n" + KIND, "data.grades: expected a table, each value a text"),
        (GRADED + 'grades = { kid = "x" }\n' + KIND, "data.grades: there is no objective 'kid' (did you mean kind?)"),
        (GRADED + 'grades = { kid = "x" }\n' + KIND, "objective 'kind' is trained from pairs: name its column in data"),
        (GRADED + 'grades = { kind = "x" }\ngrade_range = [4, 0]\n' + KIND, "data.grade_range: expected the lowest"),
        (GRADED + 'grades = { kind = "a[].x" }\n' + KIND, "answers and grades lie in one list, found a, response"),
        (
            GRADED + 'columns = { response = "c[].r" }\ngrades = { kind = "c[].r.g" }\n' + KIND,
            "data.grades: 'c[].r.g' lies in 'c[].r', which is data.columns.response",
        ),
        (
            GRADED + 'columns = { response = "c[].r.t" }\ngrades = { kind = "c[].r" }\n' + KIND,
            "data.columns.response: 'c[].r.t' lies in 'c[].r', which is data.grades",
        ),
        (
            GRADED + 'columns = { prompt = "c", response = "c[].r" }\ngrades = { kind = "c[].g" }\n' + KIND,
            "data.columns.response: 'c[].r' lies in 'c', which is data.columns.prompt",
        ),
        (
            GRADED + 'columns = { response = "c[].r", split = "c" }\ngrades = { kind = "c[].g" }\n' + KIND,
            "data.grades: 'c[].g' lies in 'c', which is data.columns.split",
        ),
        (
            GRADED + 'columns = { response = "c[].r" }\ngrades = { kind = "c" }\n' + KIND,
            "data.columns.response: 'c[].r' lies in 'c', which is data.grades",
        ),
        (GRADED + 'grades = { kind = "response" }\n' + KIND, "data.grades: 'response' is data.columns.response, too"),
        (
            DATA.replace("pairs", "winners") + 'columns = { split = "w" }\nwinners = { kind = "w" }\n' + KIND,
            "data.winners: 'w' is data.columns.split, too",
        ),
        (
            GRADED + 'columns = { prompt = "c[].p", response = "c[].r" }\ngrades = { kind = "c[].g" }\n' + KIND,
            "data.columns.prompt: 'c[].p' lies in a list of the row; columns.response and grades of",
        ),
        (
            DATA.replace("pairs", "answers") + 'columns = { response = "c[].r" }\n' + KIND,
            "data.columns.response: 'c[].r' lies in a list of the row",
        ),
        (DATA + 'columns = { split = "c[].s" }\n' + KIND, "data.columns.split: 'c[].s' lies in a list of the row"),
        (
            DATA.replace("pairs", "winners") + 'winners = { kind = "c[].w" }\n' + KIND,
            "data.winners: 'c[].w' lies in a list of the row",
        ),
        (
            DATA + KIND + '[sampling]\nmax_new_tokens = 8\nstop = [""]',
            "sampling.stop: expected a list, each item a text",
        ),
        (DATA + KIND.replace('"trained"', '{ base = "" }'), "reward.base: expected a text that is not empty"),
        (DATA + KIND.replace('"trained"', '{ model = " " }'), "reward.model: expected a text that is not empty"),
        ('policy = "./nope"\n' + DATA + KIND, "policy: there is no folder './nope', and a hub id is owner/name"),
        (DATA + KIND.replace('"trained"', '{ model = "../nope" }'), "reward.model: there is no folder '../nope'"),
        (DATA + KIND.replace('"trained"', '{ base = "~/nope" }'), "reward.base: there is no folder '~/nope'"),
        (
            DATA + 'template = "{prompt} {question}"\n' + KIND,
            "data.template: nothing fills {question}; there is: {prompt}",
        ),
        (
            DATA + 'template = "{prompt}{response}"\n' + KIND,
            "data.template: nothing fills {response}; there is: {prompt}",
        ),
        (DATA + "template = '{prompt}\\nA:'\n" + KIND, "data.template: a backslash and a letter are no line break"),
        (DATA + 'template = "{{prompt}}"\n' + KIND, "data.template: one pair of braces stands for the prompt"),
        (DATA + 'known = ["kind"]\n' + KIND, "data.known: there is no such key"),
        (DATA + 'test_split = "held"\n' + KIND, "data.test_split: nothing here has names for splits"),
        (
            DATA + 'test_path = "rows.jsonl"\ncolumns = { split = "fold" }\n' + KIND,
            "data.columns.split: what rows are for is said already",
        ),
        (
            DATA + 'test_path = "rows.jsonl"\ntest_share = 0.5\n' + KIND,
            "data.test_share: which rows are for the test is",
        ),
        (DATA + 'config = "b"\n' + KIND, "data.config: only data.hub has such"),
        (DATA + KIND + KIND.replace('"kind"', '"Kind"'), "objectives: 'kind' and 'Kind' look alike"),
        (DATA + 'columns = { objective = "goal" }\n' + KIND, "data.objective: data.columns.objective says it"),
        (
            DATA + 'columns = { response = "x" }\n' + KIND,
            'data.columns.response: format = "pairs" has prompt and chosen',
        ),
        (DATA + 'columns = { chosen = "x", rejected = "x" }\n' + KIND, "data.columns: 'x' is called twice"),
        (DATA + "grade_range = [0, 1]\n" + KIND, 'data.grade_range: only format = "grades" has grades'),
        (
            DATA.replace('path = "rows.jsonl"', 'hub = "a/b"\ntest_path = "rows.jsonl"') + KIND,
            "data.test_path: data.hub has splits, which data.test_split and",
        ),
        (GRADED + 'grades = { kind = "x" }\nregrade = { 10 = "7" }\n' + KIND, "data.regrade: 7 is not from 1 to 5"),
        (GRADED + 'grades = { kind = "x" }\nregrade = { 10 = "ten" }\n' + KIND, "data.regrade: 'ten' is no number"),
        ('name = "../out"\n' + DATA + KIND, "name: '../out' cannot name a folder"),
        (f'name = "{"x" * 101}"\n' + DATA + KIND, "cannot name a folder: it has 101 bytes, of 100 at most"),
        ('name = ".."\n' + DATA + KIND, "name: '..' cannot name a folder"),
        ('name = " "\n' + DATA + KIND, "name: ' ' cannot name a folder"),
        ('name = "a\\u0007"\n' + DATA + KIND, "cannot name a folder"),
        ('name = "hh-rlhf-mini"\n' + DATA + KIND, "name: hh-rlhf-mini comes with moa"),
        (DATA.replace("kind", "a/b") + KIND.replace("kind", "a/b"), "objectives[1].name: 'a/b' cannot name a folder"),
    ],
)
def test_single_mistakes(tmp_path: Path, text: str, mistake: str) -> None:
    (tmp_path / "f.py").write_text("from math import sqrt\n\npolite = sqrt\n")
    (tmp_path / "torn.py").write_text("def f(:\n")
    with pytest.raises(BadInput) as caught:
        read_benchmark(toml(tmp_path, text))
    assert mistake in caught.value.what


@pytest.mark.parametrize("name", ["polite", "fine", "sqrt", "Judge"])
def test_a_function_may_be_defined_in_any_way(tmp_path: Path, name: str) -> None:
    (tmp_path / "f.py").write_text("from math import sqrt\ndef polite(p, r): ...\nfine = polite\nclass Judge: ...\n")
    text = DATA + KIND.replace('"trained"', f'{{ function = "f.py:{name}" }}').replace("[[", "\n[[")
    assert read_benchmark(toml(tmp_path, text)).names == ("kind",)


def test_a_wrong_column_is_named_with_the_line(tmp_path: Path) -> None:
    path = toml(tmp_path, DATA + 'columns = { chosen = "choosen" }\n' + KIND)
    with pytest.raises(BadInput, match=r"rows\.jsonl:1 .*'choosen' is missing \(did you mean chosen\?\)"):
        read_benchmark(path).prompts("train")


# Tables


def test_prompts_are_split_by_hash_and_stay_where_they_are(tmp_path: Path) -> None:
    table = Table(path=str(rows(tmp_path / "a.jsonl", pairs(200))), format="pairs", test_share=0.25)
    more = Table(path=str(rows(tmp_path / "b.jsonl", pairs(300))), format="pairs", test_share=0.25)
    assert 30 <= len(table.prompts("test")) <= 70
    assert set(table.prompts("test")) <= set(more.prompts("test"))
    assert table.fingerprint() != more.fingerprint()


def test_splits_from_a_column_a_file_and_a_folder(tmp_path: Path) -> None:
    train = [{"prompt": f"p{i}", "response": "a", "fold": "train"} for i in range(3)]
    test = [{"prompt": "q", "response": "b", "fold": "validation"}]
    again = [{"prompt": "q", "response": "c", "fold": "train"}]
    both = rows(tmp_path / "both.jsonl", train + test + again)
    rows(tmp_path / "train.jsonl", train + again)
    rows(tmp_path / "test.jsonl", test)
    for table in (
        Table(path=str(both), format="answers", test_split="validation", columns=Columns(split="fold")),
        Table(path=str(tmp_path / "train.jsonl"), test_path=str(tmp_path / "test.jsonl"), format="answers"),
        Table(path=str(tmp_path), format="answers"),
    ):
        table = replace(table, dev_share=0)
        assert table.prompts("train") == ["p0", "p1", "p2"]
        assert (table.prompts("dev"), table.prompts("test")) == ([], ["q"])
        assert table.skipped == {"prompt also in the test split": 1}


def test_dev_rows_from_a_column_a_file_and_a_folder(tmp_path: Path) -> None:
    """Where rows or files say which, no share is drawn; a prompt is where it was last held out, test before dev."""
    train = [{"prompt": f"p{i}", "response": "a", "fold": "train"} for i in range(30)]
    dev = [{"prompt": p, "response": "b", "fold": "dev"} for p in ("d", "q", "p0")]
    test = [{"prompt": "q", "response": "c", "fold": "test"}]
    both = rows(tmp_path / "both.jsonl", train + dev + test)
    for split, part in {"train": train, "dev": dev, "test": test}.items():
        rows(tmp_path / f"{split}.jsonl", part)
    paths = {f"{split}_path": str(tmp_path / f"{split}.jsonl") for split in ("dev", "test")}
    for table in (
        Table(path=str(both), format="answers", columns=Columns(split="fold")),
        Table(path=str(tmp_path / "train.jsonl"), **paths, format="answers"),  # type: ignore[arg-type]
        Table(path=str(tmp_path), format="answers"),
    ):
        assert table.prompts("train") == [f"p{i}" for i in range(1, 30)]
        assert (table.prompts("dev"), table.prompts("test")) == (["d", "p0"], ["q"])
        assert {a.prompt for a in table.responses()} == set(table.prompts("train"))
        assert table.skipped == {"prompt also in the test split": 1, "prompt also in the dev split": 1}


def test_a_share_of_training_prompts_is_for_choices(tmp_path: Path) -> None:
    """A tenth of what is left when the test prompts are taken, none of it trained on, all of it with its pairs."""
    table = Table(path=str(rows(tmp_path / "a.jsonl", pairs(200))), format="pairs", objective="kind", dev_share=0.1)
    split = {name: set(table.prompts(name)) for name in SPLITS}
    assert len(set().union(*split.values())) == sum(map(len, split.values())) == 200
    assert len(split["dev"]) == round(0.1 * (200 - len(split["test"])))
    assert {a.prompt for a in [*table.demonstrations(), *table.responses()]} == split["train"]
    for name in SPLITS:
        assert {p.prompt for p in table.preference_pairs("kind", name)} == split[name]
    assert set(replace(table, dev_share=0).prompts("test")) == split["test"]
    assert table.fingerprint() != replace(table, dev_share=0.2).fingerprint()


def test_answers_and_dialogues(tmp_path: Path) -> None:
    answers = [{"q": f" p{i} ", "response": " a "} for i in range(30)] + [{"q": "p", "response": ""}]
    path = str(rows(tmp_path / "a.jsonl", answers))
    table = Table(path=path, format="answers", columns=Columns(prompt="q"), template="<{prompt}> ")
    held_out = [Answer(p, "a") for split in ("dev", "test") for p in table.prompts(split)]
    assert Answer("<p0>", "a") in table.responses() + held_out
    assert table.demonstrations() == table.responses()
    assert table.preference_pairs("kind", "train") == []
    assert table.skipped == {"empty answer": 1}
    talk = [{"text": f"\n\nHuman: {i}?\n\nAssistant: {i}!"} for i in range(30)]
    table = Table(path=str(rows(tmp_path / "d.jsonl", talk)), format="dialogues")
    assert len(table.responses()) + len(table.prompts("dev")) + len(table.prompts("test")) == 30
    assert len(table.responses()) > 10
    assert all(p == f"\n\nHuman: {r[:-1]}?\n\nAssistant:" for p, r in table.responses())


def test_the_hubs_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, config: str | None, *, split: str, revision: str, **kwargs: Any) -> list[dict[str, str]]:
        return [{"prompt": f"{name}@{revision} {config} {split}", "response": "a"}]

    monkeypatch.setattr("datasets.load_dataset", load)
    said = {"dev_split": "val", "test_split": "held", "format": "answers"}
    table = Table(hub="owner/name", config="big", revision="v2", **said)
    assert [table.prompts(split) for split in SPLITS] == [
        [f"owner/name@v2 big {name}"] for name in ("train", "val", "held")
    ]


def test_labels_of_several_objectives(tmp_path: Path) -> None:
    said = [{"prompt": f"q{i}", "response_0": "a", "response_1": "b", "one": i % 2, "two": 1} for i in range(40)]
    text = '[data]\npath = ["l-*.jsonl"]\nformat = "winners"\nwinners = { kind = "one", sad = "two" }\n'
    for i in range(2):
        rows(tmp_path / f"l-{i}-of-2.jsonl", said[i::2])
    benchmark = read_benchmark(toml(tmp_path, text + KIND + KIND.replace("kind", "sad")))
    pairs = {name: benchmark.preference_pairs(name) for name in benchmark.names}
    assert len(pairs["kind"]) > 20
    assert [{*p[1:]} for p in pairs["kind"]] == [{*p[1:]} for p in pairs["sad"]]
    assert [p.prompt for p in pairs["kind"]] == [p.prompt for p in pairs["sad"]]
    assert {p.chosen for p in pairs["sad"]} == {"b"}
    assert not benchmark.graded
    hash(benchmark)


def test_a_data_folder_is_a_copy_of_the_hub(tmp_path: Path) -> None:
    """Its splits are called as there; where the hub has one alone, all files of the folder are that."""
    text = '[data]\nhub = "owner/name"\nformat = "pairs"\nobjective = "kind"\n'
    path = toml(tmp_path, text + 'test_split = "validation"\n' + KIND)
    for name, content in {"train": pairs(40), "validation": [{"prompt": "v", "chosen": "a", "rejected": "b"}]}.items():
        (tmp_path / "copy" / "data").mkdir(parents=True, exist_ok=True)
        rows(tmp_path / "copy" / "data" / f"{name}-00000-of-00001.jsonl", content)
    benchmark = read_benchmark(path, tmp_path / "copy")
    assert benchmark.prompts("test") == ["v"]
    assert benchmark.identity != read_benchmark(path).identity
    with pytest.raises(BadInput, match="there is no folder"):
        read_benchmark(path, tmp_path / "none")
    (tmp_path / "all").mkdir()
    for i in range(2):
        rows(tmp_path / "all" / f"part{i}.jsonl", pairs(40)[i::2])
    benchmark = read_benchmark(toml(tmp_path, text + KIND), tmp_path / "all")
    assert sum(len(benchmark.data.prompts(split)) for split in SPLITS) == 40


def test_a_copy_of_the_hub_has_its_configurations_in_folders(tmp_path: Path) -> None:
    path = toml(tmp_path, '[data]\nhub = "owner/name"\nconfig = "b"\ntest_split = "test"\nformat = "pairs"\n' + KIND)
    path.write_text(path.read_text().replace('"pairs"\n', '"pairs"\nobjective = "kind"\n'))
    for config in "ab":
        for split in ("train", "test"):
            (tmp_path / "copy" / config).mkdir(parents=True, exist_ok=True)
            rows(tmp_path / "copy" / config / f"{split}.jsonl", [{**pairs(1)[0], "prompt": f"{config} {split}"}] * 3)
    benchmark = read_benchmark(path, tmp_path / "copy")
    assert (benchmark.prompts("train"), benchmark.prompts("test")) == (["b train"], ["b test"])


def test_a_split_of_a_folder_that_is_named_is_there(tmp_path: Path) -> None:
    """Misspelled, dev prompts would be drawn in its place."""
    for split in ("train", "test", "validation"):
        (tmp_path / "data").mkdir(exist_ok=True)
        rows(
            tmp_path / "data" / f"{split}.jsonl", [{**row, "prompt": f"{split} {i}"} for i, row in enumerate(pairs(3))]
        )
    text = DATA.replace("rows.jsonl", "data") + 'dev_split = "validation"\n' + KIND
    assert read_benchmark(toml(tmp_path, text)).prompts("dev") == [f"validation {i}" for i in range(3)]
    with pytest.raises(BadInput, match=r"data\.path: no data file .*valid\.jsonl"):
        read_benchmark(toml(tmp_path, text.replace("validation", "valid")))
    with pytest.raises(BadInput, match=r"data\.test_path: the folder has splits, which data\.test_split"):
        read_benchmark(toml(tmp_path, text.replace('dev_split = "validation"', 'test_path = "rows.jsonl"')))


def test_a_glob_in_a_folder_whose_name_looks_like_one(tmp_path: Path) -> None:
    (folder := tmp_path / "mine [v1]").mkdir()
    path = toml(folder, DATA.replace("rows.jsonl", "row?.jsonl") + KIND)
    assert read_benchmark(path).prompts("train")


def test_a_benchmark_that_begins_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = toml(tmp_path, "\ufeff" + DATA + KIND)
    assert read_benchmark(path).names == ("kind",)


def test_a_table_with_an_empty_split_is_refused(tmp_path: Path) -> None:
    table = Table(path=str(rows(tmp_path / "a.jsonl", pairs(5))), format="pairs", test_share=0, dev_share=0)
    with pytest.raises(BadInput, match="leaves 5 training and 0 test rows"):
        table.prompts("train")
