"""What is found wrong before any job starts: functions, models that are nowhere, and what to do about memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from benchmarks.load.load import load_benchmark
from benchmarks.models.memory import PROCESS
from moa_cli.commands.common import finish
from moa_cli.jobs.estimate import foreseen
from moa_cli.jobs.estimate.machine import Machine
from tests.kit.cli import moa, refused
from tests.kit.models import model_in
from tests.kit.worlds import benchmark_in

WRONG = {
    "return None": "returned None for 2 answers",
    "return [float('nan')] * 2": "returned 2 non-finite numbers",
    "return ['good', 'bad']": "something else than numbers",
    "return [1.0]": "an array of shape (1,) for 2 answers",
    "return {}['polite']": "KeyError: 'polite'",
}


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four gigabytes, whatever this one is."""
    monkeypatch.setattr(foreseen, "machine", lambda gpus, *, timed: Machine("CPU core", 4 * 10**9, 1e9 * timed))


@pytest.mark.parametrize("body", WRONG)
def test_a_dry_run_tries_functions(body: str, tmp_path: Path) -> None:
    """What they print is no result."""
    letters = benchmark_in(tmp_path) / "letters.py"
    begin = "return [len(r.split())"
    letters.write_text(letters.read_text().replace(begin, f"print('hm')\n    {body}\n    {begin}"))
    refused(moa("train", "-m", "ric", "-b", "tiny.toml", "--dry-run", cwd=tmp_path), WRONG[body], "letters.py")
    assert not (tmp_path / "runs").exists()


def test_a_function_of_one_argument(tmp_path: Path) -> None:
    letters = benchmark_in(tmp_path) / "letters.py"
    letters.write_text(letters.read_text().replace("def words(prompts, responses)", "def words(responses)"))
    for command in ("train", "compare", "tune", "study kl"):
        refused(
            moa(*command.split(), "-m", "ric", "-b", "tiny.toml", "--dry-run", cwd=tmp_path),
            "takes 1 positional argument",
        )


@pytest.mark.parametrize("typed", ["clf2", "models/clf2"])
def test_a_misspelled_folder_is_no_download(typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without an owner cannot be on the hub, and the folder that was meant is named. Of another, of which there is
    nothing here and no network, that is said."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    table = benchmark_in(tmp_path) / "tiny.toml"
    table.write_text(table.read_text().replace('{ function = "letters.py:words" }', f'{{ model = "{typed}" }}'))
    (tmp_path / "clf").mkdir()
    (tmp_path / "clf" / "config.json").write_text("{}")
    result = moa("train", "-m", "ric", "-b", str(table), "--dry-run", cwd=tmp_path.parent)
    if "/" in typed:
        assert "models/clf2 is no folder and not in the cache, and the hub has no such model" in result.stdout
    else:
        refused(result, "there is no folder 'clf2' (did you mean clf?), and a hub id is owner/name")
    refused(moa("train", "-m", "ric", "-c", "policy=nohub", cwd=tmp_path), "policy: there is no folder 'nohub'")


@pytest.mark.parametrize(
    "name", ["gpt2", "gpt2-large", "bert-base-uncased", "distilgpt2", "t5-small", "xlm-roberta-base"]
)
def test_models_of_the_first_years_have_no_owner(name: str) -> None:
    assert load_benchmark("hh-rlhf-mini", options={"policy": name}).policy == name


def test_what_to_type_where_memory_is_short_does_fit(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adapters where these are enough, else the largest preset that fits, else nothing that would not help."""
    monkeypatch.setattr(finish, "execute", lambda *_: pytest.fail("a job was started"))

    def tried(method: str, policy: str, memory: int) -> str:
        monkeypatch.setattr(foreseen, "machine", lambda gpus, *, timed: Machine("CPU core", memory, 1.0))
        typed = ("train", "-m", method, "-b", "tiny.toml", "-c", f"policy={policy}", "--dry-run")
        result = moa(*typed, cwd=tmp_path)
        assert result.returncode == 2
        told = result.stderr.splitlines()[-1].removeprefix("try: ")
        if told.startswith("-c "):
            item = told.split()[1].rstrip(",")
            assert moa(*typed, "-c", item, cwd=tmp_path).returncode == 0
        return told

    benchmark_in(tmp_path)
    assert tried("ric", "x/y-900m", 10 * 10**9) == "-c lora_rank=16, which trains adapters alone"
    laptop = "-c preset=laptop, whose policy is HuggingFaceTB/SmolLM2-135M-Instruct"
    assert tried("ric", "x/y-7b", 4 * 10**9) == tried("sft", "x/y-7b", 4 * 10**9) == laptop
    small = str(model_in(tmp_path / "model", tokenizer))
    assert tried("ric", small, PROCESS) == "a smaller policy, or smaller rewards: no preset fits either"
