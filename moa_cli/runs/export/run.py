"""A run at weights as a folder: which policy that is, how it is steered without moa, and that it really is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel

from benchmarks import BadInput, Benchmark, Policy, Weights
from benchmarks.common import check_links, staying, to_type
from benchmarks.spec import dialogue, is_dialogue, messages, policy_source
from methods import Run, Template, adapters_apart
from moa_cli.runs import Contestant, read_record
from moa_cli.runs.export.card import Made, model_card
from moa_cli.runs.export.folder import adapter_in, generation_settings, write_folder
from moa_cli.runs.export.place import check_free, loading
from moa_cli.runs.export.template import Steering, chat_template
from moa_cli.words import typed_weights

PROBE = "Zyx?"
"""What is asked to see what a policy writes around it."""


TRIED = 4
"""Prompts of the benchmark on which a template is tried before it is written."""


def asked_weights(run: Contestant, weights: Weights | None) -> Weights:
    """The weights that were typed, equal ones where none were, as the run can be asked for them.

    BadInput for a run that is not trained, and for weights that it has no policy for.
    """
    if not run.trained:
        raise BadInput(
            f"{run.folder} is not trained to its end",
            "a policy that answers is what training leaves",
            f"it goes on where it stopped: {read_record(run.folder).training(run.folder)}",
        )
    M = len(run.benchmark.names)
    return run.meant_weights(weights or (1 / M,) * M)


def in_dialogues(benchmark: Benchmark) -> bool:
    """Whether the prompts of a benchmark, most of them, are dialogues."""
    prompts = benchmark.prompts("test")
    return 2 * sum(map(is_dialogue, prompts)) >= len(prompts)


def one_policy(run: Contestant, weights: Weights) -> Policy:
    """The policy for these weights, where it is one model and not several that are mixed or chosen among while they
    answer. BadInput where it is not."""
    if run.method.steering == "decode" and weights not in run.benchmark.corners:
        raise _several(run)
    policy = policy_of(run, weights)
    if type(policy) is not Policy or not isinstance(policy.model, PreTrainedModel | PeftModel):
        raise _several(run)
    return policy


def policy_of(run: Contestant, weights: Weights) -> Policy:
    """The policy for these weights. BadInput where the model that it was trained from is gone, or a link leads out of
    the run's folder, in which making a policy may keep something."""
    check_links(run.folder, run.folder)
    base = policy_source(run.benchmark)
    if isinstance(base, Path) and not base.is_dir():
        raise BadInput(
            f"the starting policy of {run.benchmark.name} is not where it was: {base}",
            "policies are made of it and of what training left",
            f"{to_type('moa', 'prepare', '-b', run.source.name)} makes it again",
        )
    with loading(base), staying():
        return run.method.policy(run.benchmark, Run(run.folder, run.seed), weights)


def export_run(
    run: Contestant, weights: Weights, folder: Path, *, adapter: bool, command: str, dry: bool = False
) -> None:
    """Writes the folder: what answers for these weights, or its adapter alone. A `dry` run tries all but the writing.

    BadInput where there is no such policy, and where a chat template cannot say what moa shows it.
    """
    check_free(folder, run.benchmark.home)
    benchmark, base = run.benchmark, policy_source(run.benchmark)
    with adapters_apart():
        dialogues = in_dialogues(benchmark)
        points = dict.fromkeys([weights, *(run.method.points(benchmark) if run.method.steering == "prompt" else ())])
        asked = {point: one_policy(run, point) for point in points}
        policy, steering = asked[weights], _steering(run, weights, asked)
        template = chat_template(policy.reader, steering, dialogues=dialogues)
        tried = [p for p in benchmark.prompts("test") if not dialogues or dialogue(messages(p)) == p]
        _check_shown(template, asked, tried[:TRIED], steered=steering is not None)
        made = Made(run, weights, str(base), adapter=adapter, steered=steering is not None, command=command)
        card, settings = model_card(made, folder.resolve().name), generation_settings(policy, benchmark.sampling)
        if adapter:
            adapter_in(policy)
        if not dry:
            base = base.resolve() if isinstance(base, Path) else base
            write_folder(folder, policy, template, settings, card, adapter_of=str(base) if adapter else "")


def _steering(run: Contestant, weights: Weights, asked: Mapping[Weights, Policy]) -> Steering | None:
    """How the policy is told weights, None where it is told nothing: in general, or at the points of the grid."""
    if all(policy.template(PROBE) == PROBE for policy in asked.values()):
        return None
    told = run.method.template(run.benchmark, Run(run.folder, run.seed))
    return Steering(
        run.benchmark.names,
        weights,
        told or {point: _around(policy.template, run) for point, policy in asked.items()},
    )


def _around(template: Callable[[str], str], run: Contestant) -> Template:
    """What stands before and behind what is asked. BadInput where that is changed itself."""
    before, found, after = (text := template(PROBE)).partition(PROBE)
    if not found or template(f"{PROBE} {PROBE}") != f"{before}{PROBE} {PROBE}{after}":
        raise BadInput(
            f"{run.method_name} changes what is asked, and does not only write around it",
            f"of the question {PROBE!r} it makes {text!r:.60}",
            "give the method a `template`, or export another one",
        )
    return Template(before, after)


def _check_shown(template: str, asked: Mapping[Weights, Policy], prompts: list[str], *, steered: bool) -> None:
    """BadInput where the template writes something else than moa shows, at some of the points."""
    for weights, policy in asked.items():
        tokenizer, most = policy.tokenizer, policy.max_prompt_tokens
        told = {"weights": list(weights)} if steered else {}
        for prompt in prompts:
            if policy.reader.lengths([policy.template(prompt)])[0] >= most:
                continue  # what is cut is told in the README
            written = tokenizer.apply_chat_template(
                messages(prompt), chat_template=template, add_generation_prompt=True, return_dict=True, **told
            )["input_ids"]
            if written != (shown := policy.encode_prompt(prompt)):
                raise BadInput(
                    f"the chat template would not show this policy what moa does, at {typed_weights(weights)}",
                    f"it writes {tokenizer.decode(written)!r:.80}, moa {tokenizer.decode(shown)!r:.80}",
                    "the tokenizer reads its own special tokens differently, or the method's `template` is not what "
                    "its `policy` does",
                )


def _several(run: Contestant) -> BadInput:
    """The refusal of a policy that is made while it answers."""
    other, corner = run.foundation(), typed_weights(run.benchmark.corners[0])
    fix = (
        f"{to_type('moa', 'train', '-m', other.method_name, '-b', run.source.name)}: of the same parts it makes one "
        f"policy, which moa export takes; or one part alone, --weights {corner}"
        if other
        else "export a method that leaves one policy: moa list methods shows what steers them (prompt, merge, retrain)"
    )
    return BadInput(
        f"{run.method_name} cannot be one folder",
        "its policy is made while it answers, of several models or answers, which `generate` does not do",
        fix,
    )
