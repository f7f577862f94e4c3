"""What can be wrong with a policy is found when it is opened; all tokens that end an answer do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import XLNetConfig, XLNetLMHeadModel

from benchmarks.common.errors import BadInput
from benchmarks.load.load import load_benchmark
from benchmarks.models import opening
from benchmarks.models.opening import check_policy, held_in, open_reader
from benchmarks.models.policy import load_policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import missing_parts
from benchmarks.rewards.classifier import Classifier
from benchmarks.spec.settings import Sampling
from methods.conformance.tiny import Cries
from tests.kit.classifiers import saved
from tests.kit.tokenizers import CHAT, tiny_policy_in, tiny_tokenizer


def refused(folder: Path, words: str, **more: object) -> str:
    """What is advised."""
    with pytest.raises(BadInput, match=words) as caught:
        load_policy(folder, **more)  # type: ignore[arg-type]
    return caught.value.fix


def test_a_tokenizer_without_eos(tmp_path: Path) -> None:
    folder = tiny_policy_in(tmp_path, tiny_tokenizer())
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert "eos_token" in refused(folder, "no end-of-sequence token")


def test_weights_that_are_missing_are_not_drawn_at_random(tmp_path: Path) -> None:
    """A classifier has no head that says tokens; half a model has no second layer. Tied heads are not missing."""
    saved(tmp_path / "classifier", "Llama")
    assert "causal language model" in refused(tmp_path / "classifier", r"lacks weights .*: lm_head\.weight")
    folder = tiny_policy_in(tmp_path / "half", tiny_tokenizer())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))
    assert "whole" in refused(folder, r"half lacks weights .*model\.layers\.1\.")
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))
    assert load_policy(folder).parameters


def test_weights_that_are_stored_are_not_left_out(tmp_path: Path) -> None:
    """A layer beyond those of the configuration; a value head beside a policy is no part of it."""
    folder = tiny_policy_in(tmp_path, tiny_tokenizer())
    weights = load_file(folder / "model.safetensors")
    spare = {"v_head.summary.weight": torch.ones(1, 16), "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    save_file(weights | spare, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_policy(folder).parameters
    above = {name.replace("layers.0", "layers.1"): value.clone() for name, value in weights.items() if "layers" in name}
    save_file(weights | above, folder / "model.safetensors", metadata={"format": "pt"})
    assert "config.json" in refused(folder, r"would leave out weights .*: model\.layers\.1\.input_layernorm")


def test_another_shape_than_the_configuration_has_is_told(tmp_path: Path) -> None:
    folder = tiny_policy_in(tmp_path, tiny_tokenizer())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 512}))
    rows = config["vocab_size"]
    assert "config.json" in refused(folder, rf"has lm_head\.weight of shape \({rows}, 16\), and of \(512, 16\)")


def test_what_weights_are_held_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones come to a GPU as they are: read in bfloat16, those in float32 would be rounded."""
    folder = tiny_policy_in(tmp_path, tiny_tokenizer())
    assert held_in(folder, "cpu", "") == held_in(folder, "cuda", "") == torch.float32
    assert held_in(folder, "cpu", "bfloat16") == held_in(folder, "cuda", "bfloat16") == torch.bfloat16
    monkeypatch.setattr(opening, "SMALL", 1000)
    assert (held_in(folder, "cpu", ""), held_in(folder, "cuda", "")) == (torch.float32, torch.bfloat16)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    assert "config.json" in refused(tmp_path / "nowhere", "the policy .*nowhere cannot be opened")
    assert "config.json" in refused(tmp_path, "cannot be opened")
    tiny_tokenizer().save_pretrained(tmp_path)
    assert "config.json" in refused(tmp_path, "cannot be opened")


@pytest.mark.parametrize("whole", [True, False])
def test_an_adapter_alone(whole: bool, unprepared: Benchmark, tmp_path: Path) -> None:
    """With a tokenizer or without: it is told what it belongs to, and how to make one model of the two."""
    base = tiny_policy_in(tmp_path / "base", tiny_tokenizer())
    adapted = get_peft_model(load_policy(base).model, LoraConfig(r=2, target_modules=["q_proj"]))
    adapted.save_pretrained(folder := tmp_path / "adapter")
    if whole:
        tiny_tokenizer().save_pretrained(folder)
    words = f"{folder} is an adapter of {base}, no whole model"
    assert f"moa soup {folder} --weights 1" in refused(folder, words)
    with pytest.raises(BadInput, match=words):
        missing_parts(replace(unprepared, policy=str(folder), home=tmp_path / "runs"))


