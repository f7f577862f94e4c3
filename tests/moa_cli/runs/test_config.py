"""`-c`: what is understood, in which order, and what is said about mistakes."""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.settings import Range, fit, type_words
from benchmarks.data.table import Table
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.settings import Sampling, Scratch
from methods.contract.find import find_method, method_names
from moa_cli.runs.config import as_config, default_config, resolve, restore
from moa_cli.runs.items import dotted
from tests.kit.files import MY_METHOD

EXAMPLE = str(MY_METHOD)


def settings(*items: str, methods: tuple[str, ...] = ("ric", "rewarded-soups")) -> Any:
    return resolve(items, ["hh-rlhf-mini"], methods, data_dir=None, home=Path("runs"))


def mistakes(*items: str, **more: Any) -> str:
    with pytest.raises(BadInput) as refused:
        settings(*items, **more)
    return refused.value.what


def test_keys_reach_the_benchmark_every_method_or_one() -> None:
    made = settings("eval_prompts=8", "sampling.top_p=1", "learning_rate=1e-3", "ric.rounds=1")
    assert made.options == {"eval_prompts": 8, "sampling.top_p": 1}
    assert made.benchmarks["hh-rlhf-mini"].eval_prompts == 8
    assert made.methods["ric"].learning_rate == made.methods["rewarded-soups"].learning_rate == 1e-3
    assert made.methods["ric"].rounds == 1


def test_later_items_win(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("batch = 2\n[ric]\nrounds = 5\nkeep = 'quantile'\n[sampling]\ntop_p = 0.5\n")
    made = settings("batch=1", str(file), "ric.rounds=3")
    assert (made.methods["ric"].batch, made.methods["ric"].rounds, made.methods["ric"].keep) == (2, 3, "quantile")
    assert made.benchmarks["hh-rlhf-mini"].sampling.top_p == 0.5
    assert settings(str(file), "batch=1").methods["ric"].batch == 1


def test_a_bare_word_is_a_text() -> None:
    assert settings("policy=scratch:4m").benchmarks["hh-rlhf-mini"].policy == "scratch:4m"
    assert settings("ric.keep=quantile").methods["ric"].keep == "quantile"


def test_a_number_may_begin_or_end_with_its_point() -> None:
    made = settings("sampling.temperature=.7", "sampling.top_p=1.", "grid=[[.5,.5], [1.,0]]").benchmarks["hh-rlhf-mini"]
    assert (made.sampling.temperature, made.sampling.top_p, made.grid) == (0.7, 1.0, ((0.5, 0.5), (1.0, 0.0)))


def test_none_can_be_written() -> None:
    assert settings("lora_rank=8").methods["ric"].lora_rank == 8
    for word in ("none", "None", "null"):
        assert settings("lora_rank=8", f"lora_rank={word}").methods["ric"].lora_rank is None


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("ric.runds=1", "did you mean ric.rounds?"),
        ("eval_promts=1", "did you mean eval_prompts?"),
        ("eval_prompts=many", "eval_prompts: expected a whole number"),
        ("eval_prompts=0", "at least 1"),
        ("ric.rounds=1.5", "expected a whole number of at least 0, found 1.5"),
        ("ric.rounds=1,2", "found '1,2'; of several, moa tune finds the best"),
        ("ric.rounds=true", "expected a whole number of at least 0, found True"),
        ("ric.rounds=-3", "expected a whole number of at least 0, found -3"),
        ("ric.keep_share=7", "expected a number above 0, of at most 1, found 7"),
        ("lora_rank=-1", "expected a whole number of at least 0 or none, found -1"),
        ("batch=2147483648", "expected a whole number of at least 1, found 2147483648; the largest is 2147483647"),
        (f"lora_rank={10**26}", "the largest is 2147483647"),
        ("learning_rate=fast", "expected a number"),
        ("learning_rate=nan", "expected a number"),
        ("ric.keep=best", "expected one of pareto, quantile"),
        ("spo.beta=1", "spo is not among the methods"),
        ("sft.rounds=1", "sft has no such hyperparameter"),
        ("batch=", "no value"),
        ("", ": expected preset=NAME, FILE.toml"),
        ("batch", "expected preset=NAME, FILE.toml, a run.json, tuned, a folder with what was tuned, or KEY=VALUE"),
        ("grid=[[1,0]", "Unclosed array"),
        ("template=[INST] {prompt} [/INST]", "a text that begins so is typed in double quotes"),
        ("nowhere.toml", "No such file"),
    ],
)
def test_a_mistake_is_named(item: str, words: str) -> None:
    assert words in mistakes(item)


