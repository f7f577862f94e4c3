"""Mistakes in a method of one's own: all are told when its file is named, before anything is done for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from methods.contract.find import find_method
from moa_cli.runs.config import as_config, resolve, restore
from moa_cli.runs.folders import run_folder

HEAD = """from __future__ import annotations
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal
from moa_cli import Adapter, Method, Range
"""
DECORATED = "@dataclass(frozen=True, kw_only=True)\n"
VERBS = """
    def train(self, benchmark, run): ...
    def policy(self, benchmark, run, weights): return benchmark.prepared.policy
"""


def method(folder: Path, *body: str, name: str = "Mine", decorated: bool = True, verbs: str = VERBS) -> str:
    """The file of a method."""
    lines = "".join(f"    {line}\n" for line in body)
    path = folder / "file.py"
    path.write_text(f"{HEAD}{DECORATED if decorated else ''}class {name}(Adapter, Method):\n{lines}{verbs}")
    return str(path)


def mistakes(typed: str) -> list[str]:
    with pytest.raises(BadInput) as refused:
        find_method(typed)
    assert refused.value.why == "nothing was started"
    return [line.strip() for line in refused.value.what.splitlines()[1:]]


def test_a_right_method_may_have_any_setting_that_can_be_typed(tmp_path: Path) -> None:
    fields = (
        "shared: ClassVar[dict[str, Any]] = {}", "free: int = 3", "bound: Annotated[float, Range(0)] | None = None",
        "kind: Literal['a', 'b'] = 'b'", "on: bool = True", "shares: tuple[float, ...] = field(default_factory=tuple)",
        "sets_kl = 'bound'",
    )  # fmt: skip
    cls = find_method(method(tmp_path, "steering = 'merge'", *fields))
    assert cls().shares == ()  # type: ignore[attr-defined]


def test_a_method_without_settings_needs_no_decorator(tmp_path: Path) -> None:
    assert find_method(method(tmp_path, "steering = 'none'", "cache: ClassVar = {}", decorated=False))()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ((), "steering is missing: one of none, prompt"),
        (("steering = 'merged'",), "found 'merged' (did you mean merge?)"),
        (("steering = 'none'", "values: list[int] = ()"), "values: list[int] cannot be set: a type can be int"),
        (("steering = 'none'", "pair: tuple[int, str] = (1, 'a')"), "pair: "),
        (("steering = 'none'", "anything: Any = 1"), "anything: typing.Any cannot be set"),
        (("steering = 'none'", "needed: int"), "needed needs a default"),
        (("steering = 'none'", "share: Annotated[float, Range(0, 1)] = 2"), "a number from 0 to 1, found 2"),
        (("steering = 'none'", "count: int = field(default_factory=list)"), "a whole number, found []"),
        (
            ("steering = 'none'", "count: int = field(default_factory=lambda: {}['x'])"),
            "count: its default cannot be made: KeyError: 'x'",
        ),
        (("steering = 'none'", "sets_kl = 'rate'", "rates: int = 1"), "found 'rate' (did you mean rates?)"),
        (("steering = 'none'", "sets_kl = 'name'", "name: str = 'a'"), "sets_kl: name is a text, and it must be"),
        (("steering = 'none'", "count: int = field(default=1, init=False)"), "count: field(init=False) cannot be set"),
        (
            ("steering = 'none'", "points: int = 1"),
            "points: it is a method of Method, and no setting can have its name",
        ),
        (("steering = 'none'", "labels: str = field(default_factory=str)"), "labels: it is a method of Method"),
        (("steering = 'none'", "count: Integer = 1"), "NameError: name 'Integer' is not defined"),
    ],
)
def test_a_mistake_is_named(body: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (mistake,) = mistakes(method(tmp_path, *body))
    assert said in mistake


@pytest.mark.parametrize("field", ["batch: int = 1", "lora_rank: int | None = 8"])
def test_a_forgotten_decorator_is_noticed(field: str, tmp_path: Path) -> None:
    """Without it a new field is none, and an inherited one keeps its old default."""
    (mistake,) = mistakes(method(tmp_path, "steering = 'none'", field, decorated=False))
    assert "@dataclass(frozen=True, kw_only=True) is missing" in mistake
    assert field.partition(":")[0] in mistake


def test_verbs_are_there_and_take_what_they_are_given(tmp_path: Path) -> None:
    wrong = mistakes(method(tmp_path, "steering = 'none'", verbs="    def policy(self, run, weights): ..."))
    assert wrong == [
        "train is missing: def train(self, benchmark, run)",
        "policy: it is called as policy(self, benchmark, run, weights)",
    ]


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("def points(self): ...", "points(self, benchmark)"),
        ("points = ((1.0, 0.0),)", "points(self, benchmark)"),
        ("labels = property(lambda self: ())", "labels(self, benchmark)"),
        ("def effort(self, benchmark): ...", "effort(self, benchmark, parameters)"),
        ("def serving(self): ...", "serving(self, benchmark, prompts)"),
        ("def template(self, benchmark, run, weights): ...", "template(self, benchmark, run)"),
    ],
)
def test_verbs_that_may_be_left_out_take_what_they_are_given(written: str, called: str, tmp_path: Path) -> None:
    (mistake,) = mistakes(method(tmp_path, "steering = 'none'", written))
    assert mistake == f"{called.partition('(')[0]}: it is called as {called}"


@pytest.mark.parametrize("written", ["async def serving({}): return 1", "def serving({}): yield 1"])
def test_verbs_do_what_they_are_called_for(written: str, tmp_path: Path) -> None:
    (mistake,) = mistakes(method(tmp_path, "steering = 'none'", written.format("self, benchmark, prompts")))
    assert mistake == "serving: it is called once and done: write it without async and yield"


def test_a_verb_may_do_without_self(tmp_path: Path) -> None:
    points = "points = staticmethod(lambda benchmark: benchmark.grid)"
    labels = "labels = classmethod(lambda cls, benchmark: ())"
    assert find_method(method(tmp_path, "steering = 'prompt'", points, labels))()


MAKING = """
    x: int = 1
    def __post_init__(self):
        {}
