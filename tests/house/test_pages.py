"""README, docs and --help: every command is understood, every link resolves, every block of code is code, and the
first page
is short.

Nothing of what the pages say is executed: a command is parsed by the parser of the program, and its methods,
benchmarks and
settings go through the checks that the program itself makes before any work begins.
"""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from benchmarks.load.load import load_benchmark
from moa_cli.app import app
from moa_cli.claims import CLAIM_FORMATS
from moa_cli.commands.common.carrying import check_archive
from moa_cli.commands.common.contests import check_options
from moa_cli.commands.common.facts import is_benchmark, is_method, tunings_called
from moa_cli.commands.common.measured import check_mode
from moa_cli.commands.common.typed import (
    DEFAULT_BENCHMARK,
    method_list,
    names_in,
    prompts_in,
    seed_in,
    seeds_in,
    share_in,
    weights_in,
    wish_in,
)
from moa_cli.formats import COMPARISON_FORMATS, check_suffix
from moa_cli.runs import resolve, takes_tuned, tuning_file
from moa_cli.studies import STUDY_FORMATS, find_study, study_contestants
from tests.kit.runs import make_tuning

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`((?:moa|make) [^`]+|make)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
NAMED = re.compile(r"`([\w-]+\.(?:py|toml))`:\n\n```\w+\n(.*?)^```$", re.M | re.S)
"""A file that a page tells the reader to write: its name, a colon, and a block with all of it."""
PLACEHOLDERS = {
    "METHOD": "ric",
    "NAME": "controllability",
    "RUN": "a/run",
    "N": "1",
    "KEY=VALUE": "eval_prompts=10",
    "ROLE=COLUMN": "answer=output",
    "FILE": "answers.jsonl",
    "FILE.toml": "settings.toml",
    "FILE.json": "main.json",
    "DIR": "runs",
}
"""What pages write in capitals, and what stands there here."""
RECORD = {
    "schema": "moa.run/1",
    "method": "ric",
    "benchmark": {"options": {"eval_prompts": 9}},
    "config": {"rounds": 1},
}


class Command(NamedTuple):
    """A command as a page shows it."""

    page: str
    text: str


def prose(text: str) -> str:
    """A page without its blocks of code and its comments."""
    return re.sub(r"<!--.*?-->", "", FENCE.sub("", text), flags=re.S)