def test_an_adapter_beside_the_whole_it_was_merged_into(unprepared: Benchmark, tmp_path: Path) -> None:
    """It would be put on top of the weights once more, without a word."""
    folder = tiny_policy_in(tmp_path / "merged", tiny_tokenizer())
    get_peft_model(load_policy(folder).model, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(folder)
    words = rf"{folder} holds a whole model \(model.safetensors\) and an adapter"
    assert "remove adapter_config.json where it is merged" in refused(folder, words)
    with pytest.raises(BadInput, match=words):
        missing_parts(replace(unprepared, policy=str(folder), home=tmp_path / "runs"))
    with pytest.raises(BadInput, match=words):
        Classifier(folder)


def test_generation_settings_that_cannot_be_stored_cost_no_checkpoint(tmp_path: Path) -> None:
    """As many are published: a temperature, and do_sample is not set. What moa reads of them stays."""
    folder = tiny_policy_in(tmp_path / "whole", tiny_tokenizer())
    settings = json.loads((folder / "generation_config.json").read_text())
    told = settings | {"temperature": 0.6, "top_p": 0.9, "do_sample": False, "eos_token_id": [1, 2]}
    (folder / "generation_config.json").write_text(json.dumps(told))
    policy = load_policy(folder)
    policy.model.generation_config.pad_token_id = 0  # as a trainer does
    policy.save(tmp_path / "kept")
    assert {1, 2} <= {*policy.ends} & {*load_policy(tmp_path / "kept").ends}


def test_tokens_beyond_the_embedding(tmp_path: Path) -> None:
    """A padding token is never read; any other would be."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "<padding>"})
    folder = tiny_policy_in(tmp_path / "pad", tokenizer, rows=len(tokenizer) - 1)
    policy = load_policy(folder)
    assert policy.tokenizer.pad_token_id == policy.tokenizer.eos_token_id
    assert len(policy.generate(["a", "Hello there, how are you?"], Sampling(max_new_tokens=4), 0)) == 2
    tokenizer.add_tokens(["<more>"])
    folder = tiny_policy_in(tmp_path / "more", tokenizer, rows=len(tokenizer) - 2)
    assert "resize_token_embeddings" in refused(folder, "'<more>'")


def test_fewer_positions_than_prompt_and_answer(tmp_path: Path) -> None:
    folder = tiny_policy_in(tmp_path, tiny_tokenizer(), positions=64)
    fix = refused(folder, r"64 positions, .* 60 \+ 16", max_prompt_tokens=60, max_new_tokens=16)
    assert fix == "-c max_prompt_tokens=48"
    assert load_policy(folder, 48, max_new_tokens=16).max_prompt_tokens == 48


def test_a_model_without_positions_reads_as_much_as_there_is(tmp_path: Path) -> None:
    """XLNet says that it has -1."""
    words = tiny_tokenizer()
    config = XLNetConfig(vocab_size=len(words), d_model=16, n_layer=1, n_head=2, d_inner=16)
    XLNetLMHeadModel(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    assert load_policy(tmp_path, max_new_tokens=16).parameters


@pytest.mark.parametrize("lack", ["positions", "end", "embedding"])
def test_what_a_policy_lacks_is_found_before_anything_is_made(
    lack: str, unprepared: Benchmark, tmp_path: Path, tiny_size: None
) -> None:
    """Its weights are not read for that: here there are none."""
    tokenizer = tiny_tokenizer()
    if lack == "embedding":
        tokenizer.add_tokens(["<more>"])
    folder = tiny_policy_in(
        tmp_path / "policy", tokenizer, positions=64, rows=len(tokenizer) - (2 if lack == "embedding" else 0)
    )
    if lack == "end":
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in settings.items() if k[:3] != "eos"}))
    (folder / "model.safetensors").unlink()
    words = {"positions": "64 positions", "end": "no end-of-sequence token", "embedding": "'<more>'"}[lack]
    benchmark = replace(unprepared, policy=str(folder), home=tmp_path / "runs", max_prompt_tokens=60)
    with pytest.raises(BadInput, match=words):
        missing_parts(benchmark)
    assert not list(tmp_path.glob("runs/**/*"))
    if lack == "positions":
        check_policy(replace(benchmark, max_prompt_tokens=16))


@pytest.mark.parametrize(
    ("template", "words"),
    [("{{ raise_exception('never') }}", "fails: never"), ("{{ messages[0].role }}", "leaves out what the user asks")],
)
def test_chat_templates_that_do_not_work(tmp_path: Path, template: str, words: str) -> None:
    folder = tiny_policy_in(tmp_path, tiny_tokenizer(chat=template))
    assert "template=plain" in refused(folder, words)
    assert load_policy(folder, template="plain").form == "plain"


GEMMA = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turns here') }}{% endif %}" + CHAT


def test_a_chat_template_that_refuses_some_prompt(unprepared: Benchmark, tmp_path: Path) -> None:
    """A test prompt, of which no other is of its kind: before anything is made, not when the first run is measured."""
    folder = tiny_policy_in(tmp_path / "policy", tiny_tokenizer(chat=GEMMA))
    asked = ["Why?", "Be kind.\n\nHuman: Hi\n\nAssistant:"]

    class Data(Cries):
        def prompts(self, split: str) -> list[str]:
            return asked if split == "test" else super().prompts(split)

    odd = replace(unprepared, policy=str(folder), data=Data(), home=tmp_path / "runs", max_prompt_tokens=300)
    with pytest.raises(BadInput, match="no system turns here") as caught:
        missing_parts(odd)
    assert "system, user: 'Be kind.'" in caught.value.why
    assert "template=plain" in caught.value.fix
    asked.pop()
    check_policy(odd)


def test_the_tokenizer_says_how_prompts_are_shown(tmp_path: Path) -> None:
    chat = tiny_policy_in(tmp_path / "chat", tiny_tokenizer(chat=CHAT))
    plain = tiny_policy_in(tmp_path / "plain", tiny_tokenizer())
    assert [open_reader(folder).form for folder in (chat, plain)] == ["chat", "plain"]
    assert open_reader(plain, template="Q: {prompt}").form == "Q: {prompt}"
    assert "template=plain" in refused(plain, "no chat template", template="chat")


def test_rewards_read_no_special_tokens(tmp_path: Path) -> None:
    """Whatever they mean, as docs/benchmarks.md says; tokens that were added and are not special are read."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>"]})
    tokenizer.add_tokens(["<step>"])
    policy = load_policy(tiny_policy_in(tmp_path, tokenizer))
    ids = tokenizer.convert_tokens_to_ids(["<think>", "<step>"])
    assert policy.decode(ids, ()) == "<step>"


