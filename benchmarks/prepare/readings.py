"""One answer exactly as each model reads it, which is the quickest way to see what a template does."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer

from benchmarks.models import Reader, open_reader, starting_reader
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.parts import is_prepared
from benchmarks.rewards import HubReward, Reading, TrainedReward, own_inputs
from benchmarks.spec import SIGNALS, Reward, part_name


def as_read(benchmark: Benchmark) -> dict[str, str]:
    """The text, special tokens written out, that each model reads of a training prompt and its answer.

    By who reads it: "policy", "reward helpful", "evaluator helpful". Functions are left out: they are given prompt and
    response as they are in the data. Tokenizers are loaded, models are not. Before preparation, only what lies in a
    folder is read.
    """
    answer = (benchmark.demonstrations() or benchmark.responses())[0]
    found, prepared = {}, is_prepared(benchmark)
    if reader := _policy_reader(benchmark, prepared):
        asked, said = reader.encode(answer.prompt, answer.response)
        found["policy"] = str(reader.tokenizer.decode([*asked, *said]))
    for objective in benchmark.objectives:
        for signal in SIGNALS:
            reading = _reading(objective.source(signal), benchmark, objective.name, prepared)
            if reading:
                [row] = reading.rows([answer.prompt], [answer.response])
                found[part_name(signal, objective.name)] = str(reading.tokenizer.decode(row["input_ids"]))
    return found


def _policy_reader(benchmark: Benchmark, prepared: bool) -> Reader | None:
    """How the policy reads; None for one that is not there yet."""
    if prepared:
        return starting_reader(benchmark)
    there = Path(benchmark.policy).is_dir()
    return open_reader(benchmark.policy, benchmark.max_prompt_tokens, benchmark.template) if there else None


def _reading(reward: Reward, benchmark: Benchmark, objective: str, prepared: bool) -> Reading | None:
    """How a classifier reads; None for another kind of reward, and for one that is not there yet."""
    if isinstance(reward, HubReward) and (prepared or Path(reward.model).is_dir()):
        tokenizer = AutoTokenizer.from_pretrained(reward.model, revision=reward.revision, trust_remote_code=False)
        return Reading(tokenizer, reward.inputs, tokenizer.model_max_length)
    if isinstance(reward, TrainedReward) and prepared:
        tokenizer = AutoTokenizer.from_pretrained(reward.folder(benchmark, objective), trust_remote_code=False)
        return Reading(tokenizer, own_inputs(tokenizer), tokenizer.model_max_length, benchmark.max_prompt_tokens)
    return None