def test_all_mistakes_come_together(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("batch = 2\nbatch = 3\n")
    said = mistakes(str(file), "ric.runds=1", "eval_prompts=0", "keep=best")
    assert said.startswith("settings: 4 mistakes")
    assert "line 2" in said


def test_a_file_may_begin_with_the_mark_of_windows_editors(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("batch = 2\n", encoding="utf-8-sig")
    assert settings(str(tmp_path / "mine.toml")).methods["ric"].batch == 2


def test_one_file_serves_one_method_and_all(tmp_path: Path) -> None:
    """A table of another method of moa's is left alone, but not its mistakes; what is typed is for this command."""
    file = tmp_path / "all.toml"
    file.write_text("batch = 4\n[ric]\nrounds = 1\n[spo]\nalphas = [0.5]\n[sft]\n")
    both = settings(str(file), methods=("ric", "spo")).methods
    one = settings(str(file), methods=("ric",)).methods
    assert one == {"ric": both["ric"]}
    assert both["spo"].alphas == (0.5,)
    file.write_text("[ric]\nrounds = 1\n[spo]\nalpha = [0.5]\n")
    assert "spo.alpha: spo has no such hyperparameter (did you mean alphas?)" in mistakes(str(file))
    assert "spo is not among the methods" in mistakes("spo.alphas=[0.5]")


def test_a_hyperparameter_that_only_another_method_has() -> None:
    assert "no method of this command has it (ric would)" in mistakes("keep=pareto", methods=("sft",))


def test_a_stored_configuration_makes_the_same_method() -> None:
    ric = settings("batch=3").methods["ric"]
    assert restore("ric", {"batch": 3}) == ric
    with pytest.raises(BadInput, match="bunch"):
        restore("ric", {"bunch": 3})


@pytest.mark.parametrize(
    ("value", "hint", "fitted"),
    [
        (1, float, 1.0), (1, int, 1), ("a", str, "a"), (True, bool, True), ("none", int | None, None),
        (3, int | None, 3), ("none", str | None, None), ("x", str | None, "x"),
        ([1, 2], tuple[float, ...], (1.0, 2.0)), ("a", Literal["a", "b"], "a"), (2**31 - 1, int, 2**31 - 1),
        ({"10": "1"}, tuple[tuple[str, str], ...], (("10", "1"),)),
    ],
)  # fmt: skip
def test_values_that_fit(value: Any, hint: Any, fitted: Any) -> None:
    assert fit(value, hint) == fitted
    assert type(fit(value, hint)) is type(fitted)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1", int), (1.0, int), (True, int), (1, bool), (True, float), (float("inf"), float), (10**400, float),
        ("c", Literal["a", "b"]), (["a"], tuple[float, ...]), ("x", int | None), (2**31, int), (-(2**31), int),
    ],
)  # fmt: skip
def test_values_that_do_not(value: Any, hint: Any) -> None:
    with pytest.raises(TypeError):
        fit(value, hint)


def ranges(hint: Any) -> list[Range]:
    """Those named anywhere in a type."""
    notes = [note for part in (hint, *get_args(hint)) for note in getattr(part, "__metadata__", ())]
    return [note for note in notes if isinstance(note, Range)]


@pytest.mark.parametrize(
    "settings",
    [
        *(find_method(name)() for name in (*method_names(), EXAMPLE)),
        Sampling(max_new_tokens=8), Scratch(), TrainedReward(), Table(format="pairs"),
    ],
    ids=lambda settings: type(settings).__name__,
)  # fmt: skip
def test_every_number_has_a_range_with_its_default_inside(settings: Any) -> None:
    """And the first numbers outside of the range are refused."""
    hints = get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        default, hint = getattr(settings, field.name), hints[field.name]
        whole = "int" in str(hint)
        if not whole and "float" not in str(hint):
            assert type(default) not in (int, float)
            continue
        assert fit(default, hint) == default
        room = ranges(hint)[0]
        step = 1 if whole else 1e-9
        outside = [room.low - step, room.high + step, room.above]
        for value in (int(n) if whole else n for n in outside if isfinite(n)):
            with pytest.raises(TypeError):
                fit((value,) if isinstance(default, tuple) else value, hint)


def test_a_value_out_of_range_is_reported_with_the_other_mistakes() -> None:
    said = mistakes("rounds=-3", "keep_share=7", "online_prompts=-5", "batch=0", "eval_prompts=0", "runds=1")
    assert said.startswith("settings: 6 mistakes")


def test_words_and_flat() -> None:
    assert type_words(int | None) == "a whole number or none"
    assert dotted({"a": {"b": {"c": 1}}, "d": [1]}) == {"a.b.c": 1, "d": [1]}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("ValueError", ": 5 is no good"),
        ("TypeError", ": 5 is no good"),
        ("AssertionError", ": AssertionError: 5 is no good"),
        ("KeyError", ": KeyError: '5 is no good'"),
    ],
)
def test_a_method_refuses_what_is_typed_with_an_error_of_its_own(error: str, words: str, tmp_path: Path) -> None:
    own = f"\n    def __post_init__(self):\n        if self.batch == 5:\n            raise {error}('5 is no good')\n"
    (tmp_path / "mine.py").write_text(MY_METHOD.read_text(encoding="utf-8") + own, encoding="utf-8")
    mine = str(tmp_path / "mine.py")
    assert words in mistakes("batch=5", methods=(mine,))
    with pytest.raises(BadInput, match=rf"stored configuration of .*\n.*{words}"):
        restore(mine, {"batch": 5})


@pytest.mark.parametrize("error", ["ValueError", "RuntimeError"])
def test_defaults_are_known_of_a_method_that_refuses_them(error: str, tmp_path: Path) -> None:
    """As one that wants something set. It is compared, listed and studied as any other is."""
    own = f"\n    def __post_init__(self):\n        if self.batch != 5:\n            raise {error}('set batch first')\n"
    (tmp_path / "mine.py").write_text(MY_METHOD.read_text(encoding="utf-8") + own, encoding="utf-8")
    refusing, usual = find_method(str(tmp_path / "mine.py")), find_method(str(MY_METHOD))
    with pytest.raises((ValueError, RuntimeError), match="set batch first"):
        refusing()
    assert default_config(refusing) == default_config(usual) == as_config(usual())