def test_every_token_that_the_model_names_ends_an_answer(tmp_path: Path) -> None:
    """EOS and "e": nothing follows either, in answers, in what is cut, and in what is said to have ended."""
    folder = tiny_policy_in(tmp_path, tiny_tokenizer())
    usual = load_policy(folder)
    other = usual.tokenizer.convert_tokens_to_ids("e")
    usual.model.generation_config.eos_token_id = [usual.tokenizer.eos_token_id, other]
    usual.save(folder)
    policy, sampling = load_policy(folder), Sampling(max_new_tokens=40, top_p=1.0)
    assert policy.ends == (usual.tokenizer.eos_token_id, other)
    prompts = [f"q{i}" for i in range(60)]
    answers = policy.sample(prompts, sampling, 0)
    assert any(ids[-1] == other for ids in answers)
    assert not any(token in policy.ends for ids in answers for token in ids[:-1])
    assert [policy.ended(ids, ()) for ids in answers] == [ids[-1] in policy.ends for ids in answers]
    before = usual.sample(prompts, sampling, 0)
    assert all(long[: len(ids)] == ids for long, ids in zip(before, answers, strict=True))
    ids = next(ids for ids in answers if ids[-1] == other)
    assert policy.decode(ids, ()) == policy.tokenizer.decode(ids[:-1], skip_special_tokens=True).strip()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("[2]", "it is no JSON object"),
        ('{"eos_token_id": 2.0}', "eos_token_id names 2.0"),
        ('{"eos_token_id": "<eos>"}', "eos_token_id names '<eos>'"),
        ('{"eos_token_id": [2, true]}', "eos_token_id names True"),
    ],
)
def test_ends_of_answers_that_are_damaged(content: str, said: str, unprepared: Benchmark, tmp_path: Path) -> None:
    """Else answers would go on after the tokens that end them."""
    folder = tiny_policy_in(tmp_path, tiny_tokenizer())
    benchmark = replace(unprepared, policy=str(folder))
    for fine in ("{}", '{"eos_token_id": null}', '{"eos_token_id": [2, 3]}', '{"eos_token_id": 50256}'):
        (folder / "generation_config.json").write_text(fine)
        check_policy(benchmark)
    (folder / "generation_config.json").write_text(content)
    with pytest.raises(BadInput, match=rf"cannot use .*generation_config\.json\n.*{re.escape(said)}"):
        check_policy(benchmark)
    refused(folder, r"cannot use .*generation_config|cannot be opened: TypeError")


# The template of a benchmark


def test_a_template_enters_identities_where_it_is_not_plain(unprepared: Benchmark, tmp_path: Path) -> None:
    """Whether it is written down or follows from the folder; what was known before templates keeps its name."""
    chat = replace(unprepared, policy=str(tiny_policy_in(tmp_path / "chat", tiny_tokenizer(chat=CHAT))))
    plain = replace(unprepared, policy=str(tiny_policy_in(tmp_path / "plain", tiny_tokenizer())))
    assert (unprepared.form, plain.form, chat.form) == ("plain", "plain", "chat")
    assert replace(unprepared, policy="owner/name").form == "auto"
    assert replace(plain, template="plain").identity == plain.identity
    assert replace(chat, template="chat").identity == chat.identity
    own = replace(chat, template="Q: {prompt}")
    kinds = (chat, replace(chat, template="plain"), own)
    assert len({b.identity for b in kinds}) == len({b.training_identity for b in kinds}) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"template": "chat"}, "policies that are made here read plain text; found 'chat' for scratch:"),
        (
            {"policy": "owner/name", "template": "{prompt} as {role}"},
            "template: nothing fills {role}; there is: {prompt}",
        ),
        ({"policy": "owner/name", "template": "Q: A:"}, 'expected "chat", "plain" or a text with {prompt}'),
    ],
)
def test_templates_that_cannot_be(options: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_benchmark("hh-rlhf-mini", options=options)
    assert words in caught.value.what
