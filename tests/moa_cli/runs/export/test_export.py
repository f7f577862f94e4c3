"""What an exported folder says of itself, and what is refused."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer

from benchmarks.common.errors import BadInput
from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.spec.grid import Weights
from benchmarks.spec.settings import Sampling
from methods.contract.find import find_method
from methods.contract.method import Method
from methods.contract.run import Run
from moa_cli.jobs.run import evaluate
from moa_cli.runs.contestant import Contestant
from moa_cli.runs.export.folder import generation_settings, merged
from moa_cli.runs.export.place import check_free, push_folder
from moa_cli.runs.export.run import asked_weights, export_run, one_policy, policy_of
from moa_cli.runs.record import read_record
from tests.kit.cli import moa, refused
from tests.kit.runs import record_with
from tests.moa_cli.runs.export.conftest import Trained


@dataclass(frozen=True, kw_only=True)
class Loud(Method):
    """A method of one's own that writes weights in its own way, and says of no template."""

    steering = "prompt"
    forgets: bool = False

    def train(self, benchmark: Benchmark, run: Run) -> None: ...

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        def told(prompt: str) -> str:
            return f"{'!' * round(4 * weights[0])} {prompt.lower() if self.forgets else prompt}"

        return replace(benchmark.prepared.policy, template=told)


def without_training(run: Contestant, method: Method) -> Contestant:
    """Another method in the place of a run."""
    return replace(run, method=method)


def test_the_readme_says_what_was_measured(trained: Trained, tmp_path: Path) -> None:
    """At these weights, or at the nearest point, which it says."""
    run = trained("sft-goals")
    few = replace(run.benchmark, eval_prompts=4)
    evaluate(prepare(few).benchmark, run.method, Run(run.folder, 0))
    evaluate(run.benchmark, replace(run.method, mapping="linf"), Run(run.folder, 0))  # another way to answer
    front = evaluate(run.benchmark, run.method, Run(run.folder, 0))
    for weights, k, words in (((0.5, 0.5), 1, "at 0.5,0.5:"), ((0.9, 0.1), 0, "at 1,0, the nearest point that was")):
        export_run(run, weights, tmp_path / str(k), adapter=False, command="moa export a b")
        text = (tmp_path / str(k) / "README.md").read_text()
        scores, rewards = front.scores[k], front.rewards[k]
        for m, name in enumerate(("ah", "oh")):
            cells = [f"{x[:, m].mean():+.2f} ± {x[:, m].std(ddof=1) / 10**0.5:.2f}" for x in (rewards, scores)]
            assert f"| {name} | {cells[0]} | {cells[1]} |" in text
        assert "| | training reward | reward |" in text  # where one objective has no evaluator of its own
        assert "oh: no evaluator beside the reward, so nothing here is held-out" in text
        for fact in (
            words,
            run.benchmark.card.hash,
            "cries@1",
            "`moa export a b`",
            "sft-goals",
            "over 10 test prompts",
        ):
            assert fact in text
        assert "/" not in "".join(re.findall(r"base model \| (.*)", text))  # no path of this machine
        code = re.findall(r"```python\n(.*?)```", text, re.S)[0]
        compile(code, "README.md", "exec")
        assert f"weights={list(weights)}" in code
        assert len(code.splitlines()) == 5


def test_generation_is_the_benchmarks(trained: Trained) -> None:
    policy = trained("sft-goals").benchmark.prepared.policy
    sampling = Sampling(max_new_tokens=7, temperature=0.8, top_p=0.5, stop=("\n\nHuman:",))
    told = generation_settings(policy, sampling).to_diff_dict()
    told.pop("transformers_version")
    tokenizer = policy.tokenizer
    assert told == {
        "do_sample": True, "temperature": 0.8, "top_p": 0.5, "top_k": 0, "max_new_tokens": 7,
        "stop_strings": ["\n\nHuman:"], "eos_token_id": [tokenizer.eos_token_id],
        "pad_token_id": tokenizer.pad_token_id,
    } | ({"bos_token_id": tokenizer.bos_token_id} if tokenizer.bos_token_id is not None else {})  # fmt: skip


def test_a_method_without_a_template_knows_the_grid_by_heart(trained: Trained, tmp_path: Path) -> None:
    run = without_training(trained("sft-goals"), Loud())
    export_run(run, (0.25, 0.75), tmp_path / "loud", adapter=False, command="")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "loud")

    def said(**how: Any) -> str:
        return tokenizer.apply_chat_template([{"role": "user", "content": "Hey"}], tokenize=False, **how)

    assert [said(), said(weights=[0.5, 0.5]), said(weights=[1, 0])] == ["! Hey", "!! Hey", "!!!! Hey"]
    with pytest.raises(Exception, match="these weights alone: 0.25,0.75  1,0  0.5,0.5  0,1"):
        said(weights=[0.4, 0.6])
    with pytest.raises(BadInput, match="changes what is asked"):
        export_run(without_training(run, Loud(forgets=True)), (1.0, 0.0), tmp_path / "no", adapter=False, command="")
    assert [path.name for path in tmp_path.iterdir()] == ["loud"]


