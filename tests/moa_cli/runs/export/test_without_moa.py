"""What is exported answers as moa's policy does, in a process that cannot import moa."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.spec.grid import Weights
from methods.contract.run import Run
from moa_cli.runs.contestant import Contestant
from moa_cli.runs.export.run import export_run
from tests.moa_cli.runs.export.conftest import Trained

STRANGER = """
import importlib.abc, json, sys

class NoMoa(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("moa_cli", "benchmarks", "methods"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, NoMoa())
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

told = []
for job in json.load(open(sys.argv[1])):
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    model = AutoModelForCausalLM.from_pretrained(job["folder"])
    if job["folder"].endswith("adapter"):
        model.generation_config = GenerationConfig.from_pretrained(job["folder"])
    answers = []
    for prompt in job["prompts"]:
        turns = [{"role": "user", "content": prompt}]
        how = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True} | job["how"]
        asked = tokenizer.apply_chat_template(turns, **how)
        ids = model.generate(**asked, do_sample=False, tokenizer=tokenizer)[0, asked["input_ids"].shape[1]:]
        answers.append(tokenizer.decode(ids, skip_special_tokens=True).strip())
    told.append(answers)
json.dump(told, open(sys.argv[2], "w"))
"""
POINTS: tuple[Weights, ...] = ((1.0, 0.0), (0.5, 0.5))
NAMES = ("rewarded-soups", "morlhf", "spo", "ric", "moslim")


def greedy(run: Contestant, weights: Weights, prompts: list[str]) -> list[str]:
    """The most likely answers of moa's own policy."""
    policy = run.method.policy(run.benchmark, Run(run.folder, run.seed), weights)
    return policy.generate(prompts, replace(run.benchmark.sampling, temperature=0.0), 0)


def test_a_stranger_gets_the_same_answers(trained: Trained, tmp_path: Path) -> None:
    """Five methods at two weights each; policies that are steered by the prompt are told the other weights, too."""
    jobs: list[dict[str, Any]] = []
    expected: list[list[str]] = []

    def ask(run: Contestant, folder: Path, weights: Weights, how: dict[str, Any]) -> None:
        prompts = run.benchmark.prompts("test")[:4]
        jobs.append({"folder": str(folder), "prompts": prompts, "how": how})
        expected.append(greedy(run, weights, prompts))

    for name in NAMES:
        run = trained(name)
        for weights in POINTS:
            folder = tmp_path / f"{name}-{weights[0]}"
            export_run(run, weights, folder, adapter=False, command="moa export")
            ask(run, folder, weights, {})
        if run.method.steering == "prompt":
            ask(run, folder, (0.3, 0.7), {"weights": [0.3, 0.7]})
    run, folder = trained("rewarded-soups"), tmp_path / "adapter"
    export_run(run, POINTS[1], folder, adapter=True, command="moa export")
    ask(run, folder, POINTS[1], {})

    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    (tmp_path / "stranger.py").write_text(STRANGER)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "stranger.py", "jobs.json", "told.json"]
    done = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "told.json").read_text()) == expected
    assert len({json.dumps(answers) for answers in expected}) >= 4  # weights and methods are told apart
    assert all(any(answers) for answers in expected)