def split(line: str) -> Iterator[list[str]]:
    """The words of each command on a line of a shell, without comments, redirections and what follows a pipe.

    >>> list(split("cd moa && moa list > it.txt  # all"))
    [['cd', 'moa'], ['moa', 'list'], ['it.txt']]
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("();<>|&"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def of_page(text: str, page: str) -> Iterator[Command]:
    """Commands in blocks, in indented code, and in line."""
    blocks = [code for language, code in FENCE.findall(text) if language != "text"]
    indented = re.findall(r"^ {4}(.*)$", prose(text), re.M)
    lines = [line for code in blocks for line in code.replace("\\\n", " ").splitlines()] + indented
    for line in lines:
        line = line.strip().removeprefix("- ")
        if re.match(r"(moa|make)\b", line) or re.search(r"&& (moa|make)\b", line):
            yield from (
                Command(page, shlex.join(words)) for words in split(line) if words and words[0] in ("moa", "make")
            )
    for code in INLINE.findall(prose(text)):
        yield Command(page, " ".join(code.split()))


def of_help() -> Iterator[Command]:
    """The examples of --help."""
    group = get_command(app)
    for name, command in {"moa": group, **group.commands}.items():
        text = re.sub(r"\[/?b\]", "", command.help or "")
        for line in text.splitlines():
            if re.match(r"moa [a-z]", line.strip()):
                yield Command(f"moa {name} --help", re.sub(r"(moa compare -m sft,ric) prepares.*", r"\1", line.strip()))


COMMANDS = [
    *(command for page in PAGES for command in of_page(page.read_text(encoding="utf-8"), page.name)),
    *of_help(),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what readers have: the examples, the files that the tutorials have them write, and a file of
    settings."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples", folder / "examples")
    for page in PAGES:
        for name, code in NAMED.findall(page.read_text(encoding="utf-8")):
            (folder / name).write_text(code, encoding="utf-8")
    subprocess.run([sys.executable, "make_data.py"], cwd=folder, check=True)
    (folder / "settings.toml").write_text("eval_prompts = 9\n", encoding="utf-8")
    (folder / "run.json").write_text(json.dumps(RECORD), encoding="utf-8")
    for mini in map(load_benchmark, (DEFAULT_BENCHMARK, "reddit-summary-mini")):
        for name in ("ric", "rewarded-soups", "moslim", "modpo", "spo"):
            make_tuning(mini, name).store(tuning_file(folder / "runs", mini.name, name))
    for part in ("helpful-base", "helpful-online", "helpful-rejection-sampled", "harmless-base"):
        for split_ in ("train", "test"):
            for home in ("path/to/hh-rlhf", "data/hh-rlhf"):
                path = folder / home / part / f"{split_}.jsonl.gz"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(gzip.compress(b""))
    return folder


def understand(text: str) -> None:
    """Raises what the program raises for this command before any work begins."""
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(text)[1:] if word != "..."]
    group = get_command(app)  # made anew: its callbacks can be taken away
    for command in (group, *group.commands.values()):
        for parameter in command.params:
            parameter.callback = None
    if words[0].startswith("-"):
        assert words[0] in {option for p in group.get_params(group.make_context("moa", ["list"])) for option in p.opts}
        return
    assert words[0] in group.commands, f"there is no command {words[0]}"
    if words[1:] in ([], ["--help"]):
        return  # only its name is said
    given = group.commands[words[0]].make_context(words[0], words[1:]).params
    check(words[0], {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()})


def check(command: str, given: dict[str, Any]) -> None:
    """The checks of a command, in the program's own words."""
    method = given.get("method") or []
    names = method_list([method] if isinstance(method, str) else method)
    items, home, data_dir = given.get("config") or [], Path("runs"), given.get("data_dir")
    benchmark = given.get("benchmark") or []
    typed = names_in([benchmark] if isinstance(benchmark, str) else benchmark)
    benchmarks = [str(Path(b).resolve()) if Path(b).suffix else b for b in typed]
    seed = given.get("seed")
    (seed_in if isinstance(seed, str) else seeds_in)(seed)
    if command == "study":
        study = find_study(given["name"])
        names = names or [study.method]
    benchmarks = benchmarks or [DEFAULT_BENCHMARK]
    apart = [[one] for one in benchmarks] if any(map(takes_tuned, items)) else [benchmarks]
    for together in apart:
        settings = resolve(items, together, names, data_dir=data_dir, home=home)
    match command:
        case "train" | "tune":
            assert names, "no method was named"
        case "eval":
            check_mode(
                {f"--{mode}": given[mode] for mode in ("pareto", "weights", "responses", "rescore", "prompts")},
                {"RUN": given["run"], "--config": items, **{f"--{k}": given[k] for k in ("name", "column", "seed")}},
            )
            if given["weights"]:
                weights_in(given["weights"])
        case "compare":
            made = {"-c": items if names else prompts_in(items)[0], "--data-dir": data_dir}
            check_options(names, given["what"], made, {"-b": benchmarks, "--seed": seed})
            share_in(given["tolerance"] or "1%")
            wish_in(given["at"], given["max_answer_cost"], given["max_kl"])
        case "study":
            over = names_in(given["over"])
            study_contestants(study, settings, items, over, seeds_in(seed) or [0], home=home, data_dir=data_dir)
        case "init":
            assert given["what"] in ("method", "benchmark")
        case "check":
            assert given["file"].suffix in (".py", ".toml")
        case "list":
            assert given["what"] in ("all", "methods", "benchmarks", "runs")
        case "show":
            subject = given["subject"]
            known = is_method(subject) or is_benchmark(subject) or tunings_called(subject, home)
            assert known or subject in PLACEHOLDERS.values(), subject
    formats = {"compare": COMPARISON_FORMATS, "study": STUDY_FORMATS, "claims": CLAIM_FORMATS}
    if command == "prepare":
        check_archive(given["output"], home)
        return
    for path in given.get("output") or []:
        check_suffix(path, formats[command])


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    kept = [re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)) for heading in headings]
    return {heading.lower().replace(" ", "-") for heading in kept}