def test_a_template_that_says_something_else_is_not_written(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("sft-goals")
    wrong = find_method("sft-goals")(mapping="linf").template(run.benchmark, Run(run.folder, 0))  # type: ignore[call-arg]
    monkeypatch.setattr(type(run.method), "template", lambda *_: wrong)
    with pytest.raises(BadInput, match=r"would not show this policy what moa does, at 0\.5,0\.5"):
        export_run(run, (0.5, 0.5), tmp_path / "no", adapter=False, command="")


@pytest.mark.parametrize(
    ("name", "words"), [("mod", "moa train -m rewarded-soups"), ("best-of-n", "leaves one policy")]
)
def test_what_is_made_while_it_answers_is_no_folder(trained: Trained, name: str, words: str) -> None:
    run = without_training(trained("sft-goals"), find_method(name)())
    with pytest.raises(BadInput, match=f"{name} cannot be one folder") as caught:
        one_policy(run, (0.5, 0.5))
    assert words in caught.value.fix
    if name == "best-of-n":
        with pytest.raises(BadInput, match="cannot be one folder"):
            one_policy(run, (1.0, 0.0))


def test_weights_without_a_policy_and_runs_without_training(trained: Trained) -> None:
    run = trained("sft-goals")
    retrained = without_training(run, find_method("morlhf")())
    assert asked_weights(run, None) == (0.5, 0.5)
    with pytest.raises(BadInput, match="not trained for these weights") as caught:
        asked_weights(retrained, (0.2, 0.8))
    assert "nearest: 0,1 and 0.5,0.5" in caught.value.why
    begun = run.folder.with_name("begun-s1")
    read_record(run.folder).model_copy(update={"status": "training"}).write(begun / "run.json")
    with pytest.raises(BadInput, match="is not trained to its end") as caught:
        asked_weights(replace(run, folder=begun), None)
    assert caught.value.fix.startswith("it goes on where it stopped: moa train -m sft-goals")


def test_a_base_that_is_gone(trained: Trained, tmp_path: Path) -> None:
    run = trained("sft-goals")
    moved = replace(run, benchmark=replace(run.benchmark, home=tmp_path))
    with pytest.raises(BadInput, match="the starting policy of cries is not where it was"):
        policy_of(moved, (0.5, 0.5))


def test_adapters_and_four_bits(trained: Trained, tmp_path: Path, random_policy: Any) -> None:
    with pytest.raises(BadInput, match="has no adapter"):
        export_run(trained("sft-goals"), (0.5, 0.5), tmp_path / "no", adapter=True, command="", dry=True)
    policy = random_policy()
    policy.model.is_quantized = True
    with pytest.raises(BadInput, match="precision is 4bit"):
        merged(policy)


def test_what_was_trained_is_not_rounded(random_policy: Callable[..., Policy], tmp_path: Path) -> None:
    """Of a policy that came in bfloat16: its adapter may move the weights by less than that has room for."""
    start = replace(random_policy(), stored=torch.bfloat16)
    model = get_peft_model(copy.deepcopy(start.model), LoraConfig(r=2, target_modules="all-linear"))
    assert merged(replace(start, model=model)).dtype == torch.float32
    assert merged(start).dtype == torch.bfloat16


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / ".moa.9.partial" / "whole").mkdir(parents=True)  # what a killed process had begun in it
    check_free(tmp_path)
    check_free(tmp_path / "new")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nothing")
    record_with().write(tmp_path / "0-s0" / "run.json")
    for path, words in (
        (tmp_path, "is not empty"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "new", "file is a file"),
        (tmp_path / "link", "leads nowhere"),
        (tmp_path / "0-s0" / "new", "which is moa's own"),  # and would go with it
        (tmp_path / "tiny" / "prepared" / "new", "which is moa's own"),
    ):
        with pytest.raises(BadInput, match=words):
            check_free(path, tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "one/two/three", "me/"])
def test_a_repository_that_cannot_be_is_refused_before_any_work(name: str, tmp_path: Path) -> None:
    result = moa("export", "runs/b/sft/0-s0", "out", "--push", name, cwd=tmp_path)
    refused(result, f"{name!r} is no name of a repository", "--push OWNER/NAME")


def test_an_empty_folder_is_filled_and_stays(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a link, and where the command is typed in it."""
    for folder, named in (("here", "."), ("there", "link")):
        (tmp_path / folder).mkdir()
        inode = (tmp_path / folder).stat().st_ino
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(folder)
        monkeypatch.chdir(tmp_path / folder if named == "." else tmp_path)
        export_run(trained("sft-goals"), (0.5, 0.5), Path(named), adapter=False, command="")
        assert {"README.md", "config.json"} <= {path.name for path in (tmp_path / folder).iterdir()}
        assert not [*(tmp_path / folder).glob(".*")]
        assert (tmp_path / folder).stat().st_ino == inode


def test_pushing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's own client, patched; what it refuses is told, and that the folder is there."""
    import huggingface_hub

    done: list[Any] = []

    class Hub:
        def create_repo(self, name: str, **how: Any) -> str:
            done.append((name, how))
            return f"https://hub/{name}"

        def upload_folder(self, **how: Any) -> None:
            if how["repo_id"] == "not/mine":
                raise OSError("403: not yours\nat all")
            done.append(how)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    assert push_folder(tmp_path, "me/it") == "https://hub/me/it"
    assert done == [
        ("me/it", {"repo_type": "model", "exist_ok": True}),
        {"folder_path": tmp_path, "repo_id": "me/it", "repo_type": "model"},
    ]
    with pytest.raises(BadInput, match="cannot upload to not/mine: 403: not yours") as caught:
        push_folder(tmp_path, "not/mine")
    assert str(tmp_path) in caught.value.why