"""


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("object.__setattr__(self, 'x', self.x + 1)", "x: made again of its settings, it has 3 in place of 2"),
        ("self.x + 'a'", "it cannot be made of its defaults: TypeError: unsupported operand"),
    ],
)
def test_a_method_is_made_of_its_settings(done: str, said: str, tmp_path: Path) -> None:
    """A worker makes it again; the folder of its run is named after what it has."""
    (mistake,) = mistakes(method(tmp_path, "steering = 'none'", MAKING.format(done)))
    assert said in mistake


@pytest.mark.parametrize(
    "done",
    ["raise ValueError('set x')", "assert self.x > 1", "{}['x']", "object.__setattr__(self, 'x', min(self.x, 0))"],
)
def test_a_method_may_refuse_its_defaults_or_round_them(done: str, tmp_path: Path) -> None:
    assert find_method(method(tmp_path, "steering = 'none'", MAKING.format(done)))


@pytest.mark.parametrize("name", ["Prepared", "Tuned"])
def test_a_folder_that_is_taken_names_no_method(name: str, tmp_path: Path) -> None:
    (mistake,) = mistakes(method(tmp_path, "steering = 'none'", name=name))
    assert mistake == f"class {name}: moa keeps something else in the folder {name.lower()}: rename it"


def test_a_name_that_is_too_long_for_a_folder(tmp_path: Path) -> None:
    (mistake,) = mistakes(method(tmp_path, "steering = 'none'", name="M" * 101))
    assert "it has 101 bytes, of 100 at most" in mistake


@pytest.mark.parametrize("name", ["Ric", "RewardedSoups"])
def test_a_name_that_is_taken_is_refused(name: str, tmp_path: Path) -> None:
    """Its runs would lie among those of the method that comes with moa, under the same name in every table."""
    (mistake,) = mistakes(method(tmp_path, "steering = 'none'", name=name))
    assert mistake.startswith(f"class {name}: ")
    assert "comes with moa" in mistake


def test_all_mistakes_come_together(tmp_path: Path) -> None:
    wrong = mistakes(method(tmp_path, "batch: list[int] = ()", decorated=False, verbs=""))
    assert [mistake.split()[0] for mistake in wrong] == [
        "steering", "train", "policy", "@dataclass(frozen=True,", "batch:",
    ]  # fmt: skip


def test_a_default_is_what_it_is_when_it_was_stored(tmp_path: Path) -> None:
    """A whole number as the default of a number: a worker, which reads it from JSON, means the same folder."""
    typed = method(tmp_path, "steering = 'none'", "rate: float = 1")
    settings = resolve([], ["hh-rlhf-mini"], [typed], data_dir=None, home=tmp_path)
    made, benchmark = settings.methods[typed], settings.benchmarks["hh-rlhf-mini"]
    stored = restore(typed, as_config(made))
    assert run_folder(benchmark, made, 0) == run_folder(benchmark, stored, 0)