def dead(page: Path, link: str) -> str | None:
    """Why a link leads nowhere, None where it leads somewhere; what is not in this repository is not followed."""
    if link.startswith("https://"):
        return None
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return f"there is no {path}"
    return f"{target.name} has no {anchor}" if anchor and anchor not in slugs(target) else None


def targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def test_there_is_something_to_look_at() -> None:
    assert len(COMMANDS) > 100
    assert {command.page for command in COMMANDS} >= {"README.md", "ci.md", "methods.md", "moa train --help"}
    named = {text.split()[1] for _, text in COMMANDS if text.startswith("moa ")}
    assert named >= set(get_command(app).commands), "a command that no page shows"


@pytest.mark.parametrize("command", sorted(set(COMMANDS)), ids=lambda c: f"{c.page}: {c.text}"[:100])
def test_every_command_is_understood(command: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "80")
    words = shlex.split(command.text)
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= targets()
    else:
        understand(command.text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("moa contrast", "contrast"),
        ("moa train -m rick", "rick"),
        ("moa train -m ric --sed 1", "--sed"),
        ("moa train -m ric -c ric.round=1", "ric.round"),
        ("moa train -m ric -c rounds=two", "rounds"),
        ("moa train --seed 1", "no method"),
        ("moa prepare -b hh", "hh"),
        ("moa eval --pareto --name it", "--name"),
        ("moa eval --weights a,b", "a,b"),
        ("moa compare -c rounds=1", "rounds"),
        ("moa compare -o it.doc", ".doc"),
        ("moa study steering -o it.md", "steering"),
        ("moa study controllability --over 1", "--over"),
        ("moa show rick", "rick"),
        ("moa --versions", ""),
    ],
)
def test_what_is_wrong_is_found(text: str, told: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(Exception) as caught:  # the parser's, the program's, or ours
        understand(text)
    assert told in str(getattr(caught.value, "what", "")) + str(caught.value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_resolves(page: Path) -> None:
    links = LINK.findall(re.sub(r"`[^`]*`", "``", prose(page.read_text(encoding="utf-8"))))
    assert [f"{link}: {why}" for link in links if (why := dead(page, link))] == []


def test_every_page_is_linked_from_the_first() -> None:
    linked = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= {link.partition("#")[0] for link in linked}


def test_dead_links_are_found() -> None:
    readme = PAGES[0]
    assert dead(readme, "docs/no.md") == "there is no docs/no.md"
    assert dead(readme, "docs/ci.md#no") == "ci.md has no no"
    assert dead(readme, "../elsewhere") == "there is no ../elsewhere"
    assert dead(readme, "docs/ci.md#what-to-keep") is None


def test_the_first_page_is_short() -> None:
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_is_code(page: Path) -> None:
    for language, code in FENCE.findall(page.read_text(encoding="utf-8")):
        match language:
            case "python":
                compile(code, page.name, "exec")
            case "toml":
                tomllib.loads(code)
            case "json":
                json.loads(code)
            case _:
                assert language in ("bash", "text", "yaml", ""), language


def test_files_of_the_tutorials_are_found(place: Path) -> None:
    """Those that the commands above are checked with."""
    assert {path.name for path in place.iterdir()} >= {
        "mine.py",
        "my_method.py",
        "shop.toml",
        "shop.csv",
        "rewards.py",
        "judges.py",
    }


def test_ref_has_one_name() -> None:
    """A corner is an end of the grid of weights; what hypervolumes are measured from is called ref, and nothing
    else."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").lower()
        assert not re.search(r"corner of the hypervolume|above a (fixed )?corner|other corners", text), page.name
