"""Checks of the policies that a method gives: moved, steered, repeatable, portable, plain."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from benchmarks import Benchmark, Policy
from benchmarks.models import sequence_divergence
from benchmarks.prepare import prepare
from benchmarks.spec import policy_source
from methods.conformance.examined import Examined, expect, numbers
from methods.contract import Adapter, Run
from methods.engines import load_trained


def gives_policies(examined: Examined, place: Path) -> None:
    """policy returns a policy for every weights"""
    for weights in examined.method.points(examined.benchmark):
        found = examined.method.policy(examined.benchmark, examined.run, weights)
        what = f"policy returned {type(found).__name__} for {weights}"
        expect(
            isinstance(found, Policy),
            what,
            "return load_trained(benchmark, run.stage(name).folder), or what is made of it",
        )
        expect(not found.model.training, f"the policy for {weights} is in training mode", "policy.model.eval()")


def moved(examined: Examined, place: Path) -> None:
    """training moves every parameter"""
    if not examined.anything:
        return
    start = examined.benchmark.prepared.policy.model.state_dict()
    for weights in examined.method.points(examined.benchmark):
        policy = examined.method.policy(examined.benchmark, examined.run, weights)
        after = policy.model.state_dict()
        for name, value in start.items():
            here = [other for full, other in after.items() if f".{full}".endswith(f".{name}")]  # once per mixed model
            expect(here, f"the policy for {weights} has no {name}", "start from the benchmark's starting policy")
            still = any(bool((other == value).all()) for other in here)
            mend = "train all of them, for more than one step: the first has a learning rate of zero"
            expect(not still, f"{name} of the policy for {weights} is that of the starting policy", mend)


def steers(examined: Examined, place: Path) -> None:
    """weights change the answers"""
    benchmark, method = examined.benchmark, examined.method
    first, last = (method.policy(benchmark, examined.run, w) for w in (benchmark.corners[0], benchmark.corners[-1]))
    prompts = benchmark.prompts("test")
    answers = first.sample(prompts, benchmark.sampling, 0)
    kl = sequence_divergence(first, last, prompts, answers).kl
    if method.steering == "none" or (method.steering != "prompt" and not examined.anything):
        same = answers == last.sample(prompts, benchmark.sampling, 0)
        expect((kl == 0).all(), "steering is none, and policies differ", "say how weights reach the policy")
        expect(same == (method.steering == "none"), "answers do not depend on weights", 'steering = "none" says so')
    else:
        mend = f"steering is {method.steering!r}: policy has to give another policy for other weights"
        expect((kl > 1e-6).all(), "the first and the last objective's policies are the same", mend)


def repeatable(examined: Examined, place: Path) -> None:
    """the same seed gives the same front"""
    benchmark, method = examined.benchmark, examined.method
    again, other = Run(place / "again", 0), Run(place / "other", 1)
    method.train(benchmark, again)
    first = examined.measure(examined.run, place / "front", points=3)
    reloaded = examined.measure(examined.fresh_run, place / "loaded", points=1)
    twin = examined.measure(again, place / "twin", points=3)
    mend = "take all randomness from run.seed"
    for a, b, c in zip(numbers(first), numbers(reloaded), numbers(twin), strict=True):
        expect(
            np.array_equal(a[:1], b),
            "a run that is opened again answers otherwise",
            "keep in run.dir what policy needs",
        )
        expect(np.array_equal(a, c), "trained again with the same seed, it answers otherwise", mend)
    if examined.anything:
        method.train(replace(benchmark, trained_grid=benchmark.trained_grid[:1]), other)  # for the first point alone
        differs = not np.array_equal(first.kl[:1], examined.measure(other, place / "front-other", points=1).kl)
        expect(differs, "another seed trains the same policy", mend)
    drawn = examined.measure(examined.run, place / "seed", seed=1, points=1).scores
    expect(
        not np.array_equal(first.scores[:1], drawn), "answers do not depend on the seed of sampling", "sample with it"
    )


def portable(examined: Examined, place: Path) -> None:
    """a moved run answers the same"""
    benchmark, w = examined.benchmark, examined.benchmark.grid[1]
    prompts, method = benchmark.prompts("test"), examined.method
    expected = method.policy(benchmark, examined.run, w).generate(prompts, benchmark.sampling, 0)
    if examined.run.dir.exists():
        shutil.copytree(examined.run.dir, place / "moved")
    moved = method.policy(benchmark, Run(place / "moved", 0), w)
    same = moved.generate(prompts, benchmark.sampling, 0) == expected
    expect(same, "a run that was moved answers otherwise", "keep no path in the run, nothing outside of it")


def of_one_objective(benchmark: Benchmark) -> Benchmark:
    """The benchmark with its last objective alone."""
    return replace(benchmark, objectives=benchmark.objectives[-1:], grid=(), trained_grid=())


def alone(examined: Examined, place: Path) -> None:
    """one objective is enough"""
    shutil.copytree(examined.benchmark.home, place / "home")
    one = of_one_objective(replace(examined.benchmark, home=place / "home"))
    prepare(one)
    run = Run(place / "run", 0)
    examined.method.train(one, run)
    front = replace(examined, benchmark=one).measure(run, place / "front")
    mend = "take M from benchmark.objectives"
    expect(front.weights == ((1.0,),), f"with one objective its points are {front.weights}", mend)
    expect(np.isfinite(front.hypervolume("rewards")), "with one objective it has no hypervolume", mend)


def adapters(examined: Examined, place: Path) -> None:
    """adapters are plain PEFT"""
    benchmark, method = examined.benchmark, examined.method
    if not isinstance(method, Adapter):
        return
    corner, run = replace(benchmark, trained_grid=benchmark.corners[:1]), Run(place, 0)
    method = replace(method, lora_rank=2)  # type: ignore[call-arg]
    method.train(corner, run)
    policy = method.policy(corner, run, benchmark.corners[0])
    ids = torch.tensor([policy.encode_prompt(benchmark.prompts("test")[0])])
    start = str(policy_source(benchmark))
    found = [path.parent for path in (run.dir / "policy").glob("*/adapter_config.json")]
    mend = "hand self.lora_rank on to what trains"
    expect(found, "with lora_rank = 2 it trains no adapter", mend)
    with torch.no_grad():
        before = AutoModelForCausalLM.from_pretrained(start, trust_remote_code=False)(ids).logits
        for folder in found:
            base = AutoModelForCausalLM.from_pretrained(start, trust_remote_code=False)
            plain = PeftModel.from_pretrained(base, folder).eval()
            ours = load_trained(benchmark, folder, fresh=True).model
            same = torch.allclose(plain(ids).logits, ours(ids).logits, atol=1e-4)
            expect(
                same, f"plain PEFT reads stage {folder.name} as something else", "save adapters with save_pretrained"
            )
            expect((plain(ids).logits - before).abs().max() > 1e-5, f"the adapter of {folder.name} does nothing", mend)
            expect(not list(folder.glob("model*.safetensors")), f"{folder.name} is adapter and whole model", mend)


POLICY_CHECKS = (gives_policies, moved, steers, repeatable, portable, alone, adapters)
"""Checks of policies; each is called with a trained method and an empty folder, below which it may train."""
